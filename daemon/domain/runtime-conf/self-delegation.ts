/** Finding out that a conf leads back to Plexus, or to Multus: whoever delegates to himself never ends. */
import type { Conflist } from "../cni/conf.ts";
import { PlexusError } from "../errors.ts";
import { isPlainObject } from "../json/json-object.ts";

/** Types that are, or may be, this very program: it can be installed under Multus' names. */
const META_PLUGINS: ReadonlySet<string> = new Set(["plexus", "multus", "multus-shim"]);

/**
 * The type of a meta-plugin anywhere in a conf: its own, in its plugins, in a delegate's delegate. Keys in any case, as Go reads them.
 * @param own one more type that is ours
 */
export function metaPluginIn(value: unknown, own?: string): string | undefined {
  if (Array.isArray(value)) return firstOf(value, (element) => metaPluginIn(element, own));
  if (!isPlainObject(value)) return undefined;
  return firstOf(Object.entries(value), ([key, member]) => {
    if (typeof member !== "string") return metaPluginIn(member, own);
    const isMeta = key.toLowerCase() === "type" && (META_PLUGINS.has(member) || member === own);
    return isMeta ? member : undefined;
  });
}

/**
 * A network whose plugins are this very program would wait for itself.
 * @param own one more type that is ours
 * @throws PlexusError `invalid-config`
 */
export function refuseItself(
  { network, conflist }: { readonly network: string; readonly conflist: Conflist },
  own?: string,
): void {
  const type = metaPluginIn(JSON.parse(conflist.text), own);
  if (type === undefined) return;
  throw new PlexusError(
    "invalid-config",
    `network "${network}" leads to a plugin of type ${type}, and so to Plexus itself`,
    {
      details: "a network's config names the plugins that attach pods to it",
    },
  );
}

/** The paths of other confs that a conf names as its networks. */
export function confPathsIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(confPathsIn);
  if (!isPlainObject(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const isNetwork = ["clusternetwork", "defaultnetworks"].includes(key.toLowerCase());
    return isNetwork ? pathsOf(member) : confPathsIn(member);
  });
}

function pathsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(pathsOf);
  return typeof value === "string" && value.startsWith("/") ? [value] : [];
}

function firstOf<T, Found>(items: readonly T[], find: (item: T) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
