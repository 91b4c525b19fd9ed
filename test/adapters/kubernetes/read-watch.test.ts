import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ApiClient, ApiRequest } from "../../../daemon/adapters/kubernetes/api-client.ts";
import { podsOf } from "../../../daemon/adapters/kubernetes/collection.ts";
import type { Outcome } from "../../../daemon/adapters/kubernetes/list-watch-state.ts";
import { readWatch } from "../../../daemon/adapters/kubernetes/read-watch.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { noHurry } from "./cluster.ts";

const BOOKMARK = `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: "8" } } })}\n`;
const SILENCE_MS = 90_000;

/** A watch to which bytes are sent at will. It ends when the client does not want it any more. */
function watchByHand(): {
  readonly client: ApiClient;
  readonly send: (chunk: string) => void;
  readonly asked: () => ApiRequest | undefined;
} {
  let asked: ApiRequest | undefined;
  const { readable, writable } = new TransformStream<string, string>();
  const writer = writable.getWriter();
  const client: ApiClient = {
    request: () => Promise.reject(new Error("nothing but a watch is expected")),
    async stream(request) {
      asked = request;
      request.signal.addEventListener("abort", () => void writer.abort(new Error("given up")));
      return { status: 200, retryAfterMs: 0, chunks: readable as unknown as AsyncIterable<string> };
    },
    close: () => undefined,
  };
  return { client, send: (chunk) => void writer.write(chunk), asked: () => asked };
}

describe("a silent watch", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function begin({ client, send } = watchByHand()): {
    send: (chunk: string) => void;
    outcome: () => Outcome | undefined;
  } {
    let outcome: Outcome | undefined;
    const ignore = () => undefined;
    const callbacks = { onPresent: ignore, onAbsent: ignore, onNews: ignore, onOddObject: ignore };
    const options = { client, collection: podsOf("n"), clock: manualClock(), random: () => 0, signal: noHurry };
    void readWatch("7", { ...options, ...callbacks }).then((ended) => {
      outcome = ended;
    });
    return { send, outcome: () => outcome };
  }

  it("is cut after a while, and to be resumed where it was, which is no problem to tell of", async () => {
    const watch = begin();
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    const before = watch.outcome();
    await vi.advanceTimersByTimeAsync(1);
    expect(before).toBeUndefined();
    expect(watch.outcome()).toMatchObject({
      what: "interrupted",
      resourceVersion: "7",
      problem: undefined,
    });
  });

  it("that is not even answered is a problem", async () => {
    const byHand = watchByHand();
    const stream: ApiClient["stream"] = ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(new Error("given up"));
        });
      });
    const watch = begin({ ...byHand, client: { ...byHand.client, stream } });
    await vi.advanceTimersByTimeAsync(SILENCE_MS);
    expect(watch.outcome()).toMatchObject({ what: "interrupted", problem: "nothing was heard for 90 s" });
  });

  it("is not silent if there is a bookmark now and then", async () => {
    const watch = begin();
    for (let minute = 1; minute <= 5; minute++) {
      await vi.advanceTimersByTimeAsync(60_000);
      watch.send(BOOKMARK);
    }
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
    const before = watch.outcome();
    await vi.advanceTimersByTimeAsync(1);
    expect(before).toBeUndefined();
    expect(watch.outcome()).toMatchObject({ resourceVersion: "8", progress: true });
  });
});
