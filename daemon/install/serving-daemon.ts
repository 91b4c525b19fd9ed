import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PlexusError } from "../domain/errors.ts";
import { JsonObject, type JsonText } from "../domain/json/json-object.ts";
import type { Say } from "./executables.ts";
import type { ServingDaemon } from "./uninstall.ts";

/** The setting that has the daemon write the runtime's network config, and the one that may have it not say when it is ready. */
const NOT_TAKEN: readonly string[] = ["multusconfigfile", "loglevel"];

/**
 * Starts a daemon with these settings, but it writes no network config, and logs as much as usual. Its log comes through `say`.
 * @param program the daemon's start script
 * @returns when it serves, and no other daemon does
 */
export async function serveWithoutConf(
  program: string,
  config: JsonText,
  say: Say,
  signal: AbortSignal,
): Promise<ServingDaemon> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-"));
  try {
    const file = join(directory, "daemon.json");
    await writeFile(file, withoutConf(config), { mode: 0o600 });
    const daemon = spawn(program, ["--config", file], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(daemon, "exit").then(([status]): never => {
      throw new PlexusError(
        "io-failure",
        `plexus-daemon ended by itself with ${String(status)}; its last lines say why`,
      );
    });
    const gone = ended.catch(() => undefined);
    const stop = async (): Promise<void> => {
      daemon.kill("SIGTERM");
      await gone;
    };
    const { promise: ready, resolve, reject } = Promise.withResolvers<undefined>();
    const giveUp = (): void => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    createInterface({ input: daemon.stdout }).on("line", (line) => {
      say(line);
      if (line.includes('"msg":"ready"')) resolve(undefined);
    });
    await Promise.race([ready, ended]).catch(async (reason: unknown) => {
      await stop();
      throw reason;
    });
    return { ended, stop };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function withoutConf(config: JsonText): JsonText {
  const members = [...JsonObject.parse(config, "the config").entries()];
  const taken = members.filter(([key]) => !NOT_TAKEN.includes(key.toLowerCase()));
  return JsonObject.of(taken).with("logLevel", '"info"').toString();
}
