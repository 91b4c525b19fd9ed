import type { Plugin } from "../../domain/cni/conf.ts";
import type { JsonObject } from "../../domain/json/json-object.ts";
import type { DeviceParents } from "../../ports/device-parents.ts";
import { NetworkLanes } from "./network-lanes.ts";

/** Types that take an interface of the node, or a part of one, which their conf may name. */
const TAKES_INTERFACE: ReadonlySet<string> = new Set(["host-device", "ib-sriov", "sriov"]);

/**
 * Plugins that handle parts of one device run one at a time, whatever their networks and sandboxes: drivers of network cards do not bear being
 * told about several of their virtual functions at once.
 */
export class DeviceLanes {
  readonly #parents: DeviceParents;
  readonly #lanes = new NetworkLanes(1);

  constructor(parents: DeviceParents) {
    this.#parents = parents;
  }

  async run<T>(plugin: Plugin, capabilityArgs: JsonObject, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const device = deviceOf(plugin, capabilityArgs);
    return device === undefined ? work() : this.#lanes.run(await this.#parents.of(device), signal, work);
  }
}

/** What the plugin is told to handle; undefined when that is no device. */
function deviceOf({ type, capabilities, conf }: Plugin, capabilityArgs: JsonObject): string | undefined {
  const told = [
    conf.get("deviceID"),
    conf.get("pciBusID"),
    ...(capabilities.has("deviceID") ? [capabilityArgs.get("deviceID")] : []),
    ...(TAKES_INTERFACE.has(type) ? [conf.get("device"), conf.get("master")] : []),
  ];
  return told.find((name): name is string => typeof name === "string" && name !== "");
}
