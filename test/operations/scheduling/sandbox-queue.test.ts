import { describe, expect, it } from "vitest";
import { isSandboxId, type SandboxId } from "../../../daemon/domain/ids.ts";
import { SandboxQueue } from "../../../daemon/operations/scheduling/sandbox-queue.ts";

const id = (text: string): SandboxId => (isSandboxId(text) ? text : expect.fail(text));
const patient = new AbortController().signal;

/** Work that is under way until it is told to end. */
function held() {
  const begun = Promise.withResolvers<undefined>();
  const end = Promise.withResolvers<undefined>();
  return {
    begun: begun.promise,
    end: () => {
      end.resolve(undefined);
    },
    work: async () => {
      begun.resolve(undefined);
      await end.promise;
    },
  };
}

describe("the queue", () => {
  it("lets one sandbox wait for itself and for no other", async () => {
    const queue = new SandboxQueue(10);
    const seen: string[] = [];
    const first = held();
    const a1 = queue.run(id("a"), "in-turn", patient, first.work);
    const a2 = queue.run(id("a"), "in-turn", patient, () => Promise.resolve(seen.push("a2")));
    await queue.run(id("b"), "in-turn", patient, () => Promise.resolve(seen.push("b")));
    first.end();
    await Promise.all([a1, a2]);
    expect(seen).toEqual(["b", "a2"]);
  });

  it("goes on after work that failed", async () => {
    const queue = new SandboxQueue(10);
    await expect(queue.run(id("a"), "in-turn", patient, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await queue.run(id("a"), "in-turn", patient, () => Promise.resolve(7))).toBe(7);
  });

  it("tells one too many to come back, and takes it when there is room", async () => {
    const queue = new SandboxQueue(1);
    const first = held();
    const running = queue.run(id("a"), "in-turn", patient, first.work);
    await expect(queue.run(id("b"), "first", patient, () => Promise.resolve())).rejects.toMatchObject({ code: 11 });
    first.end();
    await running;
    expect(await queue.run(id("b"), "first", patient, () => Promise.resolve("done"))).toBe("done");
  });

  it("keeps work that must be alone apart from all other", async () => {
    const queue = new SandboxQueue(10);
    const seen: string[] = [];
    const [before, alone] = [held(), held()];
    const noting = (what: string, work: () => Promise<void>) => async (): Promise<void> => {
      await work();
      seen.push(what);
    };
    const running = queue.run(id("a"), "in-turn", patient, noting("before", before.work));
    await before.begun;
    const collecting = queue.exclusively(noting("alone", alone.work));
    const after = queue.run(
      id("b"),
      "in-turn",
      patient,
      noting("after", () => Promise.resolve()),
    );
    before.end();
    await alone.begun;
    alone.end();
    await Promise.all([running, collecting, after]);
    expect(seen).toEqual(["before", "alone", "after"]);
  });

  it("lets others through when work that was alone has failed", async () => {
    const queue = new SandboxQueue(10);
    await expect(queue.exclusively(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await queue.run(id("a"), "in-turn", patient, () => Promise.resolve(7))).toBe(7);
  });
});
