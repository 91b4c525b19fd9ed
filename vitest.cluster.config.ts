import { defineConfig } from "vitest/config";

/** Apart from the other tests, for setup.ts makes a whole cluster before the first one. */
export default defineConfig({
  test: {
    include: ["test/cluster/**/*.test.ts"],
    globalSetup: "test/cluster/setup.ts",
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    taskTitleValueFormatTruncate: 0,
  },
});
