/** The daemon's gRPC server over operations that do nothing, with one sandbox and one pending cleanup to look at. */
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { IfName, NetnsPath, SandboxId } from "../../daemon/domain/ids.ts";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import type { SandboxRecord } from "../../daemon/domain/sandbox-record.ts";
import type { Inspection, SandboxView } from "../../daemon/operations/observability/inspect.ts";
import { makeReadiness } from "../../daemon/operations/observability/readiness.ts";
import { NO_METERS } from "../../daemon/ports/meters.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../daemon/server/server.ts";
import { attachment as sampleAttachment } from "../contracts/journal.samples.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const attachment = sampleAttachment({
  ifName: "eth0" as IfName,
  network: "pods",
  primary: true,
  conflist: '{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"bridge"}]}',
  capabilityArgs: "{}",
  result: '{"cniVersion":"1.0.0"}',
});
/** 250 ms past a full second. */
const SINCE = 1_700_000_000_250;
const record: SandboxRecord = {
  sandbox: "abc" as SandboxId,
  dialect: "npwg",
  pod: { namespace: "shop", name: "web", uid: "u-1" },
  netns: "/run/netns/pod" as NetnsPath,
  searchPath: [],
  netnsOverride: "",
  createdAt: SINCE,
  attachments: [attachment],
};
const view: SandboxView = { record, attachments: [{ attachment, plugins: ["bridge"] }], networkStatus: "[]" };

const inspection: Inspection = {
  sandboxes: () => Promise.resolve([view]),
  sandbox: (id) => Promise.resolve(id === record.sandbox ? view : undefined),
  pendingCleanups: () => ({
    cleanups: [
      {
        containerId: "abc",
        ifName: "eth0",
        kept: "record",
        pod: { namespace: "shop", name: "web", uid: "u-1" },
        network: "shop/blue",
        released: true,
        worked: false,
        since: SINCE,
        attempts: 2,
        lastError: "busy",
        nextAttemptAt: SINCE + 5_000,
      },
    ],
    rounds: 3,
  }),
};

const nothing = (): Promise<undefined> => Promise.resolve(undefined);

function serverOptions(socketDir: string, parts: Partial<ServerOptions> = {}): ServerOptions {
  return {
    operations: { add: () => Promise.resolve("{}"), del: nothing, check: nothing, status: nothing, gc: nothing },
    inspection,
    log: pino({ enabled: false }),
    node: { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
    operationTimeoutMs: 3_600_000,
    meters: NO_METERS,
    readiness: makeReadiness({}),
    newRequestId: () => "made-up",
    socketDir,
    protoDir: "dist/proto",
    ...parts,
  };
}

export interface Served {
  readonly socketDir: string;
  readonly operatorSocket: string;
  readonly server: RunningServer;
}

/** Serves until the running test is over. */
export async function serveForTest(parts: Partial<ServerOptions> = {}): Promise<Served> {
  const socketDir = join(await temporaryDirectory(), "run");
  const server = await startServer(serverOptions(socketDir, parts));
  onTestFinished(() => server.stop(AbortSignal.abort()));
  return { socketDir, operatorSocket: join(socketDir, "plexus-operator.sock"), server };
}
