import type { IncomingHttpHeaders } from "node:http";

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `patch pods/status`, or the method and path of what is no resource. */
  readonly label: string;
  /** Undefined until an answer has begun. */
  readonly code: number | undefined;
}

export interface RequestLog {
  /** In the order in which they came in whole. */
  readonly all: () => readonly LoggedRequest[];
  /** How many there were by label. */
  readonly counts: () => Readonly<Record<string, number>>;
  readonly add: (request: Omit<LoggedRequest, "code">) => { answered: (code: number) => void };
  readonly reset: () => void;
}

export function makeRequestLog(): RequestLog {
  let requests: LoggedRequest[] = [];
  return {
    all: () => requests,
    counts: () => {
      const counts: Record<string, number> = {};
      for (const { label } of requests) counts[label] = (counts[label] ?? 0) + 1;
      return counts;
    },
    add: (request) => {
      const entry: LoggedRequest & { code: number | undefined } = { ...request, code: undefined };
      requests.push(entry);
      return {
        answered: (code) => {
          entry.code = code;
        },
      };
    },
    reset: () => {
      requests = [];
    },
  };
}
