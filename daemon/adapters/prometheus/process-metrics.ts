/**
 * The daemon's own process, under the names that every Prometheus client uses. The client's own set is not taken: it starts a timer of ten
 * milliseconds and an observer of garbage collections, which cost more than all the rest here.
 */
import { readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of the daemon itself; not that of launcher and plugins.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the daemon itself.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the daemon started, in seconds since the epoch.",
    registers,
    collect() {
      this.set(performance.timeOrigin / 1000);
    },
  });
  new Gauge({
    name: "process_open_fds",
    help: "Open file descriptors of the daemon.",
    registers,
    collect() {
      this.set(readdirSync("/proc/self/fd").length);
    },
  });
  new Counter({
    name: "plexus_event_loop_busy_seconds_total",
    help: "Time in which the daemon's one thread was at work. Its rate is a share: near 1 means that everything waits for it.",
    registers,
    collect() {
      this.reset();
      this.inc(performance.eventLoopUtilization().active / 1000);
    },
  });
}
