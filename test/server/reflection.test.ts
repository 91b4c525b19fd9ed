/** Reflection, as grpcurl meets it. */
import { describe, expect, it, onTestFinished } from "vitest";
import { type ReflectingClient, reflectingClient } from "../grpc/reflecting-client.ts";
import { serveForTest } from "./serve-for-test.ts";

async function client(version: "v1" | "v1alpha" = "v1"): Promise<ReflectingClient> {
  const { operatorSocket } = await serveForTest();
  const made = reflectingClient(operatorSocket, version);
  onTestFinished(() => {
    made.close();
  });
  return made;
}

describe.each(["v1", "v1alpha"] as const)("reflection %s", (version) => {
  it("lists every service of the socket", async () => {
    const services = await (await client(version)).services();
    expect([...services].sort()).toEqual([
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
      "plexus.v1.Inspector",
    ]);
  });

  it.each([
    { symbol: "plexus.v1.Inspector", files: ["plexus/v1/inspector.proto", "google/protobuf/timestamp.proto"] },
    { symbol: "plexus.v1.CniRequest", files: ["plexus/v1/cni.proto"] },
    { symbol: "grpc.health.v1.Health", files: ["grpc/health/v1/health.proto"] },
  ])("describes $symbol in the files of protoc", async ({ symbol, files }) => {
    const described = await (await client(version)).files(symbol);
    expect(described.map(({ name }) => name)).toEqual(files);
  });

  it("names a file by its path in the repository", async () => {
    const { services } = await (await client(version)).file("plexus/v1/inspector.proto");
    expect([...services.keys()]).toEqual([".plexus.v1.Inspector"]);
  });
});

describe("a description", () => {
  it("names fields as the proto file does", async () => {
    const [file] = await (await client()).files("plexus.v1.Sandbox");
    const names = file?.messages.get(".plexus.v1.Sandbox")?.map(({ name, jsonName }) => `${name} ${jsonName}`);
    expect(names).toEqual(
      expect.arrayContaining(["container_id containerId", "pod_namespace podNamespace"]) as string[],
    );
  });

  it("carries a comment for every service, method, message, field, enum and enum value of ours", async () => {
    const reflecting = await client();
    const files = [await reflecting.file("plexus/v1/cni.proto"), await reflecting.file("plexus/v1/inspector.proto")];
    expect(files.flatMap(({ uncommented }) => uncommented)).toEqual([]);
  });
});

describe("a client that knows only the descriptions", () => {
  it("asks with the names of the proto file and reads the answer", async () => {
    const reply = await (await client()).call("plexus.v1.Inspector/GetSandbox", { container_id: "abc" });
    expect(reply).toMatchObject({
      containerId: "abc",
      createdAt: "2023-11-14T22:13:20.250Z",
      attachments: [{ state: "ATTACHMENT_STATE_ATTACHED" }],
    });
  });

  it("reads the time of a pending cleanup as a date", async () => {
    expect(await (await client()).call("plexus.v1.Inspector/ListPendingCleanups")).toEqual({
      pendingCleanups: [
        {
          containerId: "abc",
          ifname: "eth0",
          since: "2023-11-14T22:13:20.250Z",
          attempts: 2,
          problem: "busy",
          podNamespace: "shop",
          podName: "web",
          network: "shop/blue",
          released: true,
          nextAttemptAt: "2023-11-14T22:13:25.250Z",
          spooled: false,
        },
      ],
      rounds: "3",
    });
  });
});
