import { toUtf8 } from "./utf8.ts";

/** The CNI error codes this program makes up itself. The daemon's pass through as they are. */
export const CniCode = {
  incompatibleVersion: 1,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidNetworkConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  internal: 999,
} as const;

/** What CNI calls an error object. */
export interface CniError {
  readonly code: number;
  /** One sentence: what failed. */
  readonly msg: string;
  /** What to do next. May be empty. */
  readonly details: string;
}

export function cniError(code: number, msg: string, details: string): CniError {
  return { code, msg, details };
}

/** The error as it goes to standard output: indented by four spaces, without empty details, without a cniVersion (spec §1.1). */
export function renderCniError(error: CniError): Uint8Array {
  const members = [`"code": ${error.code}`, `"msg": ${JSON.stringify(error.msg)}`];
  if (error.details !== "") members.push(`"details": ${JSON.stringify(error.details)}`);
  return toUtf8(`{\n    ${members.join(",\n    ")}\n}`);
}
