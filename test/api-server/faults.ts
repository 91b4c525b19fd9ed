import { resourceLabel, type Target, type Verb } from "./target.ts";

/** What goes wrong with a request. */
export type Fault =
  /** Nothing is done; this is the answer. */
  | { readonly does: "answer"; readonly answer: PlainAnswer }
  /** Nothing is done and nothing is ever answered. */
  | { readonly does: "hang" }
  /** The connection is closed: `before` anything is done, `after` it is done and before the answer, or `amid` the answer. */
  | { readonly does: "cut"; readonly when: "before" | "after" | "amid" }
  /** All is well, but late. */
  | { readonly does: "delay"; readonly ms: number };

export interface PlainAnswer {
  readonly code: number;
  readonly contentType: string;
  readonly body: string;
  readonly retryAfterSeconds?: number;
}

const status = (code: number, reason: string, message: string): PlainAnswer => ({
  code,
  contentType: "application/json",
  body: JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code }),
});

/** Answers as a real API server or what stands before it gives them. */
export const ANSWERS = {
  /** Too many requests at once; plain text. */
  tooMany: (retryAfterSeconds: number): PlainAnswer => ({
    code: 429,
    contentType: "text/plain; charset=utf-8",
    body: "Too many requests, please try again later.\n",
    retryAfterSeconds,
  }),
  internalError: status(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
  unavailable: status(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
  timeout: status(
    504,
    "Timeout",
    "Timeout: request did not complete within requested timeout - context deadline exceeded",
  ),
  /** A load balancer's, no Status at all. */
  badGateway: { code: 502, contentType: "text/html", body: "<html><body><h1>502 Bad Gateway</h1></body></html>\n" },
  gone: status(410, "Expired", "The resourceVersion for the provided watch is too old."),
  /** 200, and no JSON. */
  garbled: { code: 200, contentType: "application/json", body: '{"kind":"PodList","items":[{"metadata"' },
} as const;

/** Which requests; whatever is absent may be anything. */
export interface Match {
  readonly verb?: Verb;
  /** As in counts: `pods/status`. */
  readonly resource?: string;
}

export interface Faults {
  /** The next `times` matching requests fail so, all of them if it is Infinity. Earlier faults are used up first. */
  readonly add: (match: Match, fault: Fault, times: number) => void;
  /** The fault of this request, which uses it up. */
  readonly take: (target: Target) => Fault | undefined;
  readonly clear: () => void;
}

export function makeFaults(): Faults {
  let plans: { match: Match; fault: Fault; left: number }[] = [];
  return {
    add: (match, fault, times) => {
      plans.push({ match, fault, left: times });
    },
    take: (target) => {
      const plan = plans.find(
        ({ match: { verb = target.verb, resource }, left }) =>
          left > 0 && verb === target.verb && (resource === undefined || resource === resourceLabel(target)),
      );
      if (plan !== undefined) plan.left -= 1;
      return plan?.fault;
    },
    clear: () => {
      plans = [];
    },
  };
}
