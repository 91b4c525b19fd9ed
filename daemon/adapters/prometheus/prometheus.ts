import { Registry } from "prom-client";
import type { Meters } from "../../ports/meters.ts";
import type { Readings } from "../../ports/readings.ts";
import { makeMeasurements } from "./measurements.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { registerReadings } from "./readings.ts";

export interface Exposition {
  readonly type: string;
  readonly text: string;
}

export interface Prometheus {
  readonly meters: Meters;
  /** From here on it is told how things stand, too. */
  watch(readings: Readings): void;
  /** Everything, in Prometheus' text format. */
  expose(): Promise<Exposition>;
  /** What there is, by name. */
  catalogue(): readonly MetricDescription[];
}

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

export function makePrometheus(version: string): Prometheus {
  const registry = new Registry();
  const meters = makeMeasurements(registry);
  registerProcessMetrics(registry);
  return {
    meters,
    watch: (readings) => registerReadings(registry, version, readings),
    expose: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    catalogue: () =>
      registry.getMetricsAsArray().map((metric) => {
        const { name, type, help } = metric;
        const { labelNames = [] } = metric as { readonly labelNames?: readonly string[] };
        // prom-client's own words; its types say otherwise.
        return { name, type: String(type), labels: labelNames, help };
      }),
  };
}
