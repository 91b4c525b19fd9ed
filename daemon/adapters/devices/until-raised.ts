import { PlexusError } from "../../domain/errors.ts";

/** What the work comes to, or `try-again-later` if the signal is raised first. The work goes on: others may wait for it, too. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(givenUp(signal));
    };
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", stop);
    });
  });
}

export function givenUp({ reason }: AbortSignal): PlexusError {
  return new PlexusError("try-again-later", "the kubelet's answer was not waited for", { cause: reason });
}
