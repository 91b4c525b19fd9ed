/** Whether the daemon lives, and whether it can attach pods (spec §7.2): for the kubelet, and for people with curl. */
import { PlexusError } from "../domain/errors.ts";
import type { Condition, Readiness } from "../operations/observability/readiness.ts";
import type { HttpReply, Route, Routes } from "./http-server.ts";

const READ = ["GET", "HEAD", "POST"];

/** 200, or 500 and why not, one obstacle a line. */
export function readyRoute(readiness: Readiness): Route {
  return {
    methods: READ,
    handle: async (): Promise<HttpReply> => {
      const obstacles = await readiness.obstacles();
      if (obstacles.length === 0) return { status: 200, body: "ready\n" };
      const lines = obstacles.map(({ condition, why }) => `${condition}: ${whole(why)}\n`);
      return { status: 500, body: lines.join("") };
    },
  };
}

/** 200 for as long as anything answers. */
export const HEALTHZ: Route = { methods: READ, handle: () => ({ status: 200 }) };

/**
 * @param alive what only a new daemon can mend. That anything is answered at all shows that the event loop turns; an API server that is away
 * is not among it.
 */
export function probeRoutes(readiness: Readiness, alive: Condition): Routes {
  return {
    "/readyz": readyRoute(readiness),
    "/livez": {
      methods: READ,
      handle: async (): Promise<HttpReply> => {
        try {
          await alive();
          return { status: 200, body: "alive\n" };
        } catch (thrown) {
          return { status: 500, body: `${whole(PlexusError.from(thrown))}\n` };
        }
      },
    },
    "/healthz": HEALTHZ,
  };
}

function whole({ message, details }: PlexusError): string {
  return details === undefined ? message : `${message} (${details})`;
}
