/** The shipped daemon while the API server is away: it lives, it is not ready, and it says why; then it is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { ANSWERS } from "../../api-server/faults.ts";
import { startApiServer } from "../../api-server/start-api-server.ts";
import { healthOf } from "../../server/grpc-client.ts";
import { http } from "../../server/http-client.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { here } from "../host.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function startDaemon(settings: object): Promise<ChildProcess> {
  const directory = await temporaryDirectory();
  const file = join(directory, "daemon.json");
  const config = { socketDir: join(directory, "run"), stateDir: join(directory, "state"), nodeName: "node-a" };
  await writeFile(file, JSON.stringify({ ...config, ...settings }));
  const daemon = spawn(here("dist/plexus-daemon"), ["--config", file], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE: process.execPath },
  });
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, "exit");
  });
  for await (const line of createInterface({ input: daemon.stdout }))
    if ((JSON.parse(line) as { msg?: string }).msg === "ready") break;
  daemon.stdout.resume();
  return daemon;
}

describe.skipIf(process.getuid?.() !== 0)("a daemon whose API server is away", () => {
  it("lives, is not ready, and says why to everybody; when it is back, it is", async () => {
    const api = await startApiServer();
    onTestFinished(() => api.stop());
    api.fail({ resource: "pods" }, { does: "answer", answer: ANSWERS.unavailable }, Infinity);
    const [port, metrics] = [await freePort(), await freePort()];
    const socketDir = join(await temporaryDirectory(), "run");
    await startDaemon({ socketDir, kubeconfig: api.kubeconfig, probePort: port, metricsPort: metrics });

    const state = async () => ({
      readyz: await http(port, "/readyz"),
      livez: (await http(port, "/livez")).status,
      health: await healthOf(join(socketDir, "plexus-operator.sock"), "plexus.v1.Cni"),
    });
    expect(await state()).toMatchObject({
      readyz: { status: 500, body: expect.stringMatching(/^source: the cluster's pods are not known yet/) },
      livez: 200,
      health: "NOT_SERVING",
    });
    await expect
      .poll(async () => (await http(metrics, "/metrics")).body)
      .toMatch(/^plexus_source_following\{source="pods"\} 0$/m);

    api.heal();
    await expect
      .poll(state, { timeout: 20_000 })
      .toMatchObject({ readyz: { status: 200 }, livez: 200, health: "SERVING" });
    const { body } = await http(metrics, "/metrics");
    expect(body).toMatch(/^plexus_source_synced\{source="pods"\} 1$/m);
    expect(body).toMatch(/^plexus_credential_age_seconds \d/m);
  });
});
