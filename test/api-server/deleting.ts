import { conflict } from "./api-error.ts";
import { type ApiObject, at, type JsonObject, textAt } from "./objects.ts";
import { parseObject } from "./representation.ts";
import type { Resource } from "./resources.ts";
import { timestamp } from "./store.ts";
import { existing, type Write } from "./writing.ts";

/**
 * Deletes at once, or marks a pod that runs somewhere as being deleted: its kubelet deletes it for good, with no grace, when all is down.
 * Answers as the real server: a pod itself, a Status for everything else.
 */
export function remove(write: Write, query: URLSearchParams): JsonObject {
  const { store, resource, target, body } = write;
  const found = existing(write);
  const options = parseObject(body) ?? {};
  const uid = textAt(options, "preconditions.uid");
  if (uid !== "" && uid !== found.metadata.uid) {
    throw conflict(
      resource,
      target.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${found.metadata.uid})`,
    );
  }
  const asked = at(options, "gracePeriodSeconds") ?? query.get("gracePeriodSeconds");
  const grace = gracePeriod(resource, found, asked === null ? undefined : Number(asked));
  if (grace > 0) {
    const metadata = {
      ...found.metadata,
      deletionTimestamp: timestamp(new Date(Date.now() + grace * 1_000)),
      deletionGracePeriodSeconds: grace,
    };
    const already = found.metadata.deletionGracePeriodSeconds;
    return already !== undefined && already <= grace ? found : store.put(resource.collection, { ...found, metadata });
  }
  const removed = store.remove(resource.collection, found);
  if (resource.kind === "Pod") return removed;
  const { name } = target;
  const details = {
    name,
    ...(resource.group && { group: resource.group }),
    kind: resource.plural,
    uid: found.metadata.uid,
  };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

function gracePeriod(resource: Resource, object: ApiObject, asked: number | undefined): number {
  const done = ["Succeeded", "Failed"].includes(textAt(object, "status.phase"));
  if (resource.kind !== "Pod" || textAt(object, "spec.nodeName") === "" || done) return 0;
  const usual = at(object, "spec.terminationGracePeriodSeconds");
  return asked ?? (typeof usual === "number" ? usual : 30);
}
