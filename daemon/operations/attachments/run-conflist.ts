/** Runs a conflist's plugins for one attachment, as CNI prescribes for each verb (spec §4.9). */
import type { Conflist, Plugin } from "../../domain/cni/conf.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import { pluginFailure } from "../../domain/cni/plugin-failure.ts";
import { pluginStdin } from "../../domain/cni/plugin-stdin.ts";
import type { CniVerb } from "../../domain/cni/verb.ts";
import { isAtLeast } from "../../domain/cni/version.ts";
import { PlexusError } from "../../domain/errors.ts";
import type { IfName, SandboxId } from "../../domain/ids.ts";
import { JsonObject, type JsonText } from "../../domain/json/json-object.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PluginReport, PluginRunner } from "../../ports/plugin-runner.ts";
import type { DeviceLanes } from "../scheduling/device-lanes.ts";
import type { NetworkLanes } from "../scheduling/network-lanes.ts";
import type { Scope } from "../scope.ts";

/** A conflist about to be run for one attachment. */
export interface Delegate {
  readonly network: string;
  readonly conflist: Conflist;
  readonly ifName: IfName;
  readonly capabilityArgs: JsonObject;
  readonly cniArgs: string;
}

/** What all plugins of one sandbox are told alike. Empty strings where a verb has no sandbox. */
export interface InvocationContext {
  readonly sandbox: SandboxId | "";
  /** Empty once the namespace is gone. */
  readonly netns: string;
  readonly searchPath: readonly string[];
  readonly netnsOverride: string;
}

/** How far the ADD got that a DEL takes back. */
export interface Added {
  /** What it ended with; undefined if it never did. */
  readonly result: JsonText | undefined;
  /** How many of its plugins were started, from the first on, when that is known: the others have made nothing. */
  readonly started: number;
}

/** Counts the plugins that an ADD has started; one that could not be started is not counted. */
export interface Progress {
  started: number;
}

export interface ConflistRunner {
  /** Resolves with the last plugin's result, in the conflist's version. Stops at the first failure; undoing is the caller's. */
  add(delegate: Delegate, progress: Progress, around: InvocationContext, scope: Scope): Promise<JsonText>;
  /** Runs every plugin, last first, whatever fails; rejects in the end if any did. */
  del(delegate: Delegate, after: Added, around: InvocationContext, scope: Scope): Promise<void>;
  check(delegate: Delegate, result: JsonText | undefined, around: InvocationContext, scope: Scope): Promise<void>;
  status(network: Pick<Delegate, "network" | "conflist">, searchPath: readonly string[], scope: Scope): Promise<void>;
  /** Every plugin is asked, whatever fails. `attachments` is a JSON list of the network's valid ones. */
  gc(
    network: Pick<Delegate, "network" | "conflist">,
    attachments: JsonText,
    searchPath: readonly string[],
    scope: Scope,
  ): Promise<void>;
}

/** A plugin gets the daemon's environment in no part: no credentials, no KUBERNETES_* (delegates B.3). */
const PLUGIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The head of an auxiliary chain (spec §4.5). Multus ships an executable for it, which answers every ADD with an empty result and does nothing
 * else; so do we, without one.
 */
const PASSTHRU = "passthru";

