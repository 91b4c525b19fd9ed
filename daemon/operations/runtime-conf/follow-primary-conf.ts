/** Follows the conf of the node's default network, wherever its owner puts it, and says what the runtime's conf is to be (spec §7.7). */
import type { TextFile } from "../../domain/cni/conf-file.ts";
import { PlexusError } from "../../domain/errors.ts";
import { JsonObject, type JsonText } from "../../domain/json/json-object.ts";
import { primaryNames, renamedNames, renaming, RUNTIME_CONF } from "../../domain/runtime-conf/conf-names.ts";
import { makeRuntimeConf, type RuntimeConfTemplate } from "../../domain/runtime-conf/runtime-conf.ts";
import type { PrimarySettings } from "../../domain/runtime-conf/settings.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConfDirectory } from "../../ports/conf-directory.ts";
import type { ConfFiles } from "../../ports/conf-files.ts";
import { confAt } from "../planning/find-delegates.ts";
import { findMetaPlugin } from "./find-meta-plugin.ts";

export interface FollowDeps {
  readonly confFiles: ConfFiles;
  readonly directory: ConfDirectory;
  readonly clock: Clock;
  readonly inform: (message: string) => void;
}

/** What the runtime's conf is to be. */
export interface WantedConf {
  /** The last that was good; undefined as long as there was none. */
  readonly text: JsonText | undefined;
  /** What keeps it from being what it should be. */
  readonly problems: readonly string[];
  /** When to look again even if nothing changes. */
  readonly lookAgainMs?: number;
}

/** Another file has to stay for so long before it takes the place of the one in use: during upgrades confs come and go. */
const ADOPT_AFTER_MS = 10_000;

/**
 * @param recalled the runtime's conf as it was found at start, if it was one: a restart changes nothing by itself
 * @returns one look, to be repeated. It rejects with `io-failure`
 */
export function followPrimary(
  deps: FollowDeps,
  settings: PrimarySettings,
  recalled: JsonText | undefined,
): () => Promise<WantedConf> {
  const { clock, inform } = deps;
  let last = recalled;
  let inUse = recalled === undefined ? undefined : primaryOf(recalled, settings.directory);
  let candidate: { readonly name: string; readonly since: number } | undefined;

  /** How long the file must still stay before it is taken. */
  function adoptionDelay(name: string): number {
    if (inUse === undefined || inUse === name || settings.fileName !== undefined) {
      candidate = undefined;
      return 0;
    }
    if (candidate?.name !== name) {
      candidate = { name, since: clock.monotonic() };
      inform(`${name} will be taken for the default network's conf instead of ${inUse} if it stays`);
    }
    return Math.max(0, candidate.since + ADOPT_AFTER_MS - clock.monotonic());
  }

  async function use(file: TextFile): Promise<WantedConf> {
    const path = `${settings.directory}/${file.name}`;
    try {
      if (settings.forceCniVersion) await forceVersion(deps.directory, path, file, settings.template);
      const text = makeRuntimeConf(settings.template, await confAt(deps.confFiles, path), path);
      if (inUse !== file.name) inform(`the default network's conf is ${path}`);
      last = text;
      inUse = file.name;
      return { text, problems: [] };
    } catch (thrown) {
      const { message, details } = PlexusError.from(thrown);
      return {
        text: last,
        problems: [withHint(`${path} cannot be used for the default network: ${message}`, details)],
      };
    }
  }

  return async () => {
    const names = await deps.directory.names(settings.directory);
    const { primary, passedOver } = await choose(deps, settings, names);
    if (primary === undefined) return { text: last, problems: [nothingToUse(settings, names, passedOver)] };
    const lookAgainMs = adoptionDelay(primary.name);
    const fresh = lookAgainMs > 0 ? undefined : await use(primary);
    if (fresh !== undefined && (fresh.problems.length === 0 || inUse === undefined || inUse === primary.name))
      return fresh;
    // Until the new one can be used, the old one is.
    const old = await usableFile(deps, settings, inUse ?? "");
    const kept = typeof old === "object" ? await use(old) : { text: last, problems: [goneFrom(old, names)] };
    return {
      text: kept.text,
      problems: [...(fresh?.problems ?? []), ...kept.problems],
      ...(lookAgainMs > 0 && { lookAgainMs }),
    };
  };

  function goneFrom(why: string | undefined, names: readonly string[]): string {
    const gone = `the default network's conf ${inUse ?? ""} is gone, and another takes its place if that stays so`;
    return withHint(gone, why ?? renaming(inUse ?? "", names));
  }
}

/** Which file of the directory a conf of ours was made from. */
function primaryOf(text: JsonText, directory: string): string | undefined {
  const path = JsonObject.parse(text, RUNTIME_CONF).get("clusterNetwork");
  return typeof path === "string" && path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

interface Choice {
  readonly primary: TextFile | undefined;
  /** Why others are not, in words. */
  readonly passedOver: readonly string[];
}

/** The first that can be read and does not lead back here. One that cannot be parsed is chosen: it may be half-written. */
async function choose(deps: FollowDeps, settings: PrimarySettings, names: readonly string[]): Promise<Choice> {
  const passedOver: string[] = [];
  const candidates = settings.fileName === undefined ? primaryNames(names) : [settings.fileName];
  for (const name of candidates) {
    const found = await usableFile(deps, settings, name);
    if (typeof found === "object") return { primary: found, passedOver };
    if (found !== undefined) passedOver.push(found);
  }
  return { primary: undefined, passedOver };
}

/** The file, or why it must not be used; undefined when it is not there. */
async function usableFile(
  { confFiles }: FollowDeps,
  { directory, template }: PrimarySettings,
  name: string,
): Promise<TextFile | string | undefined> {
  const path = `${directory}/${name}`;
  try {
    const found = await confFiles.look(path);
    if (found.is !== "file") return undefined;
    const type = await findMetaPlugin(confFiles, path, template.type);
    return type === undefined ? found.file : `${name} leads to a plugin of type ${type}, and so to Plexus itself`;
  } catch (thrown) {
    return PlexusError.from(thrown).message;
  }
}

/** Makes the default network's version ours, on the disk: a means for tests of other people's plugins. */
async function forceVersion(
  directory: ConfDirectory,
  path: string,
  file: TextFile,
  { cniVersion }: RuntimeConfTemplate,
): Promise<void> {
  const conf = JsonObject.parse(file.text, `CNI config file ${file.name}`);
  if (cniVersion === undefined || conf.get("cniVersion") === cniVersion) return;
  await directory.write(path, `${conf.with("cniVersion", JSON.stringify(cniVersion)).toString()}\n`, 0o644);
}

function nothingToUse(settings: PrimarySettings, names: readonly string[], passedOver: readonly string[]): string {
  const renamed = renamedNames(names).map((name) => renaming(name, names));
  const what = settings.fileName ?? "CNI conf of the default network";
  return withHint(`there is no ${what} in ${settings.directory} yet`, [...passedOver, ...renamed].join("; "));
}

function withHint(problem: string, hint = ""): string {
  return hint === "" ? problem : `${problem}: ${hint}`;
}
