import type { NetConf } from "../netconf.ts";
import { type Pod, TKE_NETWORKS_ANNOTATION } from "../pod.ts";
import type { SandboxRecord } from "../sandbox-record.ts";
import type { Dialect } from "./dialect.ts";
import { npwg } from "./npwg.ts";
import { tke } from "./tke.ts";

/** Whose rules a pod follows. */
export function dialectFor(netConf: NetConf, pod: Pod | undefined): Dialect {
  const chosen = netConf.podsChooseDialect && pod?.annotations[TKE_NETWORKS_ANNOTATION] !== undefined;
  return chosen || netConf.dialect === "tke" ? tke(netConf) : npwg;
}

/** Whose rules it followed. A record does not tell whether they were strict. */
export function recordedDialect({ dialect }: SandboxRecord): Dialect {
  return dialect === "tke" ? tke({ strictCompat: false, namesKubeconfig: true }) : npwg;
}
