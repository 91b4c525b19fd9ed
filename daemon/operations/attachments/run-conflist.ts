/** Runs a conflist's plugins for one attachment, as CNI prescribes for each verb (spec §4.9). */
import type { Conflist, Plugin } from "../../domain/cni/conf.ts";
import { convertResult } from "../../domain/cni/convert.ts";
import { pluginStdin } from "../../domain/cni/plugin-stdin.ts";
import type { CniVerb } from "../../domain/cni/verb.ts";
import { isAtLeast } from "../../domain/cni/version.ts";
import { FAILURES, PlexusError } from "../../domain/errors.ts";
import type { IfName } from "../../domain/ids.ts";
import { JsonObject, type JsonText } from "../../domain/json/json-object.ts";
import { type PluginAdd, type RecordedAdd, recordedResult, type RecordedResult } from "../../domain/sandbox-record.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Scope } from "../scope.ts";
import { failurePrefix, type InvocationContext, type PluginTarget, type RunPlugin } from "./run-plugin.ts";

/** A conflist about to run for one attachment. */
export interface Delegate extends PluginTarget {
  readonly ifName: IfName;
}

/** How far the ADD got that a DEL takes back. */
export interface Added {
  /** Undefined when the ADD never ended, or its end is not known: then any plugin may have run. */
  readonly add?: RecordedAdd | undefined;
  /** Undefined when the ADD did not succeed. */
  readonly result?: RecordedResult | undefined;
}

export interface ConflistRunner {
  /**
   * Stops at the first failure; undoing is the caller's.
   * @param plugins filled with how each plugin's ADD went, also those that did not start
   * @returns the last plugin's result, in the conflist's version
   */
  add(delegate: Delegate, plugins: PluginAdd[], context: InvocationContext, scope: Scope): Promise<RecordedResult>;
  /** Runs every plugin, last first, whatever fails; rejects in the end if one failed that may have made something. */
  del(delegate: Delegate, after: Added, context: InvocationContext, scope: Scope): Promise<void>;
  check(
    delegate: Delegate,
    result: RecordedResult | undefined,
    context: InvocationContext,
    scope: Scope,
  ): Promise<void>;
  status(network: Pick<Delegate, "network" | "conflist">, searchPath: readonly string[], scope: Scope): Promise<void>;
  /** Asks every plugin, whatever fails. `attachments` is a JSON list of the network's valid ones. */
  gc(
    network: Pick<Delegate, "network" | "conflist">,
    attachments: JsonText,
    searchPath: readonly string[],
    scope: Scope,
  ): Promise<void>;
}

/**
 * With these codes a plugin refuses its ADD because of its config or its environment, before it makes
 * anything: version, unsupported field, environment, decoding, config.
 */
const REFUSALS: ReadonlySet<number> = new Set(
  (
    ["incompatible-version", "unsupported-field", "invalid-environment", "decode-failure", "invalid-config"] as const
  ).map((kind) => FAILURES[kind].cni),
);

export function makeConflistRunner(runPlugin: RunPlugin, clock: Pick<Clock, "monotonic">): ConflistRunner {
  /** For verbs that are about a network as such. */
  function runWithoutSandbox(
    verb: CniVerb,
    { network, conflist }: Pick<Delegate, "network" | "conflist">,
    plugin: Plugin,
    searchPath: readonly string[],
    scope: Scope,
  ): Promise<string> {
    const capabilityArgs = JsonObject.empty;
    const target = { network, conflist, capabilityArgs, cniArgs: "", ifName: "" } as const;
    const context = { sandbox: "", netns: "", searchPath, netnsOverride: "" } as const;
    return runPlugin(verb, target, plugin, pluginStdin(conflist, plugin, { capabilityArgs }), context, scope);
  }

  return {
    async add(delegate, plugins, context, scope) {
      const { conflist, capabilityArgs } = delegate;
      let prevResult: JsonText | undefined;
      try {
        for (const plugin of conflist.plugins) {
          const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult });
          const began = clock.monotonic();
          const ended = (outcome: PluginAdd["outcome"], code?: number) =>
            plugins.push({ type: plugin.type, outcome, ...(code !== undefined && { code }), ms: since(clock, began) });
          const printed = await runPlugin("ADD", delegate, plugin, stdin, context, scope).catch((thrown: unknown) => {
            const { kind, code } = PlexusError.from(thrown);
            ended(kind === "delegate-missing" ? "not-started" : "failed", code);
            throw thrown;
          });
          ended("answered");
          prevResult = resultOf(printed, conflist, plugin);
        }
      } finally {
        for (const { type } of conflist.plugins.slice(plugins.length)) {
          plugins.push({ type, outcome: "not-started", ms: 0 });
        }
      }
      if (prevResult === undefined) throw new PlexusError("internal", "a conflist without plugins was run");
      return recordedResult(prevResult, conflist.version);
    },

    async del(delegate, { add, result }, context, scope) {
      const { conflist, capabilityArgs } = delegate;
      const prevResult = isAtLeast(conflist.version, "0.4.0") ? result?.text : undefined;
      await forEvery([...conflist.plugins.entries()].toReversed(), async ([index, plugin]) => {
        const added = add?.plugins[index];
        const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult });
        try {
          await runPlugin("DEL", delegate, plugin, stdin, context, scope);
        } catch (thrown) {
          // @promise what-made-nothing-may-fail
          if (madeNothing(added, PlexusError.from(thrown))) return;
          if (context.isNetnsGone !== true || context.netns === "") throw thrown;
          // @promise del-asks-again-without-a-gone-namespace
          await runPlugin("DEL", delegate, plugin, stdin, { ...context, netns: "" }, scope);
        }
      });
    },

    async check(delegate, result, context, scope) {
      const { conflist, capabilityArgs } = delegate;
      for (const plugin of conflist.plugins) {
        const stdin = pluginStdin(conflist, plugin, { capabilityArgs, prevResult: result?.text });
        await runPlugin("CHECK", delegate, plugin, stdin, context, scope);
      }
    },

    async status(network, searchPath, scope) {
      for (const plugin of network.conflist.plugins) {
        await runWithoutSandbox("STATUS", network, plugin, searchPath, scope);
      }
    },

    async gc(network, attachments, searchPath, scope) {
      await forEvery(network.conflist.plugins, async (plugin) => {
        const conf = plugin.conf
          .with("cni.dev/valid-attachments", attachments)
          // The name that the first drafts of CNI 1.1 had; libcni still sends both.
          .with("cni.dev/attachments", attachments);
        await runWithoutSandbox("GC", network, { ...plugin, conf }, searchPath, scope);
      });
    },
  };
}

/** Whether a plugin whose DEL fails has made nothing: it never started, or refused its ADD for its config in the same way. */
function madeNothing(added: PluginAdd | undefined, { code }: PlexusError): boolean {
  if (added?.outcome === "not-started") return true;
  return added?.outcome === "failed" && added.code === code && REFUSALS.has(code);
}

function since(clock: Pick<Clock, "monotonic">, began: number): number {
  return Math.round((clock.monotonic() - began) * 10) / 10;
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

/** One error for several: the first one's kind and code, every message. */
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
