/** Which networks a sandbox is to get (spec §3, §4.1). Reads; runs nothing. */
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
import { type DelegateSource, refuseConfOnNode } from "../../domain/delegate-source.ts";
import type { Reference } from "../../domain/dialect/dialect.ts";
import { dialectFor } from "../../domain/dialect/dialects.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { NetConf } from "../../domain/netconf.ts";
import type { Pod } from "../../domain/pod.ts";
import { refuseLargePlan, refuseManyPlugins } from "../../domain/plan-size.ts";
import { refuseItself } from "../../domain/runtime-conf/self-delegation.ts";
import { refuseTooMany } from "../../domain/selection.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";
import type { ConfFiles } from "../../ports/conf-files.ts";
import type { Networks } from "../../ports/networks.ts";
import type { Scope } from "../scope.ts";

type At<Place extends Reference["at"]> = Extract<Reference, { readonly at: Place }>;

export interface DelegateDeps {
  readonly networks: Networks;
  readonly confFiles: ConfFiles;
  readonly limits: TenantLimits;
}

/** The networks of one sandbox, and what refuses the others. */
export interface FoundDelegates {
  /** In the order of attaching. */
  readonly sources: readonly DelegateSource[];
  readonly refusals: readonly PlexusError[];
}

/**
 * Everything one sandbox is to get, by the rules of its pod's dialect. Without a pod, what the
 * cluster gives to all. Refusals are `network-not-found`, `namespace-forbidden`, or what is wrong
 * with a config.
 * @throws PlexusError for an annotation or a network config that cannot be read
 */
export async function findDelegates(
  deps: DelegateDeps,
  netConf: NetConf,
  pod: Pod | undefined,
  scope: Pick<Scope, "warn">,
): Promise<FoundDelegates> {
  const found = await resolveAll(deps, netConf, pod, scope);
  if (found.sources.length > 0 || found.refusals.length > 0) return found;
  const message = "no network: the pod asks for none, and the network config gives none";
  throw new PlexusError("invalid-config", message, {
    details: 'name one in the pod\'s annotation, or in "defaultDelegates" of the network config',
  });
}

/**
 * The first network of those that the cluster gives to all, for STATUS and GC; undefined where every
 * pod must ask.
 * @throws PlexusError when it cannot be found
 */
export async function findDefault(
  deps: DelegateDeps,
  netConf: NetConf,
  scope: Pick<Scope, "warn">,
): Promise<DelegateSource | undefined> {
  const { sources, refusals } = await resolveAll(deps, netConf, undefined, scope);
  for (const refusal of refusals) throw refusal;
  return sources[0];
}

async function resolveAll(
  deps: DelegateDeps,
  netConf: NetConf,
  pod: Pod | undefined,
  scope: Pick<Scope, "warn">,
): Promise<FoundDelegates> {
  const references = dialectFor(netConf, pod).references(netConf, pod, deps.limits);
  refuseTooMany(references.length, deps.limits.networksPerPod);
  const refusals: PlexusError[] = [];
  const outcomes = await Promise.all(
    references.map(async (reference) => {
      try {
        const sources = await resolve(deps, netConf, reference, scope);
        for (const source of sources) refuseItself(source, netConf.type);
        return sources;
      } catch (thrown) {
        return PlexusError.from(thrown);
      }
    }),
  );
  for (const outcome of outcomes) if (outcome instanceof PlexusError) refusals.push(outcome);
  const found = outcomes.flatMap((outcome) => (outcome instanceof PlexusError ? [] : outcome));
  refuseLargePlan(found, deps.limits);
  return { sources: found, refusals };
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
