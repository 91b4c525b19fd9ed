/**
 * Every parser and planner on the largest input that its limit allows (issue 11, section 3). Asserted is how much work it makes for the input: characters
 * given to JSON.parse and JSON.stringify, and members put into maps. The time for which it blocks the event loop is printed and not asserted.
 */
import { expect, it, onTestFinished, vi } from "vitest";
import { parseCniArgs } from "../../daemon/domain/cni/args.ts";
import { parseConflist } from "../../daemon/domain/cni/conf.ts";
import { convertResult } from "../../daemon/domain/cni/convert.ts";
import { withDefaultRoute } from "../../daemon/domain/cni/default-route.ts";
import { pluginFailure } from "../../daemon/domain/cni/plugin-failure.ts";
import { pluginStdin } from "../../daemon/domain/cni/plugin-stdin.ts";
import { parseResult } from "../../daemon/domain/cni/result.ts";
import { refuseOtherPlugins } from "../../daemon/domain/allowed-plugins.ts";
import type { DelegateSource } from "../../daemon/domain/delegate-source.ts";
import { npwg } from "../../daemon/domain/dialect/npwg.ts";
import { parseTkeSelections } from "../../daemon/domain/dialect/tke-selection.ts";
import { type IfName, isIfName, namespace } from "../../daemon/domain/ids.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { renderNetworkStatus, statusOf } from "../../daemon/domain/network-status.ts";
import { refuseLargePlan } from "../../daemon/domain/plan-size.ts";
import { planAttachments } from "../../daemon/domain/plan.ts";
import { planDefaultRoutes } from "../../daemon/domain/route-plan.ts";
import { parseSelections } from "../../daemon/domain/selection.ts";
import { DEFAULT_LIMITS } from "../../daemon/domain/tenant-limits.ts";

const { selectionBytes, networkConfigBytes, pluginsPerNetwork } = DEFAULT_LIMITS;
const shop = namespace("shop");
const ifName = (text: string): IfName => (isIfName(text) ? text : expect.fail(text));

/** An object of so many bytes, in as many members as possible. */
function members(bytes: number): string {
  const count = Math.floor((bytes - 2) / 9);
  return `{${Array.from({ length: count }, (_, index) => `"${String(index).padStart(4, "0")}":1`).join(",")}}`;
}

/** As many elements as fit, in brackets. */
function listOf(element: string, bytes: number): string {
  return `[${Array<string>(Math.floor((bytes - 2) / (element.length + 1)))
    .fill(element)
    .join(",")}]`;
}

const cniArgs = members(selectionBytes - 100);
const selections = listOf(`{"name":"a","cni-args":${cniArgs}}`, 256 << 10);
const ips = listOf('"10.0.0.1"', 64 * 11);
const pluginConf = `{"type":"x","a":${members(networkConfigBytes / pluginsPerNetwork - 100)}}`;
const conflist = `{"plugins":[${Array<string>(pluginsPerNetwork).fill(pluginConf).join(",")}]}`;
const result = `{"cniVersion":"1.0.0","interfaces":[{"name":"a","sandbox":"/a"}],"ips":${listOf('{"address":"10.0.0.1/8","interface":0}', 127 << 10)}}`;
const manyInterfaces = `{"cniVersion":"1.0.0","interfaces":${listOf('{"name":"a","sandbox":"/a"}', 60 << 10)},"ips":${listOf('{"address":"10.0.0.1/8","interface":9}', 60 << 10)}}`;
const small = parseConflist('{"plugins":[{"type":"a"},{"type":"b"},{"type":"c"}]}', "it", "a");

function plan(): void {
  const sources = parseSelections(selections, shop).map((selection): DelegateSource => ({
    network: "shop/a",
    conflist: small,
    selection,
  }));
  refuseLargePlan(sources, DEFAULT_LIMITS);
  const [first = expect.fail("no selection"), ...others] = sources;
  planAttachments({
    dialect: npwg,
    netConf: parseNetConf('{"name":"plexus","cniVersion":"1.0.0"}'),
    args: parseCniArgs(""),
    ifName: ifName("eth0"),
    sources: [first, ...others],
  });
}

