/** Somebody who follows a page of docs/ on a cluster, in a directory that has what the page takes for given. */
import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import type { Cluster } from "../cluster/cluster.ts";
import { ADMIN_KUBECONFIG, BIN, NET_D, NODE_NAME } from "../cluster/components.ts";
import { here } from "../node/host.ts";
import type { Page } from "./page.ts";

export interface Guide extends Pick<Page, "next" | "skip"> {
  readonly cluster: Cluster;
  /**
   * Runs the page's next block, which begins so. Resolves with what it printed.
   * @param instead of what is only an example on the page
   * @throws if one of its commands fails
   */
  run(beginning: string, instead?: Readonly<Record<string, string>>): Promise<string>;
  /** Runs what is not on the page, or only in its prose. */
  also(script: string): Promise<string>;
  /** A file beside deploy/. */
  write(path: string, content: string): Promise<void>;
  /** Changes deploy/plexus.yaml as the page says in words. */
  change(change: (manifests: string) => string): Promise<void>;
  /** All of Plexus, Multus and pods that is on the node. */
  onNode(): Promise<string>;
}

export const MANIFESTS = "deploy/plexus.yaml";
export const EXAMPLE = "deploy/examples/two-networks.yaml";

/** Where the commands are run: as the checkout, as far as they need it. */
const HOME = "/run/checkout";

const LONGEST_SECONDS = 300;

const PODS = {
  cniVersion: "1.0.0",
  name: "pods",
  plugins: [
    { type: "bridge", bridge: "cni0", ipam: { type: "host-local", ranges: [[{ subnet: "10.85.0.0/16" }]] } },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};

/** Not containerd's own notes: it forgets those of a config that is gone. */
const ON_NODE = `
find ${BIN} ${NET_D} /run/plexus /run/multus /var/lib/plexus /var/lib/cni ! -type d ! -name 'last_reserved_ip.*' ! -name lock \\
  ! -path '/var/lib/cni/results/*' 2>/dev/null | sort
ls /sys/class/net | grep veth || true`;

export async function openGuide(cluster: Cluster, page: Page, say: (text: string) => void): Promise<Guide> {
  const { machine, kubectl } = cluster;
  const write = (path: string, content: string): Promise<void> => machine.write(`${HOME}/${path}`, content);
  await machine.sh(`
    rm -rf ${BIN}/* ${NET_D}/* && mkdir -p ${BIN} ${NET_D} ${HOME}/bin && cp /usr/lib/cni/* ${BIN}/
    cp -r ${here("deploy")} ${HOME}/ && ln -s ${here("dist/plexus-image.tar")} ${HOME}/`);
  await machine.write(`${NET_D}/10-pods.conflist`, JSON.stringify(PODS));
  // The nodes' registry, where pods of the examples come from, is one that this node has not.
  const example = (await readFile(here(EXAMPLE), "utf8")).replace("image: busybox", "image: localhost/busybox:1");
  await write(EXAMPLE, example.replace("[sleep, infinity]", '[sleep, "100000"]'));
  const grpcurl = new URL(import.meta.resolve("./grpcurl.ts")).pathname;
  await write("bin/grpcurl", `#!/bin/sh\nexec ${process.execPath} ${grpcurl} "$@"\n`);
  await machine.sh(`chmod 755 ${HOME}/bin/grpcurl`);
  await kubectl("wait", "--for=condition=Ready", `node/${NODE_NAME}`, "--timeout=120s");

  async function also(script: string): Promise<string> {
    say(`\n${script.trim().replaceAll(/^ */gm, "$ ")}`);
    const printed = await machine.sh(
      `cd ${HOME}; PATH=${HOME}/bin:$PATH exec timeout ${LONGEST_SECONDS} sh -e -c "exec 2>&1; $SCRIPT"`,
      // kubectl edit wants a person: this one leaves things as they are.
      { env: { SCRIPT: script, KUBECONFIG: ADMIN_KUBECONFIG, KUBE_EDITOR: "true" } },
    );
    say(printed);
    return printed;
  }

  return {
    ...page,
    cluster,
    also,
    run(beginning, instead = {}) {
      const block = page.next(beginning).replaceAll(/\bNODE\b/g, NODE_NAME);
      return also(Object.entries(instead).reduce((text, [example, real]) => text.replaceAll(example, real), block));
    },
    write,
    async change(change) {
      await write(MANIFESTS, change(await readFile(here(MANIFESTS), "utf8")));
    },
    onNode: () => machine.sh(ON_NODE),
  };
}

/** Puts settings into the ConfigMap of deploy/plexus.yaml. */
export function withSettings(settings: string): (manifests: string) => string {
  return (manifests) =>
    parseAllDocuments(manifests)
      .map((document) => {
        if (document.get("kind") === "ConfigMap") document.setIn(["data", "daemon.json"], settings);
        return document.toString();
      })
      .join("---\n");
}

export function expectIn(text: string, ...parts: readonly string[]): void {
  for (const part of parts) if (!text.includes(part)) throw new Error(`"${part}" is not in:\n${text}`);
}

export function expectSame(what: string, is: string, was: string): void {
  if (is !== was) throw new Error(`${what}:\n${is}\ninstead of\n${was}`);
}
