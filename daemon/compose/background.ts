/** The daemon's work beside serving calls: unfinished cleanup, and the container runtime's conf. */
import type { Logger } from "pino";
import { systemClock } from "../adapters/clock/system-clock.ts";
import { makeConfDirectory } from "../adapters/conf-directory/conf-directory.ts";
import { watchConfs } from "../adapters/conf-directory/watch-confs.ts";
import { confFiles } from "../adapters/conf-files/conf-files.ts";
import type { SpoolDirectory } from "../adapters/spool/spool-directory.ts";
import type { Config } from "../config/load.ts";
import { runtimeConfOf, watchedFor } from "../config/runtime-conf.ts";
import { keepResuming, type ResumeReport } from "../operations/recovery/resume.ts";
import { keepRuntimeConf, makeRuntimeConfKeeper } from "../operations/runtime-conf/keep-runtime-conf.ts";
import type { Meters } from "../ports/meters.ts";
import type { Operations } from "./operations.ts";

/** Retries cleanup that crashes, failed plugins or daemon downtime left, until it is stopped. */
export function resumeBesideServing(
  { resume, backlog }: Pick<Operations, "resume" | "backlog">,
  { spool, meters, log }: { readonly spool: SpoolDirectory; readonly meters: Meters; readonly log: Logger },
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const round = async (): Promise<ResumeReport> => {
    const report = await resume({
      signal: stopping.signal,
      trace: (run) => meters.ranBesides(run),
      warn: (message) => {
        log.warn({ op: "RESUME" }, message);
      },
    });
    if (report.finished > 0 || report.pending > 0) log.info({ op: "RESUME", ...report }, "unfinished operations");
    return report;
  };
  const awaitWork = (signal: AbortSignal) => Promise.race([spool.awaitChange(signal), backlog.awaitNew(signal)]);
  const rounds = keepResuming(round, systemClock, awaitWork, stopping.signal);
  return {
    async stop() {
      stopping.abort(new Error("the daemon is stopping"));
      await rounds;
    },
  };
}

/** Keeps the conf by which the container runtime finds the daemon, if the settings ask for that: from `begin` to `stop`. */
export function keepRuntimeConfBesideServing(
  config: Config,
  refuseUnlessAble: () => Promise<void>,
  log: Logger,
): { problem(): string | undefined; begin(): void; stop(): Promise<void> } {
  const settings = runtimeConfOf(config);
  if (settings === undefined) {
    return { problem: () => undefined, begin: () => undefined, stop: () => Promise.resolve() };
  }
  const deps = { confFiles, directory: makeConfDirectory(), clock: systemClock, refuseUnlessAble };
  const tell = {
    inform: (message: string) => {
      log.info({ op: "CONF" }, message);
    },
    warn: (message: string) => {
      log.warn({ op: "CONF" }, message);
    },
  };
  const keeper = makeRuntimeConfKeeper({ ...deps, ...tell }, settings);
  const changes = watchConfs(watchedFor(settings));
  const stopping = new AbortController();
  let keeping: Promise<void> | undefined;
  return {
    problem: keeper.problem,
    begin() {
      keeping = keepRuntimeConf(keeper, changes, systemClock, stopping.signal);
    },
    async stop() {
      stopping.abort(new Error("the daemon is stopping"));
      await keeping;
      changes.close();
    },
  };
}
