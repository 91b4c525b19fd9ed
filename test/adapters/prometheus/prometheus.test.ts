import { describe, expect, it } from "vitest";
import { boundedLabel } from "../../../daemon/adapters/prometheus/bounded-label.ts";
import { makePrometheus } from "../../../daemon/adapters/prometheus/prometheus.ts";
import type { PluginTrace } from "../../../daemon/ports/plugin-trace.ts";
import type { Readings } from "../../../daemon/ports/readings.ts";

const run = (parts: Partial<PluginTrace> = {}): PluginTrace => ({
  verb: "ADD",
  network: "shop/blue",
  ifName: "net1",
  plugin: "macvlan",
  ok: true,
  wallMs: 20,
  cpuMs: 4,
  maxRssKib: 2_048,
  ...parts,
});

const idle: Readings = {
  operations: () => ({ running: 0, waiting: 0 }),
  plugins: () => ({ running: 0, waiting: 0 }),
  records: async () => ({ sandboxes: 0, damaged: 0 }),
  pendingCleanups: () => ({ spooled: 0, unfinished: 0 }),
  followed: () => [],
  lost: () => ({ events: 0, statuses: 0 }),
  credentialAgeMs: () => undefined,
  conditions: async () => new Map(),
};

/** The samples whose line begins so. */
async function samples(prometheus: ReturnType<typeof makePrometheus>, start: string): Promise<readonly string[]> {
  return (await prometheus.expose()).text.split("\n").filter((line) => line.startsWith(start));
}

describe("what an operation leaves", () => {
  it("is counted by verb and outcome, with the code that the runtime got", async () => {
    const prometheus = makePrometheus("1.2.3");
    prometheus.meters.begins("ADD")({ ms: 30, runs: [] });
    prometheus.meters.begins("ADD")({ failure: { kind: "delegate-failed", code: 42 }, ms: 30, runs: [] });
    expect(await samples(prometheus, "plexus_operations_total")).toEqual([
      'plexus_operations_total{verb="ADD",outcome="ok",code="0"} 1',
      'plexus_operations_total{verb="ADD",outcome="delegate-failed",code="42"} 1',
    ]);
    expect(await samples(prometheus, 'plexus_operation_duration_seconds_bucket{le="0.05"')).toEqual([
      'plexus_operation_duration_seconds_bucket{le="0.05",verb="ADD",outcome="ok"} 1',
      'plexus_operation_duration_seconds_bucket{le="0.05",verb="ADD",outcome="failed"} 1',
    ]);
  });

  it("is the time of each network, its plugins taken together, and of each plugin", async () => {
    const prometheus = makePrometheus("1.2.3");
    const runs = [run(), run({ plugin: "tuning", wallMs: 10, ok: false }), run({ network: "pods", ifName: "eth0" })];
    prometheus.meters.begins("ADD")({ ms: 50, runs });
    expect(await samples(prometheus, "plexus_network_duration_seconds_sum")).toEqual([
      'plexus_network_duration_seconds_sum{network="shop/blue",verb="ADD",outcome="failed"} 0.03',
      'plexus_network_duration_seconds_sum{network="pods",verb="ADD",outcome="ok"} 0.02',
    ]);
    expect(await samples(prometheus, "plexus_plugin_duration_seconds_count")).toEqual([
      'plexus_plugin_duration_seconds_count{plugin="macvlan",verb="ADD",outcome="ok"} 2',
      'plexus_plugin_duration_seconds_count{plugin="tuning",verb="ADD",outcome="failed"} 1',
    ]);
    expect(await samples(prometheus, "plexus_plugin_cpu_seconds_sum")).toEqual([
      'plexus_plugin_cpu_seconds_sum{plugin="macvlan",verb="ADD"} 0.008',
      'plexus_plugin_cpu_seconds_sum{plugin="tuning",verb="ADD"} 0.004',
    ]);
  });

  it("is the most memory that a plugin ever had", async () => {
    const prometheus = makePrometheus("1.2.3");
    for (const maxRssKib of [2_048, 4_096, 1_024]) prometheus.meters.ranBesides(run({ maxRssKib }));
    expect(await samples(prometheus, "plexus_plugin_max_rss_bytes")).toEqual([
      'plexus_plugin_max_rss_bytes{plugin="macvlan",verb="ADD"} 4194304',
    ]);
  });

  it("shows how long the oldest one has been under way", async () => {
    const prometheus = makePrometheus("1.2.3");
    expect(await samples(prometheus, "plexus_oldest_operation_seconds")).toEqual(["plexus_oldest_operation_seconds 0"]);
    const end = prometheus.meters.begins("DEL");
    expect(await samples(prometheus, "plexus_oldest_operation_seconds 0")).not.toEqual([
      "plexus_oldest_operation_seconds 0",
    ]);
    end({ ms: 1, runs: [] });
    expect(await samples(prometheus, "plexus_oldest_operation_seconds")).toEqual(["plexus_oldest_operation_seconds 0"]);
  });
});

