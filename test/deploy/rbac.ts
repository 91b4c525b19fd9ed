import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import type { Rule } from "../api-server/access.ts";
import type { Verb } from "../api-server/target.ts";
import { here } from "../node/host.ts";

interface ClusterRole {
  readonly kind: string;
  readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly Verb[] }[];
}

/** What deploy/base/rbac.yaml allows the daemon, in the words of the tests' API server. */
export async function deployedRules(): Promise<readonly Rule[]> {
  const documents = parseAllDocuments(await readFile(here("deploy/base/rbac.yaml"), "utf8"));
  const roles = documents
    .map((document) => document.toJS() as ClusterRole)
    .filter(({ kind }) => kind === "ClusterRole");
  return roles.flatMap(({ rules }) => rules.map(({ resources, verbs }) => ({ resources, verbs })));
}
