/** Which networks a sandbox is to get: the cluster's, and those that its pod asks for (spec §3, §4.1). Reads; runs nothing. */
import type { CniArgs } from "../domain/cni/args.ts";
import {
  auxiliaryConflist,
  chain,
  chainDirectoryName,
  CHAINED_ENDINGS,
  CONF_ENDINGS,
  findConf,
  isConflistFile,
  readConf,
} from "../domain/cni/conf-file.ts";
import { type Conflist, parseConflist } from "../domain/cni/conf.ts";
import { type DelegateSource, type DelegateSources, refuseForeign } from "../domain/delegate-source.ts";
import { PlexusError } from "../domain/errors.ts";
import type { Namespace } from "../domain/ids.ts";
import type { NetConf } from "../domain/netconf.ts";
import { DEFAULT_NETWORK_ANNOTATION, isStaticPod, NETWORKS_ANNOTATION, type Pod, type PodKey } from "../domain/pod.ts";
import { parseSelections, type Selection } from "../domain/selection.ts";
import type { ConfFiles } from "../ports/conf-files.ts";
import type { Networks } from "../ports/networks.ts";
import type { Pods } from "../ports/pods.ts";
import type { Scope } from "./scope.ts";

export interface DelegateDeps {
  readonly pods: Pods;
  readonly networks: Networks;
  readonly confFiles: ConfFiles;
}

/**
 * Everything one sandbox is to get, in the order of attaching. Without a pod, as for STATUS and GC, only what the cluster gives.
 * @throws PlexusError `network-not-found`, `namespace-forbidden`, or what is wrong with an annotation or a config
 */
export async function findDelegates(
  deps: DelegateDeps,
  netConf: NetConf,
  pod: Pod | undefined,
  scope: Pick<Scope, "warn">,
): Promise<DelegateSources> {
  const [clusterDefault, ...more] = await clusterDelegates(deps, netConf, pod);
  const first = (pod && (await defaultNetwork(deps, netConf, pod))) ?? clusterDefault;
  const asked = pod === undefined ? [] : await askedFor(deps, netConf, pod);
  const auxiliary = await auxiliaryDelegate(deps, netConf, scope);
  return [first, ...more, ...asked, ...auxiliary];
}

/**
 * The pod that the runtime names, once it is known; undefined when it names none.
 * @throws PlexusError `try-again-later`, `pod-mismatch`
 */
export async function findPod(pods: Pods, args: CniArgs, signal: AbortSignal): Promise<Pod | undefined> {
  if (args.pod === undefined) return undefined;
  const pod = await knownPod(pods, args.pod, signal);
  refuseAnother(pod, args.podUid);
  return pod;
}

/** Never a made-up answer for a pod that is not known: it would run without its networks, and nobody would notice. */
async function knownPod(pods: Pods, key: PodKey, signal: AbortSignal): Promise<Pod> {
  const pod = await pods.get(key, signal);
  if (pod !== undefined) return pod;
  throw new PlexusError("try-again-later", `pod ${key.namespace}/${key.name} is not known to this node's Plexus yet`, {
    details:
      "the runtime will ask again; if this goes on, see whether the pod still exists and what the daemon's log says of its pod source",
  });
}

/** A StatefulSet's pod keeps its name when it is made anew; a static pod has another UID in the API server (spec §1.3). */
function refuseAnother(pod: Pod, uid: string): void {
  if (uid === "" || pod.uid === "" || uid === pod.uid || isStaticPod(pod)) return;
  throw new PlexusError("pod-mismatch", `expected pod UID "${uid}" but got "${pod.uid}" from the pod source`, {
    details: "the pod was replaced by another of the same name; this sandbox is out of date",
  });
}

/** What every pod gets. Pods of the system's namespaces, and no pod at all, get the default network only (spec §3.6). */
async function clusterDelegates(deps: DelegateDeps, netConf: NetConf, pod: Pod | undefined): Promise<DelegateSources> {
  const { networks, systemNamespaces } = netConf;
  if (networks.given === "inline") return inlineDelegates(networks.delegates);
  const isSystem = pod === undefined || systemNamespaces.includes(pod.namespace);
  const first = await namedNetwork(deps, netConf, networks.clusterNetwork);
  const more = isSystem ? [] : networks.defaultNetworks;
  return [first, ...(await Promise.all(more.map((name) => namedNetwork(deps, netConf, name))))];
}

function inlineDelegates(delegates: readonly string[]): DelegateSources {
  const [first, ...rest] = delegates.map((text, index) => sourceOf(parseConflist(text, `delegates[${index}]`)));
  if (first !== undefined) return [first, ...rest];
  throw new PlexusError("invalid-config", "at least one delegate/clusterNetwork must be specified", {
    details:
      'put the default network\'s conf or conflist into "delegates" of the network config, or name it in "clusterNetwork"',
  });
}

