import type { CniVerb } from "../domain/cni/verb.ts";

/** One plugin run, as the log and the metrics tell it. */
export interface PluginTrace {
  readonly verb: CniVerb;
  readonly network: string;
  /** Empty for a verb that is about a network as such. */
  readonly ifName: string;
  readonly plugin: string;
  readonly ok: boolean;
  /** Milliseconds, waiting for a free slot included. */
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly maxRssKib: number;
}
