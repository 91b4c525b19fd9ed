/** Follows a conf to all that it leads to, to see whether that is Plexus or Multus again. */
import { chainDirectoryName, CHAINED_ENDINGS, CONF_ENDINGS, isConflistFile } from "../../domain/cni/conf-file.ts";
import type { JsonText } from "../../domain/json/json-object.ts";
import { confPathsIn, metaPluginIn } from "../../domain/runtime-conf/self-delegation.ts";
import type { ConfFile, ConfFiles } from "../../ports/conf-files.ts";

/**
 * The type of the meta-plugin that a conf leads to: by itself, by what is chained to it, or by confs that it names. What cannot be parsed
 * leads nowhere.
 * @param own one more type that is ours
 * @param seen the paths that were followed already: confs may lead in circles
 */
export async function findMetaPlugin(
  confFiles: ConfFiles,
  path: string,
  own: string,
  seen = new Set<string>(),
): Promise<string | undefined> {
  if (seen.has(path)) return undefined;
  seen.add(path);
  const files = await filesBehind(confFiles, path);
  const confs = files.map(({ text }) => parsed(text));
  const type = metaPluginIn(confs, own);
  if (type !== undefined) return type;
  for (const next of confPathsIn(confs)) {
    const behind = await findMetaPlugin(confFiles, next, own, seen);
    if (behind !== undefined) return behind;
  }
  return undefined;
}

/** What is read for a path: the first conf of a directory, a conflist with the plugins that stand beside it in files of their own. */
async function filesBehind(confFiles: ConfFiles, path: string): Promise<readonly ConfFile[]> {
  const found = await confFiles.look(path);
  switch (found.is) {
    case "missing":
      return [];
    case "directory":
      return (await confFiles.list(path, CONF_ENDINGS)).slice(0, 1);
    case "file": {
      const directory = isConflistFile(path) ? chainDirectory(found.file) : undefined;
      if (directory === undefined) return [found.file];
      const beside = `${path.slice(0, path.lastIndexOf("/"))}/${directory}`;
      return [found.file, ...(await confFiles.list(beside, CHAINED_ENDINGS))];
    }
  }
}

function chainDirectory(file: ConfFile): string | undefined {
  try {
    return chainDirectoryName(file);
  } catch {
    return undefined;
  }
}

function parsed(text: JsonText): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
