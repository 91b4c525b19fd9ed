import type { Routes } from "./http-server.ts";

/** @param expose rejects when the metrics cannot be read at all */
export function metricsRoutes(expose: () => Promise<{ readonly type: string; readonly text: string }>): Routes {
  return {
    "/metrics": {
      methods: ["GET", "HEAD"],
      handle: async () => {
        const { type, text } = await expose();
        return { status: 200, type, body: text };
      },
    },
  };
}
