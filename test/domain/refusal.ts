import { PlexusError } from "../../daemon/domain/errors.ts";

/** The PlexusError that the action ends with, or undefined when it succeeds. Anything else that it throws goes through and fails the test. */
export function refusalOf(action: () => unknown): PlexusError | undefined {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof PlexusError) return thrown;
    throw thrown;
  }
  return undefined;
}
