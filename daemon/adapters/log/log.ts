import { mkdirSync, openSync, write, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, type LogFn, type Logger, pino } from "pino";
import { cutText } from "../../domain/cut-text.ts";
import { isPlainObject } from "../../domain/json/json-object.ts";

export interface LogOptions {
  readonly level: string;
  /** Of Plexus; in every line. */
  readonly version: string;
  /** Where lines go to beside standard output, appended; nowhere if empty. */
  readonly file: string;
  readonly standardOutput?: DestinationStream;
}

/** JSON lines. Nobody waits for the file: a disk that hangs or is full costs the lines in it, and never an operation. */
export function openLog({ level, version, file, standardOutput = pino.destination(1) }: LogOptions): Logger {
  const options = {
    level,
    base: { version },
    formatters: { log: (fields: Record<string, unknown>) => shortened(fields) as Record<string, unknown> },
    hooks: {
      logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn) {
        method.apply(this, args.map((arg: unknown) => (typeof arg === "string" ? shortened(arg) : arg)) as typeof args);
      },
    },
  };
  const plain = pino(options, standardOutput);
  if (file === "") return plain;
  let isTold = false;
  const onProblem = ({ message }: Error): void => {
    if (!isTold) {
      plain.warn({ file, reason: message }, "the log file cannot be written; standard output has everything");
    }
    isTold = true;
  };
  try {
    mkdirSync(dirname(file), { recursive: true });
    const copy = appendTo(openSync(file, "a", 0o640), onProblem);
    // The logger has the level; these let through what it does.
    const streams = [standardOutput, copy].map((stream) => ({ level: "trace" as const, stream }));
    return pino(options, pino.multistream(streams));
  } catch (thrown) {
    onProblem(thrown as Error);
    return plain;
  }
}

/** Of one field, and of the message. */
const LONGEST_FIELD = 4_096;
/** Of one list. A pod may have more networks and plugins than a line should tell. */
const MOST_ITEMS = 100;

/** What is logged holds text that plugins and authors of pods and NADs wrote (issue 11). Errors go on as they are: pino knows how to tell them. */
function shortened(value: unknown): unknown {
  if (typeof value === "string") return cutText(value, LONGEST_FIELD);
  if (Array.isArray(value)) {
    const items: unknown[] = value.slice(0, MOST_ITEMS).map(shortened);
    return value.length <= MOST_ITEMS ? items : [...items, `... (${value.length - MOST_ITEMS} more)`];
  }
  if (!isPlainObject(value) || value instanceof Error) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [cutText(key, 100), shortened(member)]));
}

/** In characters. What the disk does not take beyond that is dropped. */
const MOST_WAITING = 1 << 20;

/** One write at a time, of all that came meanwhile. Pino's own streams will not let a process end whose disk is full. */
function appendTo(fd: number, onProblem: (error: Error) => void): DestinationStream {
  let waiting = "";
  let isWriting = false;

  function drain(): void {
    if (waiting === "") return;
    isWriting = true;
    const text = waiting;
    waiting = "";
    write(fd, text, (error) => {
      isWriting = false;
      if (error !== null) onProblem(error);
      drain();
    });
  }

  process.once("exit", () => {
    try {
      writeSync(fd, waiting);
    } catch {
      // Nobody is left to be told.
    }
  });
  return {
    write(line) {
      if (waiting.length < MOST_WAITING) waiting += line;
      if (!isWriting) drain();
    },
  };
}
