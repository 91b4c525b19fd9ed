import { setTimeout as pause } from "node:timers/promises";

const STEP_MS = 100;

/**
 * Asks again and again until the answer is something other than undefined.
 * @throws an error that says what was waited for, and whatever `explain` has to add
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { withinMs = 30_000, explain = () => Promise.resolve("") } = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) {
      throw new Error(`${what}: not within ${String(withinMs / 1000)} s. ${await explain()}`);
    }
    await pause(STEP_MS);
  }
}
