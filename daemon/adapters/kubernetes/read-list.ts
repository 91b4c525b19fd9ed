import { type ApiAnswer, type ApiClient, AnswerTooLong } from "./api-client.ts";
import { objectKey, PageSchema } from "./api-objects.ts";
import { complaint, statusOf } from "./api-status.ts";
import { type Collection, LARGEST_PAGE, listPath } from "./collection.ts";
import type { FollowState, Outcome } from "./list-watch-state.ts";
import { messageOf } from "./message-of.ts";

export interface ReadListOptions<T> {
  readonly client: ApiClient;
  readonly collection: Collection<T>;
  readonly signal: AbortSignal;
  /** Given all there is, once the last page has arrived: half a list would look like deletions. */
  readonly onItems: (items: Map<string, T>) => void;
  readonly onOddObject: (object: unknown) => void;
}

const TIMEOUT_MS = 60_000;
const SMALLER = 8;

/**
 * Reads a collection as a whole. Never rejects. An answer that is too long is asked for again in smaller pages, from the first one on: the
 * API server takes a page's continuation only with the page size it gave it for. Small pages come from its database, also those of a
 * collection that is else read from its memory.
 */
export async function readList<T extends { readonly namespace: string; readonly name: string }>(
  state: FollowState,
  options: ReadListOptions<T>,
): Promise<Outcome> {
  let from = state;
  for (let page = LARGEST_PAGE; ; page = Math.max(1, Math.floor(page / SMALLER))) {
    const outcome = await readPages(from, page, options);
    if (outcome !== "too-long") return outcome;
    if (page === 1) {
      const problem = "one object alone makes an answer that is too long";
      return { what: "interrupted", resourceVersion: state.resourceVersion, progress: false, retryAfterMs: 0, problem };
    }
    from = { ...state, notOlderThan: "" };
  }
}

async function readPages<T extends { readonly namespace: string; readonly name: string }>(
  { notOlderThan, resourceVersion }: FollowState,
  limit: number,
  { client, collection, signal, onItems, onOddObject }: ReadListOptions<T>,
): Promise<Outcome | "too-long"> {
  const failed = { what: "interrupted", resourceVersion, progress: false, retryAfterMs: 0 } as const;
  const { acceptList: accept, schema } = collection;
  const items = new Map<string, T>();
  try {
    for (let next = ""; ;) {
      const path = listPath(collection, next === "" ? notOlderThan : "", next, limit);
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
        if (data === undefined) onOddObject(object);
        else items.set(objectKey(data), data);
      }
      next = page.metadata.continue ?? "";
      if (next !== "") continue;
      onItems(items);
      return { what: "listed", resourceVersion: page.metadata.resourceVersion };
    }
  } catch (thrown) {
    if (thrown instanceof Error && thrown.cause instanceof AnswerTooLong) return "too-long";
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
