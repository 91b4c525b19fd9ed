/** The daemon's gRPC sockets: plexus.sock for the shim, the others for operators. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Inspection } from "../operations/observability/inspect.ts";
import type { Readiness } from "../operations/observability/readiness.ts";
import { cniService, type CniServiceDeps } from "./cni-service.ts";
import { type Connections, listen } from "./connections.ts";
import { followReadiness } from "./follow-readiness.ts";
import { countOperations, type OperationsUnderWay } from "./operations-under-way.ts";
import { openOperatorSockets } from "./operator/operator-sockets.ts";
import { putSocket } from "./socket-file.ts";
import { untilAborted } from "./until-aborted.ts";
import { makeUnaryServer, type UnaryServer } from "./wire/unary-server.ts";

export interface ServerOptions extends CniServiceDeps {
  readonly inspection: Inspection;
  /** What gRPC health says of the service Cni. */
  readonly readiness: Readiness;
  /** The sockets are in here. Made with mode 0700 if it does not exist. */
  readonly socketDir: string;
  /** The group that may open the read-only socket; undefined for no such socket. */
  readonly inspectorGroupId?: number | undefined;
  /** Holds `plexus.binpb`: the descriptor set of all services, as protoc makes it. */
  readonly protoDir: string;
}

export interface RunningServer {
  /** The shim's socket. */
  readonly socketPath: string;
  /**
   * Takes no new call, lets operations under way finish while `hurry` is not aborted, whether or not their callers still
   * wait, and then closes every connection. A connection without a call is not waited for. Operators can look in until the
   * operations have finished. Resolves when nothing of the server is left.
   */
  stop(hurry: AbortSignal): Promise<void>;
}

/** How long a caller may take to read its last answer. */
const LAST_ANSWER_MS = 500;

/** @throws PlexusError `io-failure` when a socket cannot be made */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { log, inspection, readiness, socketDir, inspectorGroupId, protoDir } = options;
  const operators = await openOperatorSockets({
    socketDir,
    inspectorGroupId,
    log,
    load: async () => {
      const { makeOperatorServer } = await import("./operator/grpc-server.ts");
      return makeOperatorServer({ inspection, protoDir });
    },
  });
  const stopFollowing = await followReadiness(readiness, log, operators.setReady);

  const underWay = countOperations(options.operations);
  const server = makeUnaryServer({
    methods: cniService({ ...options, operations: underWay.operations }),
    unknownMethod: "plexus.sock serves plexus.v1.Cni only; for anything else connect to plexus-operator.sock beside it",
    onBug: (path, thrown) => {
      log.error({ path, err: thrown }, "bug: the daemon cannot answer a call");
    },
  });
  const socketPath = join(socketDir, "plexus.sock");
  const socket = await putSocket(socketPath, (temporary) => listen(temporary, server.accept));
  return {
    socketPath,
    async stop(hurry) {
      stopFollowing();
      operators.setReady(false);
      await shutDown(server, socket.bound, underWay, hurry);
      await socket.remove();
      await operators.stop(hurry);
    },
  };
}

async function shutDown(
  server: UnaryServer,
  connections: Connections,
  underWay: OperationsUnderWay,
  hurry: AbortSignal,
): Promise<void> {
  const ended = connections.ended();
  server.goAway();
  await Promise.race([Promise.all([ended, underWay.none()]), allAnswered(underWay), untilAborted(hurry)]);
  connections.cut();
  await ended;
}

/** Resolves when no operation is under way, none of those on their way has come, and answers have had time to be read. */
async function allAnswered(underWay: OperationsUnderWay): Promise<void> {
  do {
    await underWay.none();
    await pause(LAST_ANSWER_MS, undefined, { ref: false });
  } while (underWay.count() > 0);
}
