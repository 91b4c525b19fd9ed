import { describe, expect, it } from "vitest";
import { isCniName, isDaemonVerb, readEnvironment } from "../../../shim/core/cni-environment.ts";

const complete: Readonly<Record<string, string>> = {
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/var/run/netns/x",
  CNI_IFNAME: "eth0",
  CNI_ARGS: "A=B",
  CNI_PATH: "/opt/cni/bin",
  CNI_NETNS_OVERRIDE: "true",
};

function read(verb: string, changes: Readonly<Record<string, string>> = {}) {
  const env = { ...complete, ...changes };
  return readEnvironment(verb, (name) => env[name] ?? "");
}

function refusal(msg: string, details = "") {
  return { kind: "refused", error: { code: 4, msg, details } };
}

const everything = {
  containerId: "c1",
  netns: "/var/run/netns/x",
  ifname: "eth0",
  args: "A=B",
  path: "/opt/cni/bin",
  netnsOverride: "true",
};
const onlyPath = { containerId: "", netns: "", ifname: "", args: "", path: "/opt/cni/bin", netnsOverride: "" };

describe("readEnvironment", () => {
  it.each([
    { verb: "ADD", expected: everything },
    { verb: "CHECK", expected: everything },
    { verb: "DEL", expected: everything },
    { verb: "GC", expected: onlyPath },
    { verb: "STATUS", expected: onlyPath },
  ])("takes what $verb has a use for", ({ verb, expected }) => {
    expect(read(verb)).toEqual({ kind: "environment", environment: expected });
  });

  it.each([
    { verb: "ADD", missing: "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH" },
    { verb: "CHECK", missing: "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH" },
    { verb: "DEL", missing: "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH" },
    { verb: "GC", missing: "CNI_PATH" },
    { verb: "STATUS", missing: "CNI_PATH" },
  ])("names all that $verb misses, in the table's order", ({ verb, missing }) => {
    const reading = readEnvironment(verb, () => "");
    expect(reading).toEqual(refusal(`required env variables [${missing}] missing`));
  });

  it.each([
    {
      why: "T003: ADD without CNI_NETNS and CNI_PATH",
      verb: "ADD",
      changes: { CNI_NETNS: "", CNI_PATH: "" },
      expected: refusal("required env variables [CNI_NETNS,CNI_PATH] missing"),
    },
    {
      why: "T004: an interface name of 16 characters",
      verb: "ADD",
      changes: { CNI_IFNAME: "abcdefghijklmnop" },
      expected: refusal("interface name is too long", "interface name should be less than 16 characters"),
    },
    {
      why: "T009: DEL with CNI_NETNS unset",
      verb: "DEL",
      changes: { CNI_NETNS: "" },
      expected: { kind: "environment", environment: { ...everything, netns: "" } },
    },
    {
      why: "an invalid value in preference to a missing one",
      verb: "ADD",
      changes: { CNI_CONTAINERID: "", CNI_IFNAME: "a/b" },
      expected: refusal("interface name contains / or : or whitespace characters"),
    },
    {
      why: "the first of two invalid values",
      verb: "DEL",
      changes: { CNI_CONTAINERID: "-", CNI_IFNAME: "a/b" },
      expected: refusal("invalid characters in containerID", "-"),
    },
    {
      why: "GC with values that would be invalid for ADD",
      verb: "GC",
      changes: { CNI_CONTAINERID: "/", CNI_IFNAME: "/" },
      expected: { kind: "environment", environment: onlyPath },
    },
  ])("decides on $why", ({ verb, changes, expected }) => {
    expect(read(verb, changes)).toEqual(expected);
  });

  it.each([{ id: "a" }, { id: "0" }, { id: "a.b_c-D9" }, { id: "x".repeat(200) }])(
    "takes the container id $id",
    ({ id }) => {
      expect(read("ADD", { CNI_CONTAINERID: id }).kind).toBe("environment");
    },
  );

  it.each([{ id: "_a" }, { id: ".a" }, { id: "a/b" }, { id: "a b" }, { id: "é" }, { id: "a\n" }])(
    "refuses the container id $id",
    ({ id }) => {
      expect(read("ADD", { CNI_CONTAINERID: id })).toEqual(refusal("invalid characters in containerID", id));
    },
  );

  it("refuses a container id of 201 bytes", () => {
    const expected = refusal("container ID is too long", "it may have at most 200 bytes");
    expect(read("ADD", { CNI_CONTAINERID: "x".repeat(201) })).toEqual(expected);
  });

  it.each([
    { name: "abcdefghijklmno", why: "of 15 bytes" },
    { name: "ééééééé", why: "of 7 characters in 14 bytes" },
    { name: "...", why: "of dots" },
  ])("takes an interface name $why", ({ name }) => {
    expect(read("ADD", { CNI_IFNAME: name }).kind).toBe("environment");
  });

  it.each([
    { name: "éééééééé", why: "of 8 characters in 16 bytes", msg: "interface name is too long" },
    { name: ".", why: "that is this directory", msg: "interface name is . or .." },
    { name: "..", why: "that is the parent directory", msg: "interface name is . or .." },
    { name: "a:b", why: "with a colon", msg: "interface name contains / or : or whitespace characters" },
    { name: "a b", why: "with a space", msg: "interface name contains / or : or whitespace characters" },
    { name: "a\tb", why: "with a tab", msg: "interface name contains / or : or whitespace characters" },
    { name: "a\u00a0b", why: "with a no-break space", msg: "interface name contains / or : or whitespace characters" },
    { name: "a\u2003b", why: "with an em space", msg: "interface name contains / or : or whitespace characters" },
    {
      name: "a\u3000",
      why: "with an ideographic space",
      msg: "interface name contains / or : or whitespace characters",
    },
  ])("refuses an interface name $why", ({ name, msg }) => {
    expect(read("ADD", { CNI_IFNAME: name })).toMatchObject({ error: { code: 4, msg } });
  });
});

describe("isDaemonVerb", () => {
  it.each([
    { verb: "GC", expected: true },
    { verb: "add", expected: false },
    { verb: "VERSION", expected: false },
    { verb: "", expected: false },
  ])('says $expected to "$verb"', ({ verb, expected }) => {
    expect(isDaemonVerb(verb)).toBe(expected);
  });
});

describe("isCniName", () => {
  it("agrees with the specification's expression on every character", () => {
    const characters = Array.from({ length: 0x250 }, (_, i) => String.fromCharCode(i));
    const names = characters.flatMap((character) => [character, `a${character}`]);
    const expected = names.filter((name) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name));
    expect(names.filter(isCniName)).toEqual(expected);
    expect(isCniName("")).toBe(false);
  });
});