it("counts requests as Multus does (T294, T295)", async () => {
  const prometheus = makePrometheus("1.2.3");
  prometheus.meters.answered("/cni", "post", 200);
  prometheus.meters.answered("NotFound", "GET", 404);
  expect(await samples(prometheus, "multus_server_request_total")).toEqual([
    'multus_server_request_total{handler="/cni",code="200",method="post"} 1',
    'multus_server_request_total{handler="NotFound",code="404",method="get"} 1',
  ]);
});

it("has as many series as there are networks, up to a bound, whatever pods ask for", async () => {
  const prometheus = makePrometheus("1.2.3");
  for (let index = 0; index < 1_000; index++) prometheus.meters.ranBesides(run({ network: `shop/${String(index)}` }));
  const counts = await samples(prometheus, "plexus_network_duration_seconds_count");
  expect(counts).toHaveLength(51);
  expect(counts.at(-1)).toBe('plexus_network_duration_seconds_count{network="(others)",verb="ADD",outcome="ok"} 950');
});

it("answers whatever plugins and networks are called (issue 11)", async () => {
  const prometheus = makePrometheus("1.2.3");
  for (let index = 0; index < 60; index++) {
    const name = `${index}${"x".repeat(1_000_000)}`;
    prometheus.meters.ranBesides(run({ plugin: name, network: name }));
  }
  expect((await prometheus.expose()).text.length).toBeLessThan(1_000_000);
});

it("a bounded label keeps what it knows", () => {
  const label = boundedLabel(1);
  expect([label("a"), label("b"), label("a")]).toEqual(["a", "(others)", "a"]);
});

describe("how things stand", () => {
  it("is read anew with every look", async () => {
    const prometheus = makePrometheus("1.2.3");
    let events = 1;
    prometheus.watch({
      ...idle,
      operations: () => ({ running: 2, waiting: events }),
      lost: () => ({ events, statuses: 0 }),
      conditions: async () => new Map([["journal", events === 1]]),
      followed: () => [{ source: "pods", synced: true, following: false, objects: 7, silentMs: 1_500 }],
      credentialAgeMs: () => 60_000,
    });
    const look = async (): Promise<readonly string[]> => [
      ...(await samples(prometheus, "plexus_operation_queue")),
      ...(await samples(prometheus, "plexus_events_lost_total")),
      ...(await samples(prometheus, "plexus_ready")),
    ];
    expect(await look()).toEqual([
      'plexus_operation_queue{state="running"} 2',
      'plexus_operation_queue{state="waiting"} 1',
      "plexus_events_lost_total 1",
      'plexus_ready{condition="journal"} 1',
    ]);
    events = 3;
    expect(await look()).toEqual([
      'plexus_operation_queue{state="running"} 2',
      'plexus_operation_queue{state="waiting"} 3',
      "plexus_events_lost_total 3",
      'plexus_ready{condition="journal"} 0',
    ]);
    expect(await samples(prometheus, "plexus_source")).toEqual([
      'plexus_source_synced{source="pods"} 1',
      'plexus_source_following{source="pods"} 0',
      'plexus_source_objects{source="pods"} 7',
      'plexus_source_silent_seconds{source="pods"} 1.5',
    ]);
    expect(await samples(prometheus, "plexus_credential_age_seconds")).toEqual(["plexus_credential_age_seconds 60"]);
  });

  it("is told but for what cannot be read", async () => {
    const prometheus = makePrometheus("1.2.3");
    prometheus.watch({ ...idle, records: () => Promise.reject(new Error("no disk")) });
    expect(await samples(prometheus, "plexus_journal_records")).toEqual([]);
    expect(await samples(prometheus, "plexus_build_info")).toEqual([
      `plexus_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    ]);
  });

  it("includes the daemon's own process", async () => {
    const prometheus = makePrometheus("1.2.3");
    const names = ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"];
    const values = await Promise.all(
      names.map(async (name) => Number((await samples(prometheus, name)).join("").split(" ")[1])),
    );
    expect(values.filter((value) => value > 0)).toHaveLength(names.length);
  });
});
