/** Whether this node's Plexus can attach a pod: one answer for /readyz, gRPC health, CNI STATUS and the metrics. */
import { PlexusError } from "../../domain/errors.ts";

/** Throws, or rejects with, a PlexusError that says why it does not hold, and what to do about it. */
export type Condition = () => void | Promise<void>;

export interface Obstacle {
  /** The name of the condition that does not hold. */
  readonly condition: string;
  readonly why: PlexusError;
}

export interface Readiness {
  /** Names of all conditions, in order. */
  readonly conditions: readonly string[];
  /** What is in the way, in the order of the conditions; nothing when nothing is. Never rejects. */
  obstacles(): Promise<readonly Obstacle[]>;
  /** Rejects with PlexusError `not-available`, the first obstacle, if an ADD would have no chance. */
  refuseUnlessAble(): Promise<void>;
}

/**
 * @param able without these no ADD can succeed
 * @param called without these the runtime may not even call: when it does ask for STATUS, they are no answer
 */
export function makeReadiness(
  able: Readonly<Record<string, Condition>>,
  called: Readonly<Record<string, Condition>> = {},
): Readiness {
  const all = { ...able, ...called };
  return {
    conditions: Object.keys(all),
    obstacles: () => obstaclesAmong(all),
    async refuseUnlessAble() {
      const [first] = await obstaclesAmong(able);
      if (first === undefined) return;
      const { message, details } = first.why;
      throw new PlexusError("not-available", message, { details, cause: first.why });
    },
  };
}

/**
 * What CNI STATUS asks. While one daemon takes another's place, it rejects with `try-again-later`: the shim then asks
 * again for up to 20 s, so that an update of the daemon does not make the node NotReady (issue 11, section 5).
 * @param isChangingOver whether this daemon has just started or is stopping
 */
export function makeStatusGate(
  readiness: Pick<Readiness, "refuseUnlessAble">,
  isChangingOver: () => boolean,
): () => Promise<void> {
  return async () => {
    try {
      await readiness.refuseUnlessAble();
    } catch (thrown) {
      const { message, details } = PlexusError.from(thrown);
      if (!isChangingOver()) throw thrown;
      throw new PlexusError("try-again-later", message, { details, cause: thrown });
    }
  };
}

async function obstaclesAmong(conditions: Readonly<Record<string, Condition>>): Promise<readonly Obstacle[]> {
  const looks = Object.entries(conditions).map(async ([condition, holds]): Promise<Obstacle | undefined> => {
    try {
      await holds();
      return undefined;
    } catch (thrown) {
      return { condition, why: PlexusError.from(thrown) };
    }
  });
  return (await Promise.all(looks)).filter((obstacle) => obstacle !== undefined);
}

/**
 * Holds while there is no problem.
 * @param next what to do about it
 */
export function noProblem(problem: () => string | undefined, next: string): Condition {
  return () => {
    const found = problem();
    if (found !== undefined) throw new PlexusError("not-available", found, { details: next });
  };
}

export interface LauncherView {
  /** Whether plugins can be started, or why not and for how long. */
  readonly launcher: { readonly up: true } | { readonly up: false; readonly why: string; readonly forMs: number };
}

/** Plugins can be started, or could a moment ago: whatever wants to run one waits for the next launcher. */
export function canRunPlugins(state: () => LauncherView, toleratedMs: number): Condition {
  return noProblem(() => {
    const { launcher } = state();
    if (launcher.up || launcher.forMs <= toleratedMs) return undefined;
    return `no plugin can be run: ${launcher.why}`;
  }, "the process that runs plugins is being started again and again; see the daemon's log, hostMountNamespace and hostRoot");
}
