/** The sockets of the operators. Until an operator connects, each is a listener of node:net and nothing more. */
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "pino";
import { type Connections, listen } from "../connections.ts";
import { putSocket } from "../socket-file.ts";
import { untilAborted } from "../until-aborted.ts";
import type { OperatorServer } from "./grpc-server.ts";

export interface OperatorSocketsOptions {
  readonly socketDir: string;
  /** The group that may open plexus-inspector.sock; undefined for no such socket. */
  readonly inspectorGroupId: number | undefined;
  /** Makes the server; called at the first connection, and again after it failed. */
  readonly load: () => Promise<OperatorServer>;
  readonly log: Logger;
}

export interface OperatorSockets {
  setReady(ready: boolean): void;
  /** Lets calls under way finish while `hurry` is not aborted, for half a second at most, and closes every connection. */
  stop(hurry: AbortSignal): Promise<void>;
}

/** For root: everything. */
const OPERATOR_SOCKET = "plexus-operator.sock";
/** For the group of the setting `inspectorGroup`: what only reads. */
const INSPECTOR_SOCKET = "plexus-inspector.sock";

/** Clients of a group are not root: they must not use up the daemon's file descriptors. */
const MOST_CONNECTIONS = 64;

/** How long a client may take to read its last answer. */
const LAST_ANSWER_MS = 500;

/** @throws PlexusError `io-failure` when a socket cannot be made */
export async function openOperatorSockets(options: OperatorSocketsOptions): Promise<OperatorSockets> {
  const { socketDir, inspectorGroupId } = options;
  const server = loadedLater(options);
  const bind = (path: string): Promise<Connections> => listen(path, server.accept, MOST_CONNECTIONS);
  const sockets = [await putSocket(join(socketDir, OPERATOR_SOCKET), bind)];
  if (inspectorGroupId !== undefined) {
    sockets.push(await putSocket(join(socketDir, INSPECTOR_SOCKET), bind, inspectorGroupId));
  }
  return {
    setReady: (ready) => {
      server.setReady(ready);
    },
    async stop(hurry) {
      const ended = Promise.all(sockets.map(({ bound }) => bound.ended()));
      server.goAway();
      await Promise.race([ended, pause(LAST_ANSWER_MS, undefined, { ref: false }), untilAborted(hurry)]);
      for (const { bound } of sockets) bound.cut();
      await ended;
      for (const socket of sockets) await socket.remove();
    },
  };
}

/**
 * A server that is loaded at the first connection. Connections that come meanwhile wait: nothing reads from them, so what
 * their clients have sent is kept.
 */
function loadedLater({ load, log }: OperatorSocketsOptions): OperatorServer {
  let loading: Promise<OperatorServer> | undefined;
  let loaded: OperatorServer | undefined;
  let isReady = false;
  let isGoing = false;

  async function start(): Promise<OperatorServer> {
    const server = await load();
    server.setReady(isReady);
    if (isGoing) server.goAway();
    return (loaded = server);
  }

  return {
    accept(connection: Socket) {
      loading ??= start();
      loading.then(
        (server) => {
          if (!connection.destroyed) server.accept(connection);
        },
        (thrown: unknown) => {
          loading = undefined;
          log.error(
            { err: thrown },
            "cannot serve operators: the gRPC server cannot be loaded. Is the installation whole?",
          );
          connection.destroy();
        },
      );
    },
    setReady(ready) {
      isReady = ready;
      loaded?.setReady(ready);
    },
    goAway() {
      isGoing = true;
      loaded?.goAway();
    },
  };
}
