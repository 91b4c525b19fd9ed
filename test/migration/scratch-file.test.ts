import { describe, expect, it } from "vitest";
import { parseScratchFile } from "../../daemon/migration/scratch-file.ts";
import { refusalOf } from "../domain/refusal.ts";
import * as samples from "./samples.ts";

const parse = (entries: unknown) => parseScratchFile(JSON.stringify(entries), "the notes");
const { calicoEntry, macvlanEntry, CALICO, MACVLAN, base64 } = samples;

describe("Multus' notes of a sandbox", () => {
  it.each([
    { why: "of the present shape", entries: [calicoEntry, macvlanEntry] },
    {
      why: "of 4.2.1 to 4.3.0, whose lists are whole in one place only (T085)",
      entries: [samples.lossyCalicoEntry, samples.macvlanEntryOfThen],
    },
    {
      why: "with other spellings of the keys, as Go reads them",
      entries: [{ bytes: base64(CALICO) }, { NAME: "shop/blue", BYTES: base64(MACVLAN) }],
    },
  ])("$why have every key of every plugin", ({ entries }) => {
    const [calico, macvlan] = parse(entries);
    expect(calico?.conflist.plugins.map(({ conf }) => conf.toString())).toEqual(
      (JSON.parse(CALICO) as { plugins: object[] }).plugins.map((plugin) => JSON.stringify(plugin)),
    );
    expect(calico).toMatchObject({
      network: "k8s-pod-network",
      conflist: { name: "k8s-pod-network", version: "0.3.1" },
    });
    expect(macvlan).toMatchObject({ network: "shop/blue", conflist: { text: MACVLAN, single: true } });
  });

  it("of 4.2.1 to 4.3.0 keep what a list says of CHECK and GC", () => {
    const { CNINetworkConfigList: list } = samples.lossyCalicoEntry;
    const entry = {
      ...samples.lossyCalicoEntry,
      CNINetworkConfigList: { ...list, DisableCheck: true, DisableGC: true },
    };
    expect(parse([entry])).toMatchObject([{ conflist: { disableCheck: true, disableGc: true } }]);
  });

  it("without the confs themselves are read from their standard keys", () => {
    expect(parse(samples.bareEntries)).toMatchObject([
      { network: "k8s-pod-network", conflist: { plugins: [{ type: "calico" }, { type: "portmap" }] } },
      { network: "blue", conflist: { single: true, plugins: [{ type: "macvlan" }] } },
    ]);
  });

  it("lend a conf without a name its NAD's", () => {
    const entry = { Name: "shop/red", Bytes: base64('{"type":"ipvlan"}') };
    expect(parse([entry])).toMatchObject([{ network: "shop/red", conflist: { name: "red" } }]);
  });

  it("tell the interface that was asked for, and who is first in those of TKE's fork", () => {
    const entries = [
      samples.tkeEntry(MACVLAN, "eth1"),
      samples.tkeEntry(CALICO, "eth0", { masterPlugin: true }),
      { ...macvlanEntry, ifnameRequest: "" },
    ];
    expect(parse(entries)).toMatchObject([
      { requestedIfName: "eth1", saysPrimary: false },
      { requestedIfName: "eth0", saysPrimary: true, conflist: { plugins: [{ type: "calico" }, { type: "portmap" }] } },
      { requestedIfName: undefined, saysPrimary: false },
    ]);
  });

  it.each([
    { why: "an empty list", text: "[]" },
    { why: "null", text: " null\n" },
    { why: "nothing but nulls", text: "[null, null]" },
  ])("that are $why name no delegate (T074)", ({ text }) => {
    expect(parseScratchFile(text, "the notes")).toEqual([]);
  });

  it("count a null among them, as interfaces are named after the place in the list (T074)", () => {
    expect(parse([calicoEntry, null, macvlanEntry]).map(({ index }) => index)).toEqual([0, 2]);
  });

  it.each([
    { why: "an empty file", text: "" },
    { why: "half a file", text: JSON.stringify([calicoEntry, macvlanEntry]).slice(0, 500) },
    { why: "not a list", text: "{}" },
    { why: "a list of something else", text: '["a"]' },
    { why: "a conf that is not JSON", text: JSON.stringify([{ ...macvlanEntry, Bytes: base64("{") }]) },
    { why: "a conf without a plugin", text: JSON.stringify([{ ...macvlanEntry, Bytes: base64('{"name":"a"}') }]) },
    { why: "no conf at all", text: JSON.stringify([{ Conf: {}, ConfList: { plugins: null }, Name: "a/b" }]) },
  ])("that are $why are refused, and nothing of them is shown", ({ text }) => {
    const refusal = refusalOf(() => parseScratchFile(text, "the notes"));
    expect(refusal?.message).toMatch(/^the notes/);
    expect(refusal?.message).not.toContain("datastore");
  });
});
