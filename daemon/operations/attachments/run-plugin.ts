/** Runs one plugin of a conflist for one verb, within the bounds of its network and its device. */
import type { Conflist, Plugin } from "../../domain/cni/conf.ts";
import { pluginFailure } from "../../domain/cni/plugin-failure.ts";
import type { CniVerb } from "../../domain/cni/verb.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { IfName, SandboxId } from "../../domain/ids.ts";
import type { JsonObject, JsonText } from "../../domain/json/json-object.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PluginReport, PluginRunner } from "../../ports/plugin-runner.ts";
import type { DeviceLanes } from "../scheduling/device-lanes.ts";
import type { NetworkLanes } from "../scheduling/network-lanes.ts";
import type { Scope } from "../scope.ts";

/** A conflist about to run for one attachment. Empty strings where a verb has no sandbox. */
export interface PluginTarget {
  readonly network: string;
  readonly conflist: Conflist;
  readonly ifName: IfName | "";
  readonly capabilityArgs: JsonObject;
  readonly cniArgs: string;
}

/** What all plugins of one sandbox are told alike. Empty strings where a verb has no sandbox. */
export interface InvocationContext {
  readonly sandbox: SandboxId | "";
  /** The path that the plugins knew, also when the namespace behind it is gone; empty where another's is there now. */
  readonly netns: string;
  /** The namespace is gone: a DEL that fails with its path is asked once more with none. */
  readonly isNetnsGone?: boolean;
  readonly searchPath: readonly string[];
  readonly netnsOverride: string;
}

/** Resolves with what the plugin printed. Rejects with a PlexusError that names the plugin. */
export type RunPlugin = (
  verb: CniVerb,
  target: PluginTarget,
  plugin: Plugin,
  stdin: JsonText,
  context: InvocationContext,
  scope: Scope,
) => Promise<string>;

/** A plugin gets no part of the daemon's environment: no credentials, no KUBERNETES_* (delegates B.3). */
const PLUGIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The head of an auxiliary chain (spec §4.5). Multus ships an executable that answers every ADD with
 * an empty result and does nothing else. The daemon answers the same without one.
 */
const PASSTHRU = "passthru";

export function makeRunPlugin(
  runner: PluginRunner,
  clock: Clock,
  lanes: NetworkLanes,
  deviceLanes: DeviceLanes,
): RunPlugin {
  return async (verb, target, plugin, stdin, context, scope) => {
    const { network, ifName, conflist, capabilityArgs } = target;
    if (plugin.type === PASSTHRU) return JSON.stringify({ cniVersion: conflist.writtenVersion });
    const { searchPath } = context;
    const run = { type: plugin.type, searchPath, env: environment(verb, target, context), stdin };
    const began = clock.monotonic();
    let report: PluginReport | undefined;
    try {
      // The device first: a plugin that waits for its device holds up no other network.
      report = await deviceLanes.run(plugin, capabilityArgs, scope.signal, () =>
        lanes.run(network, scope.signal, () => runner.run(run, scope.signal)),
      );
      if (!succeeded(report)) throw pluginFailure(report);
      return report.stdout;
    } catch (thrown) {
      throw PlexusError.from(thrown).within(failurePrefix(verb, conflist, plugin));
    } finally {
      scope.trace({
        verb,
        network,
        ifName,
        plugin: plugin.type,
        ok: succeeded(report),
        wallMs: clock.monotonic() - began,
        cpuMs: report?.cpuMs ?? 0,
        maxRssKib: report?.maxRssKib ?? 0,
      });
    }
  };
}

/** A list names the plugin, in libcni's words; a single conf has only one (spec §1.2). */
export function failurePrefix(verb: CniVerb, conflist: Conflist, plugin: Plugin): string {
  if (conflist.single) return "";
  return `plugin type="${plugin.type}" name="${conflist.name}" failed (${verb.toLowerCase()}): `;
}

function succeeded(report: PluginReport | undefined): boolean {
  return report?.ending.how === "exited" && report.ending.status === 0;
}

/** All six variables are always set, empty where the verb has nothing to say (spec §4.9). */
function environment(
  verb: CniVerb,
  target: Pick<PluginTarget, "ifName" | "cniArgs">,
  context: InvocationContext,
): Readonly<Record<string, string>> {
  return {
    PATH: PLUGIN_PATH,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: context.sandbox,
    CNI_NETNS: context.netns,
    CNI_ARGS: target.cniArgs,
    CNI_IFNAME: target.ifName,
    CNI_PATH: context.searchPath.join(":"),
    ...(context.netnsOverride !== "" && { CNI_NETNS_OVERRIDE: context.netnsOverride }),
  };
}
