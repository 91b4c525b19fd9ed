/** The launcher's frames (daemon/launcher/README.md has them as tables). Both ends run on one little-endian machine. */
export const WIRE_VERSION = 4;
/** The launcher ends itself over anything larger, so nothing larger is sent. */
const LARGEST_REQUEST_BYTES = 16 * 1024 * 1024;
/** The largest output limit a request may carry, per stream. */
const LARGEST_OUTPUT_BYTES = 64 * 1024 * 1024;
const MOST_STRINGS = 1024;
/** A thousand names of 15 bytes and their identity take a quarter of it. */
const LARGEST_LOOK_BYTES = 64 * 1024;

const REQUEST_HEADER = 24;
const REPLY_HEADER = 32;
const LARGEST_REPLY_BYTES = REPLY_HEADER + 2 * LARGEST_OUTPUT_BYTES;

const OPS = { run: 1, look: 2, cancel: 3, "run-in-netns": 4, unmount: 5 } as const;

const KINDS = [
  /** The first frame of all; `code` is the wire version. */
  "ready",
  /** `code` is the pid, which is also the process group. Another reply follows. */
  "started",
  /** `code` is the exit status. */
  "exited",
  /** `code` is the signal. */
  "killed",
  /** `code` is 0, or the pid of a process that is stuck in the kernel and still there. So for `cancelled`. */
  "timed-out",
  "cancelled",
  /** `code` is 0 for stdout, 1 for stderr. */
  "too-much-output",
  /** No file of that path. This and the other codes from here on are errnos, where there is one. */
  "no-such-plugin",
  "cannot-execute",
  "cannot-start",
  /** stdout has the namespace's identity and the names that are there, a line each. `code` is 0. */
  "looked",
  "cannot-open-netns",
  "not-a-netns",
  "host-netns",
] as const;

export type ReplyKind = (typeof KINDS)[number];

export interface Reply {
  /** Of the request; 0 for `ready`. */
  readonly id: number;
  readonly kind: ReplyKind;
  readonly code: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly maxRssKib: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

export type Request =
  | {
      readonly op: "run";
      readonly path: string;
      readonly env: Readonly<Record<string, string>>;
      readonly stdin: string;
      readonly timeoutMs: number;
      readonly maxOutputBytes: number;
    }
  /** Which namespace is behind a path, and which of these links it has. */
  | { readonly op: "look"; readonly netns: string; readonly links: readonly string[]; readonly timeoutMs: number }
  /** Ends what is mounted on a file of the host's, and removes the file. One that is not there is fine. */
  | { readonly op: "unmount"; readonly path: string; readonly timeoutMs: number }
  /** A program of the host's in a sandbox's network namespace, with an empty environment. */
  | {
      readonly op: "run-in-netns";
      readonly netns: string;
      readonly path: string;
      readonly args: readonly string[];
      readonly timeoutMs: number;
      readonly maxOutputBytes: number;
    };

export function encodeRequest(id: number, request: Request): Buffer {
  const { op, timeoutMs } = request;
  switch (op) {
    case "look":
      return frame(id, op, timeoutMs, LARGEST_LOOK_BYTES, [request.netns, ...request.links], "");
    case "unmount":
      return frame(id, op, timeoutMs, 0, [request.path], "");
    case "run-in-netns": {
      const { netns, path, args, maxOutputBytes } = request;
      return frame(id, op, timeoutMs, maxOutputBytes, [netns, path, ...args], "");
    }
    case "run": {
      const env = Object.entries(request.env).map(([name, value]) => `${name}=${value}`);
      return frame(id, op, timeoutMs, request.maxOutputBytes, [request.path, ...env], request.stdin);
    }
  }
}

/** Kills the group that serves request `id`, whose reply is then `cancelled`. Does nothing once it is answered. */
export function encodeCancel(id: number): Buffer {
  return frame(id, "cancel", 0, 0, [], "");
}

/** Why the launcher could not be sent this, or undefined. */
export function whyUnsendable(frame: Buffer): string | undefined {
  if (frame.length - 4 > LARGEST_REQUEST_BYTES) return `it takes more than ${LARGEST_REQUEST_BYTES} bytes`;
  if (frame.readUInt32LE(20) > MOST_STRINGS)
    return `it has more than ${MOST_STRINGS} environment variables, names or arguments`;
  return undefined;
}

function frame(
  id: number,
  op: keyof typeof OPS,
  timeoutMs: number,
  maxOutput: number,
  strings: readonly string[],
  stdin: string,
): Buffer {
  const text = strings.map((string) => `${string}\0`).join("");
  const textBytes = Buffer.byteLength(text);
  const whole = Buffer.allocUnsafe(REQUEST_HEADER + textBytes + Buffer.byteLength(stdin));
  [whole.length - 4, id, OPS[op], timeoutMs, maxOutput, strings.length].forEach((word, i) =>
    whole.writeUInt32LE(word, i * 4),
  );
  whole.write(text, REQUEST_HEADER);
  whole.write(stdin, REQUEST_HEADER + textBytes);
  return whole;
}

/** Takes the launcher's stdout in any pieces, hands back what replies have become whole. Throws on what no launcher says. */
export function createReplyDecoder(): (chunk: Buffer) => Reply[] {
  let chunks: Buffer[] = [];
  let held = 0;
  /** Until this many bytes are there it is no use putting the pieces together. */
  let needed = 4;

  return (chunk) => {
    chunks.push(chunk);
    held += chunk.length;
    if (held < needed) return [];

    const bytes = Buffer.concat(chunks, held);
    const replies: Reply[] = [];
    let at = 0;
    needed = 4;
    while (bytes.length - at >= 4) {
      const size = 4 + bytes.readUInt32LE(at);
      if (size < REPLY_HEADER || size > LARGEST_REPLY_BYTES) throw new Error(`a reply of ${size} bytes`);
      if (bytes.length - at < size) {
        needed = size;
        break;
      }
      replies.push(decodeReply(bytes.subarray(at, at + size)));
      at += size;
    }
    chunks = [bytes.subarray(at)];
    held = bytes.length - at;
    return replies;
  };
}

function decodeReply(whole: Buffer): Reply {
  const kind = KINDS[whole.readUInt32LE(8)];
  if (kind === undefined) throw new Error(`a reply of kind ${whole.readUInt32LE(8)}`);
  const stderrAt = REPLY_HEADER + whole.readUInt32LE(28);
  if (stderrAt > whole.length) throw new Error("a reply shorter than its own output");
  return {
    id: whole.readUInt32LE(4),
    kind,
    code: whole.readUInt32LE(12),
    userUs: whole.readUInt32LE(16),
    systemUs: whole.readUInt32LE(20),
    maxRssKib: whole.readUInt32LE(24),
    stdout: whole.subarray(REPLY_HEADER, stderrAt),
    stderr: whole.subarray(stderrAt),
  };
}
