import type { Events } from "../../daemon/ports/events.ts";

export interface MemoryEvents extends Events {
  /** `<namespace>/<pod> <type> <reason> <message>`, oldest first. */
  readonly told: readonly string[];
}

export function memoryEvents(): MemoryEvents {
  const told: string[] = [];
  return {
    told,
    report: (pod, { type, reason, message }) => {
      told.push(`${pod.namespace}/${pod.name} ${type} ${reason} ${message}`);
    },
  };
}
