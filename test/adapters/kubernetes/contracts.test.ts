import type { Pods } from "../../../daemon/ports/pods.ts";
import { nad, pod } from "../../api-server/samples.ts";
import { networksContract } from "../../contracts/networks.contract.ts";
import { podsContract } from "../../contracts/pods.contract.ts";
import { statusBoardContract } from "../../contracts/status-board.contract.ts";
import { apiServer, followed } from "./cluster.ts";

const NETWORK_STATUS = "k8s.v1.cni.cncf.io/network-status";
/** The API server gives every pod a UID. In the contract there is one that has none. */
const GIVEN = "given";

podsContract("an API server", async (pods, podWaitMs) => {
  const api = await apiServer();
  for (const known of pods) api.put(pod({ ...known, uid: known.uid || GIVEN }));
  return withoutGivenUid((await followed(api, { podWaitMs })).pods);
});

networksContract("an API server", async (definitions) => {
  const api = await apiServer();
  for (const { config, ...names } of definitions) api.put(nad({ ...names, config: config || undefined }));
  return (await followed(api)).networks;
});

statusBoardContract("an API server", async () => {
  const api = await apiServer();
  const web = pod({ namespace: "shop", name: "web", uid: "uid-web" });
  const db = pod({ namespace: "shop", name: "db", uid: "uid-db" });
  api.put(web);
  api.put(db);
  return {
    board: (await followed(api)).statusBoard,
    shown: async (target) => {
      const found = api.get(target.pod?.name === "web" ? web : db);
      return found?.metadata.annotations?.[NETWORK_STATUS];
    },
  };
});

function withoutGivenUid(pods: Pods): Pods {
  return {
    async get(key, signal) {
      const found = await pods.get(key, signal);
      return found?.uid === GIVEN ? { ...found, uid: "" } : found;
    },
  };
}
