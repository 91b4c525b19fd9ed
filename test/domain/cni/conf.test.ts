import { describe, expect, it } from "vitest";
import { parseConflist } from "../../../daemon/domain/cni/conf.ts";

describe("parseConflist", () => {
  it("reads a conf as a list of one", () => {
    const list = parseConflist('{"cniVersion":"0.4.0","name":"blue","type":"bridge","mtu":0}', "the config");
    expect(list).toMatchObject({ name: "blue", version: "0.4.0", writtenVersion: "0.4.0", single: true });
    expect(list.plugins.map(({ type }) => type)).toEqual(["bridge"]);
  });

  it("reads a list with what each plugin declares", () => {
    const list = parseConflist(
      `{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge"},
        {"type":"portmap","capabilities":{"portMappings":true,"ips":false}}]}`,
      "the config",
    );
    expect(list).toMatchObject({ name: "pods", single: false, disableCheck: false });
    expect(list.plugins.map(({ type, capabilities }) => [type, [...capabilities]])).toEqual([
      ["bridge", []],
      ["portmap", ["portMappings"]],
    ]);
  });

  it.each([
    { why: "a nameless conf borrows the name of its NAD (T171)", text: '{"type":"flannel"}', name: "flannel-conf" },
    { why: "an empty name counts as none", text: '{"type":"flannel","name":""}', name: "flannel-conf" },
    { why: "a name of its own stays", text: '{"type":"flannel","name":"cbr0"}', name: "cbr0" },
    { why: "a nameless list borrows it too (T172)", text: '{"plugins":[{"type":"a"}]}', name: "flannel-conf" },
  ])("$why", ({ text, name }) => {
    expect(parseConflist(text, "the config", "flannel-conf").name).toBe(name);
  });

  it.each([
    { why: "no version means 0.1.0 and is passed on as nothing (T172)", versions: "", want: ["0.1.0", ""] },
    { why: "the written one counts", versions: '"cniVersion":"0.3.1",', want: ["0.3.1", "0.3.1"] },
    {
      why: "of several the highest that is known counts",
      versions: '"cniVersion":"0.4.0","cniVersions":["0.3.1","1.1.0","9.0.0","1.0.0"],',
      want: ["1.1.0", "1.1.0"],
    },
  ])("version: $why", ({ versions, want }) => {
    const list = parseConflist(`{${versions}"name":"n","plugins":[{"type":"a"}]}`, "the config");
    expect([list.version, list.writtenVersion]).toEqual(want);
  });

  it("gives back, as text, what it can be read from again, other people's keys and numbers included", () => {
    const text =
      '{"type":"calico","mtu":0,"big":12345678901234567890,"1":"b","0":"a","kubernetes":{"kubeconfig":"/k"}}';
    const list = parseConflist(text, "the config", "pods");
    expect(list.text).toBe(`${text.slice(0, -1)},"name":"pods"}`);
    expect(parseConflist(list.text, "the config")).toEqual(list);
  });

  it.each([
    { flag: "true", want: true },
    { flag: '"TRUE"', want: true },
    { flag: '"false"', want: false },
  ])("disableCheck may be $flag", ({ flag, want }) => {
    expect(parseConflist(`{"name":"n","disableCheck":${flag},"plugins":[{"type":"a"}]}`, "x").disableCheck).toBe(want);
  });

  it.each([
    {
      why: "neither type nor plugins (T111)",
      text: '{"name":"n"}',
      kind: "invalid-config",
      says: "'type' or 'plugins'",
    },
    {
      why: "plugins is null",
      text: '{"name":"n","plugins":null}',
      kind: "invalid-config",
      says: "'type' or 'plugins'",
    },
    {
      why: "plugins is empty (T173)",
      text: '{"name":"n","plugins":[]}',
      kind: "invalid-config",
      says: "plugins is empty",
    },
    { why: "a plugin without type", text: '{"name":"n","plugins":[{}]}', kind: "invalid-config", says: "plugins[0]" },
    { why: "a type that is a path", text: '{"name":"n","type":"../evil"}', kind: "invalid-config", says: "not a path" },
    { why: "no name at all (T024)", text: '{"type":"a"}', kind: "invalid-config", says: "missing network name" },
    {
      why: "a name with a slash",
      text: '{"type":"a","name":"x/y"}',
      kind: "invalid-config",
      says: "invalid characters",
    },
    { why: "not JSON", text: "{", kind: "decode-failure", says: "not JSON" },
    { why: "not an object", text: "[1]", kind: "decode-failure", says: "not a JSON object" },
    {
      why: "an unknown version",
      text: '{"name":"n","type":"a","cniVersion":"2.0.0"}',
      kind: "incompatible-version",
      says: "",
    },
    {
      why: "capabilities of the wrong form",
      text: '{"name":"n","type":"a","capabilities":[1]}',
      kind: "invalid-config",
      says: "",
    },
    {
      why: "a flag that is none",
      text: '{"name":"n","disableGC":"no","plugins":[{"type":"a"}]}',
      kind: "invalid-config",
      says: "",
    },
  ])("refuses: $why", ({ text, kind, says }) => {
    expect(() => parseConflist(text, "the config")).toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(says) as string }) as Error,
    );
  });
});
