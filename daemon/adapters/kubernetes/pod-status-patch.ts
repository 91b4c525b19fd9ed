import { PlexusError } from "../../domain/errors.ts";
import type { PodKey } from "../../domain/pod.ts";
import type { ApiClient } from "./api-client.ts";
import { METADATA_OF_ONE } from "./api-objects.ts";
import { type ApiStatus, complaint, isPassing, statusOf } from "./api-status.ts";
import { messageOf } from "./message-of.ts";

export interface StatusWrite {
  readonly pod: PodKey;
  /** Empty when not known. */
  readonly podUid: string;
  readonly annotation: string;
  readonly status: string;
}

/** Undefined when there is nothing more to do. */
export type Setback = { readonly reason: string; readonly retryAfterMs: number } | undefined;

/** For one attempt. */
export const PATCH_TIMEOUT_MS = 5_000;

/**
 * Writes one annotation, with one request, touching nothing that others write. The UID in it makes the API server refuse when the pod is
 * another one by now; that, and a pod that is gone, count as done. Resolves with what stood in the way if it may pass.
 * @throws PlexusError `io-failure` when it will not
 */
export async function patchStatus(
  client: ApiClient,
  { pod, podUid, annotation, status }: StatusWrite,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Setback> {
  const [namespace, name] = [encodeURIComponent(pod.namespace), encodeURIComponent(pod.name)];
  const metadata = { ...(podUid !== "" && { uid: podUid }), annotations: { [annotation]: status } };
  const answer = await client
    .request({
      method: "PATCH",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
      accept: METADATA_OF_ONE,
      body: { type: "application/merge-patch+json", text: JSON.stringify({ metadata }) },
      timeoutMs,
      signal,
    })
    .catch((thrown: unknown) => messageOf(thrown));
  if (typeof answer === "string") return { reason: answer, retryAfterMs: 0 };

  const { status: code, retryAfterMs } = answer;
  if (code < 300 || code === 404) return undefined;
  const said = statusOf(answer);
  if (isNamesake(code, said)) return undefined;
  const reason = complaint(code, said);
  if (isPassing(code)) return { reason, retryAfterMs };
  throw new PlexusError("io-failure", `cannot show the network status of pod ${pod.namespace}/${pod.name}: ${reason}`);
}

/** The UID in a patch cannot be changed, which is what another one amounts to. */
function isNamesake(code: number, { details }: ApiStatus): boolean {
  return code === 422 && details?.causes?.some(({ field }) => field === "metadata.uid") === true;
}
