import type { z } from "zod";
import { METADATA_OF_MANY, METADATA_OF_ONE, networkSchema, PodSchema, WHOLE } from "./api-objects.ts";
import type { NetworkDefinition } from "../../domain/network-definition.ts";
import type { Pod } from "../../domain/pod.ts";
import type { TenantLimits } from "../../domain/tenant-limits.ts";

/** Objects of one kind that are followed. */
export interface Collection<T> {
  /** As people call them. */
  readonly title: string;
  readonly path: string;
  readonly fieldSelector?: string;
  readonly acceptList: string;
  readonly acceptWatch: string;
  /**
   * Whether lists come from the API server's memory, in one piece: right for few out of many, because the database would have to go
   * through the pods of the whole cluster. A collection that is read whole is read from the database, page by page, in small pieces.
   */
  readonly fromMemory: boolean;
  readonly schema: z.ZodType<T>;
}

/** The pods of one node. All pods of a cluster in every node's memory would be the end of both (spec §7.5). */
export function podsOf(nodeName: string): Collection<Pod> {
  return {
    title: "pods",
    path: "/api/v1/pods",
    fieldSelector: `spec.nodeName=${nodeName}`,
    acceptList: METADATA_OF_MANY,
    acceptWatch: METADATA_OF_ONE,
    fromMemory: true,
    schema: PodSchema,
  };
}

/** All networks of the cluster. */
export function networksOf(limits: Pick<TenantLimits, "networkConfigBytes">): Collection<NetworkDefinition> {
  return {
    title: "network-attachment-definitions",
    path: "/apis/k8s.cni.cncf.io/v1/network-attachment-definitions",
    acceptList: WHOLE,
    acceptWatch: WHOLE,
    fromMemory: false,
    schema: networkSchema(limits),
  };
}

export const LARGEST_PAGE = 500;

/**
 * @param notOlderThan see FollowState
 * @param limit objects of one page, where the list comes in pages
 */
export function listPath(
  { path, fieldSelector }: Collection<unknown>,
  notOlderThan: string,
  page: string,
  limit = LARGEST_PAGE,
): string {
  const from = notOlderThan === "" ? { limit } : { resourceVersion: notOlderThan };
  const match = notOlderThan === "" || notOlderThan === "0" ? {} : { resourceVersionMatch: "NotOlderThan" };
  return withQuery(path, { fieldSelector, ...from, ...match, continue: page || undefined });
}

export function watchPath(
  { path, fieldSelector }: Collection<unknown>,
  resourceVersion: string,
  timeoutSeconds: number,
): string {
  return withQuery(path, { watch: 1, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, fieldSelector });
}

function withQuery(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) given.set(key, String(value));
  return `${path}?${given.toString()}`;
}
