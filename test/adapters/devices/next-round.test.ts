import { expect, it } from "vitest";
import { makeNextRound } from "../../../daemon/adapters/devices/next-round.ts";

/** Rounds that end when they are told to, each with its number. */
function rounds() {
  const begun: PromiseWithResolvers<number>[] = [];
  const ask = makeNextRound(() => {
    begun.push(Promise.withResolvers());
    return begun.at(-1)?.promise ?? expect.fail();
  });
  const began = (count: number) => expect.poll(() => begun.length).toBe(count);
  return {
    ask,
    began,
    end: (round: number) => begun[round - 1]?.resolve(round),
    fail: (round: number) => begun[round - 1]?.reject(new Error("no")),
  };
}

it("works once for all who ask at a time", async () => {
  const { ask, began, end } = rounds();
  const answers = Promise.all([ask(), ask(), ask()]);
  await began(1);
  end(1);
  expect(await answers).toEqual([1, 1, 1]);
});

it("works once more for all who ask while it works", async () => {
  const { ask, began, end } = rounds();
  const first = ask();
  await began(1);
  const later = Promise.all([ask(), ask(), ask()]);
  end(1);
  await began(2);
  end(2);
  expect([await first, await later]).toEqual([1, [2, 2, 2]]);
});

it("works for those who waited though it failed for the ones before", async () => {
  const { ask, began, end, fail } = rounds();
  const first = ask();
  await began(1);
  const later = ask();
  fail(1);
  await expect(first).rejects.toThrow("no");
  await began(2);
  end(2);
  expect(await later).toBe(2);
});
