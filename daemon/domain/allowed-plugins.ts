/** The administrator's list of the plugins that NADs may name (setting `allowedPlugins`). */
import type { Conflist } from "./cni/conf.ts";
import { PlexusError } from "./errors.ts";
import type { Namespace } from "./ids.ts";
import { isPlainObject } from "./json/json-object.ts";
import type { AllowedPlugins, TenantLimits } from "./tenant-limits.ts";

const EVERY_OTHER = "*";

/**
 * Networks that the administrator puts on the node, into the network config or into confDir, are not asked.
 * @throws PlexusError `namespace-forbidden` for the first plugin that is not on the list
 */
export function refuseOtherPlugins(
  { plugins }: Pick<Conflist, "plugins">,
  home: Namespace,
  network: string,
  { allowedPlugins: allowed }: Pick<TenantLimits, "allowedPlugins">,
): void {
  if (allowed === undefined) return;
  const types = allowedIn(allowed, home);
  const named = plugins.flatMap(({ type, conf }) => [type, ...nestedTypes(JSON.parse(conf.toString()))]);
  const other = named.find((type) => !types.includes(type));
  if (other === undefined) return;
  throw new PlexusError(
    "namespace-forbidden",
    `network "${network}" names the plugin ${JSON.stringify(other)}, and NADs of namespace ${home} may not`,
    { details: `allowed there: ${types.join(", ") || "none"}; the administrator's setting is allowedPlugins` },
  );
}

function allowedIn(allowed: AllowedPlugins, home: string): readonly string[] {
  if (Object.hasOwn(allowed, home)) return allowed[home] ?? [];
  return Object.hasOwn(allowed, EVERY_OTHER) ? (allowed[EVERY_OTHER] ?? []) : [];
}

/**
 * A plugin starts others that its conf names: `ipam.type`, `delegate.type` and what third parties call theirs. Every string member
 * `type` counts, wherever it stands and in any case, because plugins in Go read keys so.
 */
function nestedTypes(conf: unknown): readonly string[] {
  const types: string[] = [];
  const waiting: unknown[] = [conf];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Array.isArray(next)) waiting.push(...(next as unknown[]));
    if (!isPlainObject(next)) continue;
    for (const [key, value] of Object.entries(next)) {
      if (typeof value === "string" && key.toLowerCase() === "type") types.push(value);
      else waiting.push(value);
    }
  }
  return types;
}
