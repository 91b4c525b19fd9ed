import type { PodKey } from "../../domain/pod.ts";
import type { ApiAnswer, ApiClient } from "./api-client.ts";
import { METADATA_OF_ONE, WrittenSchema } from "./api-objects.ts";
import { type ApiStatus, complaint, isPassing, statusOf } from "./api-status.ts";
import { messageOf } from "./message-of.ts";

export interface StatusWrite {
  readonly pod: PodKey;
  /** Empty when not known. */
  readonly podUid: string;
  readonly annotation: string;
  readonly status: string;
}

/** What stood in the way; undefined when there is nothing more to do. */
export type Setback =
  | {
      readonly reason: string;
      readonly retryAfterMs: number;
      /** Whether trying again can help. */
      readonly passing: boolean;
      /** Set when the API server refuses: every write of this daemon's, or this one at least. */
      readonly refusal?: "of-all" | "of-one" | undefined;
    }
  | undefined;

/** For one attempt. */
export const PATCH_TIMEOUT_MS = 5_000;

/**
 * Writes one annotation, with one request, touching nothing that others write. The UID in it makes the API server refuse when the pod is
 * another one by now; that, and a pod that is gone, count as done.
 */
export async function patchStatus(
  client: ApiClient,
  write: StatusWrite,
  { timeoutMs, signal, dryRun = false }: { timeoutMs: number; signal: AbortSignal; dryRun?: boolean },
): Promise<Setback> {
  const { pod, podUid, annotation, status } = write;
  const [namespace, name] = [encodeURIComponent(pod.namespace), encodeURIComponent(pod.name)];
  const metadata = { ...(podUid !== "" && { uid: podUid }), annotations: { [annotation]: status } };
  const answer = await client
    .request({
      method: "PATCH",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/status${dryRun ? "?dryRun=All" : ""}`,
      accept: METADATA_OF_ONE,
      body: { type: "application/merge-patch+json", text: JSON.stringify({ metadata }) },
      timeoutMs,
      signal,
    })
    .catch((thrown: unknown) => messageOf(thrown));
  if (typeof answer === "string") return { reason: answer, retryAfterMs: 0, passing: true };

  const { status: code, retryAfterMs } = answer;
  if (code < 300) return isThePod(answer, write) ? undefined : somethingElse(code, retryAfterMs);
  const said = statusOf(answer);
  if (code === 404) return said.code === 404 ? undefined : somethingElse(code, retryAfterMs);
  if (isNamesake(code, said)) return undefined;
  return { reason: complaint(code, said), retryAfterMs, passing: isPassing(code), refusal: refusalOf(code, said) };
}

/** What stands between the daemon and the API server may answer 200 with anything (issue 11). */
function isThePod({ body }: ApiAnswer, { pod, annotation }: StatusWrite): boolean {
  try {
    const { data } = WrittenSchema.safeParse(JSON.parse(body));
    if (data === undefined) return false;
    const { name, namespace, annotations } = data.metadata;
    return name === pod.name && namespace === pod.namespace && Object.hasOwn(annotations ?? {}, annotation);
  } catch {
    return false;
  }
}

function somethingElse(code: number, retryAfterMs: number): Setback {
  return { reason: `the answer to the PATCH is ${code} and not the API server's`, retryAfterMs, passing: true };
}

/** Without a valid token, or the permission, nothing is taken. What else is refused may be a policy's doing, or the write's own. */
function refusalOf(code: number, { message = "" }: ApiStatus): "of-all" | "of-one" | undefined {
  if (code === 401 || (code === 403 && message.includes("cannot patch resource"))) return "of-all";
  return code === 403 || code === 422 ? "of-one" : undefined;
}

/** The UID in a patch cannot be changed, which is what another one amounts to. */
function isNamesake(code: number, { details }: ApiStatus): boolean {
  return code === 422 && details?.causes?.some(({ field }) => field === "metadata.uid") === true;
}
