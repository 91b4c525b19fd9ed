/** Metrics of how things stand, read when somebody looks. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { FollowedReading, Readings } from "../../ports/readings.ts";

type Value = readonly [labels: Readonly<Record<string, string>>, value: number];

export function registerReadings(registry: Registry, version: string, readings: Readings): void {
  /** Whatever cannot be read is left out of this look; the rest is still told. */
  function gauge(name: string, help: string, labelNames: string[], read: () => Promise<Value[]> | Value[]): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        this.reset();
        const values = await Promise.resolve()
          .then(read)
          .catch(() => []);
        for (const [labels, value] of values) this.set(labels, value);
      },
    });
  }

  function counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  gauge("plexus_build_info", "Always 1; its labels say what runs.", ["version", "node"], () => [
    [{ version, node: process.versions.node }, 1],
  ]);
  gauge(
    "plexus_ready",
    "Whether a condition of being ready holds, the same that /readyz, gRPC health and CNI STATUS ask. /readyz says why not.",
    ["condition"],
    async () => [...(await readings.conditions())].map(([condition, holds]): Value => [{ condition }, Number(holds)]),
  );
  const loads = [
    ["plexus_operation_queue", "Operations that run, and that wait for another of their sandbox.", readings.operations],
    ["plexus_plugin_queue", "Plugins that run, and that wait because maxRunningPlugins are running.", readings.plugins],
  ] as const;
  for (const [name, help, read] of loads) {
    gauge(name, help, ["state"], () => {
      const { running, waiting } = read();
      return [
        [{ state: "running" }, running],
        [{ state: "waiting" }, waiting],
      ];
    });
  }
  gauge("plexus_journal_records", "Sandboxes on record.", ["state"], async () => {
    const { sandboxes, damaged } = await readings.records();
    return [
      [{ state: "whole" }, sandboxes],
      [{ state: "damaged" }, damaged],
    ];
  });
  gauge(
    "plexus_pending_cleanups",
    "What is still to be done: DELs that waited in the spool, and sandboxes that something was left of. Should go back to 0 within minutes.",
    ["what"],
    () => {
      const { spooled, unfinished } = readings.pendingCleanups();
      return [
        [{ what: "spooled-del" }, spooled],
        [{ what: "unfinished" }, unfinished],
      ];
    },
  );
  const followed = (value: (reading: FollowedReading) => number) => (): Value[] =>
    readings.followed().map((reading) => [{ source: reading.source }, value(reading)]);
  gauge(
    "plexus_source_synced",
    "1 once a collection of the API server has been read as a whole; until then ADD is answered with code 11.",
    ["source"],
    followed(({ synced }) => Number(synced)),
  );
  gauge(
    "plexus_source_following",
    "1 while changes of the collection arrive, 0 while the API server cannot be followed.",
    ["source"],
    followed(({ following }) => Number(following)),
  );
  gauge(
    "plexus_source_objects",
    "Objects of the collection in memory.",
    ["source"],
    followed(({ objects }) => objects),
  );
  gauge(
    "plexus_source_silent_seconds",
    "Since the API server last said anything about the collection. It says something every minute or so, if only that nothing changed.",
    ["source"],
    followed(({ silentMs }) => silentMs / 1000),
  );
  counter(
    "plexus_events_lost_total",
    "Events that were given up because the API server did not take them.",
    () => readings.lost().events,
  );
  counter(
    "plexus_statuses_lost_total",
    "Network statuses that were given up because the API server did not take them (statusMode queue).",
    () => readings.lost().statuses,
  );
  gauge(
    "plexus_credential_age_seconds",
    "Since the credential for the API server last changed, as far as this daemon saw. A service account's token is replaced within the hour.",
    [],
    () => {
      const age = readings.credentialAgeMs();
      return age === undefined ? [] : [[{}, age / 1000]];
    },
  );
}
