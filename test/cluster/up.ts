/** A cluster to look around in: stays until it is interrupted. */
import { once } from "node:events";
import { cacheDirectory } from "../../scripts/cluster/cache.ts";
import { makeCluster } from "./cluster.ts";
import { ADMIN_KUBECONFIG } from "./components.ts";
import { awaitNode, install } from "./plexus.ts";

const cluster = await makeCluster(cacheDirectory());
try {
  await install(cluster);
  await awaitNode(cluster);
  const { pid, path } = cluster.key;
  process.stdout.write(`The node is ready. Logs are in /run/cluster. Go there with

  nsenter --target ${pid} --mount --net --pid env PATH=${path} KUBECONFIG=${ADMIN_KUBECONFIG} HOME=/run sh

and end it with Ctrl-C here.
`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
} finally {
  await cluster.destroy();
}
