import { expect, it } from "vitest";
import { parseConflist, type Plugin } from "../../../daemon/domain/cni/conf.ts";
import { JsonObject } from "../../../daemon/domain/json/json-object.ts";
import { DeviceLanes } from "../../../daemon/operations/scheduling/device-lanes.ts";

const patient = new AbortController().signal;
const PARENTS: Readonly<Record<string, string>> = { vf0: "card", vf1: "card", ens1: "card" };

function plugin(conf: object): Plugin {
  const [only = expect.fail("no plugin")] = parseConflist(JSON.stringify({ name: "n", ...conf }), "the conf").plugins;
  return only;
}

it.each([
  {
    why: "two parts of one card",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "other", deviceID: "vf1" },
    ],
    most: 1,
  },
  {
    why: "a part under the other name",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "other", pciBusID: "vf1" },
    ],
    most: 1,
  },
  {
    why: "a part and the card's interface",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "sriov", master: "ens1" },
    ],
    most: 1,
  },
  {
    why: "one interface that is taken twice",
    confs: [
      { type: "host-device", device: "ens1" },
      { type: "ib-sriov", master: "ens1" },
    ],
    most: 1,
  },
  {
    why: "a part that is told of as a capability",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "other", capabilities: { deviceID: true } },
    ],
    most: 1,
  },
  { why: "a capability that is not declared", confs: [{ type: "sriov", deviceID: "vf0" }, { type: "other" }], most: 2 },
  {
    why: "two cards",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "sriov", deviceID: "another" },
    ],
    most: 2,
  },
  { why: "no devices", confs: [{ type: "bridge" }, { type: "bridge" }], most: 2 },
  {
    why: "interfaces above one that stays where it is",
    confs: [
      { type: "macvlan", master: "ens1" },
      { type: "macvlan", master: "ens1" },
    ],
    most: 2,
  },
])("runs $most at once of plugins with $why", async ({ confs, most }) => {
  const lanes = new DeviceLanes({ of: async (device) => PARENTS[device] ?? device });
  const capabilityArgs = JsonObject.parse('{"deviceID":"vf1"}', "the args");
  let running = 0;
  let ever = 0;
  const work = async (): Promise<void> => {
    ever = Math.max(ever, ++running);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    running -= 1;
  };
  await Promise.all(confs.map((conf) => lanes.run(plugin(conf), capabilityArgs, patient, work)));
  expect(ever).toBe(most);
});
