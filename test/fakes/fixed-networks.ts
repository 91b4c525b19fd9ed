import type { NetworkDefinition } from "../../daemon/domain/network-definition.ts";
import type { Networks } from "../../daemon/ports/networks.ts";

export function fixedNetworks(networks: readonly NetworkDefinition[]): Networks {
  return {
    get: (namespace, name) => networks.find((network) => network.namespace === namespace && network.name === name),
  };
}
