import type { Clock } from "../../ports/clock.ts";
import type { Credential, Credentials } from "./credentials.ts";

export interface AgingCredentials extends Credentials {
  /** Milliseconds since what proves our identity was first seen to be what it is; undefined before it was used. */
  ageMs(): number | undefined;
}

/** Whatever replaces a credential, tokens above all, does so long before it expires: one that only gets older will be refused some day. */
export function withAge(credentials: Credentials, clock: Pick<Clock, "monotonic">): AgingCredentials {
  let known: { readonly proof: readonly (string | undefined)[]; readonly since: number } | undefined;
  return {
    ...credentials,
    async current() {
      const credential = await credentials.current();
      const proof = proofIn(credential);
      if (known === undefined || proof.some((part, index) => part !== known?.proof[index])) {
        known = { proof, since: clock.monotonic() };
      }
      return credential;
    },
    ageMs: () => (known === undefined ? undefined : clock.monotonic() - known.since),
  };
}

function proofIn({ headers, tls }: Credential): readonly (string | undefined)[] {
  return [headers["authorization"], textOf(tls.cert), textOf(tls.key)];
}

/** As a kubeconfig gives it, in itself or from a file. */
function textOf(part: unknown): string | undefined {
  return typeof part === "string" || Buffer.isBuffer(part) ? part.toString() : undefined;
}
