import { CniCode, cniError, type CniError } from "./cni-error.ts";

/** The versions of the CNI specification a configuration may ask for, oldest first. */
export const SUPPORTED_VERSIONS: readonly string[] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/** The version the VERSION verb is answered in. */
const OWN_VERSION = "1.1.0";

/** What a configuration without cniVersion is taken to mean. */
const DEFAULT_VERSION = "0.1.0";

/** The answer to the VERSION verb, one line. */
export function versionAnswer(): string {
  return `{"cniVersion":"${OWN_VERSION}","supportedVersions":[${quoted(",")}]}\n`;
}

/** Why a configuration of this version does not allow the verb; null when it does (spec §1.1). */
export function versionProblem(verb: string, configVersion: string): CniError | null {
  const version = configVersion === "" ? DEFAULT_VERSION : configVersion;
  const age = SUPPORTED_VERSIONS.indexOf(version);
  if (age < 0) {
    const details = `config is ${JSON.stringify(version)}, plugin supports [${quoted(" ")}]`;
    return cniError(CniCode.incompatibleVersion, "incompatible CNI versions", details);
  }
  if (age < SUPPORTED_VERSIONS.indexOf(firstVersionWith(verb))) {
    return cniError(CniCode.incompatibleVersion, `config version does not allow ${verb}`, "");
  }
  return null;
}

function firstVersionWith(verb: string): string {
  switch (verb) {
    case "CHECK":
      return "0.4.0";
    case "GC":
    case "STATUS":
      return "1.1.0";
    default:
      return "0.1.0";
  }
}

function quoted(separator: string): string {
  return `"${SUPPORTED_VERSIONS.join(`"${separator}"`)}"`;
}
