import type { z } from "zod";
import type { ApiAnswer } from "./api-client.ts";
import { StatusSchema } from "./api-objects.ts";

/** What the API server says of a request that it refuses. */
export type ApiStatus = z.infer<typeof StatusSchema>;

export function statusOf({ body }: Pick<ApiAnswer, "body">): ApiStatus {
  try {
    return StatusSchema.safeParse(JSON.parse(body)).data ?? {};
  } catch {
    return {};
  }
}

const LONGEST_QUOTE = 300;
const NEXT_STEPS: Readonly<Record<number, string>> = {
  401: "see whether the daemon's token or certificate is still good",
  403: "see the permissions of the daemon's service account",
};

/** A refusal in one line. */
export function complaint(code: number, { message }: ApiStatus): string {
  const said = message === undefined ? "" : `: ${message.slice(0, LONGEST_QUOTE)}`;
  const next = NEXT_STEPS[code];
  return `the API server answered ${code}${said}${next === undefined ? "" : ` (${next})`}`;
}

/** Whether asking again can help. A 403 counts: an API server that starts does not know its rules yet. */
export function isPassing(code: number): boolean {
  return code >= 500 || [401, 403, 408, 409, 429].includes(code);
}
