import type { ApiAnswer, ApiClient } from "./api-client.ts";
import { objectKey, PageSchema } from "./api-objects.ts";
import { complaint, statusOf } from "./api-status.ts";
import { type Collection, listPath } from "./collection.ts";
import type { FollowState, Outcome } from "./list-watch-state.ts";
import { messageOf } from "./message-of.ts";

export interface ReadListOptions<T> {
  readonly client: ApiClient;
  readonly collection: Collection<T>;
  readonly signal: AbortSignal;
  /** Given all there is, once the last page has arrived: half a list would look like deletions. */
  readonly onItems: (items: Map<string, T>) => void;
  readonly onOddObject: () => void;
}

const TIMEOUT_MS = 60_000;

/** Reads a collection as a whole. Never rejects. */
export async function readList<T extends { readonly namespace: string; readonly name: string }>(
  { notOlderThan, resourceVersion }: FollowState,
  { client, collection, signal, onItems, onOddObject }: ReadListOptions<T>,
): Promise<Outcome> {
  const failed = { what: "interrupted", resourceVersion, progress: false, retryAfterMs: 0 } as const;
  const { acceptList: accept, schema } = collection;
  const items = new Map<string, T>();
  try {
    for (let next = ""; ;) {
      const path = listPath(collection, next === "" ? notOlderThan : "", next);
      const answer = await client.request({ method: "GET", path, accept, timeoutMs: TIMEOUT_MS, signal });
      if (answer.status !== 200) {
        const problem = complaint(answer.status, statusOf(answer));
        return {
          ...failed,
          what: isExpired(answer) ? "expired" : "interrupted",
          retryAfterMs: answer.retryAfterMs,
          problem,
        };
      }
      const page = PageSchema.parse(JSON.parse(answer.body));
      for (const object of page.items ?? []) {
        const { data } = schema.safeParse(object);
        if (data === undefined) onOddObject();
        else items.set(objectKey(data), data);
      }
      next = page.metadata.continue ?? "";
      if (next !== "") continue;
      onItems(items);
      return { what: "listed", resourceVersion: page.metadata.resourceVersion };
    }
  } catch (thrown) {
    return { ...failed, problem: messageOf(thrown) };
  }
}

/** The wanted version or page is gone, makes no sense to this server, or lies in its future (an older database was put back). */
function isExpired(answer: ApiAnswer): boolean {
  const causes = statusOf(answer).details?.causes ?? [];
  return (
    answer.status === 410 || answer.status === 400 || causes.some(({ reason }) => reason === "ResourceVersionTooLarge")
  );
}
