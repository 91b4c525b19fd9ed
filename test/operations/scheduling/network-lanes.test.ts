import { expect, it } from "vitest";
import { NetworkLanes } from "../../../daemon/operations/scheduling/network-lanes.ts";

const patient = new AbortController().signal;

/** Runs five pieces of work of each network at once. Resolves with the most that ran at a time, of each and of all. */
async function mostAtOnce(lanes: NetworkLanes): Promise<Readonly<Record<string, number>>> {
  const running: Record<string, number> = { blue: 0, red: 0, all: 0 };
  const most: Record<string, number> = { blue: 0, red: 0, all: 0 };
  const change = (keys: readonly string[], by: number): void => {
    for (const key of keys) {
      running[key] = (running[key] ?? 0) + by;
      most[key] = Math.max(most[key] ?? 0, running[key]);
    }
  };
  const piece = (network: string): Promise<void> =>
    lanes.run(network, patient, async () => {
      change([network, "all"], 1);
      await new Promise(setImmediate);
      change([network, "all"], -1);
    });
  await Promise.all(["blue", "red"].flatMap((network) => Array.from({ length: 5 }, () => piece(network))));
  return most;
}

it.each([
  { why: "two of each network, both side by side", bound: 2, want: { blue: 2, red: 2, all: 4 } },
  { why: "all of them where there is no bound", bound: undefined, want: { blue: 5, red: 5, all: 10 } },
])("runs at once $why", async ({ bound, want }) => {
  expect(await mostAtOnce(new NetworkLanes(bound))).toEqual(want);
});

it("does not begin what was given up while it waited", async () => {
  const lanes = new NetworkLanes(1);
  const gone = new AbortController();
  const first = lanes.run("blue", patient, () => new Promise(setImmediate));
  const second = lanes.run("blue", gone.signal, () => Promise.resolve(expect.fail("it began")));
  gone.abort();
  await expect(second).rejects.toMatchObject({ code: 11 });
  await first;
});
