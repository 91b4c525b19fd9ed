/**
 * Long-running processes on the machine. They belong to it, not to who started them, so that a test can end one that another process
 * has started: all there is to know is a file with the process id, and the log.
 */
import type { Machine } from "./machine.ts";
import { until } from "./until.ts";

export interface Processes {
  /** Resolves when `ready` does not reject any more. @throws with the end of its log if it ends before or takes too long */
  start(name: string, command: readonly string[], ready: () => Promise<unknown>, env?: Env): Promise<void>;
  /** Resolves when it has ended. One that is not there is no error. */
  stop(name: string, signal?: "TERM" | "KILL"): Promise<void>;
  logOf(name: string): Promise<string>;
  /** The last lines of its log. */
  tail(name: string): Promise<string>;
}

type Env = Readonly<Record<string, string>>;

const START = `
name=$1
shift
setsid "$@" >>"/var/log/cluster/$name.log" 2>&1 </dev/null &
echo $! >"/var/log/cluster/$name.pid"`;

const IS_ALIVE = 'kill -0 "$(cat "/var/log/cluster/$1.pid")"';

export function processesOn(machine: Machine): Processes {
  const isAlive = async (name: string): Promise<boolean> =>
    (await machine.run(["sh", "-c", IS_ALIVE, "sh", name])).status === 0;

  const processes: Processes = {
    async start(name, command, ready, env = {}) {
      const { status, stderr } = await machine.run(["sh", "-c", START, "sh", name, ...command], { env });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      let reason = "";
      const ask = async (): Promise<true | undefined> => {
        const alive = await isAlive(name);
        try {
          await ready();
          return true;
        } catch (error) {
          reason = String(error);
        }
        if (!alive) throw new Error(`${name} ended. ${await processes.tail(name)}`);
        return undefined;
      };
      await until(`${name} is ready`, ask, {
        withinMs: 120_000,
        explain: async () => `${reason}\n${await processes.tail(name)}`,
      });
    },
    async stop(name, signal = "TERM") {
      await machine.run(["sh", "-c", `kill -${signal} "$(cat "/var/log/cluster/${name}.pid")"`]);
      await until(`${name} ends`, async () => ((await isAlive(name)) ? undefined : true), {
        explain: () => processes.tail(name),
      });
    },
    logOf: (name) => machine.sh(`cat /var/log/cluster/${name}.log`),
    tail: async (name) => `The end of its log:\n${await machine.sh(`tail -n 30 /var/log/cluster/${name}.log`)}`,
  };
  return processes;
}
