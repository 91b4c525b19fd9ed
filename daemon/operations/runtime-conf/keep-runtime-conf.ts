/** Keeps the conf by which the runtime finds Plexus in place: written when the daemon serves, put back when others take it away (spec §7.7). */
import { PlexusError } from "../../domain/errors.ts";
import { elementsOf, JsonObject, type JsonText } from "../../domain/json/json-object.ts";
import { renaming, runtimeNames } from "../../domain/runtime-conf/conf-names.ts";
import type { RuntimeConfSettings } from "../../domain/runtime-conf/settings.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConfChanges, ConfDirectory } from "../../ports/conf-directory.ts";
import type { ConfFiles } from "../../ports/conf-files.ts";
import { type FollowDeps, followPrimary, type WantedConf } from "./follow-primary-conf.ts";

export interface RuntimeConfDeps {
  readonly confFiles: ConfFiles;
  readonly directory: ConfDirectory;
  readonly clock: Clock;
  /** Rejects while the daemon could not attach a pod. */
  readonly refuseUnlessAble: () => Promise<void>;
  readonly inform: (message: string) => void;
  readonly warn: (message: string) => void;
}

export interface RuntimeConfKeeper {
  /** Why the runtime does not call this daemon, or not with what it should; undefined while all is well. */
  problem(): string | undefined;
  /** Sees to everything once, and returns how long until the next look is due, in milliseconds. Never rejects. */
  look(): Promise<number>;
}

/** Not every change is noticed by itself. */
const LOOK_EVERY_MS = 5_000;
const TELL_AGAIN_AFTER_MS = 60_000;
/** Pauses between putting back what is taken away again and again. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export function makeRuntimeConfKeeper(deps: RuntimeConfDeps, settings: RuntimeConfSettings): RuntimeConfKeeper {
  const { confFiles, directory, clock, inform } = deps;
  const path = `${settings.directory}/${settings.fileName}`;
  const tell = makeTelling(deps, path);
  const backoff = makeRewriteBackoff(clock);
  let source: (() => Promise<WantedConf>) | undefined;
  /** What this daemon saw or put there last. */
  let placed: JsonText | undefined;
  let problem: string | undefined = `${path} has not been looked after yet`;

  async function place(text: JsonText, names: readonly string[]): Promise<readonly string[]> {
    const current = await textAt(confFiles, path);
    const hint = renaming(settings.fileName, names) ?? "see which program does that";
    const complaint = [`another program keeps taking ${path} away, or changing it: ${hint}`];
    const isPutBack = current !== text && placed === text;
    if (isPutBack && backoff.pauseMs() > 0) return complaint;
    if (current === undefined && placed === undefined) await deps.refuseUnlessAble();
    if (current !== text) await directory.write(path, text, 0o600);
    if (isPutBack) {
      backoff.putBack();
      deps.warn(`put ${path} back, which somebody ${current === undefined ? "took away" : "changed"}: ${hint}`);
    } else if (current !== text) inform(`wrote ${path}`);
    placed = text;
    return backoff.goesOn() ? complaint : [];
  }

  /**
   * The default network is not ready. Without any conf the runtime says that the node is not either; with somebody else's it would make pods
   * without their networks, so then ours stays, and ADDs wait.
   */
  async function withhold(file: string, names: readonly string[]): Promise<readonly string[]> {
    const isAlone = runtimeNames(names, settings.fileName).length === 0;
    if (isAlone && (await textAt(confFiles, path)) !== undefined) {
      await directory.remove(path);
      inform(`took ${path} away until there is ${file}`);
    }
    placed = undefined;
    return [`the default network is not ready: there is no readinessindicatorfile ${file}`];
  }

  async function see(): Promise<{ problems: readonly string[]; lookAgainMs: number }> {
    source ??= await sourceOf(deps, settings, path);
    const wanted = await source();
    const names = await directory.names(settings.directory);
    const missing = await missingIndicator(confFiles, settings);
    const placing =
      missing !== undefined
        ? await withhold(missing, names)
        : wanted.text === undefined
          ? []
          : await place(wanted.text, names);
    const ahead = await confsAhead(confFiles, settings, names);
    return { problems: [...wanted.problems, ...placing, ...ahead], lookAgainMs: wanted.lookAgainMs ?? LOOK_EVERY_MS };
  }

  return {
    problem: () => problem,
    async look() {
      let lookAgainMs = LOOK_EVERY_MS;
      try {
        const seen = await see();
        lookAgainMs = Math.min(seen.lookAgainMs, backoff.pauseMs() || LOOK_EVERY_MS, LOOK_EVERY_MS);
        problem = seen.problems.length === 0 ? undefined : seen.problems.join("; ");
      } catch (thrown) {
        problem = PlexusError.from(thrown).message;
      }
      tell(problem);
      return lookAgainMs;
    },
  };
}

