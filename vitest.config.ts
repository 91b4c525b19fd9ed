import { defineConfig } from "vitest/config";
import { nodePool } from "./test/node/isolation/node-pool.ts";

const blackbox = "test/shim/binary/**/*.test.ts";
const node = "test/node/**/*.test.ts";
const cluster = "test/cluster/**/*.test.ts";
const virtualMachine = "test/vm/**/*.test.ts";
const real = "test/real/**/*.test.ts";

export default defineConfig({
  test: {
    // Rows read as sentences, to their end.
    taskTitleValueFormatTruncate: 0,
    projects: [
      // Everything that needs neither root nor the shipped shim. test/cluster/, test/real/ and test/vm/ have configs of their own.
      // Deadlines are for what hangs, not for machines that are busy.
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: [blackbox, node, cluster, virtualMachine, real],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      // The shipped shim, as a runtime sees it.
      { test: { name: "blackbox", include: [blackbox], testTimeout: 30_000, hookTimeout: 30_000 } },
      // Root only. Each file has namespaces of its own.
      {
        test: {
          name: "node",
          include: [node],
          pool: process.getuid?.() === 0 ? nodePool : "forks",
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
