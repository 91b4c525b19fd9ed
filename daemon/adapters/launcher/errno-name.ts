import { getSystemErrorName } from "node:util";

/** `ENOENT` for 2. */
export function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}

/** The kernel or the launcher lacked a resource that it may have again soon: no fault of the request. */
export const PASSING: ReadonlySet<string> = new Set(["EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOMEM"]);
