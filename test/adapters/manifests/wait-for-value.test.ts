import { getEventListeners } from "node:events";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Waiter, waitForValue } from "../../../daemon/adapters/manifests/wait-for-value.ts";

let value: string | undefined;
let waiters: Set<Waiter>;
let hurry: AbortController;
const remains = () => [waiters.size, vi.getTimerCount(), getEventListeners(hurry.signal, "abort").length];
const wait = () => waitForValue(() => value, 1_000, hurry.signal, waiters);

beforeEach(() => {
  vi.useFakeTimers();
  value = undefined;
  waiters = new Set();
  hurry = new AbortController();
});
afterEach(() => {
  vi.useRealTimers();
});

it("the value is what is found when somebody says to look", async () => {
  const waiting = wait();
  for (const waiter of waiters) waiter.look();
  value = "here";
  for (const waiter of waiters) waiter.look();
  expect(await waiting).toBe("here");
  expect(remains()).toEqual([0, 0, 0]);
});

it.each([
  { why: "in time", end: () => vi.advanceTimersByTime(1_000) },
  { why: "before the signal", end: () => hurry.abort() },
  { why: "before the end of all", end: () => [...waiters].map((waiter) => waiter.giveUp()) },
])("there is none if none is found $why, and nothing stays behind", async ({ end }) => {
  const waiting = wait();
  expect(remains()).toEqual([1, 1, 1]);
  end();
  expect(await waiting).toBeUndefined();
  expect(remains()).toEqual([0, 0, 0]);
});

it("nothing stays behind of a wait that began too late", async () => {
  hurry.abort();
  expect(await wait()).toBeUndefined();
  expect(remains()).toEqual([0, 0, 0]);
});
