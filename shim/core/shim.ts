import { aboutText, helpText, versionText } from "./about.ts";
import { callFailure, type FailureContext } from "./call-failure.ts";
import { mayTryAgain, type Answer } from "./call-outcome.ts";
import { isDaemonVerb, readEnvironment } from "./cni-environment.ts";
import { CniCode, cniError, renderCniError, type CniError } from "./cni-error.ts";
import { decodeReply, encodeRequest } from "./cni-messages.ts";
import { versionAnswer, versionProblem } from "./cni-version.ts";
import { callDaemon, type DaemonRequest } from "./daemon-call.ts";
import { spoolDel } from "./del-spool.ts";
import { readNetworkConfig } from "./network-config.ts";
import type { ShimIo } from "./shim-io.ts";
import { toUtf8 } from "./utf8.ts";

const MAX_CONFIG_BYTES = 1024 * 1024;
const STATUS_WAIT_MS = 20_000;

const SUCCESS = 0;
const FAILURE = 1;

/** Everything this program does. Returns the exit status: 0, or 1 with a CNI error object on standard output (spec §1.1). */
export function runShim(io: ShimIo): number {
  try {
    return run(io);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown error";
    return fail(
      io,
      cniError(CniCode.internal, `plexus failed: ${reason}`, "this is a bug in plexus, please report it"),
    );
  }
}

function run(io: ShimIo): number {
  switch (io.firstArgument) {
    case "--version":
    case "-version":
    case "-v":
      return print(io, toUtf8(versionText(io.version)));
    case "--help":
    case "-help":
    case "-h":
      return print(io, toUtf8(helpText(io.version)));
  }
  const command = io.env("CNI_COMMAND");
  if (command === "") return printAbout(io);
  if (command === "VERSION") return print(io, toUtf8(versionAnswer()));
  if (isDaemonVerb(command)) return runVerb(io, command);
  return fail(io, cniError(CniCode.invalidEnvironment, `unknown CNI_COMMAND: ${command}`, ""));
}

function runVerb(io: ShimIo, verb: string): number {
  const reading = readEnvironment(verb, io.env);
  if (reading.kind === "refused") return fail(io, reading.error);
  const stdin = io.readStdin(MAX_CONFIG_BYTES);
  if (stdin.fault !== "") return fail(io, cniError(CniCode.ioFailure, `error reading from stdin: ${stdin.fault}`, ""));
  if (stdin.bytes.length > MAX_CONFIG_BYTES) {
    return fail(io, cniError(CniCode.decodingFailure, "the network config on stdin is larger than 1 MiB", ""));
  }
  const configReading = readNetworkConfig(stdin.bytes);
  if (configReading.kind === "refused") return fail(io, configReading.error);
  const config = configReading.config;
  const problem = versionProblem(verb, config.cniVersion);
  if (problem !== null) return fail(io, problem);
  const { environment } = reading;
  const request: DaemonRequest = {
    socketPath: config.socketPath,
    path: `/plexus.v1.Cni/${methodOf(verb)}`,
    message: encodeRequest(environment, stdin.bytes, io.requestId),
    waitMs: waitFor(verb, config.waitMs),
    changesNothing: verb === "STATUS",
    timeoutMs: config.timeoutMs,
  };
  const outcome = callDaemon(io, request);
  const context = { verb, requestId: io.requestId, request };
  if (outcome.kind === "answered") return printReply(io, outcome, context);
  const failure = callFailure(outcome, context);
  if (verb !== "DEL" || !mayTryAgain(outcome)) return fail(io, failure);
  const fault = spoolDel(io, config.spoolDir, environment, stdin.bytes);
  if (fault === "") return SUCCESS;
  const msg = `${failure.msg}, and the DEL cannot be left in ${config.spoolDir}: ${fault}`;
  return fail(io, cniError(failure.code, msg, failure.details));
}

function printReply(io: ShimIo, outcome: Answer, context: FailureContext): number {
  const reply = decodeReply(outcome.message);
  switch (reply.kind) {
    case "result":
      return print(io, reply.result);
    case "error":
      return fail(io, withCodeFor(context.verb, reply.error));
    case "empty":
      // Only an ADD must have a result.
      return context.verb === "ADD" ? fail(io, callFailure(outcome, context)) : SUCCESS;
    case "malformed":
      return fail(io, callFailure(outcome, context));
  }
}

/** The method of the service Cni in proto/plexus/v1/cni.proto. */
function methodOf(verb: string): string {
  switch (verb) {
    case "ADD":
      return "Add";
    case "DEL":
      return "Del";
    case "CHECK":
      return "Check";
    case "STATUS":
      return "Status";
    default:
      return "Gc";
  }
}

/**
 * How long a verb waits for a daemon that is away, for an update mostly. A runtime takes a failed STATUS for a node
 * that cannot run pods, and the node becomes NotReady; yet the kubelet calls a runtime dead that answers nothing for
 * 30 s. The runtime repeats a GC by itself, and a DEL goes to the spool.
 */
function waitFor(verb: string, waitMs: number): number {
  if (verb === "ADD" || verb === "CHECK") return waitMs;
  return verb === "STATUS" ? Math.min(waitMs, STATUS_WAIT_MS) : 0;
}

/** STATUS has codes of its own (spec §1.7): after the wait, "try again later" means "not available". */
function withCodeFor(verb: string, error: CniError): CniError {
  if (verb !== "STATUS" || error.code !== CniCode.tryAgainLater) return error;
  return cniError(CniCode.notAvailable, error.msg, error.details);
}

function printAbout(io: ShimIo): number {
  io.writeStderr(toUtf8(aboutText()));
  return SUCCESS;
}

function print(io: ShimIo, bytes: Uint8Array): number {
  return write(io, bytes, SUCCESS);
}

function fail(io: ShimIo, error: CniError): number {
  return write(io, renderCniError(error), FAILURE);
}

/** A result that could not be handed over is no success, whatever it says. */
function write(io: ShimIo, bytes: Uint8Array, status: number): number {
  const fault = io.writeStdout(bytes);
  if (fault === "") return status;
  io.writeStderr(toUtf8(`plexus: cannot write to stdout: ${fault}\n`));
  return FAILURE;
}
