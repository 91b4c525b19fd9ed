import { defineConfig } from "vitest/config";

/**
 * Apart from the other tests, for they run in a guest, whose whole machine is theirs. An emulated
 * processor takes its time.
 */
export default defineConfig({
  test: {
    include: ["test/vm/**/*.test.ts"],
    fileParallelism: false,
    // Starting a worker for each file takes longer than some of them.
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    taskTitleValueFormatTruncate: 0,
  },
});
