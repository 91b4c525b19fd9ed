import { homedir } from "node:os";
import { join } from "node:path";

/** Where the components of the test cluster are kept: outside of the checkout, for they take minutes to build. */
export function cacheDirectory({ env } = process): string {
  return env["PLEXUS_CLUSTER_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "plexus-cluster");
}