const SETTLE_MS = 100;

/** Looks until the signal is raised. The conf stays: without it the next daemon's pods would lack their networks until it serves. */
export async function keepRuntimeConf(
  keeper: RuntimeConfKeeper,
  changes: ConfChanges,
  clock: Clock,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    changes.renew();
    const lookAgainMs = await keeper.look();
    const over = new AbortController();
    const either = AbortSignal.any([stopping, over.signal]);
    await Promise.race([changes.next(either), clock.sleep(lookAgainMs, either)]);
    over.abort();
    // Several changes are looked at together.
    await clock.sleep(SETTLE_MS, stopping);
  }
}

async function sourceOf(
  deps: FollowDeps,
  settings: RuntimeConfSettings,
  path: string,
): Promise<() => Promise<WantedConf>> {
  const { source, type } = settings;
  if (source.is === "file") return followFile(deps.confFiles, source.path);
  const found = await textAt(deps.confFiles, path);
  const recalled = found !== undefined && isOurs(found, type) ? found : undefined;
  return followPrimary(deps, source.primary, recalled);
}

/** A conf that is to be copied as it is. Half-written, it is not (T289). */
function followFile(confFiles: ConfFiles, path: string): () => Promise<WantedConf> {
  let last: JsonText | undefined;
  return async () => {
    const text = await textAt(confFiles, path);
    if (text === undefined) return { text: last, problems: [`there is no multusConfigFile ${path} yet`] };
    try {
      JsonObject.parse(text, path);
    } catch (thrown) {
      return { text: last, problems: [PlexusError.from(thrown).message] };
    }
    last = text;
    return { text, problems: [] };
  };
}

async function missingIndicator(confFiles: ConfFiles, { source }: RuntimeConfSettings): Promise<string | undefined> {
  const file = source.is === "primary" ? source.readinessIndicatorFile : undefined;
  return file === undefined || (await confFiles.isThere(file)) ? undefined : file;
}

/** A runtime takes the first conf there is. One of our own that is put there by hand is as good. */
async function confsAhead(
  confFiles: ConfFiles,
  { directory, fileName, type }: RuntimeConfSettings,
  names: readonly string[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of runtimeNames(names, fileName).filter((each) => each < fileName)) {
    const text = await textAt(confFiles, `${directory}/${name}`);
    if (text === undefined || isOurs(text, type)) continue;
    const whose = name.startsWith("00-multus") ? "take Multus off this node, and then the file" : "rename or remove it";
    problems.push(
      `the runtime uses ${directory}/${name}, which comes before ${fileName}, so pods lack networks: ${whose}`,
    );
  }
  return problems;
}

/** The executable of this type is called by it. */
function isOurs(text: JsonText, type: string): boolean {
  try {
    const conf = JsonObject.parse(text, "conf");
    return (
      conf.get("type") === type || elementsOf(conf.text("plugins") ?? "[]", "plugins").some((one) => isOurs(one, type))
    );
  } catch {
    return false;
  }
}

async function textAt(confFiles: ConfFiles, path: string): Promise<JsonText | undefined> {
  const found = await confFiles.look(path);
  return found.is === "file" ? found.file.text : undefined;
}

/** Whoever takes the conf away again and again is not answered faster and faster. */
function makeRewriteBackoff(clock: Clock): { putBack(): void; pauseMs(): number; goesOn(): boolean } {
  let rounds = 0;
  let until = 0;
  return {
    putBack() {
      if (clock.monotonic() > until + LONGEST_PAUSE_MS) rounds = 0;
      until = clock.monotonic() + Math.min(FIRST_PAUSE_MS * 2 ** rounds, LONGEST_PAUSE_MS);
      rounds++;
    },
    pauseMs: () => Math.max(0, until - clock.monotonic()),
    goesOn: () => rounds > 1 && clock.monotonic() <= until + LONGEST_PAUSE_MS,
  };
}

/** Says what is wrong when it changes, and again as long as it does not; and that it is over. */
function makeTelling(
  { clock, inform, warn }: Pick<RuntimeConfDeps, "clock" | "inform" | "warn">,
  path: string,
): (problem: string | undefined) => void {
  let told: string | undefined;
  let at = 0;
  return (problem) => {
    if (problem === undefined && told !== undefined) inform(`all is well with ${path} again`);
    if (problem !== undefined && (problem !== told || clock.monotonic() >= at + TELL_AGAIN_AFTER_MS)) {
      warn(problem === told ? `still: ${problem}` : problem);
      at = clock.monotonic();
    }
    told = problem;
  };
}
