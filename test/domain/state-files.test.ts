import { describe, expect, it } from "vitest";
import {
  damagedRecordFileName,
  recordFileName,
  sandboxOfDamagedRecordFile,
  sandboxOfRecordFile,
  statusFileName,
} from "../../daemon/domain/state-files.ts";
import { sandboxId } from "../contracts/journal.samples.ts";
import { refusalOf } from "./refusal.ts";

describe("the names of a sandbox's files", () => {
  it("lead back to the sandbox", () => {
    expect(recordFileName(sandboxId("a.b"))).toBe("a.b.json");
    expect(sandboxOfRecordFile("a.b.json")).toBe("a.b");
  });

  it("lead back to the sandbox from a damaged record", () => {
    expect(damagedRecordFileName(sandboxId("a.b"), 17)).toBe("a.b.json.bad-17");
    expect(sandboxOfDamagedRecordFile("a.b.json.bad-17")).toBe("a.b");
    expect(["a.json", "a.json.bad", "a.json.bad-x", "-.json.bad-1"].map(sandboxOfDamagedRecordFile)).toEqual(
      Array(4).fill(undefined),
    );
  });

  it.each([
    { why: "a damaged record is none", name: damagedRecordFileName(sandboxId("abc"), 17) },
    { why: "a status file is no record", name: statusFileName(sandboxId("abc")) },
    { why: "a half-written record is none", name: ".abc.json.1.tmp" },
    { why: "a file of another sort is none", name: "abc.yaml" },
    { why: "a name no sandbox has is none", name: "-.json" },
    { why: "a suffix alone is none", name: ".json" },
  ])("$why", ({ name }) => {
    expect(sandboxOfRecordFile(name)).toBeUndefined();
  });

  it("never mix up a record with a status file", () => {
    expect(refusalOf(() => recordFileName(sandboxId("abc.network-status")))).toMatchObject({
      kind: "invalid-environment",
    });
  });
});
