import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pause } from "../../../daemon/adapters/kubernetes/pause.ts";

describe("pause", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("ends when its time is over", async () => {
    const over = vi.fn();
    const pausing = pause(1_000, new AbortController().signal).then(over);
    await vi.advanceTimersByTimeAsync(999);
    const before = over.mock.calls.length;
    await vi.advanceTimersByTimeAsync(1);
    await pausing;
    expect(before).toBe(0);
  });

  it.each([
    {
      why: "ends when the signal is raised",
      raise: (controller: AbortController) => setTimeout(() => controller.abort(), 5),
    },
    {
      why: "does not begin when the signal was raised before",
      raise: (controller: AbortController) => controller.abort(),
    },
  ])("$why", async ({ raise }) => {
    const controller = new AbortController();
    raise(controller);
    const pausing = pause(3_600_000, controller.signal);
    await vi.advanceTimersByTimeAsync(5);
    await expect(pausing).resolves.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});
