import { changePlugins, type Conflist } from "./cni/conf.ts";

const DEFAULT_DATA_DIR = "/var/lib/cni/flannel";

/**
 * The flannel plugin remembers what to delete in a file named after the sandbox alone, so a second flannel network of the same sandbox
 * overwrites the first one's notes, and its addresses are never freed (delegates B.1). Each one beyond the first gets a directory of its own.
 */
export function separateFlannels(
  conflists: readonly Conflist[],
  interfaceOf: (index: number) => string,
): readonly Conflist[] {
  let seen = 0;
  return conflists.map((conflist, index) => {
    const flannels = conflist.plugins.filter(({ type }) => type === "flannel").length;
    seen += flannels;
    return flannels > 0 && seen > flannels ? withOwnDataDir(conflist, interfaceOf(index)) : conflist;
  });
}

function withOwnDataDir(conflist: Conflist, ifName: string): Conflist {
  return changePlugins(conflist, ({ type, conf }) => {
    if (type !== "flannel") return conf;
    const written = conf.get("dataDir");
    const dataDir = typeof written === "string" && written !== "" ? written : DEFAULT_DATA_DIR;
    return conf.with("dataDir", JSON.stringify(`${dataDir}/${ifName}`));
  });
}