/** A name of a NAD, else of a conf in confDir; or the path of a conf, or of a directory with one (spec §4.1). */
async function namedNetwork(deps: DelegateDeps, netConf: NetConf, value: string): Promise<DelegateSource> {
  if (value.includes("/")) return sourceOf(await confAt(deps.confFiles, value));
  try {
    return await nadSource(deps, netConf, netConf.multusNamespace, value);
  } catch (thrown) {
    const onDisk = findConf(await deps.confFiles.list(netConf.confDir, CONF_ENDINGS), value);
    if (onDisk !== undefined) return sourceOf(onDisk);
    throw PlexusError.from(thrown).within(`cannot find network: ${value}: `, {
      details: `neither in namespace ${netConf.multusNamespace} nor in ${netConf.confDir}`,
    });
  }
}

async function confAt(confFiles: ConfFiles, path: string): Promise<Conflist> {
  const found = await confFiles.look(path);
  switch (found.is) {
    case "missing":
      throw new PlexusError("network-not-found", `cannot find network: ${path}: no such file or directory`, {
        details: "the path is as the daemon sees it, inside its container if it has one",
      });
    case "directory": {
      const first = findConf(await confFiles.list(path, CONF_ENDINGS), "");
      if (first !== undefined) return first;
      throw new PlexusError("network-not-found", `cannot find network: no CNI configuration in ${path}`);
    }
    case "file": {
      if (!isConflistFile(found.file.name)) return readConf(found.file);
      const directory = chainDirectoryName(found.file);
      if (directory === undefined) return readConf(found.file);
      return chain(found.file, await confFiles.list(`${directoryOf(path)}/${directory}`, CHAINED_ENDINGS));
    }
  }
}

/** The pod's own choice of default network, if it has made one (spec §3.3). */
async function defaultNetwork(deps: DelegateDeps, netConf: NetConf, pod: Pod): Promise<DelegateSource | undefined> {
  const text = pod.annotations[DEFAULT_NETWORK_ANNOTATION];
  if (text === undefined) return undefined;
  const [selection, ...others] = parseSelections(text, netConf.multusNamespace);
  if (selection === undefined || others.length > 0) {
    const problem =
      selection === undefined ? "no default network is specified" : "more than one default network is specified";
    throw new PlexusError("invalid-config", `annotation ${DEFAULT_NETWORK_ANNOTATION}: ${problem}`, {
      details: "name exactly one network, or remove the annotation",
    });
  }
  refuseForeign(netConf, pod, selection.namespace, "default");
  return nadSource(deps, netConf, selection.namespace, selection.name, selection);
}

async function askedFor(deps: DelegateDeps, netConf: NetConf, pod: Pod): Promise<readonly DelegateSource[]> {
  const selections = parseSelections(pod.annotations[NETWORKS_ANNOTATION], pod.namespace);
  for (const { namespace } of selections) refuseForeign(netConf, pod, namespace, "secondary");
  return Promise.all(
    selections.map((selection) => nadSource(deps, netConf, selection.namespace, selection.name, selection)),
  );
}

/** A NAD without a config of its own means the conf of its name on disk. */
async function nadSource(
  { networks, confFiles }: DelegateDeps,
  { confDir }: NetConf,
  namespace: Namespace,
  name: string,
  selection?: Selection,
): Promise<DelegateSource> {
  const definition = networks.get(namespace, name);
  if (definition === undefined) {
    throw new PlexusError(
      "network-not-found",
      `cannot find a network-attachment-definition (${name}) in namespace (${namespace})`,
      { details: "create the NetworkAttachmentDefinition, or correct the pod's annotation" },
    );
  }
  const network = `${namespace}/${name}`;
  if (definition.config.trim() !== "") {
    return {
      network,
      conflist: parseConflist(definition.config, `the config of network "${network}"`, name),
      selection,
    };
  }
  const conflist = findConf(await confFiles.list(confDir, CONF_ENDINGS), name);
  if (conflist !== undefined) return { network, conflist, selection };
  throw new PlexusError("network-not-found", `no network available in the name ${name} in cni dir ${confDir}`, {
    details: `network "${network}" has no spec.config, so it must be in a file there`,
  });
}

/** What chains onto every pod beside its networks. A chain that cannot be read is left out, as Multus does, but not in silence. */
async function auxiliaryDelegate(
  { confFiles }: DelegateDeps,
  { auxiliaryChain, networks, version }: NetConf,
  { warn }: Pick<Scope, "warn">,
): Promise<readonly DelegateSource[]> {
  if (auxiliaryChain === undefined) return [];
  const path = networks.given === "by-name" ? networks.clusterNetwork : "";
  if (!path.includes("/")) {
    throw new PlexusError(
      "invalid-config",
      `auxiliary chain used but ClusterNetwork must be a path, and it is not a path: ${path}`,
      { details: "give clusterNetwork as a path, or remove auxiliaryCNIChainName" },
    );
  }
  try {
    const chained = await confFiles.list(`${directoryOf(path)}/${auxiliaryChain}`, CHAINED_ENDINGS);
    return chained.length === 0 ? [] : [sourceOf(auxiliaryConflist(auxiliaryChain, version, chained))];
  } catch (thrown) {
    warn(`auxiliary chain ${auxiliaryChain} is left out: ${PlexusError.from(thrown).message}`);
    return [];
  }
}

function sourceOf(conflist: Conflist): DelegateSource {
  return { network: conflist.name, conflist };
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
