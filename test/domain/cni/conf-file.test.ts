import { describe, expect, it } from "vitest";
import {
  auxiliaryConflist,
  chain,
  chainDirectoryName,
  findConf,
  isConflistFile,
  readConf,
  type TextFile,
} from "../../../daemon/domain/cni/conf-file.ts";
import { refusalOf } from "../refusal.ts";

const file = (name: string, text: string): TextFile => ({ name, text });

const a = file("10-a.conf", '{"name":"a","type":"bridge"}');
const b = file("20-b.conflist", '{"name":"b","plugins":[{"type":"ptp"}]}');
const c = file("30-c.json", '{"name":"c","type":"macvlan"}');
const bad = file("15-bad.conf", "{");

describe("the conf that a directory has for a name", () => {
  it.each([
    { why: "is the one with that name inside (T163, T169)", files: [a, b, c], name: "b", want: "b" },
    { why: "may stand in any of the three kinds of file", files: [a, b, c], name: "c", want: "c" },
    { why: "is the first, of two", files: [file("1.conf", '{"name":"a","type":"x"}'), a], name: "a", want: "a" },
    { why: "is the first of all, when any will do (T164)", files: [b, a], name: "", want: "b" },
    { why: "is found before a file that cannot be read (T170)", files: [a, bad], name: "a", want: "a" },
    { why: "may not be there", files: [a, b], name: "c", want: undefined },
    { why: "is not there when there are no files", files: [], name: "", want: undefined },
  ])("$why", ({ files, name, want }) => {
    expect(findConf(files, name)?.name).toBe(want);
  });

  it("is not looked for behind a file that cannot be read, which is named (T170)", () => {
    const refusal = refusalOf(() => findConf([a, bad, b], "b"));
    expect(refusal).toMatchObject({
      kind: "decode-failure",
      message: expect.stringMatching(/^CNI config file 15-bad\.conf is not JSON/) as string,
    });
  });
});

describe("a file", () => {
  it.each([
    { why: "a conf", given: a, want: { name: "a", single: true } },
    { why: "a list", given: b, want: { name: "b", single: false } },
    {
      why: "a conf in a file for lists",
      given: file("x.conflist", '{"name":"x","type":"t"}'),
      want: { single: true },
    },
  ])("may hold $why", ({ given, want }) => {
    expect(readConf(given)).toMatchObject(want);
  });

  it.each([
    {
      why: "a list in a file for confs",
      given: file("x.conf", b.text),
      kind: "invalid-config",
      says: "missing 'type'",
    },
    { why: "a list in .json", given: file("x.json", b.text), kind: "invalid-config", says: "missing 'type'" },
    { why: "a conf without a name", given: file("x.conf", '{"type":"t"}'), kind: "invalid-config", says: "name" },
    { why: "what is no JSON", given: file("x.conf", ""), kind: "decode-failure", says: "not JSON" },
  ])("may not hold $why", ({ given, kind, says }) => {
    expect(refusalOf(() => readConf(given))).toMatchObject({
      kind,
      message: expect.stringMatching(new RegExp(`^CNI config file ${given.name}.*${says}`)) as string,
    });
  });

  it.each([
    { name: "a.conflist", want: true },
    { name: "a.conf", want: false },
    { name: "conflist", want: false },
  ])("is for a list by its ending: $name", ({ name, want }) => {
    expect(isConflistFile(name)).toBe(want);
  });
});

