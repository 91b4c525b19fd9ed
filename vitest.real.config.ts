import { defineConfig } from "vitest/config";

/** Apart from the other tests, for each file makes a cluster of its own before its first one. */
export default defineConfig({
  test: {
    include: ["test/real/scenarios/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 600_000,
    taskTitleValueFormatTruncate: 0,
  },
});
