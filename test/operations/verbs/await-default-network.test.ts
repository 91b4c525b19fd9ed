import { describe, expect, it } from "vitest";
import { awaitDefaultNetwork } from "../../../daemon/operations/verbs/await-default-network.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { memoryConfFiles } from "../../fakes/memory-conf-files.ts";
import { addRequest, BRIDGE, delRequest, netConf, stage } from "../stage.ts";

const FILE = "/run/default-network/ready";
const patient = new AbortController().signal;
const failed = (want: object): Error => expect.objectContaining(want) as Error;

/** A node whose default network writes the file so many milliseconds from now. */
function nodeReadyAfter(ms: number) {
  const clock = manualClock();
  const files = new Map<string, string>();
  const looked: string[] = [];
  const onDisk = memoryConfFiles(files);
  const confFiles = {
    ...onDisk,
    isThere: (path: string) => {
      looked.push(path);
      if (clock.monotonic() >= ms) files.set(FILE, "");
      return onDisk.isThere(path);
    },
  };
  return { deps: { confFiles, clock }, slept: clock.slept, looked };
}

describe("waiting for the default network's file", () => {
  it("does not happen when none is named", async () => {
    const { deps, looked, slept } = nodeReadyAfter(Infinity);
    await awaitDefaultNetwork(deps, { readinessIndicatorFile: undefined }, patient, "not-available");
    expect([looked, slept]).toEqual([[], []]);
  });

  it.each([
    { why: "is over at once when it is there", readyAfter: 0, want: [] },
    { why: "looks every second until it is (T062)", readyAfter: 3_000, want: [1_000, 1_000, 1_000] },
    { why: "looks for the last time after 45 s", readyAfter: 45_000, want: Array<number>(45).fill(1_000) },
  ])("$why", async ({ readyAfter, want }) => {
    const { deps, looked, slept } = nodeReadyAfter(readyAfter);
    await awaitDefaultNetwork(deps, { readinessIndicatorFile: FILE }, patient, "not-available");
    expect(slept).toEqual(want);
    expect(new Set(looked)).toEqual(new Set([FILE]));
  });

  it("fails after 45 s, naming the file (T062)", async () => {
    const { deps, slept } = nodeReadyAfter(Infinity);
    await expect(awaitDefaultNetwork(deps, { readinessIndicatorFile: FILE }, patient, "not-available")).rejects.toThrow(
      failed({
        kind: "not-available",
        message: `have you checked that your default network is ready? still waiting for readinessindicatorfile @ ${FILE}`,
        details: expect.any(String) as string,
      }),
    );
    expect(slept).toHaveLength(45);
  });

  it("ends when nobody waits for it any more", async () => {
    const { deps, slept } = nodeReadyAfter(Infinity);
    await expect(
      awaitDefaultNetwork(deps, { readinessIndicatorFile: FILE }, AbortSignal.abort(), "not-available"),
    ).rejects.toThrow(FILE);
    expect(slept).toEqual([]);
  });
});

describe("a node whose default network is not ready", () => {
  const conf = netConf(BRIDGE.replace("1.0.0", "1.1.0"), `,"readinessIndicatorFile":"${FILE}"`, "1.1.0");

  it("refuses ADD and STATUS, and runs nothing (T062)", async () => {
    const node = stage();
    await expect(node.add(addRequest({ netConf: conf }), node.scope())).rejects.toThrow(
      /^\[shop\/web\/uid-1\]: have you checked that your default network is ready\?/,
    );
    await expect(node.status({ netConf: conf, searchPath: [] }, node.scope())).rejects.toThrow(failed({ code: 50 }));
    expect(node.said()).toEqual([]);
  });

  it("deletes all the same (T063)", async () => {
    const files = new Map([[FILE, ""]]);
    const node = stage({ files });
    await node.add(addRequest({ netConf: conf }), node.scope());
    files.delete(FILE);
    await node.del(delRequest, node.scope());
    expect(node.said()).toEqual(["ADD eth0 bridge", "DEL eth0 bridge"]);
    expect(node.clock.slept).toEqual([]);
  });
});
