/** Confs and conflists in files: which of a directory's files defines a network, and what belongs to it (spec §4.1, §4.5). */
import { PlexusError } from "../errors.ts";
import { isNetworkName } from "../ids.ts";
import { elementsOf, JsonObject, type JsonText } from "../json/json-object.ts";
import { type Conflist, flagAt, parseConflist, stringAt } from "./conf.ts";

/** A file as it was read. */
export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Where a network's conf may stand. */
export const CONF_ENDINGS = [".conf", ".conflist", ".json"] as const;

/** A chained plugin may only stand here. */
export const CHAINED_ENDINGS = [".conf"] as const;

export function isConflistFile(name: string): boolean {
  return name.endsWith(".conflist");
}

/**
 * The first file, in the order given, whose conf has that name inside; any file when the name is empty.
 * @returns undefined when there is none
 * @throws PlexusError naming the file, for the first one that cannot be read: what comes after it is not looked at
 */
export function findConf(files: readonly TextFile[], name: string): Conflist | undefined {
  for (const file of files) {
    const conflist = readConf(file);
    if (name === "" || conflist.name === name) return conflist;
  }
  return undefined;
}

/** One file as a network of its own. A `.conflist` holds a list, any other a single conf. @throws PlexusError naming the file */
export function readConf(file: TextFile): Conflist {
  const what = `CNI config file ${file.name}`;
  const conflist = parseConflist(file.text, what);
  if (!isConflistFile(file.name) && !conflist.single) {
    throw new PlexusError("invalid-config", `${what}: error parsing configuration: missing 'type'`, {
      details: "if it is a conflist, let its file's name end in .conflist",
    });
  }
  return conflist;
}

/** The directory, beside a conflist file, whose plugins are appended to it; undefined when it wants none. */
export function chainDirectoryName(file: TextFile): string | undefined {
  const what = `CNI config file ${file.name}`;
  const conf = JsonObject.parse(file.text, what);
  if (flagAt(conf, "loadOnlyInlinedPlugins", what)) return undefined;
  const name = stringAt(conf, "name", what);
  if (isNetworkName(name)) return name;
  throw new PlexusError("invalid-config", `${what}: invalid network config name: ${name}`);
}

/** A conflist file with the plugins that stand in files of their own appended, in the order given. */
export function chain(file: TextFile, chained: readonly TextFile[]): Conflist {
  const what = `CNI config file ${file.name}`;
  const conf = JsonObject.parse(file.text, what);
  const inlined = conf.text("plugins");
  const own = inlined === undefined || inlined === "null" ? [] : elementsOf(inlined, `${what}: plugins`);
  const appended = chained.map(({ name, text }) => JsonObject.parse(text, `CNI config file ${name}`).toString());
  const plugins = [...own, ...appended];
  if (plugins.length === 0) throw new PlexusError("invalid-config", `${what}: no plugin configs found`);
  return parseConflist(conf.with("plugins", `[${plugins.join(",")}]`).toString(), what);
}

/**
 * The chain that is attached to every pod beside its networks (spec §4.5): what stands in a directory named after it.
 * It begins with `passthru`, whose empty result is the previous one for those that insist on one.
 */
export function auxiliaryConflist(name: string, version: string, chained: readonly TextFile[]): Conflist {
  const head: JsonText = JSON.stringify({
    cniVersion: version,
    name,
    plugins: [{ type: "passthru", name: "passthru-cni" }],
  });
  return chain({ name: `of auxiliary chain ${name}`, text: head }, chained);
}
