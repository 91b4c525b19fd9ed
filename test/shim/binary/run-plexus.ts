import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

/**
 * How the executable is started. PLEXUS_SHIM names another than the one just built, with whatever it needs in front of it,
 * such as "qemu-aarch64-static dist/plexus-arm64".
 */
function commandLine(): readonly string[] {
  const given = process.env["PLEXUS_SHIM"];
  if (given !== undefined) return given.split(" ");
  execFileSync("sh", [join(root, "shim/build.sh")], { stdio: ["ignore", "ignore", "inherit"] });
  return [join(root, "dist/plexus")];
}

/** The executable, and whatever has to stand in front of it. */
export const plexusCommand = commandLine();

const [program = "", ...programArgs] = plexusCommand;

export interface Run {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** How long the executable may take before it is killed, in ms. */
  readonly limitMs?: number;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs the executable to its end. One that takes too long is killed, which shows in `signal`. */
export function runPlexus({ env = {}, args = [], stdin = "", limitMs = 20_000 }: Run): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...programArgs, ...args], { env, timeout: limitMs, killSignal: "SIGKILL" });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    // It may well exit without having read all of it.
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    child.on("error", reject);
    child.on("close", (status, signal) => resolve({ status, signal, stdout: Buffer.concat(stdout), stderr }));
  });
}

export interface CniErrorObject {
  readonly code: number;
  readonly msg: string;
  readonly details?: string;
}

/** The error object on stdout of a run that ended as a failed CNI operation has to. Throws when it did not. */
export function cniErrorOf({ status, signal, stdout, stderr }: Ended): CniErrorObject {
  if (status !== 1) throw new Error(`ended with status ${status}, signal ${signal}, stderr: ${stderr}`);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(stdout);
  const error = JSON.parse(text) as Partial<CniErrorObject>;
  if (typeof error.code !== "number" || error.code === 0 || typeof error.msg !== "string")
    throw new Error(`no CNI error: ${text}`);
  return { ...error, code: error.code, msg: error.msg };
}
