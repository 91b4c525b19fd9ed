import { randomUUID } from "node:crypto";
import type { ApiObject } from "./objects.ts";

/** One write, in the order of the writes. */
export interface Change {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly collection: string;
  /** After the write; of a deleted object, the last state with the deletion's resourceVersion. */
  readonly object: ApiObject;
  readonly previous: ApiObject | undefined;
}

/** Every object of every resource under one counter, with the history since the last compaction. */
export interface Store {
  readonly revision: () => number;
  /** The oldest revision that can still be read or watched from. */
  readonly compacted: () => number;
  readonly get: (collection: string, namespace: string, name: string) => ApiObject | undefined;
  /** Sorted by namespace and name. `revision` must not be compacted. */
  readonly list: (collection: string, revision?: number) => readonly ApiObject[];
  /** Creates or replaces; gives it a resourceVersion. */
  readonly put: (collection: string, object: ApiObject) => ApiObject;
  readonly remove: (collection: string, object: ApiObject) => ApiObject;
  readonly since: (collection: string, revision: number) => readonly Change[];
  readonly compact: () => void;
}

/** `/` sorts before everything that a name may contain but `-` and `.`, as it does in etcd. */
export const keyOf = ({ metadata }: ApiObject): string => `${metadata.namespace}/${metadata.name}`;

export function openStore(onChange: (change: Change) => void): Store {
  const collections = new Map<string, Map<string, ApiObject>>();
  let history: Change[] = [];
  // Writes that made the cluster itself.
  let revision = 1_000;
  let compacted = 1;

  const collection = (name: string): Map<string, ApiObject> => {
    const found = collections.get(name) ?? new Map<string, ApiObject>();
    collections.set(name, found);
    return found;
  };
  const commit = (change: Change): ApiObject => {
    history.push(change);
    onChange(change);
    return change.object;
  };
  const revised = (object: ApiObject): ApiObject => {
    revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
  };

  return {
    revision: () => revision,
    compacted: () => compacted,
    get: (name, namespace, objectName) => collection(name).get(`${namespace}/${objectName}`),
    list: (name, atRevision = revision) => {
      const objects = new Map(collection(name));
      for (const change of history.toReversed()) {
        if (change.revision <= atRevision) break;
        if (change.collection !== name) continue;
        if (change.previous === undefined) objects.delete(keyOf(change.object));
        else objects.set(keyOf(change.object), change.previous);
      }
      return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    },
    put: (name, object) => {
      const key = keyOf(object);
      const previous = collection(name).get(key);
      const next = revised(object);
      collection(name).set(key, next);
      return commit({ revision, type: previous ? "MODIFIED" : "ADDED", collection: name, object: next, previous });
    },
    remove: (name, object) => {
      collection(name).delete(keyOf(object));
      const last = revised(object);
      return commit({ revision, type: "DELETED", collection: name, object: last, previous: object });
    },
    since: (name, from) => history.filter((change) => change.revision > from && change.collection === name),
    compact: () => {
      history = [];
      compacted = revision;
    },
  };
}

/** The metadata that the server gives to a new object. */
export const systemMetadata = (): { uid: string; creationTimestamp: string } => ({
  uid: randomUUID(),
  creationTimestamp: timestamp(new Date()),
});

/** Whole seconds, as the API has them. */
export const timestamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");
