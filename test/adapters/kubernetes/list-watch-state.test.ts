import { describe, expect, it } from "vitest";
import {
  advance,
  firstState,
  type FollowState,
  type Outcome,
} from "../../../daemon/adapters/kubernetes/list-watch-state.ts";

const watching: FollowState = { next: "watch", resourceVersion: "7", fromMemory: true, notOlderThan: "0", failures: 0 };
const listing: FollowState = { ...watching, next: "list" };

function ended(what: "interrupted" | "expired", parts: Partial<Extract<Outcome, { progress: boolean }>> = {}): Outcome {
  return { what, resourceVersion: "9", progress: false, retryAfterMs: 0, problem: undefined, ...parts };
}

describe("what comes next", () => {
  it.each<{ why: string; state: FollowState; outcome: Outcome; next: Partial<FollowState> }>([
    {
      why: "a list is followed by a watch from its version",
      state: firstState(true),
      outcome: { what: "listed", resourceVersion: "5" },
      next: { next: "watch", resourceVersion: "5" },
    },
    {
      why: "a list alone does not end a row of failures",
      state: { ...listing, failures: 3 },
      outcome: { what: "listed", resourceVersion: "5" },
      next: { failures: 3 },
    },
    {
      why: "a watch that was interrupted goes on from the last version it saw",
      state: watching,
      outcome: ended("interrupted", { progress: true }),
      next: { next: "watch", resourceVersion: "9", failures: 0 },
    },
    {
      why: "a watch that brought nothing counts as a failure",
      state: { ...watching, failures: 2 },
      outcome: ended("interrupted"),
      next: { next: "watch", failures: 3 },
    },
    {
      why: "a watch that did its work ends a row of failures",
      state: { ...watching, failures: 5 },
      outcome: ended("interrupted", { progress: true }),
      next: { failures: 0 },
    },
    {
      why: "a list that failed is begun again, asking for the same",
      state: listing,
      outcome: ended("interrupted", { resourceVersion: "7" }),
      next: { next: "list", notOlderThan: "0", failures: 1 },
    },
    {
      why: "an expired watch is followed by a list that is not older than what is known",
      state: watching,
      outcome: ended("expired", { progress: true }),
      next: { next: "list", notOlderThan: "9" },
    },
    {
      why: "a list that the server's memory cannot give is asked of the database",
      state: { ...listing, notOlderThan: "9" },
      outcome: ended("expired"),
      next: { next: "list", notOlderThan: "" },
    },
    {
      why: "the server's memory is trusted again when the next watch expires",
      state: { ...watching, notOlderThan: "" },
      outcome: ended("expired"),
      next: { next: "list", notOlderThan: "9" },
    },
    {
      why: "what is read page by page always comes from the database",
      state: { ...firstState(false), next: "watch" },
      outcome: ended("expired"),
      next: { next: "list", notOlderThan: "" },
    },
  ])("$why", ({ state, outcome, next }) => {
    expect(advance(state, outcome, 0).state).toMatchObject(next);
  });
});

describe("how long until then", () => {
  it.each<{ why: string; failures: number; outcome: Outcome; random?: number; waitMs: number }>([
    {
      why: "nothing between list and watch",
      failures: 4,
      outcome: { what: "listed", resourceVersion: "5" },
      waitMs: 0,
    },
    {
      why: "little after a watch that worked",
      failures: 4,
      outcome: ended("interrupted", { progress: true }),
      waitMs: 100,
    },
    { why: "twice that after a failure", failures: 0, outcome: ended("interrupted"), waitMs: 200 },
    { why: "twice as long each time", failures: 3, outcome: ended("expired"), waitMs: 1_600 },
    { why: "30 s at most", failures: 40, outcome: ended("interrupted"), waitMs: 30_000 },
    { why: "half as long with luck", failures: 40, outcome: ended("interrupted"), random: 1, waitMs: 15_000 },
    {
      why: "as long as the server asks for, and what would be waited anyway",
      failures: 0,
      outcome: ended("interrupted", { retryAfterMs: 7_000 }),
      waitMs: 7_200,
    },
  ])("$why", ({ failures, outcome, random = 0, waitMs }) => {
    expect(advance({ ...watching, failures }, outcome, random).waitMs).toBe(waitMs);
  });

  it("backs off from a server that lists and at once calls the version expired, again and again", () => {
    let state = firstState(true);
    const waits = [1, 2, 3, 4].map(() => {
      state = advance(state, { what: "listed", resourceVersion: "5" }, 0).state;
      const step = advance(state, ended("expired"), 0);
      state = step.state;
      return step.waitMs;
    });
    expect(waits).toEqual([200, 400, 800, 1_600]);
  });
});