export function makeConflistRunner(
  runner: PluginRunner,
  clock: Clock,
  lanes: NetworkLanes,
  deviceLanes: DeviceLanes,
): ConflistRunner {
  /** One plugin, one verb. Resolves with what it printed. */
  async function exec(
    verb: CniVerb,
    delegate: Omit<Delegate, "ifName"> & { readonly ifName: IfName | "" },
    plugin: Plugin,
    stdin: JsonText,
    around: InvocationContext,
    scope: Scope,
  ): Promise<string> {
    if (plugin.type === PASSTHRU) return JSON.stringify({ cniVersion: delegate.conflist.writtenVersion });
    const run = { type: plugin.type, searchPath: around.searchPath, env: environment(verb, delegate, around), stdin };
    const began = clock.monotonic();
    let report: PluginReport | undefined;
    try {
      const { capabilityArgs, network } = delegate;
      // The device first: who waits for one holds up no other network.
      report = await deviceLanes.run(plugin, capabilityArgs, scope.signal, () =>
        lanes.run(network, scope.signal, () => runner.run(run, scope.signal)),
      );
      if (!succeeded(report)) throw pluginFailure(report);
      return report.stdout;
    } catch (thrown) {
      throw PlexusError.from(thrown).within(failurePrefix(verb, delegate.conflist, plugin));
    } finally {
      scope.trace({
        verb,
        network: delegate.network,
        ifName: delegate.ifName,
        plugin: plugin.type,
        ok: succeeded(report),
        wallMs: clock.monotonic() - began,
        cpuMs: report?.cpuMs ?? 0,
        maxRssKib: report?.maxRssKib ?? 0,
      });
    }
  }

  /** For verbs that are about a network as such. */
  function execWithoutSandbox(
    verb: CniVerb,
    { network, conflist }: Pick<Delegate, "network" | "conflist">,
    plugin: Plugin,
    searchPath: readonly string[],
    scope: Scope,
  ): Promise<string> {
    const capabilityArgs = JsonObject.empty;
    const delegate = { network, conflist, capabilityArgs, cniArgs: "", ifName: "" } as const;
    const around = { sandbox: "", netns: "", searchPath, netnsOverride: "" } as const;
    return exec(verb, delegate, plugin, pluginStdin(conflist, plugin, { capabilityArgs }), around, scope);
  }

  return {
    async add(delegate, progress, around, scope) {
      const { conflist, capabilityArgs } = delegate;
      let prevResult: JsonText | undefined;
      for (const plugin of conflist.plugins) {
        const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult });
        const printed = await exec("ADD", delegate, plugin, stdin, around, scope).catch((thrown: unknown) => {
          if (PlexusError.from(thrown).kind !== "delegate-missing") progress.started += 1;
          throw thrown;
        });
        progress.started += 1;
        prevResult = resultOf(printed, conflist, plugin);
      }
      if (prevResult === undefined) throw new PlexusError("internal", "a conflist without plugins was run");
      return prevResult;
    },

    async del(delegate, { result, started }, around, scope) {
      const { conflist, capabilityArgs } = delegate;
      const prevResult = isAtLeast(conflist.version, "0.4.0") ? result : undefined;
      await forEvery([...conflist.plugins.entries()].toReversed(), async ([index, plugin]) => {
        const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult });
        await exec("DEL", delegate, plugin, stdin, around, scope).catch((thrown: unknown) => {
          // What could not be started then need not be there now.
          if (index < started || PlexusError.from(thrown).kind !== "delegate-missing") throw thrown;
        });
      });
    },

    async check(delegate, result, around, scope) {
      const { conflist, capabilityArgs } = delegate;
      for (const plugin of conflist.plugins) {
        const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult: result });
        await exec("CHECK", delegate, plugin, stdin, around, scope);
      }
    },

    async status(network, searchPath, scope) {
      for (const plugin of network.conflist.plugins) {
        await execWithoutSandbox("STATUS", network, plugin, searchPath, scope);
      }
    },

    async gc(network, attachments, searchPath, scope) {
      await forEvery(network.conflist.plugins, async (plugin) => {
        const conf = plugin.conf
          .with("cni.dev/valid-attachments", attachments)
          // The name that the first drafts of CNI 1.1 had; libcni still sends both.
          .with("cni.dev/attachments", attachments);
        await execWithoutSandbox("GC", network, { ...plugin, conf }, searchPath, scope);
      });
    },
  };
}

function succeeded(report: PluginReport | undefined): boolean {
  return report?.ending.how === "exited" && report.ending.status === 0;
}

/** All six variables are always set, empty where the verb has nothing to say (spec §4.9). */
function environment(
  verb: CniVerb,
  delegate: { readonly ifName: IfName | ""; readonly cniArgs: string },
  around: InvocationContext,
): Readonly<Record<string, string>> {
  return {
    PATH: PLUGIN_PATH,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: around.sandbox,
    CNI_NETNS: around.netns,
    CNI_ARGS: delegate.cniArgs,
    CNI_IFNAME: delegate.ifName,
    CNI_PATH: around.searchPath.join(":"),
    ...(around.netnsOverride !== "" && { CNI_NETNS_OVERRIDE: around.netnsOverride }),
  };
}

function resultOf(printed: string, conflist: Conflist, plugin: Plugin): JsonText {
  try {
    return convertResult(printed, conflist.version, conflist.version);
  } catch (thrown) {
    throw PlexusError.from(thrown).within(failurePrefix("ADD", conflist, plugin), {
      details: `the plugin ended well but printed no result that can be read; ask its makers or update ${plugin.type}`,
    });
  }
}

/** A list says which of its plugins it was, in libcni's words; a single conf has but one (spec §1.2). */
function failurePrefix(verb: CniVerb, conflist: Conflist, plugin: Plugin): string {
  if (conflist.single) return "";
  return `plugin type="${plugin.type}" name="${conflist.name}" failed (${verb.toLowerCase()}): `;
}

/** Does the work for every item, then rejects with all that failed, led by the first. */
async function forEvery<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const failures: PlexusError[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (thrown) {
      failures.push(PlexusError.from(thrown));
    }
  }
  throwAll(failures);
}

/** One error for several: the first one's kind and code, everybody's message. */
export function throwAll(failures: readonly PlexusError[]): void {
  const [first] = failures;
  if (first === undefined) return;
  if (failures.length === 1) throw first;
  throw new PlexusError(first.kind, `errors: ${failures.map((failure) => failure.message).join(" / ")}`, {
    code: first.code,
    details: first.details,
    cause: first,
  });
}
