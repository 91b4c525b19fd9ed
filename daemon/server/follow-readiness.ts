import type { Logger } from "pino";
import type { Readiness } from "../operations/observability/readiness.ts";

const INTERVAL_MS = 1_000;

/**
 * Tells whether the node is ready, now and whenever that changes; the log gets the reasons.
 * @returns how to stop it
 */
export async function followReadiness(
  readiness: Readiness,
  log: Logger,
  tell: (ready: boolean) => void,
): Promise<() => void> {
  let looking = false;
  let written = "";
  let ready = (await readiness.obstacles()).length === 0;
  tell(ready);

  async function look(): Promise<void> {
    const obstacles = await readiness.obstacles();
    if (ready !== (obstacles.length === 0)) {
      ready = !ready;
      tell(ready);
    }
    const words = obstacles.map(({ condition, why }) => `${condition}: ${why.message}`);
    if (words.join("\n") === written) return;
    written = words.join("\n");
    if (ready) log.info("ready to attach pods again");
    else log.warn({ obstacles: words }, "not ready to attach pods");
  }

  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
