/** Which networks a sandbox is to get (spec §3, §4.1). Reads; runs nothing. */
import type { CniArgs } from "../../domain/cni/args.ts";
import {
  auxiliaryConflist,
  chain,
  chainDirectoryName,
  CHAINED_ENDINGS,
  CONF_ENDINGS,
  findConf,
  isConflistFile,
  readConf,
} from "../../domain/cni/conf-file.ts";
import { type Conflist, parseConflist } from "../../domain/cni/conf.ts";
import { refuseOtherPlugins } from "../../domain/allowed-plugins.ts";
import { type DelegateSource, type DelegateSources, refuseConfOnNode } from "../../domain/delegate-source.ts";
import type { Reference } from "../../domain/dialect/dialect.ts";
import { dialectFor } from "../../domain/dialect/dialects.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { NetConf } from "../../domain/netconf.ts";
import { isStaticPod, type Pod, type PodKey } from "../../domain/pod.ts";
import { refuseLargePlan, refuseManyPlugins } from "../../domain/plan-size.ts";
import { refuseItself } from "../../domain/runtime-conf/self-delegation.ts";
import { refuseTooMany } from "../../domain/selection.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { ConfFiles } from "../../ports/conf-files.ts";
import type { Networks } from "../../ports/networks.ts";
import type { Pods } from "../../ports/pods.ts";
import type { Scope } from "../scope.ts";

type At<Place extends Reference["at"]> = Extract<Reference, { readonly at: Place }>;

export interface DelegateDeps {
  readonly pods: Pods;
  readonly networks: Networks;
  readonly confFiles: ConfFiles;
  readonly limits: TenantLimits;
}

/**
 * Everything one sandbox is to get, in the order of attaching, by the rules that its pod follows. Without a pod, what the cluster gives to all.
 * @throws PlexusError `network-not-found`, `namespace-forbidden`, or what is wrong with an annotation or a config
 */
export async function findDelegates(
  deps: DelegateDeps,
  netConf: NetConf,
  pod: Pod | undefined,
  scope: Pick<Scope, "warn">,
): Promise<DelegateSources> {
  const [first, ...more] = await resolveAll(deps, netConf, pod, scope);
  if (first !== undefined) return [first, ...more];
  throw new PlexusError("invalid-config", "no network: the pod asks for none, and the network config gives none", {
    details: 'name one in the pod\'s annotation, or in "defaultDelegates" of the network config',
  });
}

/** The first network of those that the cluster gives to all, for STATUS and GC; undefined where every pod must ask. */
export async function findDefault(
  deps: DelegateDeps,
  netConf: NetConf,
  scope: Pick<Scope, "warn">,
): Promise<DelegateSource | undefined> {
  const [first] = await resolveAll(deps, netConf, undefined, scope);
  return first;
}

async function resolveAll(
  deps: DelegateDeps,
  netConf: NetConf,
  pod: Pod | undefined,
  scope: Pick<Scope, "warn">,
): Promise<readonly DelegateSource[]> {
  const references = dialectFor(netConf, pod).references(netConf, pod, deps.limits);
  refuseTooMany(references.length, deps.limits.networksPerPod);
  const sources = await Promise.all(references.map((reference) => resolve(deps, netConf, reference, scope)));
  for (const source of sources.flat()) refuseItself(source, netConf.type);
  refuseLargePlan(sources.flat(), deps.limits);
  return sources.flat();
}

/**
 * The pod that the runtime names, once it is known; undefined when it names none.
 * @throws PlexusError `try-again-later`, `pod-mismatch`
 */
export async function findPod(pods: Pods, args: CniArgs, signal: AbortSignal): Promise<Pod | undefined> {
  if (args.pod === undefined) return undefined;
  const pod = await knownPod(pods, args.pod, args.podUid, signal);
  if (isAnother(pod, args.podUid)) throw mismatch(pod, args.podUid);
  return pod;
}

/** Never a made-up answer for a pod that is not known: it would run without its networks, and nobody would notice. */
async function knownPod(pods: Pods, key: PodKey, uid: string, signal: AbortSignal): Promise<Pod> {
  // The runtime may know of a new pod before the pod source does.
  const pod = await pods.get(key, signal, (known) => !isAnother(known, uid));
  if (pod !== undefined) return pod;
  throw new PlexusError("try-again-later", `pod ${key.namespace}/${key.name} is not known to this node's Plexus yet`, {
    details:
      "the runtime will ask again; if this goes on, see whether the pod still exists and what the daemon's log says of its pod source",
  });
}

/** A StatefulSet's pod keeps its name when it is made anew; a static pod has another UID in the API server (spec §1.3). */
function isAnother(pod: Pod, uid: string): boolean {
  return uid !== "" && pod.uid !== "" && uid !== pod.uid && !isStaticPod(pod);
}

