/** A sandbox that Multus attached, as a record of ours: for its DEL above all (spec §1.5). */
import { delegateCniArgs, parseCniArgs } from "../domain/cni/args.ts";
import { type Conflist, parseConflist } from "../domain/cni/conf.ts";
import { convertResult } from "../domain/cni/convert.ts";
import { type CniVersion, cniVersion } from "../domain/cni/version.ts";
import { PlexusError } from "../domain/errors.ts";
import { type IfName, isIfName, isNetnsPath, type NetnsPath, type NetworkName, type SandboxId } from "../domain/ids.ts";
import { JsonObject } from "../domain/json/json-object.ts";
import { metaPluginIn } from "../domain/runtime-conf/self-delegation.ts";
import {
  type RecordedAttachment,
  recordedResult,
  type RecordedResult,
  type SandboxRecord,
} from "../domain/sandbox-record.ts";
import type { DelHints, DelOrigin } from "../ports/journal.ts";
import type { MultusNote } from "./multus-note.ts";
import { type CachedResult, parseResultFile, resultFileName } from "./result-file.ts";
import { type NotedDelegate, parseScratchFile } from "./scratch-file.ts";

/** What Multus' manifests call the network config that their pods were made for. */
const USUAL_CONF_NAME = "multus-cni-network" as NetworkName;
const USUAL_IFNAME = "eth0" as IfName;
/** For a namespace that nobody wrote down: something that never is one. */
const NO_NETNS = "/dev/null" as NetnsPath;

/**
 * @param searchPath where plugins are looked for when nobody says
 * @param asked the DEL that wants to know, if it is one
 * @returns undefined when the files say that nothing was attached
 * @throws PlexusError when neither they nor what libcni cached can be read
 */
export function recordFromMultus(
  sandbox: SandboxId,
  files: MultusNote,
  searchPath: readonly string[],
  asked?: DelHints,
): SandboxRecord | undefined {
  const cached = files.results.flatMap((file) => attempt(() => parseResultFile(file)) ?? []);
  const delegates = delegatesOf(files, cached);
  const primary = delegates.findLast(({ saysPrimary }) => saysPrimary) ?? delegates[0];
  if (primary === undefined) return undefined;
  const owner = asked?.ifName ?? ownerOf(sandbox, delegates, primary, cached);
  const origin = asked?.origin;
  const attachments = delegates.filter(isNotOurselves).map((delegate): RecordedAttachment => {
    const ifName = interfaceName(delegate, primary, owner, files.path);
    const conflist = origin === undefined ? delegate.conflist : inVersion(delegate.conflist, origin.netConf.version);
    const name = resultFileName(conflist.name, sandbox, ifName);
    const known = cached.find(({ fileName }) => fileName === name);
    return {
      owner,
      confName: origin?.netConf.name ?? USUAL_CONF_NAME,
      ifName,
      network: delegate.network,
      primary: delegate === primary,
      state: "attached",
      conflist,
      capabilityArgs: capabilityArgsOf(known, origin),
      cniArgs: cniArgsOf(known, origin),
      since: files.writtenAt,
      device: delegate.device,
      result: resultFor(conflist, delegate.conflist, known),
    };
  });
  if (attachments.length === 0) return undefined;
  const cachedNetns = cached.map(({ netns = "" }) => netns).find(isNetnsPath);
  return {
    sandbox,
    dialect: "npwg",
    pod: podOf(attachments),
    netns: asked !== undefined && isNetnsPath(asked.netns) ? asked.netns : (cachedNetns ?? NO_NETNS),
    searchPath: origin?.searchPath ?? searchPath,
    netnsOverride: "",
    createdAt: files.writtenAt,
    attachments,
  };
}

/** Notes that are torn, or name nothing, are replaced by what libcni cached: all of it, or it does not count. */
function delegatesOf(files: MultusNote, cached: readonly CachedResult[]): readonly NotedDelegate[] {
  const complete = cached.length === files.results.length;
  try {
    const noted = parseScratchFile(files.scratch, files.path);
    return noted.length === 0 && complete ? cached.map(delegateFromResult) : noted;
  } catch (thrown) {
    const recovered = complete && attempt(() => cached.map(delegateFromResult));
    if (recovered && recovered.length > 0) return recovered;
    throw PlexusError.from(thrown).within("neither Multus' notes nor cached results can be read: ");
  }
}

