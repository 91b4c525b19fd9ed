/** Where plugins are looked for: the node's own directory first, then CNI_PATH; absolute directories only, each once (delegates B.3). */
export function searchPath(binDir: string, cniPath: string): readonly string[] {
  const directories = [binDir, ...cniPath.split(":")].filter((directory) => directory.startsWith("/"));
  return [...new Set(directories)];
}
