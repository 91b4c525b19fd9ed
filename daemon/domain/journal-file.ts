/**
 * The files of one sandbox in the state directory, and the text of its journal record:
 * `{"version":4,"checksum":"sha256:<hex>","record":{...}}`, made to be read with cat and jq. The checksum is over the exact text of the
 * `record` member, so that any change to it is noticed. JSON that the record carries stands in it as it was given, not as a string of JSON.
 */
import * as z from "zod";
import { PlexusError } from "./errors.ts";
import {
  type IfName,
  isIfName,
  isNetnsPath,
  isNetworkName,
  isSandboxId,
  type NetnsPath,
  type NetworkName,
  type SandboxId,
} from "./ids.ts";
import { elementsOf, JsonObject, type JsonText, parseJson } from "./json/json-object.ts";
import type { RecordedAttachment, SandboxRecord } from "./sandbox-record.ts";

/** SHA-256 of a text's UTF-8, in lower-case hex. Handed in, as the domain imports nothing that hashes. */
export type Sha256 = (text: string) => string;

/**
 * Raised whenever a record gains, loses or changes a member: an older Plexus must refuse what it would only half understand.
 * Version 1 had neither `since` nor `defaultRoute`, version 2 neither `dialect` nor `device` nor
 * `hotPlugged`; both are read still. There is no version 3: one bit turned over would make it one of those two.
 */
const VERSION = 4;

const RECORD_SUFFIX = ".json";
const STATUS_SUFFIX = ".network-status";
const DAMAGED_RECORD_FILE = /^(.+)\.json\.bad-\d+$/;

/** @throws PlexusError `invalid-environment` for the odd container id whose record would be named like another's status file */
export function recordFileName(sandbox: SandboxId): string {
  if (!sandbox.endsWith(STATUS_SUFFIX)) return sandbox + RECORD_SUFFIX;
  throw new PlexusError("invalid-environment", `container id ${sandbox} has a reserved ending`, {
    details: `use a container id that does not end in ${STATUS_SUFFIX}`,
  });
}

/** The sandbox whose record a file of that name holds; undefined when it holds something else. */
export function sandboxOfRecordFile(name: string): SandboxId | undefined {
  const stem = name.slice(0, -RECORD_SUFFIX.length);
  return name.endsWith(RECORD_SUFFIX) && !stem.endsWith(STATUS_SUFFIX) && isSandboxId(stem) ? stem : undefined;
}

/** @param at when it was noticed, in milliseconds since the epoch */
export function damagedRecordFileName(sandbox: SandboxId, at: number): string {
  return `${recordFileName(sandbox)}.bad-${at}`;
}

/** The sandbox whose damaged record was set aside under that name; undefined when it is something else. */
export function sandboxOfDamagedRecordFile(name: string): SandboxId | undefined {
  const sandbox = DAMAGED_RECORD_FILE.exec(name)?.[1];
  return sandbox !== undefined && isSandboxId(sandbox) ? sandbox : undefined;
}

export function statusFileName(sandbox: SandboxId): string {
  return sandbox + STATUS_SUFFIX + RECORD_SUFFIX;
}

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

/**
 * Blanks around an embedded JSON text are not kept; every byte of the text itself is.
 * @throws PlexusError `decode-failure` when an embedded text is not JSON: such a record could never be read again
 */
export function encodeRecord(record: SandboxRecord, sha256: Sha256): string {
  const { attachments, ...rest } = record;
  const text = JsonObject.parse(JSON.stringify(rest), "the record")
    .with("attachments", `[${attachments.map(attachmentText).join(",")}]`)
    .toString();
  return fileText(VERSION, text, sha256);
}

/**
 * @param file names it in messages
 * @throws PlexusError `decode-failure` when the text is not exactly what encodeRecord made
 */
