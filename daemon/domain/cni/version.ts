import { PlexusError } from "../errors.ts";

/** The versions of the CNI specification that are spoken here, oldest first. */
export const CNI_VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
export type CniVersion = (typeof CNI_VERSIONS)[number];

/** A conf's `cniVersion`; an empty one means the oldest. @throws PlexusError `incompatible-version` (spec §1.1) */
export function cniVersion(text: string): CniVersion {
  if (text === "") return CNI_VERSIONS[0];
  if (isCniVersion(text)) return text;
  const supported = CNI_VERSIONS.map((version) => JSON.stringify(version)).join(" ");
  throw new PlexusError("incompatible-version", "incompatible CNI versions", {
    details: `config is ${JSON.stringify(text)}, plugin supports [${supported}]`,
  });
}

export function isCniVersion(text: string): text is CniVersion {
  return (CNI_VERSIONS as readonly string[]).includes(text);
}

export function isAtLeast(version: CniVersion, least: CniVersion): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(least);
}
