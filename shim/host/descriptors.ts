/** Reading and writing file descriptors to the end. */
import { ByteWriter } from "../core/bytes.ts";
import type { StdinReading } from "../core/shim-io.ts";
import { fromUtf8, toUtf8 } from "../core/utf8.ts";

declare function fileRead(fd: number, into: Uint8Array): number;
declare function fileWrite(fd: number, bytes: Uint8Array): number;
declare function microsleep(microseconds: number): number;
declare function formatText(into: Uint8Array, format: Uint8Array): number;

const STDIN = 0;
const PAUSE_MS = 1;
const STDIN_CHUNK_BYTES = 16384;

/** No errno comes through the manifest, but printf's %m gives its text, which is fixed in a static program. */
const ERRNO_FORMAT = toUtf8("%m\0");
const errnoBuffer = new Uint8Array(128);
export const INTERRUPTED_CALL = "Interrupted system call";
export const WOULD_BLOCK = "Resource temporarily unavailable";

/** The text of errno. To be asked right behind the call that failed. */
export function errnoText(): string {
  const length = formatText(errnoBuffer, ERRNO_FORMAT);
  return length > 0 && length < errnoBuffer.length ? fromUtf8(errnoBuffer.subarray(0, length)) : "unknown error";
}

export function readStdin(limit: number): StdinReading {
  const content = new ByteWriter(STDIN_CHUNK_BYTES);
  const chunk = new Uint8Array(STDIN_CHUNK_BYTES);
  while (content.length <= limit) {
    const count = fileRead(STDIN, chunk);
    if (count === 0) break;
    if (count > 0) {
      content.bytes(chunk.subarray(0, count));
      continue;
    }
    const problem = errnoText();
    if (!passes(problem)) return { bytes: content.view(), fault: problem };
  }
  return { bytes: content.view(), fault: "" };
}

/** Writes all of it; returns "" or why it could not. */
export function writeAll(fd: number, bytes: Uint8Array): string {
  let rest = bytes;
  while (rest.length > 0) {
    const count = fileWrite(fd, rest);
    if (count >= 0) {
      rest = rest.subarray(count);
      continue;
    }
    const problem = errnoText();
    if (!passes(problem)) return problem;
  }
  return "";
}

/** Whether a failed read or write is to be repeated. A runtime may have given us a pipe that does not block; then we wait a moment. */
function passes(problem: string): boolean {
  if (problem === WOULD_BLOCK) sleep(PAUSE_MS);
  return problem === WOULD_BLOCK || problem === INTERRUPTED_CALL;
}

export function sleep(ms: number): void {
  microsleep(ms * 1000);
}
