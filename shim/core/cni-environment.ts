import { CniCode, cniError, type CniError } from "./cni-error.ts";
import { toUtf8 } from "./utf8.ts";

/** What the runtime says in the environment. A variable that the verb has no use for is empty here, whatever its value is. */
export interface CniEnvironment {
  readonly containerId: string;
  readonly netns: string;
  readonly ifname: string;
  readonly args: string;
  readonly path: string;
  readonly netnsOverride: string;
}

export type EnvironmentReading =
  | { readonly kind: "environment"; readonly environment: CniEnvironment }
  | { readonly kind: "refused"; readonly error: CniError };

/** One row of the table in spec §1.1. */
interface Variable {
  readonly name: string;
  readonly requiredBy: readonly string[];
  readonly optionalFor: readonly string[];
  /** Asked only when the variable is set and the verb requires it. */
  readonly problem: (value: string) => CniError | null;
}

const VERBS: readonly string[] = ["ADD", "DEL", "CHECK", "STATUS", "GC"];
const ATTACHMENT_VERBS: readonly string[] = ["ADD", "CHECK", "DEL"];

/** In the order of CniEnvironment, which is also the one in which missing variables are listed. */
const VARIABLES: readonly Variable[] = [
  { name: "CNI_CONTAINERID", requiredBy: ATTACHMENT_VERBS, optionalFor: [], problem: containerIdProblem },
  { name: "CNI_NETNS", requiredBy: ["ADD", "CHECK"], optionalFor: ["DEL"], problem: noProblem },
  { name: "CNI_IFNAME", requiredBy: ATTACHMENT_VERBS, optionalFor: [], problem: interfaceNameProblem },
  { name: "CNI_ARGS", requiredBy: [], optionalFor: ATTACHMENT_VERBS, problem: noProblem },
  { name: "CNI_PATH", requiredBy: VERBS, optionalFor: [], problem: noProblem },
  { name: "CNI_NETNS_OVERRIDE", requiredBy: [], optionalFor: ATTACHMENT_VERBS, problem: noProblem },
];

/** The daemon's limit: ids become file names there. */
const MAX_CONTAINER_ID_BYTES = 200;

/** IFNAMSIZ less the final NUL. */
const MAX_INTERFACE_NAME_BYTES = 15;

export function isDaemonVerb(verb: string): boolean {
  return VERBS.includes(verb);
}

/**
 * Reads the variables of a verb (spec §1.1). An invalid value is reported in preference to missing variables,
 * missing variables all at once. Set but empty is missing.
 */
export function readEnvironment(verb: string, env: (name: string) => string): EnvironmentReading {
  const values: string[] = [];
  const missing: string[] = [];
  for (const variable of VARIABLES) {
    const required = variable.requiredBy.includes(verb);
    const value = required || variable.optionalFor.includes(verb) ? env(variable.name) : "";
    values.push(value);
    if (!required) continue;
    if (value === "") {
      missing.push(variable.name);
      continue;
    }
    const error = variable.problem(value);
    if (error !== null) return { kind: "refused", error };
  }
  if (missing.length > 0) {
    return { kind: "refused", error: invalidEnvironment(`required env variables [${missing.join(",")}] missing`, "") };
  }
  const [containerId = "", netns = "", ifname = "", args = "", path = "", netnsOverride = ""] = values;
  return { kind: "environment", environment: { containerId, netns, ifname, args, path, netnsOverride } };
}

/** Whether the text is a name as CNI knows them: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$ */
export function isCniName(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (!isAlphanumeric(character) && (i === 0 || !"_.-".includes(text.charAt(i)))) return false;
  }
  return text.length > 0;
}

function containerIdProblem(id: string): CniError | null {
  if (!isCniName(id)) return invalidEnvironment("invalid characters in containerID", id);
  if (id.length <= MAX_CONTAINER_ID_BYTES) return null;
  return invalidEnvironment("container ID is too long", `it may have at most ${MAX_CONTAINER_ID_BYTES} bytes`);
}

function interfaceNameProblem(name: string): CniError | null {
  if (toUtf8(name).length > MAX_INTERFACE_NAME_BYTES) {
    const details = `interface name should be less than ${MAX_INTERFACE_NAME_BYTES + 1} characters`;
    return invalidEnvironment("interface name is too long", details);
  }
  if (name === "." || name === "..") return invalidEnvironment("interface name is . or ..", "");
  for (let i = 0; i < name.length; i++) {
    const character = name.charCodeAt(i);
    if (character === SLASH || character === COLON || isWhitespace(character)) {
      return invalidEnvironment("interface name contains / or : or whitespace characters", "");
    }
  }
  return null;
}

function noProblem(_value: string): CniError | null {
  return null;
}

function invalidEnvironment(msg: string, details: string): CniError {
  return cniError(CniCode.invalidEnvironment, msg, details);
}

const SLASH = 0x2f;
const COLON = 0x3a;

function isAlphanumeric(character: number): boolean {
  const lowered = character | 0x20;
  return (character >= 0x30 && character <= 0x39) || (lowered >= 0x61 && lowered <= 0x7a);
}

/** What Unicode calls white space. */
function isWhitespace(character: number): boolean {
  return (
    (character >= 0x09 && character <= 0x0d) ||
    (character >= 0x2000 && character <= 0x200a) ||
    OTHER_WHITESPACE.includes(character)
  );
}

const OTHER_WHITESPACE: readonly number[] = [0x20, 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000];
