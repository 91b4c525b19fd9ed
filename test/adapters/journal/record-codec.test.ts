import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeRecord,
  encodeRecord,
  isOfNewerVersion,
  sealRecord,
  upgradeRecord,
} from "../../../daemon/adapters/journal/record-codec.ts";
import { parseConflist } from "../../../daemon/domain/cni/conf.ts";
import { JsonObject } from "../../../daemon/domain/json/json-object.ts";
import { type RecordedAttachment, recordedResult, type SandboxRecord } from "../../../daemon/domain/sandbox-record.ts";
import {
  attachment,
  bootId,
  ifName,
  netnsIdentity,
  netnsPath,
  networkName,
  plain,
  recordOf,
  sandboxId,
} from "../../contracts/journal.samples.ts";
import { refusalOf } from "../../domain/refusal.ts";

const encode = encodeRecord;
const decode = (text: string | Buffer) => decodeRecord(text.toString(), "abc.json");
const sealed = (record: string, version = 1) => sealRecord(version, record);

const sample = recordOf(sandboxId("abc"));

/** JSON as plugins and people write it: any value, any blanks between its parts. */
const anyJson = fc
  .tuple(fc.jsonValue({ depthSize: "medium", stringUnit: "binary" }), fc.constantFrom("", " ", "\t", "\n", "\r\n  "))
  .map(([value, blank]) =>
    JSON.stringify(value)
      .replaceAll(/("(?:[^"\\]|\\.)*")|([[\]{},:])/g, `$1${blank}$2`)
      .trim(),
  );

/** A JSON object, its members in any order and spelling. */
const anyObject = fc.dictionary(fc.string({ unit: "binary" }), anyJson, { maxKeys: 4 }).map((members) => {
  const texts = Object.entries(members).map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return `{${texts.join(",")}}`;
});

const anyConflist = anyJson.map((extra) => parseConflist(`{ "x": ${extra}, "name":"n","type":"bridge" }`, "any"));

const anyMoment = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const anyName = fc.stringMatching(/^[a-z][a-z0-9]{0,14}$/).map(ifName);

const anyAttachment: fc.Arbitrary<RecordedAttachment> = fc.record(
  {
    owner: anyName,
    confName: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/).map(networkName),
    ifName: anyName,
    network: fc.string({ unit: "binary" }),
    primary: fc.boolean(),
    state: fc.constantFrom("intended", "attached", "detaching", "released"),
    conflist: anyConflist,
    capabilityArgs: anyObject.map((text) => JsonObject.parse(text, "any")),
    cniArgs: fc.string({ unit: "binary" }),
    since: anyMoment,
    defaultRoute: fc.array(fc.string({ unit: "binary" })),
    hotPlugged: fc.boolean(),
    add: fc.record({
      beganAt: anyMoment,
      endedAt: anyMoment,
      plugins: fc.array(
        fc.record(
          {
            type: fc.string({ unit: "binary" }),
            outcome: fc.constantFrom("answered", "failed", "not-started"),
            code: fc.nat(),
            ms: fc.nat(),
          },
          { requiredKeys: ["type", "outcome", "ms"] },
        ),
      ),
    }),
    cleanup: fc.record({
      since: anyMoment,
      attempts: fc.nat(),
      lastError: fc.string({ unit: "binary" }),
      nextAttemptAt: anyMoment,
    }),
    result: anyJson.map((extra) => recordedResult(`{"x": ${extra}}`, "1.0.0")),
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
      "since",
    ],
  },
);

const anyRecord: fc.Arbitrary<SandboxRecord> = fc.record(
  {
    sandbox: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,80}$/).map(sandboxId),
    dialect: fc.string(),
    pod: fc.record({ namespace: fc.string(), name: fc.string(), uid: fc.string({ unit: "binary" }) }),
    netns: fc.string().map((text) => netnsPath(`/${text}`)),
    netnsIdentity: fc.tuple(fc.nat(), fc.nat()).map(([device, inode]) => netnsIdentity(`${device}:${inode}`)),
    bootId: fc.uuid().map(bootId),
    searchPath: fc.array(fc.string()),
    netnsOverride: fc.string(),
    createdAt: anyMoment,
    attachments: fc.array(anyAttachment, { maxLength: 4 }),
  },
  { requiredKeys: ["sandbox", "dialect", "netns", "searchPath", "netnsOverride", "createdAt", "attachments"] },
);

describe("a record's file", () => {
  it("reads as JSON whose parts are JSON, not strings of it", () => {
    const file: unknown = JSON.parse(encode(sample));
    expect(file).toMatchObject({
      version: 1,
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
        expect(plain(decode(encode(record)))).toEqual(plain(record));
        expect(encode(decode(encode(record)))).toBe(encode(record));
      }),
    );
  });

  it("loses the blanks around its JSON and no others", () => {
    const spaced = recordOf(sample.sandbox, { attachments: [attachment({ result: ' { "a" : 1 }\n' })] });
    expect(decode(encode(spaced)).attachments[0]?.result?.text).toBe('{ "a" : 1 }');
  });

  it("covers its version by the checksum", () => {
    const text = encode(sample);
    const [, record = ""] = /"record":(.*)\}\n$/s.exec(text) ?? [];
    expect(sealed(record, 2)).not.toContain(/sha256:[0-9a-f]+/.exec(text)?.[0] ?? "none");
  });
});

describe("a record of an older version", () => {
  const upgrades = {
    1: (record: JsonObject) => record.with("colour", '"blue"'),
    2: (record: JsonObject) => record.with("shade", record.text("colour") ?? "null").without("colour"),
  };
  it.each([
    { why: "goes through every version in between", from: 1, want: { name: "a", shade: "blue" } },
    { why: "skips those before its own", from: 2, want: { name: "a", shade: null } },
    { why: "stays as it is at the present one", from: 3, want: { name: "a" } },
  ])("$why", ({ from, want }) => {
    const upgraded = upgradeRecord(JsonObject.parse('{"name":"a"}', "it"), from, { to: 3, upgrades });
    expect(JSON.parse(upgraded.toString())).toEqual(want);
  });

  it("is damaged when there is no way from it", () => {
    const lost = refusalOf(() => upgradeRecord(JsonObject.empty, 0, { to: 3, upgrades }));
    expect(lost).toMatchObject({ kind: "decode-failure" });
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
  const written = (JSON.parse(encode(sample)) as { record: { attachments: object[] } }).record.attachments[0];
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
      record: JSON.stringify({ ...parts, attachments: [{ ...written, conflist: undefined }] }),
      says: "attachments.0.conflist: ",
    },
    {
      why: "an attachment's state is known",
      record: JSON.stringify({ ...parts, attachments: [{ ...written, state: "new" }] }),
      says: "attachments.0.state: ",
    },
  ])("even with a right checksum: $why", ({ record, says }) => {
    const refusal = refusalOf(() => decode(sealed(record)));
    expect(refusal).toMatchObject({ kind: "decode-failure" });
    expect(refusal?.message).toContain(says);
  });
});
