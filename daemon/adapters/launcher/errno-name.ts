import { getSystemErrorName } from "node:util";

/** `ENOENT` for 2. */
export function errnoName(errno: number): string {
  return getSystemErrorName(-errno);
}
