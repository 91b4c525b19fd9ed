import type { Prometheus } from "../adapters/prometheus/prometheus.ts";
import type { Config } from "../config/load.ts";

/** The metrics, where the settings ask for them. Their library is loaded only then. */
export async function openPrometheus({ metricsPort }: Config, version: string): Promise<Prometheus | undefined> {
  if (metricsPort === undefined) return undefined;
  const { makePrometheus } = await import("../adapters/prometheus/prometheus.ts");
  return makePrometheus(version);
}