/** What the work did, by what is easy to count and grows with it. */
function counted(work: () => void): { readonly characters: number; readonly members: number } {
  let [characters, mapped] = [0, 0];
  const { parse, stringify } = JSON;
  const put = Object.getOwnPropertyDescriptor(Map.prototype, "set")?.value as Map<unknown, unknown>["set"];
  const spies = [
    vi.spyOn(JSON, "parse").mockImplementation((text: string) => {
      characters += text.length;
      return parse(text) as unknown;
    }),
    vi.spyOn(JSON, "stringify").mockImplementation((...args: Parameters<typeof stringify>) => {
      const text = stringify(...args);
      characters += text.length;
      return text;
    }),
    vi.spyOn(Map.prototype, "set").mockImplementation(function (this: Map<unknown, unknown>, key, value) {
      mapped += 1;
      return put.call(this, key, value);
    }),
  ];
  const restore = (): void => spies.forEach((spy) => spy.mockRestore());
  onTestFinished(restore);
  try {
    work();
    return { characters, members: mapped };
  } finally {
    restore();
  }
}

it.each<{ what: string; input: number; work: () => void }>([
  {
    what: "an annotation of large selections",
    input: selections.length,
    work: () => parseSelections(selections, shop),
  },
  {
    what: "a selection of addresses and gateways",
    input: ips.length,
    work: () => parseSelections(`[{"name":"a","ips":${ips}}]`, shop),
  },
  {
    what: "an annotation by TKE's rules",
    input: selections.length,
    work: () => parseTkeSelections(selections, "the annotation", false),
  },
  {
    what: "the config of a network",
    input: conflist.length,
    work: () => parseConflist(conflist, "it", "a"),
  },
  {
    what: "a config of one plugin with many keys",
    input: networkConfigBytes,
    work: () => parseConflist(`{"type":"x","name":"a",${members(networkConfigBytes - 100).slice(1)}`, "it"),
  },
  {
    what: "the list of allowed plugins",
    input: conflist.length,
    work: () =>
      refuseOtherPlugins(parseConflist(conflist, "it", "a"), shop, "shop/a", {
        allowedPlugins: { "*": ["x"] },
      }),
  },
  // cni-args go into the conf of each of three plugins, which is written and read again.
  { what: "a plan with large cni-args", input: 3 * selections.length, work: plan },
  {
    what: "what a plugin reads",
    input: conflist.length + result.length,
    work: () => {
      const list = parseConflist(conflist, "it", "a");
      const [plugin = expect.fail("no plugin")] = list.plugins;
      pluginStdin(list, plugin, { capabilityArgs: JsonObject.empty, prevResult: result });
    },
  },
  {
    what: "gateways of a whole pod",
    input: selections.length,
    work: () => {
      const defaultRoute = Array<string>(64 * 8).fill("10.0.0.1");
      expect(() => planDefaultRoutes([{ ifName: ifName("net1"), network: "a", defaultRoute }])).toThrow("ECMP");
    },
  },
  { what: "a result", input: result.length, work: () => parseResult(result, "1.0.0") },
  { what: "a result in an older version", input: result.length, work: () => convertResult(result, "1.0.0", "0.4.0") },
  {
    what: "the default route of a result",
    input: result.length,
    work: () => withDefaultRoute(result, "1.0.0", 4, "10.0.0.1"),
  },
  {
    what: "the network status of many interfaces",
    input: manyInterfaces.length,
    work: () => {
      const parsed = parseResult(manyInterfaces, "1.0.0").result;
      const shown = { network: "shop/a", ifName: ifName("net1"), primary: true, result: parsed };
      renderNetworkStatus(statusOf(shown));
    },
  },
  {
    what: "a plugin's error",
    input: 4 << 20,
    work: () =>
      pluginFailure({
        ending: { how: "exited", status: 1 },
        stdout: `{"code":7,"msg":"${"x".repeat(4 << 20)}"}`,
        stderr: "",
      }),
  },
  {
    what: "the runtime's config",
    input: 1 << 20,
    work: () => parseNetConf(`{"name":"plexus","cniVersion":"1.0.0","a":[${"1,".repeat(500_000)}1]}`),
  },
  { what: "CNI_ARGS", input: 128 << 10, work: () => parseCniArgs("K=v;".repeat(32 << 10)) },
])("makes work in proportion to its input: $what", ({ what, input, work }) => {
  const began = performance.now();
  work();
  const ms = performance.now() - began;
  const { characters, members: mapped } = counted(work);
  process.stdout.write(`budget: ${what}: ${input} bytes, blocked for ${ms.toFixed(1)} ms\n`);
  expect({ characters, mapped }).toEqual({
    characters: expect.toSatisfy((count: number) => count <= 40 * input) as number,
    mapped: expect.toSatisfy((count: number) => count <= 4 * input) as number,
  });
});
