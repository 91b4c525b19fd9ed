/** CNI_ARGS: what the runtime tells plugins about the pod, as `KEY=value;KEY=value`. */
import { PlexusError } from "../errors.ts";
import { namespace, podName } from "../ids.ts";
import type { PodKey } from "../pod.ts";

export type CniArgsPair = readonly [key: string, value: string];

export interface CniArgs {
  /** In the order they came. */
  readonly pairs: readonly CniArgsPair[];
  /** Absent when no K8S_POD_NAME was given. */
  readonly pod: PodKey | undefined;
  /** Empty when not given. */
  readonly podUid: string;
  /** Empty when not given. */
  readonly infraContainerId: string;
}

/**
 * Reads CNI_ARGS. Wider than libcni, which refuses a value with a `=` in it and a trailing `;` (spec §4.6).
 * Of a key that comes twice the last value counts, as it does there.
 * @throws PlexusError `invalid-environment` for an item without a key or without `=`
 */
export function parseCniArgs(text: string): CniArgs {
  const pairs = text
    .split(";")
    .filter((item) => item !== "")
    .map(parsePair);
  const values = new Map(pairs);
  const name = values.get("K8S_POD_NAME") ?? "";
  return {
    pairs,
    pod: name === "" ? undefined : { namespace: namespace(values.get("K8S_POD_NAMESPACE") ?? ""), name: podName(name) },
    podUid: values.get("K8S_POD_UID") ?? "",
    infraContainerId: values.get("K8S_POD_INFRA_CONTAINER_ID") ?? "",
  };
}

/** CNI_ARGS for a delegate: the five that every delegate is promised, the runtime's others, and `extra`, which wins over those. */
export function delegateCniArgs(args: CniArgs, extra: readonly CniArgsPair[]): string {
  const given = new Map(args.pairs);
  const promised: readonly CniArgsPair[] = [
    ["IgnoreUnknown", "true"],
    ...POD_KEYS.map((key): CniArgsPair => [key, given.get(key) ?? ""]),
    ["K8S_POD_UID", args.podUid],
  ];
  const taken = new Set([...promised, ...extra].map(([key]) => key));
  const others = [...given].filter(([key]) => !taken.has(key));
  return joined([...promised, ...others, ...extra]);
}

/** CNI_ARGS for a delegate as TKE's fork has them: four, and nothing else of the runtime's. */
export function fourCniArgs({ pairs }: CniArgs): string {
  const given = new Map(pairs);
  return joined([["IgnoreUnknown", "1"], ...POD_KEYS.map((key): CniArgsPair => [key, given.get(key) ?? ""])]);
}

const POD_KEYS = ["K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID"] as const;

function joined(pairs: readonly CniArgsPair[]): string {
  return pairs.map(([key, value]) => `${key}=${value}`).join(";");
}

function parsePair(item: string): CniArgsPair {
  const at = item.indexOf("=");
  if (at > 0) return [item.slice(0, at), item.slice(at + 1)];
  // Its value is nobody's business, and may be a secret: only what can be a key is shown.
  const key = /^\w*/.exec(item)?.[0] ?? "";
  throw new PlexusError("invalid-environment", `CNI_ARGS: invalid pair ${JSON.stringify(key)}`, {
    details: "every item must be KEY=value",
  });
}
