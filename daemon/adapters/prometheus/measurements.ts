/** Metrics of what happens, counted as it does. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Meters } from "../../ports/meters.ts";
import type { PluginTrace } from "../../ports/plugin-trace.ts";
import { boundedLabel } from "./bounded-label.ts";

/** A node has a handful of each. */
const MOST_NETWORKS = 50;
const MOST_PLUGINS = 30;
const MOST_CODES = 20;
const MOST_METHODS = 10;

/** Seconds. An operation starts processes, which takes milliseconds, and may wait for minutes. */
const OPERATION_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240];
const PLUGIN_BUCKETS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120];
/** There are many networks, and their plugins tell the rest. */
const NETWORK_BUCKETS = [0.01, 0.05, 0.25, 1, 5, 30];
const CPU_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2];
const DISK_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2];

export function makeMeasurements(registry: Registry): Meters {
  const registers = [registry];
  const operations = new Counter({
    name: "plexus_operations_total",
    help: "Operations that ended, by verb and outcome. outcome is ok or a kind of failure (docs/errors.md); code is the CNI code that the runtime got.",
    labelNames: ["verb", "outcome", "code"],
    registers,
  });
  const operationSeconds = new Histogram({
    name: "plexus_operation_duration_seconds",
    help: "How long operations took, waiting for others included. A growing ADD with steady plugins means waiting: see plexus_plugin_queue.",
    labelNames: ["verb", "outcome"],
    buckets: OPERATION_BUCKETS,
    registers,
  });
  const underWay = new Set<{ readonly began: number }>();
  new Gauge({
    name: "plexus_oldest_operation_seconds",
    help: "Age of the oldest operation under way; 0 when there is none. None should outlive operationTimeoutMs by much.",
    registers,
    collect() {
      const [oldest] = underWay;
      this.set(oldest === undefined ? 0 : (performance.now() - oldest.began) / 1000);
    },
  });
  const networkSeconds = new Histogram({
    name: "plexus_network_duration_seconds",
    help: "How long all plugins of one network took for one sandbox, by network (namespace/name of its NAD).",
    labelNames: ["network", "verb", "outcome"],
    buckets: NETWORK_BUCKETS,
    registers,
  });
  const pluginSeconds = new Histogram({
    name: "plexus_plugin_duration_seconds",
    help: "How long one run of a plugin took, waiting for a free slot included.",
    labelNames: ["plugin", "verb", "outcome"],
    buckets: PLUGIN_BUCKETS,
    registers,
  });
  const pluginCpu = new Histogram({
    name: "plexus_plugin_cpu_seconds",
    help: "Processor time of one run of a plugin, with the children that it waited for.",
    labelNames: ["plugin", "verb"],
    buckets: CPU_BUCKETS,
    registers,
  });
  const pluginRss = new Gauge({
    name: "plexus_plugin_max_rss_bytes",
    help: "The most memory that any run of this plugin had resident since the daemon started.",
    labelNames: ["plugin", "verb"],
    registers,
  });
  const recordSeconds = new Histogram({
    name: "plexus_journal_write_duration_seconds",
    help: "How long one change of a record took, syncs to disk included. Every ADD and DEL waits for two: this is the disk's share of them.",
    labelNames: ["outcome"],
    buckets: DISK_BUCKETS,
    registers,
  });
  const restarts = new Counter({
    name: "plexus_launcher_restarts_total",
    help: "How often the process that runs plugins ended unasked and was started again. Each time running plugins died with it.",
    registers,
  });
  const givenUp = new Counter({
    name: "plexus_cleanups_given_up_total",
    help: "Cleanups that the daemon gave up: something may be left on the node. The daemon's log and an event of the pod name what.",
    registers,
  });
  const requests = new Counter({
    name: "multus_server_request_total",
    help: "Counter of HTTP requests, as Multus has it. A call of the plexus executable counts as a POST to /cni.",
    labelNames: ["handler", "code", "method"],
    registers,
  });

  const network = boundedLabel(MOST_NETWORKS);
  const plugin = boundedLabel(MOST_PLUGINS);
  const code = boundedLabel(MOST_CODES);
  const method = boundedLabel(MOST_METHODS);
  const largest = new Map<string, number>();

  function ran(run: PluginTrace): void {
    const labels = { plugin: plugin(run.plugin), verb: run.verb };
    pluginSeconds.observe({ ...labels, outcome: outcomeOf(run.ok) }, run.wallMs / 1000);
    pluginCpu.observe(labels, run.cpuMs / 1000);
    const key = `${labels.plugin} ${labels.verb}`;
    if (run.maxRssKib <= (largest.get(key) ?? 0)) return;
    largest.set(key, run.maxRssKib);
    pluginRss.set(labels, run.maxRssKib * 1024);
  }

  function ranAll(runs: readonly PluginTrace[]): void {
    for (const run of runs) ran(run);
    for (const [first, ms, ok] of perNetwork(runs)) {
      const labels = { network: network(first.network), verb: first.verb, outcome: outcomeOf(ok) };
      networkSeconds.observe(labels, ms / 1000);
    }
  }

  return {
    begins(verb) {
      const entry = { began: performance.now() };
      underWay.add(entry);
      return ({ failure, ms, runs }) => {
        underWay.delete(entry);
        const outcome = failure?.kind ?? "ok";
        operations.inc({ verb, outcome, code: code(String(failure?.code ?? 0)) });
        operationSeconds.observe({ verb, outcome: outcomeOf(failure === undefined) }, ms / 1000);
        ranAll(runs);
      };
    },
    ranBesides: (run) => ranAll([run]),
    answered: (handler, given, status) =>
      requests.inc({ handler, code: String(status), method: method(given.toLowerCase()) }),
    wroteRecord: (ms, ok) => recordSeconds.observe({ outcome: outcomeOf(ok) }, ms / 1000),
    launcherRestarted: () => restarts.inc(),
    gaveUpCleanup: () => givenUp.inc(),
  };
}

function outcomeOf(ok: boolean): "ok" | "failed" {
  return ok ? "ok" : "failed";
}

/** The runs of one network for one interface, taken together: the first of them, their time, and whether all went well. */
function perNetwork(runs: readonly PluginTrace[]): Iterable<readonly [PluginTrace, number, boolean]> {
  const groups = new Map<string, readonly [PluginTrace, number, boolean]>();
  for (const run of runs) {
    const key = `${run.verb} ${run.ifName} ${run.network}`;
    const [first, ms, ok] = groups.get(key) ?? [run, 0, true];
    groups.set(key, [first, ms + run.wallMs, ok && run.ok]);
  }
  return groups.values();
}
