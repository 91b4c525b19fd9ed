/** What Multus' DaemonSets do to a node: they install the plugin of multus.ts and write the runtime's conf for it (spec §7.7, §7.13). */
import { fileURLToPath } from "node:url";
import type { Host } from "../host.ts";
import { BIN } from "../plexus.ts";
import { BLUE, PODS } from "./node.ts";

export const NET_D = "/etc/cni/net.d";
export const PRIMARY = "10-pods.conflist";
const CONF = `${NET_D}/00-multus.conf`;
const SOCKET = "/run/multus/multus.sock";

export interface Multus {
  /** The type in its conf: the file name of its executable. */
  readonly type: string;
  /** Where it notes down what it attached. */
  readonly notes: string;
  /** What the pods of the tests have. */
  readonly interfaces: readonly string[];
  /** Its pod comes to the node, or is there anew. */
  start(): Promise<void>;
  /** Its pod is taken off the node in order. */
  stop(): Promise<void>;
  /** Its conf, as it is. */
  conf(): Promise<string>;
}

interface Flavour extends Pick<Multus, "type" | "notes" | "interfaces"> {
  /** The conf for a default network's, which is found by file name. */
  confFor(primary: string): Promise<object>;
  /** A daemon that serves while its pod is there, and takes the conf along. */
  readonly daemon: boolean;
}

const COMMON = {
  cniVersion: "0.3.1",
  name: "multus-cni-network",
  capabilities: { portMappings: true, bandwidth: true },
};

export function multusOn(host: Host, flavour: "thick" | "thin" | "fork"): Multus {
  const flavours: Readonly<Record<typeof flavour, Flavour>> = {
    thick: {
      type: "multus-shim",
      notes: "/var/lib/cni/multus",
      interfaces: ["eth0", "net1"],
      daemon: true,
      confFor: async (primary) => ({ clusterNetwork: `/host${NET_D}/${primary}`, annotated: [BLUE] }),
    },
    thin: {
      type: "multus",
      notes: "/var/lib/cni/multus",
      interfaces: ["eth0", "net1"],
      daemon: false,
      confFor: async (primary) => ({
        delegates: [JSON.parse(await host.sh(`cat ${NET_D}/${primary}`)) as object],
        annotated: [BLUE],
      }),
    },
    // Its conf comes with its image, and a pod's networks are all in the annotation.
    fork: {
      type: "multus-cni",
      notes: "/var/lib/cni/networks/multus",
      interfaces: ["eth0", "eth1"],
      daemon: false,
      confFor: async () => ({ name: "multus-cni", annotated: [PODS, BLUE], fork: true }),
    },
  };
  const { type, notes, interfaces, daemon, confFor } = flavours[flavour];
  return {
    type,
    notes,
    interfaces,
    async start() {
      const program = fileURLToPath(import.meta.resolve("./multus.ts"));
      await host.write(`${BIN}/${type}`, `#!/bin/sh\nexec ${process.execPath} ${program}\n`);
      await host.sh(`chmod 755 ${BIN}/${type}`);
      const names = (await host.sh(`ls ${NET_D}`)).split("\n").toSorted();
      const primary = names.find((name) => !name.startsWith("00-multus") && /\.conf(list)?$/.test(name)) ?? "";
      const conf = { ...COMMON, type, cniDir: notes, fork: false, ...(await confFor(primary)) };
      if (daemon) await host.write(SOCKET, "");
      await host.write(CONF, JSON.stringify(conf));
    },
    async stop() {
      if (daemon) await host.sh(`rm ${CONF} ${SOCKET}`);
    },
    conf: () => host.sh(`cat ${CONF}`),
  };
}
