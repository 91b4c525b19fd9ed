import { expect, it } from "vitest";
import { shareNext } from "../../../daemon/adapters/manifests/share-next.ts";

it("those who ask at once share a run, those who ask during it share the next", async () => {
  const ends: (() => void)[] = [];
  const run = shareNext(() => new Promise((resolve) => ends.push(resolve)));
  const first = [run(), run()];
  await Promise.resolve();
  expect(ends).toHaveLength(1);

  const second = [run(), run()];
  await Promise.resolve();
  expect(ends).toHaveLength(1);

  ends[0]?.();
  await Promise.all(first);
  await expect.poll(() => ends.length).toBe(2);
  ends[1]?.();
  await Promise.all(second);
  expect(ends).toHaveLength(2);
});