describe("the directory of a conflist's further plugins", () => {
  it.each([
    { why: "is called like the network", text: '{"name":"kindnet","plugins":[]}', want: "kindnet" },
    { why: "is there even when no plugin is inlined", text: '{"name":"kindnet"}', want: "kindnet" },
    {
      why: "is not wanted by a list that says so (T179)",
      text: '{"name":"kindnet","loadOnlyInlinedPlugins":true}',
      want: undefined,
    },
    {
      why: "or says so as a word (T179)",
      text: '{"name":"kindnet","loadOnlyInlinedPlugins":"True"}',
      want: undefined,
    },
    { why: "is wanted when it says no", text: '{"name":"n","loadOnlyInlinedPlugins":"false"}', want: "n" },
  ])("$why", ({ text, want }) => {
    expect(chainDirectoryName(file("x.conflist", text))).toBe(want);
  });

  it.each([
    { why: "a way out of its parent", text: '{"name":".."}', says: "invalid network config name: .." },
    { why: "more than one directory", text: '{"name":"a/b"}', says: "invalid network config name: a/b" },
    { why: "nothing", text: '{"plugins":[]}', says: "invalid network config name: " },
    { why: "a flag that is none", text: '{"name":"a","loadOnlyInlinedPlugins":1}', says: "loadOnlyInlinedPlugins" },
  ])("is refused when it would be $why", ({ text, says }) => {
    expect(refusalOf(() => chainDirectoryName(file("x.conflist", text)))).toMatchObject({
      kind: "invalid-config",
      message: expect.stringContaining(says) as string,
    });
  });
});

describe("a chain", () => {
  const chained = [file("10-a.conf", ' { "type":"tuning", "mtu":1.50 } '), file("20-b.conf", '{"type":"firewall"}')];

  it.each([
    {
      why: "is the inlined plugins, then those in files, all as they were written (T083, T175)",
      text: '{"cniVersion":"1.0.0","name":"n","big":12345678901234567890,"plugins":[ {"type":"ptp","x":[1]} , {"type":"portmap"} ]}',
      want: '{"cniVersion":"1.0.0","name":"n","big":12345678901234567890,"plugins":[{"type":"ptp","x":[1]},{"type":"portmap"},{"type":"tuning","mtu":1.50},{"type":"firewall"}]}',
    },
    {
      why: "needs no inlined plugin",
      text: '{"name":"n"}',
      want: '{"name":"n","plugins":[{"type":"tuning","mtu":1.50},{"type":"firewall"}]}',
    },
    {
      why: "takes null for no inlined plugins",
      text: '{"name":"n","plugins":null}',
      want: '{"name":"n","plugins":[{"type":"tuning","mtu":1.50},{"type":"firewall"}]}',
    },
    {
      why: "takes an empty list likewise",
      text: '{"name":"n","plugins":[ ]}',
      want: '{"name":"n","plugins":[{"type":"tuning","mtu":1.50},{"type":"firewall"}]}',
    },
  ])("$why", ({ text, want }) => {
    expect(chain(file("x.conflist", text), chained).text).toBe(want);
  });

  it.each([
    { why: "no plugin anywhere", text: '{"name":"n"}', more: [], says: "x.conflist: no plugin configs found" },
    {
      why: "a file that holds no object",
      text: '{"name":"n"}',
      more: [file("10-a.conf", "[]")],
      says: "10-a.conf is not a JSON object",
    },
    {
      why: "a plugin in a file without a type",
      text: '{"name":"n","plugins":[{"type":"ptp"}]}',
      more: [file("10-a.conf", "{}")],
      says: "x.conflist: plugins[1]: a plugin must have the 'type' field",
    },
  ])("is refused for $why", ({ text, more, says }) => {
    expect(refusalOf(() => chain(file("x.conflist", text), more))?.message).toContain(says);
  });
});

describe("an auxiliary chain", () => {
  it("is a list of its own that begins with passthru, in the network config's version (T176)", () => {
    const { name, version, plugins } = auxiliaryConflist("vendor", "0.3.1", [file("10-a.conf", '{"type":"tuning"}')]);
    expect([name, version, plugins.map(({ type }) => type)]).toEqual(["vendor", "0.3.1", ["passthru", "tuning"]]);
  });

  it("is named when it cannot be used", () => {
    const make = (): unknown => auxiliaryConflist("vendor", "1.0.0", [file("10-a.conf", "{}")]);
    expect(refusalOf(make)?.message).toContain("of auxiliary chain vendor");
  });
});
