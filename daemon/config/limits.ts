import type { TenantLimits } from "../domain/tenant-limits.ts";
import type { Settings } from "./load.ts";

/** What authors of pods and NADs may ask of the node, as the settings have it. */
export function limitsOf(settings: Settings): TenantLimits {
  return {
    networksPerPod: settings.maxNetworksPerPod,
    selectionBytes: settings.maxSelectionBytes,
    networkConfigBytes: settings.maxNetworkConfigBytes,
    pluginsPerNetwork: settings.maxPluginsPerNetwork,
    planBytes: settings.maxPlanBytes,
    allowedPlugins: settings.allowedPlugins,
  };
}
