/**
 * The contracts against an API server, the one of the tests and, where the environment variable PLEXUS_TEST_KUBECONFIG names a kubeconfig,
 * that cluster's.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { namespace } from "../../../daemon/domain/ids.ts";
import type { Pod } from "../../../daemon/domain/pod.ts";
import { NADS } from "../../api-server/resources.ts";
import { nad, pod } from "../../api-server/samples.ts";
import { startApiServer } from "../../api-server/start-api-server.ts";
import { networksContract } from "../../contracts/networks.contract.ts";
import { podsContract } from "../../contracts/pods.contract.ts";
import { statusBoardContract } from "../../contracts/status-board.contract.ts";
import { type ContractCluster, installNetworkKind, setStage } from "./contract-cluster.ts";

const KUBECONFIG = process.env["PLEXUS_TEST_KUBECONFIG"];

interface Place {
  readonly name: string;
  readonly open: () => Promise<ContractCluster & { readonly close: () => Promise<void> }>;
}

const testServer: Place = {
  name: "an API server",
  async open() {
    const api = await startApiServer({ without: [NADS] });
    return { admin: api.adminKubeconfig, daemon: api.kubeconfig, close: api.stop };
  },
};

const realCluster = (kubeconfig: string): Place => ({
  name: "the cluster of PLEXUS_TEST_KUBECONFIG",
  open: () => Promise.resolve({ admin: kubeconfig, daemon: kubeconfig, close: () => Promise.resolve() }),
});

const places = [testServer, ...(KUBECONFIG === undefined ? [] : [realCluster(KUBECONFIG)])];

describe.each(places)("$name", { timeout: 60_000 }, ({ name, open }) => {
  let cluster: ContractCluster;
  const undo: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const { close, ...opened } = await open();
    undo.push(close);
    cluster = opened;
    undo.push(await installNetworkKind(cluster));
  }, 60_000);
  afterAll(async () => {
    for (const step of undo.toReversed()) await step();
  });

  podsContract(name, async (pods, podWaitMs) => {
    const stage = setStage(cluster);
    const known = new Map<string, Pod>();
    for (const each of pods) known.set(await stage.make(pod(each)), each);
    const adapter = (await stage.follow({ podWaitMs })).pods;
    return {
      async get(key, signal) {
        const found = await adapter.get({ ...key, namespace: stage.home(key.namespace) }, signal);
        const { uid = "", namespace: home = namespace("") } = known.get(found?.uid ?? "") ?? {};
        return found && { ...found, uid, namespace: home };
      },
    };
  });

  networksContract(name, async (definitions) => {
    const stage = setStage(cluster);
    for (const { config, resourceName, ...names } of definitions) {
      const annotations = resourceName === undefined ? {} : { "k8s.v1.cni.cncf.io/resourceName": resourceName };
      await stage.make(nad({ ...names, annotations, config: config || undefined }));
    }
    const { networks } = await stage.follow();
    return {
      get(home, network) {
        const found = networks.get(stage.home(home), network);
        return found && { ...found, namespace: home };
      },
    };
  });

  statusBoardContract(name, async () => {
    const stage = setStage(cluster);
    const uids: Readonly<Record<string, string>> = {
      "": "",
      "uid-web": await stage.make(pod({ namespace: "shop", name: "web" })),
      "uid-db": await stage.make(pod({ namespace: "shop", name: "db" })),
    };
    const { statusBoard } = await stage.follow();
    return {
      board: {
        ...statusBoard,
        publish: ({ pod: key, podUid, ...target }, status, signal) => {
          const there = key && { ...key, namespace: stage.home(key.namespace) };
          return statusBoard.publish({ ...target, pod: there, podUid: uids[podUid] ?? podUid }, status, signal);
        },
      },
      shown: async (target) => {
        const status = (await stage.annotationsOf("shop", target.pod?.name ?? ""))[target.annotation];
        return typeof status === "string" ? status : undefined;
      },
    };
  });
});
