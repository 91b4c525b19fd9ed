import { expect, it } from "vitest";
import { makeTokenBucket } from "../../../daemon/adapters/kubernetes/token-bucket.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

const TIMES = [...Array(5).keys()];

it("gives what is in the bucket at once, and then at a steady rate", () => {
  const clock = manualClock();
  const take = makeTokenBucket(3, 10, clock);
  const atOnce = TIMES.map(() => take());
  clock.advance(250);
  const later = TIMES.map(() => take());
  expect([atOnce, later]).toEqual([
    [true, true, true, false, false],
    [true, true, false, false, false],
  ]);
});

it("never holds more than fits", () => {
  const clock = manualClock();
  const take = makeTokenBucket(3, 10, clock);
  clock.advance(60_000);
  expect(TIMES.map(() => take())).toEqual([true, true, true, false, false]);
});

it.each([-3_600_000, 3_600_000])("minds no clock that is set by %i ms", (by) => {
  const clock = manualClock();
  const take = makeTokenBucket(3, 10, clock);
  TIMES.map(() => take());
  clock.set(by);
  clock.advance(100);
  expect(TIMES.map(() => take())).toEqual([true, false, false, false, false]);
});
