import { expect, it } from "vitest";
import { parseConflist, type Plugin } from "../../../daemon/domain/cni/conf.ts";
import { JsonObject } from "../../../daemon/domain/json/json-object.ts";
import { DeviceLanes } from "../../../daemon/operations/scheduling/device-lanes.ts";

const patient = new AbortController().signal;
const MAC = "52:54:00:00:01:00";
const PATH = "/sys/devices/pci0000:00/0000:01:00.0";
const PARENTS: Readonly<Record<string, string>> = {
  ...{ vf0: "card", vf1: "card", ens1: "card", [MAC]: "card", [PATH]: "card" },
  ...{ vf8: "other card", ens2: "other card" },
};

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
  {
    why: "a part and the card in TKE's if0",
    confs: [
      { type: "sriov", deviceID: "vf0" },
      { type: "sriov", if0: "ens1" },
    ],
    most: 1,
  },
  {
    why: "a part and the card in the midst of TKE's pfNetdevices",
    confs: [
      { type: "sriov", deviceID: "vf8" },
      { type: "sriov", pfNetdevices: ["ens0", "ens2", "ens3"] },
    ],
    most: 1,
  },
  {
    why: "lists that share a card",
    confs: [
      { type: "sriov", if0: "ens1", pfNetdevices: ["ens2"] },
      { type: "sriov", if0: "ens2", pfNetdevices: ["ens3"] },
    ],
    most: 1,
  },
  {
    why: "lists of the same cards in other orders",
    confs: [
      { type: "sriov", pfNetdevices: ["ens1", "ens2"] },
      { type: "sriov", pfNetdevices: ["ens2", "ens1"] },
    ],
    most: 1,
  },
  {
    why: "lists that share no card",
    confs: [
      { type: "sriov", pfNetdevices: ["ens1"] },
      { type: "sriov", pfNetdevices: ["ens2"] },
    ],
    most: 2,
  },
  {
    why: "a part of a card, told to ovs",
    confs: [
      { type: "ovs", deviceID: "vf0" },
      { type: "ovs", deviceID: "vf1" },
    ],
    most: 1,
  },
  {
    why: "a part and the card by MAC address",
    confs: [
      { type: "ib-sriov", deviceID: "vf0" },
      { type: "host-device", hwaddr: MAC },
    ],
    most: 1,
  },
  {
    why: "a part and the card by its path in sysfs",
    confs: [
      { type: "ib-sriov", deviceID: "vf0" },
      { type: "host-device", kernelpath: PATH },
    ],
    most: 1,
  },
  {
    why: "keys in another case, as Go reads them",
    confs: [
      { type: "sriov", deviceId: "vf0" },
      { type: "sriov", PFNetDevices: ["ens1"] },
    ],
    most: 1,
  },
  {
    why: "keys that are no names",
    confs: [
      { type: "sriov", if0: 1, pfNetdevices: [2, ""] },
      { type: "sriov", if0: 1, pfNetdevices: null },
    ],
    most: 2,
  },
  {
    why: "an if0 that means nothing to their type",
    confs: [
      { type: "bridge", if0: "ens1" },
      { type: "bridge", if0: "ens1" },
    ],
    most: 2,
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

it("looks at no more than 64 cards of a list", async () => {
  const asked: string[] = [];
  const lanes = new DeviceLanes({
    of: async (device) => {
      asked.push(device);
      return device;
    },
  });
  const pfNetdevices = Array.from({ length: 1000 }, (_, index) => `ens${index}`);
  await lanes.run(plugin({ type: "sriov", pfNetdevices }), JsonObject.empty, patient, async () => undefined);
  expect(asked).toHaveLength(64);
});
