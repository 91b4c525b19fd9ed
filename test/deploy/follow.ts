/**
 * Follows pages of docs/ word by word, each on a Kubernetes of its own, with the image that scripts/image/build.sh made.
 *
 *   node test/deploy/follow.ts install operate migrate     as root; npm run test:cluster has made the cluster's components before
 *
 * Not as written are the example's image, for the cluster has no registry; `kubectl edit`, which wants a person; grpcurl (grpcurl.ts); Multus
 * (multus-daemonset.ts). What cannot be followed on this cluster is named, with the reason, by whoever follows the page.
 */
import { cacheDirectory } from "../../scripts/cluster/cache.ts";
import { makeCluster } from "../cluster/cluster.ts";
import { followInstall } from "./follow-install.ts";
import { followMigrate } from "./follow-migrate.ts";
import { followOperate } from "./follow-operate.ts";
import { openGuide } from "./guide.ts";
import { openPage } from "./page.ts";

const FOLLOWERS = new Map([
  ["install", followInstall],
  ["operate", followOperate],
  ["migrate", followMigrate],
]);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

for (const name of process.argv.slice(2)) {
  const follow = FOLLOWERS.get(name);
  if (follow === undefined) throw new Error(`nobody follows docs/${name}.md`);
  const page = await openPage(`docs/${name}.md`, say);
  const cluster = await makeCluster(cacheDirectory());
  try {
    await follow(await openGuide(cluster, page, say));
    page.end();
    say(`\ndocs/${name}.md is right.`);
  } catch (error) {
    say(await cluster.kubectl("describe", "pods", "--namespace", "kube-system"));
    throw error;
  } finally {
    await cluster.destroy();
  }
}
