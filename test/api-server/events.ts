import type { JsonObject } from "./objects.ts";

/** An event's members in core/v1, which is how it is kept, and in events.k8s.io/v1. */
const NAMES: readonly (readonly [core: string, events: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
];

const renamed = (object: JsonObject, names: ReadonlyMap<string, string>): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value]));

const TO_EVENTS = new Map(NAMES);
const TO_CORE = new Map(NAMES.map(([core, events]) => [events, core]));

export const fromStoredEvent = (event: JsonObject): JsonObject => ({
  ...renamed(event, TO_EVENTS),
  apiVersion: "events.k8s.io/v1",
});

export const toStoredEvent = (event: JsonObject): JsonObject => ({ ...renamed(event, TO_CORE), apiVersion: "v1" });
