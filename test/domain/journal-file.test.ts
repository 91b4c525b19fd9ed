import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PlexusError } from "../../daemon/domain/errors.ts";
import {
  damagedRecordFileName,
  decodeRecord,
  encodeRecord,
  isOfNewerVersion,
  recordFileName,
  refused,
  sandboxOfDamagedRecordFile,
  sandboxOfRecordFile,
  statusFileName,
} from "../../daemon/domain/journal-file.ts";
import type { RecordedAttachment, SandboxRecord } from "../../daemon/domain/sandbox-record.ts";
import { attachment, ifName, netnsPath, networkName, recordOf, sandboxId } from "../contracts/journal.samples.ts";
import { refusalOf } from "./refusal.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const encode = (record: SandboxRecord) => encodeRecord(record, sha256);
const decode = (text: string | Buffer) => decodeRecord(text.toString(), "abc.json", sha256);

/** A file whose checksum is right, whatever its record is. */
const sealed = (record: string, version = 4) =>
  `{"version":${version},"checksum":"sha256:${sha256(record)}","record":${record}}\n`;

const sample = recordOf(sandboxId("abc"));

/** JSON as plugins and people write it: any value, any blanks between its parts. */
const anyJson = fc
  .tuple(fc.jsonValue({ depthSize: "medium", stringUnit: "binary" }), fc.constantFrom("", " ", "\t", "\n", "\r\n  "))
  .map(([value, blank]) =>
    JSON.stringify(value)
      .replaceAll(/("(?:[^"\\]|\\.)*")|([[\]{},:])/g, `$1${blank}$2`)
      .trim(),
  );

const anyAttachment: fc.Arbitrary<RecordedAttachment> = fc.record(
  {
    owner: fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/).map(ifName),
    confName: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/).map(networkName),
    ifName: fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/).map(ifName),
    network: fc.string({ unit: "binary" }),
    primary: fc.boolean(),
    state: fc.constantFrom("intended", "attached", "detaching"),
    conflist: anyJson,
    capabilityArgs: anyJson,
    cniArgs: fc.string({ unit: "binary" }),
    since: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    defaultRoute: fc.array(fc.string({ unit: "binary" })),
    hotPlugged: fc.boolean(),
    result: anyJson,
  },
  {
    requiredKeys: [
      "owner",
      "confName",
      "ifName",
      "network",
      "primary",
      "state",
      "conflist",
      "capabilityArgs",
      "cniArgs",
    ],
  },
);

const anyRecord: fc.Arbitrary<SandboxRecord> = fc.record(
  {
    sandbox: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,80}$/).map(sandboxId),
    pod: fc.record({ namespace: fc.string(), name: fc.string(), uid: fc.string({ unit: "binary" }) }),
    netns: fc.string().map((text) => netnsPath(`/${text}`)),
    searchPath: fc.array(fc.string()),
    netnsOverride: fc.string(),
    createdAt: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    attachments: fc.array(anyAttachment, { maxLength: 4 }),
  },
  { requiredKeys: ["sandbox", "netns", "searchPath", "netnsOverride", "createdAt", "attachments"] },
);

describe("a record's file", () => {
  it("reads as JSON whose parts are JSON, not strings of it", () => {
    const file: unknown = JSON.parse(encode(sample));
    expect(file).toMatchObject({
      version: 4,
      checksum: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      record: { sandbox: "abc", attachments: [{ ifName: "net1", conflist: { name: "blue" }, result: { x: 100 } }] },
    });
  });

  it("is one version, one checksum over the record's exact text, and the record", () => {
    const text = encode(sample);
    expect(text).toBe(sealed(/"record":(.*)\}\n$/s.exec(text)?.[1] ?? ""));
  });

  it("gives back any record, its JSON to the byte", () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        expect(decode(encode(record))).toEqual(record);
      }),
    );
  });

  it("loses the blanks around its JSON and no others", () => {
    const spaced = recordOf(sample.sandbox, { attachments: [attachment({ result: ' { "a" : 1 }\n' })] });
    expect(decode(encode(spaced)).attachments[0]?.result).toBe('{ "a" : 1 }');
  });

  it("may be of version 1, which had no default routes", () => {
    const [, record = ""] = /"record":(.*)\}\n$/s.exec(encode(sample)) ?? [];
    expect(decode(sealed(record, 1))).toEqual(sample);
  });

  it("is not made of what is no JSON", () => {
    const broken = recordOf(sample.sandbox, { attachments: [attachment({ result: '{},"state":"x"' })] });
    expect(refusalOf(() => encode(broken))).toMatchObject({ kind: "decode-failure" });
  });
});

