import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";

it("memory that is needed no more is given back while the process is idle", { timeout: 30_000 }, async () => {
  // V8 may think of it by itself after a while; this one does not.
  const child = spawn(process.execPath, ["--no-memory-reducer", join(import.meta.dirname, "heap-that-grows.ts")]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [status] = (await once(child, "exit")) as [number | null];
  expect(status).toBe(0);
});