function mismatch(pod: Pod, uid: string): PlexusError {
  return new PlexusError("pod-mismatch", `expected pod UID "${uid}" but got "${pod.uid}" from the pod source`, {
    details: "the pod was replaced by another of the same name; this sandbox is out of date",
  });
}

/** The network that is meant; an auxiliary chain may turn out to be none. */
async function resolve(
  deps: DelegateDeps,
  netConf: NetConf,
  reference: Reference,
  scope: Pick<Scope, "warn">,
): Promise<readonly DelegateSource[]> {
  switch (reference.at) {
    case "inline":
      return [sourceOf(parseConflist(reference.text, reference.what))];
    case "path":
      return [sourceOf(await confAt(deps.confFiles, reference.path))];
    case "nad":
      return [await nadSource(deps, netConf, reference)];
    case "nad-or-conf":
      return [await nadOrConf(deps, netConf, reference)];
    case "conf":
      return [{ ...sourceOf(await namedConf(deps, reference)), selection: reference.selection }];
    case "auxiliary-chain":
      return auxiliaryChain(deps, reference, scope);
  }
}

async function nadOrConf(
  deps: DelegateDeps,
  netConf: NetConf,
  { namespace, name, confDir }: At<"nad-or-conf">,
): Promise<DelegateSource> {
  try {
    return await nadSource(deps, netConf, { at: "nad", namespace, name, confDir });
  } catch (thrown) {
    const onDisk = findConf(await deps.confFiles.list(confDir, CONF_ENDINGS), name);
    if (onDisk !== undefined) return sourceOf(onDisk);
    throw PlexusError.from(thrown).within(`cannot find network: ${name}: `, {
      details: `neither in namespace ${namespace} nor in ${confDir}`,
    });
  }
}

/**
 * The network that a path leads to.
 * @throws PlexusError `network-not-found`, or naming the file that cannot be used
 */
export async function confAt(confFiles: ConfFiles, path: string): Promise<Conflist> {
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

/** A NAD without a config of its own means the conf of its name on disk. */
async function nadSource(deps: DelegateDeps, netConf: NetConf, reference: At<"nad">): Promise<DelegateSource> {
  const { namespace, name, selection } = reference;
  const definition = deps.networks.get(namespace, name);
  if (definition === undefined) {
    throw new PlexusError(
      "network-not-found",
      `cannot find a network-attachment-definition (${name}) in namespace (${namespace})`,
      { details: "create the NetworkAttachmentDefinition, or correct the pod's annotation" },
    );
  }
  const network = `${namespace}/${name}`;
  const { config, resourceName, problem } = definition;
  if (problem !== undefined) {
    throw new PlexusError("invalid-config", `network "${network}" cannot be used: ${problem}`, {
      details: "correct the NetworkAttachmentDefinition",
    });
  }
  if (config.trim() === "") {
    refuseConfOnNode(netConf, namespace, network);
    const details = `network "${network}" has no spec.config, so it must be in a file there`;
    return { network, conflist: await namedConf(deps, reference, details), resourceName, selection };
  }
  const conflist = parseConflist(config, `the config of network "${network}"`, name);
  refuseManyPlugins(conflist, network, deps.limits);
  refuseOtherPlugins(conflist, namespace, network, deps.limits);
  return { network, conflist, resourceName, selection };
}

async function namedConf(
  { confFiles }: DelegateDeps,
  { name, confDir }: Pick<At<"conf">, "name" | "confDir">,
  details = "put a conf of that name there, or correct the pod's annotation",
): Promise<Conflist> {
  // An empty name would fit any conf.
  const conflist = name === "" ? undefined : findConf(await confFiles.list(confDir, CONF_ENDINGS), name);
  if (conflist !== undefined) return conflist;
  throw new PlexusError("network-not-found", `no network available in the name ${name} in cni dir ${confDir}`, {
    details,
  });
}

/** One that cannot be read is left out, as Multus does, but not in silence. */
async function auxiliaryChain(
  { confFiles }: DelegateDeps,
  { name, directory, version }: At<"auxiliary-chain">,
  { warn }: Pick<Scope, "warn">,
): Promise<readonly DelegateSource[]> {
  try {
    const chained = await confFiles.list(directory, CHAINED_ENDINGS);
    return chained.length === 0 ? [] : [sourceOf(auxiliaryConflist(name, version, chained))];
  } catch (thrown) {
    warn(`auxiliary chain ${name} is left out: ${PlexusError.from(thrown).message}`);
    return [];
  }
}

function sourceOf(conflist: Conflist): DelegateSource {
  return { network: conflist.name, conflist };
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
