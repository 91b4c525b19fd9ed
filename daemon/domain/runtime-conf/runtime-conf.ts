/** The conf that makes a runtime call Plexus, made from the conf that it would use otherwise (spec §7.7). */
import type { Conflist } from "../cni/conf.ts";
import { type CniVersion, cniVersion, isAtLeast } from "../cni/version.ts";
import { PlexusError } from "../errors.ts";
import type { JsonText } from "../json/json-object.ts";

export interface RuntimeConfTemplate {
  /** Undefined: the default network's own. */
  readonly cniVersion: CniVersion | undefined;
  readonly name: string;
  /** Take the default network's name for the conf's. */
  readonly overrideNetworkName: boolean;
  /** The file name of the executable. */
  readonly type: string;
  /** Besides those of the default network. */
  readonly capabilities: Readonly<Record<string, boolean>>;
  /** What the executable cannot know by its defaults. */
  readonly forExecutable: Readonly<Record<string, string | number>>;
}

/** What runtimes get that are told no version, neither by the settings nor by the default network: Multus' manifests say the same. */
const FALLBACK_VERSION: CniVersion = "0.3.1";

/**
 * @param primary the default network as it will be attached
 * @param path where it was read from
 * @throws PlexusError `incompatible-version` when its version does not go with the one wanted
 */
export function makeRuntimeConf(template: RuntimeConfTemplate, primary: Conflist, path: string): JsonText {
  refuseMixedVersions(template.cniVersion, primary.writtenVersion);
  const granted = primary.plugins.flatMap((plugin) => [...plugin.capabilities]);
  const capabilities = { ...template.capabilities, ...Object.fromEntries(granted.map((name) => [name, true])) };
  const conf = {
    cniVersion: template.cniVersion ?? (primary.writtenVersion === "" ? FALLBACK_VERSION : primary.version),
    name: template.overrideNetworkName ? primary.name : template.name,
    type: template.type,
    ...(Object.keys(capabilities).length > 0 && { capabilities }),
    clusterNetwork: path,
    ...template.forExecutable,
  };
  return `${JSON.stringify(conf, undefined, 2)}\n`;
}

/** From 0.4.0 on the two must both be, as results and CHECK differ (spec §7.7). */
function refuseMixedVersions(ours: CniVersion | undefined, written: string): void {
  if (ours === undefined || !isAtLeast(ours, "0.4.0")) return;
  if (written !== "" && isAtLeast(cniVersion(written), "0.4.0")) return;
  const problem =
    written === ""
      ? "couldn't get cni version of delegate"
      : `delegate cni version is ${written} while top level cni version is ${ours}`;
  throw new PlexusError(
    "incompatible-version",
    `failed to load the primary CNI configuration as a multus delegate with error '${problem}'`,
    { details: "let cniVersion in the daemon's config be the default network's, or leave it out" },
  );
}