describe("a file that was not written so", () => {
  it("is noticed whichever bit is flipped", () => {
    const bytes = Buffer.from(encode(sample));
    for (const [place, byte] of bytes.entries()) {
      for (let bit = 1; bit < 256; bit *= 2) {
        bytes.writeUInt8(byte ^ bit, place);
        expect(refusalOf(() => decode(bytes))).toMatchObject({ kind: "decode-failure" });
      }
      bytes.writeUInt8(byte, place);
    }
  });

  it("is noticed in any record", () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.nat({ max: 7 }), (record, at, bit) => {
        const bytes = Buffer.from(encode(record));
        const place = at % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << bit), place);
        expect(refusalOf(() => decode(bytes))).toMatchObject({ kind: "decode-failure" });
      }),
    );
  });

  it("is noticed wherever it is cut off", () => {
    const bytes = Buffer.from(encode(sample));
    for (const length of bytes.keys()) {
      expect(refusalOf(() => decode(bytes.subarray(0, length)))).toMatchObject({ kind: "decode-failure" });
    }
  });

  it.each([
    { why: "an empty file is damaged", text: "", says: "abc.json is damaged" },
    { why: "and so is one with an empty list in it (T074)", text: "[]\n", says: "abc.json is damaged" },
    { why: "or a null (T074)", text: "null\n", says: "abc.json is damaged" },
    { why: "a file of zeros, as a power cut leaves, is damaged", text: "\0".repeat(600), says: "abc.json is damaged" },
    { why: "a file with something behind it is damaged", text: `${encode(sample)} `, says: "abc.json is damaged" },
    {
      why: "a file that was printed anew is damaged",
      text: JSON.stringify(JSON.parse(encode(sample)), null, 2),
      says: "is damaged",
    },
    {
      why: "a file of a later version names it",
      text: sealed("{}", 5),
      says: "abc.json was written by a newer Plexus, in version 5",
    },
    {
      why: "a later version may look different otherwise",
      text: '{"version":6,"more":[]}',
      says: "a newer Plexus, in version 6",
    },
    { why: "a version that never was is damaged", text: sealed("{}", 0), says: "abc.json is damaged" },
  ])("$why", ({ text, says }) => {
    const refusal = refusalOf(() => decode(text));
    expect(refusal).toMatchObject({ kind: "decode-failure" });
    expect(refusal?.message).toContain(says);
  });

  it.each([
    { why: "a file of this version is not newer", text: encode(sample), want: false },
    { why: "nor is one that has no version", text: "[]\n", want: false },
    { why: "a file of a later version is newer", text: '{"version":5,"more":[]}', want: true },
  ])("$why", ({ text, want }) => {
    expect(isOfNewerVersion(text)).toBe(want);
  });

  const parts = recordOf(sample.sandbox, { attachments: [] });
  it.each([
    { why: "a record is an object", record: "[]", says: "not a JSON object" },
    {
      why: "a record has its attachments in a list",
      record: JSON.stringify({ ...parts, attachments: {} }),
      says: "list of attachments",
    },
    { why: "a record without attachments is none", record: '{"sandbox":"abc"}', says: "list of attachments" },
    {
      why: "a container id is one",
      record: JSON.stringify({ ...parts, sandbox: "../x" }),
      says: "sandbox: not a container id",
    },
    {
      why: "a netns path is one",
      record: JSON.stringify({ ...parts, netns: "x" }),
      says: "netns: not the path of a network namespace",
    },
    { why: "nothing is missing", record: JSON.stringify({ ...parts, searchPath: undefined }), says: "searchPath: " },
    { why: "nothing is there that is not known", record: JSON.stringify({ ...parts, more: 1 }), says: '"more"' },
    {
      why: "an attachment is an object",
      record: JSON.stringify({ ...parts, attachments: [1] }),
      says: "an attachment in abc.json is not a JSON object",
    },
    {
      why: "an attachment has all its members",
      record: JSON.stringify({ ...parts, attachments: [{ ...attachment(), conflist: undefined }] }),
      says: "attachments.0.conflist: ",
    },
    {
      why: "an attachment's state is known",
      record: JSON.stringify({ ...parts, attachments: [{ ...attachment(), state: "new" }] }),
      says: "attachments.0.state: ",
    },
  ])("even with a right checksum: $why", ({ record, says }) => {
    const refusal = refusalOf(() => decode(sealed(record)));
    expect(refusal).toMatchObject({ kind: "decode-failure" });
    expect(refusal?.message).toContain(says);
  });
});

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

it("a refusal of the disk names what was tried, the file and the errno", () => {
  const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const refusal = refusalOf(() => refused("write", "abc.json")(cause));
  expect(refusal).toBeInstanceOf(PlexusError);
  expect(refusal).toMatchObject({ kind: "io-failure", message: "cannot write abc.json: ENOSPC", cause });
});
