/**
 * Follows docs/install.md word by word: every kubectl command in it, on a Kubernetes of its own, with the image that scripts/image/build.sh made.
 *
 *   node test/deploy/follow-install.ts            as root; npm run test:cluster has made the cluster's components before
 *
 * What is not as written: the pod's image, for the cluster has no registry, and `kubectl edit`, which wants a person.
 */
import { readFile } from "node:fs/promises";
import { cacheDirectory } from "../../scripts/cluster/cache.ts";
import { type Cluster, makeCluster } from "../cluster/cluster.ts";
import { ADMIN_KUBECONFIG, BIN, CONTAINERD, NET_D, NODE_NAME } from "../cluster/components.ts";
import { here } from "../node/host.ts";

const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    { type: "bridge", bridge: "cni0", ipam: { type: "host-local", ranges: [[{ subnet: "10.85.0.0/16" }]] } },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};
const EXAMPLE = "deploy/examples/two-networks.yaml";
const OURS = "/run/two-networks.yaml";

const guide = await readFile(here("docs/install.md"), "utf8");

/** The kubectl commands of a section, in their order. */
function commandsOf(section: string): readonly string[] {
  const text = guide.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? "";
  const commands = text.split("\n").filter((line) => line.startsWith("kubectl ") && !line.includes(" edit "));
  if (commands.length === 0) throw new Error(`docs/install.md has no commands in "${section}"`);
  return commands;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function follow({ machine }: Cluster, commands: readonly string[]): Promise<string> {
  let printed = "";
  for (const command of commands) {
    say(`\n$ ${command}`);
    const script = `cd ${here()} && ${command.replace("NODE ", `${NODE_NAME} `).replace(EXAMPLE, OURS)}`;
    const output = await machine.sh(script, { env: { KUBECONFIG: ADMIN_KUBECONFIG } });
    say(output);
    printed += output;
  }
  return printed;
}

function expectIn(text: string, ...parts: readonly string[]): void {
  for (const part of parts) if (!text.includes(part)) throw new Error(`"${part}" is not in:\n${text}`);
}

async function prepare({ machine, kubectl }: Cluster): Promise<void> {
  await machine.sh(`rm -rf ${BIN}/* ${NET_D}/* && mkdir -p ${BIN} ${NET_D} && cp /usr/lib/cni/* ${BIN}/`);
  await machine.sh(`ctr --address ${CONTAINERD} --namespace k8s.io images import ${here("dist/plexus-image.tar")}`);
  await machine.write(`${NET_D}/10-pods.conflist`, JSON.stringify(PODS));
  const pod = (await readFile(here(EXAMPLE), "utf8")).replace("image: busybox", "image: localhost/busybox:1");
  await machine.write(OURS, pod.replace("[sleep, infinity]", '[sleep, "100000"]'));
  await kubectl("wait", "--for=condition=Ready", `node/${NODE_NAME}`, "--timeout=120s");
}

/** Everything of Plexus, and of a pod, that is on the node. Not containerd's own notes: it forgets those of a config that is gone. */
async function onNode({ machine }: Cluster): Promise<string> {
  return machine.sh(
    `find ${BIN} ${NET_D} /run/plexus /var/lib/plexus /var/lib/cni ! -type d ! -name 'last_reserved_ip.*' ! -name lock ! -path '*/results/*' 2>/dev/null | sort
     ls /sys/class/net | grep veth || true`,
  );
}

async function main(): Promise<void> {
  const cluster = await makeCluster(cacheDirectory(process));
  try {
    await prepare(cluster);
    const before = await onNode(cluster);
    await follow(cluster, commandsOf("2. Install"));
    expectIn(await onNode(cluster), "00-plexus.conf", "plexus.sock");
    const seen = await follow(cluster, commandsOf("3. See it work"));
    expectIn(seen, "net1", "10.89.0.", '"default/blue"', "AddedInterface");
    await follow(cluster, commandsOf("Settings"));
    await follow(cluster, [...commandsOf("Upgrade"), ...commandsOf("Settings").slice(-1)]);

    await follow(cluster, [
      `kubectl apply --filename ${EXAMPLE}`,
      "kubectl wait --for condition=Ready pod two-networks",
    ]);
    const [apply = "", label = "", wait = "", ...rest] = commandsOf("Uninstall");
    await follow(cluster, [apply, label]);
    // Its DEL is the next network config's already.
    const waiting = follow(cluster, [wait]);
    await follow(cluster, [`kubectl delete --filename ${EXAMPLE}`]);
    await waiting;
    expectIn(await follow(cluster, rest), "nothing of Plexus is left on this node");
    const after = await onNode(cluster);
    if (after !== before) throw new Error(`the node is not as it was:\n${after}`);
    say("\nThe guide is right.");
  } catch (error) {
    for (const name of ["plexus", "plexus-uninstall"]) {
      const selector = `app.kubernetes.io/name=${name}`;
      say(await cluster.kubectl("--namespace", "kube-system", "describe", "pods", "--selector", selector));
    }
    throw error;
  } finally {
    await cluster.destroy();
  }
}

await main();
