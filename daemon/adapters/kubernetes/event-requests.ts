import { randomBytes } from "node:crypto";
import { cutBytes } from "../../domain/cut-text.ts";
import type { PodKey } from "../../domain/pod.ts";
import type { PodEvent } from "../../domain/pod-event.ts";
import type { ApiRequest } from "./api-client.ts";
import { METADATA_OF_ONE } from "./api-objects.ts";

export interface EventReport {
  readonly pod: PodKey & { readonly uid: string };
  readonly event: PodEvent;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

type Unsent = Omit<ApiRequest, "timeoutMs" | "signal">;

const COMPONENT = "plexus";
/** In bytes; the API server takes no longer message, and no longer name. */
const LONGEST_MESSAGE = 1_024;
const LONGEST_NAME = 253;

/** A name of its own for the event: with it, sending it twice makes one event. */
export function newEventName({ name }: PodKey): string {
  const suffix = `.${randomBytes(8).toString("hex")}`;
  return name.slice(0, LONGEST_NAME - suffix.length).replace(/[-.]+$/, "") + suffix;
}

export function createEvent({ pod, event, at }: EventReport, name: string, nodeName: string): Unsent {
  const { namespace, uid } = pod;
  const time = timestamp(at);
  const body = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name: pod.name, ...(uid !== "" && { uid }) },
    type: event.type,
    reason: event.reason,
    message: cutBytes(event.message, LONGEST_MESSAGE),
    source: { component: COMPONENT, host: nodeName },
    reportingComponent: COMPONENT,
    reportingInstance: nodeName,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
  };
  return {
    method: "POST",
    path: eventsPath(pod),
    accept: METADATA_OF_ONE,
    body: { type: "application/json", text: JSON.stringify(body) },
  };
}

export function countEvent({ pod, at }: EventReport, name: string, count: number): Unsent {
  return {
    method: "PATCH",
    path: `${eventsPath(pod)}/${encodeURIComponent(name)}`,
    accept: METADATA_OF_ONE,
    body: { type: "application/merge-patch+json", text: JSON.stringify({ count, lastTimestamp: timestamp(at) }) },
  };
}

function eventsPath({ namespace }: PodKey): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

/** Without fractions, which metav1.Time does not take. */
function timestamp(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+/, "");
}
