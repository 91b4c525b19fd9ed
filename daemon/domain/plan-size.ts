/** How large a pod's plan gets, known before any text of it is made. */
import type { Conflist } from "./cni/conf.ts";
import type { DelegateSource } from "./delegate-source.ts";
import { PlexusError } from "./errors.ts";
import type { TenantLimits } from "./tenant-limits.ts";

/** @throws PlexusError `invalid-config` */
export function refuseManyPlugins(
  { plugins }: Pick<Conflist, "plugins">,
  network: string,
  { pluginsPerNetwork }: Pick<TenantLimits, "pluginsPerNetwork">,
): void {
  if (plugins.length <= pluginsPerNetwork) return;
  throw new PlexusError(
    "invalid-config",
    `network "${network}" has ${plugins.length} plugins, more than ${pluginsPerNetwork}`,
    { details: "shorten its list of plugins, or raise maxPluginsPerNetwork" },
  );
}

/**
 * One NAD that a pod names many times, or large `cni-args` for every plugin of a list, multiply into a record that no node can keep
 * (issue 11).
 * @throws PlexusError `invalid-config`
 */
export function refuseLargePlan(
  sources: readonly Pick<DelegateSource, "conflist" | "selection">[],
  { planBytes }: Pick<TenantLimits, "planBytes">,
): void {
  const bytes = sources.reduce((sum, source) => sum + bytesOf(source), 0);
  if (bytes <= planBytes) return;
  throw new PlexusError(
    "invalid-config",
    `the configs of all networks of the pod have ${bytes} bytes together, more than ${planBytes}`,
    { details: "ask for fewer or smaller networks, or have the administrator raise maxPlanBytes" },
  );
}

/** At most: the `cni-args` of a selection go into the conf of each plugin. */
function bytesOf({ conflist, selection }: Pick<DelegateSource, "conflist" | "selection">): number {
  const { text, plugins } = conflist;
  return Buffer.byteLength(text) + plugins.length * Buffer.byteLength(selection?.cniArgs ?? "");
}
