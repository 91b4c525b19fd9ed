import type { Plugin } from "../../domain/cni/conf.ts";
import type { JsonObject } from "../../domain/json/json-object.ts";
import type { DeviceParents } from "../../ports/device-parents.ts";
import { NetworkLanes } from "./network-lanes.ts";

/** The keys in which a plugin of any type is told its device. */
const DEVICE_KEYS = ["deviceID", "pciBusID"];

/**
 * The keys in which plugins of these types are told the card, or an interface that they take from the node. sriov: `master` of the plugin's
 * first versions, `if0` and `pfNetdevices` of TKE's fork, which names several cards and takes a function of any.
 */
const INTERFACE_KEYS: ReadonlyMap<string, readonly string[]> = new Map([
  ["host-device", ["device", "hwaddr", "kernelpath"]],
  ["ib-sriov", ["device", "master"]],
  ["sriov", ["device", "master", "if0", "pfNetdevices"]],
]);

/** Of a longer list of cards only the first count. No node has more. */
const MOST_DEVICES = 64;

/**
 * Plugins that handle parts of one device run one at a time, whatever their networks and sandboxes: drivers of network cards do not bear being
 * told about several of their virtual functions at once, and a plugin that looks for a free function finds the one that another is taking.
 */
export class DeviceLanes {
  readonly #parents: DeviceParents;
  readonly #lanes = new NetworkLanes(1);

  constructor(parents: DeviceParents) {
    this.#parents = parents;
  }

  async run<T>(plugin: Plugin, capabilityArgs: JsonObject, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const devices = devicesOf(plugin, capabilityArgs);
    const parents = new Set(await Promise.all(devices.map((device) => this.#parents.of(device))));
    // Every plugin enters its lanes in one order, so that no two wait for each other.
    const enterAll = [...parents]
      .toSorted()
      .reduceRight<() => Promise<T>>((inner, parent) => () => this.#lanes.run(parent, signal, inner), work);
    return enterAll();
  }
}

/** What the plugin is told to handle, each once; empty when that is no device. */
function devicesOf({ type, capabilities, conf }: Plugin, capabilityArgs: JsonObject): readonly string[] {
  const told = [...DEVICE_KEYS, ...(INTERFACE_KEYS.get(type) ?? [])].flatMap((key) => namesAt(conf, key));
  const granted = capabilities.has("deviceID") ? namesAt(capabilityArgs, "deviceID") : [];
  return [...new Set([...told, ...granted])].slice(0, MOST_DEVICES);
}

/** A name or a list of names, under the key in any case, as plugins written in Go read it. */
function namesAt(object: JsonObject, key: string): readonly string[] {
  const text = object.textFolded(key);
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  return (Array.isArray(value) ? value : [value]).filter(
    (name): name is string => typeof name === "string" && name !== "",
  );
}