export function decodeRecord(text: string, file: string, sha256: Sha256): SandboxRecord {
  const members = JsonObject.parse(checkedRecord(text, file, sha256), file);
  const attachments = elementsOf(members.text("attachments") ?? "null", `the list of attachments in ${file}`);
  const { data, error } = RecordSchema.safeParse({
    ...parsedMembers(members),
    attachments: attachments.map((text) => parsedMembers(JsonObject.parse(text, `an attachment in ${file}`), EMBEDDED)),
  });
  if (data !== undefined) return data;
  const problems = error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw damaged(`${file} is not a sandbox record: ${problems.join("; ")}`);
}

/** Members of an attachment that are JSON in the file and the text of that JSON in the record. */
const EMBEDDED: ReadonlySet<string> = new Set<keyof RecordedAttachment>(["conflist", "capabilityArgs", "result"]);

function attachmentText({ conflist, capabilityArgs, result, ...rest }: RecordedAttachment): JsonText {
  let object = JsonObject.parse(JSON.stringify(rest), "the attachment");
  for (const [key, text] of Object.entries({ conflist, capabilityArgs, result })) {
    if (text === undefined) continue;
    parseJson(text, `the ${key} of ${rest.network} on ${rest.ifName}`);
    object = object.with(key, text);
  }
  return object.toString();
}

function parsedMembers(object: JsonObject, keptAsText: ReadonlySet<string> = new Set()): Record<string, unknown> {
  return Object.fromEntries(
    [...object.entries()].map(([key, text]) => [key, keptAsText.has(key) ? text : JSON.parse(text)]),
  );
}

function fileText(version: number, record: JsonText, sha256: Sha256): string {
  return `{"version":${version},"checksum":"sha256:${sha256(record)}","record":${record}}\n`;
}

/** Every version starts with its number, so that an older Plexus can tell a newer file from a damaged one. */
const LEADING_VERSION = /^\{"version":(\d+),/;
const RECORD_MEMBER = /"record":(.*)\}\n$/s;

/** A newer Plexus wrote it: what this one cannot read is not damaged. */
export function isOfNewerVersion(text: string): boolean {
  return versionOf(text) > VERSION;
}

/** NaN for what does not start as a record's file. */
function versionOf(text: string): number {
  return Number(LEADING_VERSION.exec(text)?.[1]);
}

/** The text of the `record` member, once the file is known to be whole. */
function checkedRecord(text: string, file: string, sha256: Sha256): JsonText {
  const version = versionOf(text);
  if (isOfNewerVersion(text)) {
    throw new PlexusError(
      "decode-failure",
      `${file} was written by a newer Plexus, in version ${version} of the format`,
      {
        details: `this Plexus reads versions up to ${VERSION}; go back to the newer one to delete this sandbox`,
      },
    );
  }
  const record = RECORD_MEMBER.exec(text)?.[1];
  if (record === undefined || version < 1 || text !== fileText(version, record, sha256)) {
    throw damaged(`${file} is damaged: its content does not match its checksum`);
  }
  return record;
}

function damaged(message: string): PlexusError {
  return new PlexusError("decode-failure", message);
}

const RecordSchema: z.ZodType<SandboxRecord> = z.strictObject({
  sandbox: branded<SandboxId>("a container id", isSandboxId),
  dialect: z.literal("tke").optional(),
  pod: z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
  netns: branded<NetnsPath>("the path of a network namespace", isNetnsPath),
  searchPath: z.array(z.string()),
  netnsOverride: z.string(),
  createdAt: z.number(),
  attachments: z.array(
    z.strictObject({
      owner: branded<IfName>("an interface name", isIfName),
      confName: branded<NetworkName>("a network name", isNetworkName),
      ifName: branded<IfName>("an interface name", isIfName),
      network: z.string(),
      primary: z.boolean(),
      state: z.enum(["intended", "attached", "detaching"]),
      conflist: z.string(),
      capabilityArgs: z.string(),
      cniArgs: z.string(),
      since: z.number().optional(),
      defaultRoute: z.array(z.string()).optional(),
      device: z.strictObject({ resource: z.string(), id: z.string(), info: z.string().optional() }).optional(),
      hotPlugged: z.boolean().optional(),
      result: z.string().optional(),
    }),
  ),
});

function branded<T extends string>(what: string, isOne: (text: string) => text is T): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === "string" && isOne(value), `not ${what}`);
}
