/** The doors beside gRPC: metrics and probes on ports, Multus' API on a socket. Each is shut unless its setting is given. */
import { once } from "node:events";
import type { Server } from "node:http";
import type { Condition } from "../operations/observability/readiness.ts";
import { delegateRoutes, type DelegateRoutesDeps } from "./delegate-routes.ts";
import { type HttpDeps, type HttpServer, httpServer, type Routes } from "./http-server.ts";
import { type Listening, listenOnPort, listenOnSocket, type TcpAddress } from "./listen.ts";
import { metricsRoutes } from "./metrics-routes.ts";
import { probeRoutes } from "./probe-routes.ts";

export interface DoorOptions extends HttpDeps, DelegateRoutesDeps {
  readonly metrics: { readonly at: TcpAddress; readonly expose: Expose } | undefined;
  readonly probes: TcpAddress | undefined;
  readonly multusSocket: string | undefined;
  /** Throws when only a new daemon can help. */
  readonly alive: Condition;
}

type Expose = () => Promise<{ readonly type: string; readonly text: string }>;

/** @throws PlexusError `io-failure` when the socket cannot be made */
export async function openDoors(options: DoorOptions): Promise<Listening> {
  const { metrics, probes, multusSocket, readiness, alive, log } = options;
  const servers: HttpServer[] = [];
  const doors: Listening[] = [];
  const serve = (routes: Routes): Server => {
    const made = httpServer(routes, options);
    servers.push(made);
    return made.server;
  };
  if (multusSocket !== undefined) doors.push(await listenOnSocket(serve(delegateRoutes(options)), multusSocket));
  if (metrics !== undefined) {
    doors.push(await listenOnPort(serve(metricsRoutes(metrics.expose)), "metrics", metrics.at, log));
  }
  if (probes !== undefined) {
    doors.push(await listenOnPort(serve(probeRoutes(readiness, alive)), "probes", probes, log));
  }
  return {
    async stop(hurry) {
      // Until the last of what they asked for is done, all stay open: it is from here that others hear that the daemon stops.
      const raised = hurry.aborted ? Promise.resolve() : once(hurry, "abort");
      await Promise.race([Promise.all(servers.map((server) => server.idle())), raised]);
      await Promise.all(doors.map((door) => door.stop(hurry)));
    },
  };
}