/** A Multus that took us for its default network has noted that: our part of it is on our own records, and to ask ourselves would never end. */
function isNotOurselves({ conflist }: NotedDelegate): boolean {
  return metaPluginIn(JSON.parse(conflist.text)) === undefined;
}

function delegateFromResult({ fileName, conf, ifName }: CachedResult, index: number): NotedDelegate {
  if (conf === undefined) throw new PlexusError("decode-failure", `${fileName} holds no config`);
  const conflist = parseConflist(conf, fileName);
  return { index, network: conflist.name, conflist, requestedIfName: ifName, device: undefined, saysPrimary: false };
}

/** The CNI_IFNAME of the ADD, which is noted nowhere but in the names of cached results. */
function ownerOf(
  sandbox: SandboxId,
  delegates: readonly NotedDelegate[],
  primary: NotedDelegate,
  cached: readonly CachedResult[],
): IfName {
  if (primary.requestedIfName !== undefined && isIfName(primary.requestedIfName)) return primary.requestedIfName;
  const prefix = resultFileName(primary.conflist.name, sandbox, "");
  const others = new Set(delegates.map(({ index, requestedIfName = `net${index}` }) => requestedIfName));
  const left = cached
    .filter(({ fileName }) => fileName.startsWith(prefix))
    .map(({ fileName }) => fileName.slice(prefix.length))
    .filter(isIfName);
  return left.find((ifName) => !others.has(ifName)) ?? USUAL_IFNAME;
}

function interfaceName(
  { index, requestedIfName }: NotedDelegate,
  primary: NotedDelegate,
  owner: IfName,
  path: string,
): IfName {
  const name = requestedIfName ?? (index === primary.index ? owner : `net${index}`);
  if (isIfName(name)) return name;
  throw new PlexusError("decode-failure", `${path}: delegate ${index} has no valid interface name`);
}

/** Multus deletes a list without a version in the network config's, unlike a single conf (spec §1.5, step 8). */
function inVersion(conflist: Conflist, version: CniVersion): Conflist {
  if (conflist.single || conflist.writtenVersion !== "" || version === cniVersion("")) return conflist;
  const what = `the recorded config of network "${conflist.name}"`;
  const text = JsonObject.parse(conflist.text, what).with("cniVersion", JSON.stringify(version)).toString();
  return parseConflist(text, what);
}

/** A result that cannot be read, or said in the version of DEL, is as good as none (spec §4.9). */
function resultFor(conflist: Conflist, added: Conflist, known: CachedResult | undefined): RecordedResult | undefined {
  const result = known?.result;
  if (result === undefined) return undefined;
  return attempt(() => recordedResult(convertResult(result, added.version, conflist.version), conflist.version));
}

function capabilityArgsOf(known: CachedResult | undefined, origin: DelOrigin | undefined): JsonObject {
  const text = known?.capabilityArgs;
  return text === undefined
    ? (origin?.netConf.runtimeConfig ?? JsonObject.empty)
    : JsonObject.parse(text, "the cached capability args");
}

/** As ADD said it, but for the MAC and addresses that only ADD is told; else as DEL says it. */
function cniArgsOf(known: CachedResult | undefined, origin: DelOrigin | undefined): string {
  const pairs = known?.cniArgs?.filter((pair) => !/^(MAC|IP)=/.test(pair));
  const args = pairs === undefined ? origin?.args : attempt(() => parseCniArgs(pairs.join(";")));
  return args === undefined ? "" : delegateCniArgs(args, []);
}

function podOf(attachments: readonly RecordedAttachment[]): SandboxRecord["pod"] {
  const named = attachments.map(({ cniArgs }) => parseCniArgs(cniArgs)).find(({ pod }) => pod !== undefined);
  return named?.pod === undefined ? undefined : { ...named.pod, uid: named.podUid };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
