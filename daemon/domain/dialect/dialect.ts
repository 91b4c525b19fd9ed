/**
 * Whose rules say which networks a pod gets. There are two: those of Kubernetes' Network Plumbing Working Group, which are Multus', and those
 * of TKE's fork of Multus. All that differs between them is behind this interface.
 */
import type { CniArgs, CniArgsPair } from "../cni/args.ts";
import type { CniResult } from "../cni/result.ts";
import type { DelegateSource, DelegateSources } from "../delegate-source.ts";
import type { IfName, Namespace } from "../ids.ts";
import type { JsonObject, JsonText } from "../json/json-object.ts";
import type { NetConf } from "../netconf.ts";
import type { NetworkStatus } from "../network-status.ts";
import type { Pod } from "../pod.ts";
import type { AttachmentOptions } from "../selection.ts";
import type { TenantLimits } from "../tenant-limits.ts";

export interface Dialect {
  readonly name: NetConf["dialect"];
  /**
   * The networks that a pod gets, in the order of attaching; without a pod, those that the cluster gives to all.
   * @throws PlexusError for what is wrong with an annotation, or with what the network config says of networks
   */
  references(netConf: NetConf, pod: Pod | undefined, limits: TenantLimits): readonly Reference[];
  /**
   * Which interface each network becomes, in the same order. Exactly one is primary.
   * @param first CNI_IFNAME
   * @throws PlexusError `interface-conflict` when two would be the same, `invalid-config` when none can be primary
   */
  place(sources: DelegateSources, first: IfName): readonly Placed[];
  capabilityArgs(netConf: RuntimeConf, source: DelegateSource, isPrimary: boolean): JsonObject;
  /** CNI_ARGS for a delegate. `extra` is what the pod wishes of it. */
  cniArgs(args: CniArgs, extra: readonly CniArgsPair[]): string;
  readonly status: StatusRules;
}

/** Where a network is defined. */
export type Reference =
  /** A conf or conflist in the network config; `what` is what messages call it. */
  | { readonly at: "inline"; readonly text: JsonText; readonly what: string }
  /** A conf, a conflist, or a directory with one. */
  | { readonly at: "path"; readonly path: string }
  /** A NetworkAttachmentDefinition; the conf of its name in `confDir` if it has none of its own. */
  | {
      readonly at: "nad";
      readonly namespace: Namespace;
      readonly name: string;
      readonly confDir: string;
      readonly selection?: AttachmentOptions | undefined;
    }
  /** A NetworkAttachmentDefinition, or else the conf in `confDir` that has this name inside. */
  | { readonly at: "nad-or-conf"; readonly namespace: Namespace; readonly name: string; readonly confDir: string }
  /** The conf in `confDir` that has this name inside. */
  | {
      readonly at: "conf";
      readonly name: string;
      readonly confDir: string;
      readonly selection?: AttachmentOptions | undefined;
    }
  /** What chains onto every pod beside its networks: the plugins in this directory. None at all are fine (spec §4.5). */
  | { readonly at: "auxiliary-chain"; readonly name: string; readonly directory: string; readonly version: string };

export interface Placed {
  readonly source: DelegateSource;
  readonly ifName: IfName;
  /** Its result is the one that the runtime sees. */
  readonly primary: boolean;
}

/** What the runtime asks of the pod's interfaces. */
export type RuntimeConf = Pick<NetConf, "runtimeConfig" | "inheritRuntimeConfig">;

export interface StatusRules {
  /** The annotation that shows a pod's network status. */
  readonly annotation: string;
  /** What it means for an ADD when it cannot be written: failure, or nothing. Or it is not written at all. */
  readonly writing: "required" | "best-effort" | "none";
  entriesOf(attachment: ShownAttachment): readonly NetworkStatus[];
}

export interface ShownAttachment {
  readonly network: string;
  readonly ifName: IfName;
  readonly primary: boolean;
  /** Its place among the sandbox's attachments. */
  readonly index: number;
  readonly result: CniResult;
  readonly deviceInfo?: JsonText | undefined;
}
