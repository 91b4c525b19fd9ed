/** The operators' sockets: who may open them, what they serve, and what loading the server late must not break. */
import { cp, stat } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { reflectingClient } from "../grpc/reflecting-client.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { healthOf, watchHealth } from "./grpc-client.ts";
import { serveForTest } from "./serve-for-test.ts";

const GET = "plexus.v1.Inspector/GetSandbox";

function client(socket: string) {
  const made = reflectingClient(socket);
  onTestFinished(() => {
    made.close();
  });
  return made;
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe("the operators' sockets", () => {
  it("let root alone open plexus-operator.sock, and leave plexus-inspector.sock out", async () => {
    const { socketDir, operatorSocket } = await serveForTest();
    expect([await modeOf(socketDir), await modeOf(operatorSocket)]).toEqual(["700", "600"]);
    await expect(stat(join(socketDir, "plexus-inspector.sock"))).rejects.toThrow("ENOENT");
  });

  it("let a group open plexus-inspector.sock and pass through its directory, and nothing else", async () => {
    const gid = process.getgid?.() ?? 0;
    const { socketDir, operatorSocket } = await serveForTest({ inspectorGroupId: gid });
    const inspectorSocket = join(socketDir, "plexus-inspector.sock");
    const modes = [socketDir, operatorSocket, join(socketDir, "plexus.sock"), inspectorSocket].map(modeOf);
    expect(await Promise.all(modes)).toEqual(["711", "600", "600", "660"]);
    expect((await stat(inspectorSocket)).gid).toBe(gid);
    expect(await client(inspectorSocket).services()).not.toContain("plexus.v1.Cni");
    expect(await client(inspectorSocket).call(GET, { container_id: "abc" })).toMatchObject({ podName: "web" });
  });

  it("serve every client that connects while the server is being loaded", async () => {
    const { operatorSocket } = await serveForTest();
    const clients = Array.from({ length: 8 }, () => client(operatorSocket));
    const answers = await Promise.all(clients.map((one) => one.call(GET, { container_id: "abc" })));
    expect(answers.map(({ podName }) => podName)).toEqual(clients.map(() => "web"));
  });

  it("forget a client that goes while the server is being loaded", async () => {
    const { operatorSocket } = await serveForTest();
    const hasty = connect(operatorSocket);
    await once(hasty, "connect");
    hasty.destroy();
    expect(await client(operatorSocket).call(GET, { container_id: "abc" })).toMatchObject({ podName: "web" });
  });

  it("answer that an unknown sandbox is not found", async () => {
    const { operatorSocket } = await serveForTest();
    await expect(client(operatorSocket).call(GET, { container_id: "unknown" })).rejects.toThrow("NOT_FOUND");
  });

  it("serve no CNI call", async () => {
    const { operatorSocket } = await serveForTest();
    await expect(client(operatorSocket).call("plexus.v1.Cni/Status")).rejects.toThrow("UNIMPLEMENTED");
  });

  it("say in gRPC health whether the node can attach pods", async () => {
    const { operatorSocket } = await serveForTest();
    expect(await healthOf(operatorSocket, "plexus.v1.Cni")).toBe("SERVING");
  });

  it("tell a client that watches health before they close, and do not wait for it", async () => {
    const { operatorSocket, server } = await serveForTest();
    const seen = watchHealth(operatorSocket);
    await seen.next();
    await server.stop(AbortSignal.timeout(600_000));
    expect(await seen.next()).toBe("NOT_SERVING");
  });

  it("say in the log that the server cannot be loaded, and try again for the next client", async () => {
    const lines: string[] = [];
    const protoDir = await temporaryDirectory();
    await cp("proto", protoDir, { recursive: true });
    const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
    const { operatorSocket } = await serveForTest({ protoDir, log });
    await expect(client(operatorSocket).services()).rejects.toThrow("UNAVAILABLE");
    expect(lines.join("")).toContain("the gRPC server cannot be loaded");
    await cp("dist/proto/plexus.binpb", join(protoDir, "plexus.binpb"));
    expect(await client(operatorSocket).services()).toContain("plexus.v1.Inspector");
  });
});
