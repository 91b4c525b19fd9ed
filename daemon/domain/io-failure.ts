import { PlexusError } from "./errors.ts";

/** For `.catch`: the disk's refusal to do something to a file, as an `io-failure` with the errno. */
export function refused(operation: string, file: string): (cause: unknown) => never {
  return (cause) => {
    const errno = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new PlexusError("io-failure", `cannot ${operation} ${file}: ${errno}`, {
      details: "check the disk that holds the state directory",
      cause,
    });
  };
}
