/**
 * The text of a sandbox's record: `{"version":1,"checksum":"sha256:<hex>","record":{...}}`, made to be
 * read with cat and jq. The checksum covers the version and the exact text of the `record` member.
 * Conflists, capability args and results stand in the record as they were given, to the byte.
 */
import { createHash } from "node:crypto";
import { PlexusError } from "../../domain/errors.ts";
import { elementsOf, JsonObject, type JsonText, parseJson } from "../../domain/json/json-object.ts";
import type { RecordedAttachment, SandboxRecord } from "../../domain/sandbox-record.ts";
import { EMBEDDED, recordFromMembers } from "./record-schema.ts";

/** Raised whenever a record gains, loses or changes a member, together with a row in UPGRADES. */
const VERSION = 1;

/** How the record of an older version becomes one of the next: `UPGRADES[n]` turns version n into n + 1. */
export type Upgrade = (record: JsonObject) => JsonObject;
const UPGRADES: Readonly<Record<number, Upgrade>> = {};

/**
 * Blanks around an embedded JSON text are not kept; every byte of the text itself is.
 * @throws PlexusError `decode-failure` when an embedded text is not JSON
 */
export function encodeRecord(record: SandboxRecord): string {
  const { attachments, ...rest } = record;
  const text = JsonObject.parse(JSON.stringify(rest), "the record")
    .with("attachments", `[${attachments.map(attachmentText).join(",")}]`)
    .toString();
  return sealRecord(VERSION, text);
}

/** A record's file, whatever version and record it holds. */
export function sealRecord(version: number, record: JsonText): string {
  const checksum = createHash("sha256").update(`${version}:${record}`).digest("hex");
  return `{"version":${version},"checksum":"sha256:${checksum}","record":${record}}\n`;
}

/**
 * @param file names it in messages
 * @throws PlexusError `decode-failure` when the text is not exactly what `encodeRecord` made
 */
export function decodeRecord(text: string, file: string): SandboxRecord {
  const { version, record } = unsealed(text, file);
  const members = upgradeRecord(JsonObject.parse(record, file), version, { to: VERSION, upgrades: UPGRADES });
  const attachments = elementsOf(members.text("attachments") ?? "null", `the list of attachments in ${file}`);
  return recordFromMembers(
    {
      ...parsedMembers(members),
      attachments: attachments.map((one) => parsedMembers(JsonObject.parse(one, `an attachment in ${file}`), EMBEDDED)),
    },
    file,
  );
}

/** Applies the upgrade of every version from the record's own on. */
export function upgradeRecord(
  record: JsonObject,
  from: number,
  { to, upgrades }: { readonly to: number; readonly upgrades: Readonly<Record<number, Upgrade>> },
): JsonObject {
  let upgraded = record;
  for (let version = from; version < to; version++) {
    const upgrade = upgrades[version];
    if (upgrade === undefined) throw damaged(`there is no way from version ${version} of a record to ${version + 1}`);
    upgraded = upgrade(upgraded);
  }
  return upgraded;
}

/** A newer Plexus wrote it: a record that this Plexus cannot read is not damaged. */
export function isOfNewerVersion(text: string): boolean {
  return versionOf(text) > VERSION;
}

function attachmentText({ conflist, capabilityArgs, result, ...rest }: RecordedAttachment): JsonText {
  const embedded = { conflist: conflist.text, capabilityArgs: capabilityArgs.toString(), result: result?.text };
  let object = JsonObject.parse(JSON.stringify(rest), "the attachment");
  for (const [key, text] of Object.entries(embedded)) {
    if (text === undefined) continue;
    parseJson(text, `the ${key} of ${rest.network} on ${rest.ifName}`);
    object = object.with(key, text.trim());
  }
  return object.toString();
}

function parsedMembers(object: JsonObject, keptAsText: ReadonlySet<string> = new Set()): Record<string, unknown> {
  return Object.fromEntries(
    [...object.entries()].map(([key, text]) => [key, keptAsText.has(key) ? text : JSON.parse(text)]),
  );
}

/** Every version starts with its number, so that an older Plexus can tell a newer file from a damaged one. */
const LEADING_VERSION = /^\{"version":(\d+),/;
const RECORD_MEMBER = /"record":(.*)\}\n$/s;

/** NaN for a text that does not start as a record's file. */
function versionOf(text: string): number {
  return Number(LEADING_VERSION.exec(text)?.[1]);
}

/** The text of the `record` member, once the file is known to be whole. */
function unsealed(text: string, file: string): { readonly version: number; readonly record: JsonText } {
  const version = versionOf(text);
  if (isOfNewerVersion(text)) {
    const message = `${file} was written by a newer Plexus, in version ${version} of the format`;
    throw new PlexusError("decode-failure", message, {
      details: `this Plexus reads versions up to ${VERSION}; go back to the newer one to delete this sandbox`,
    });
  }
  const record = RECORD_MEMBER.exec(text)?.[1];
  if (record === undefined || version < 1 || text !== sealRecord(version, record)) {
    throw damaged(`${file} is damaged: its content does not match its checksum`);
  }
  return { version, record };
}

function damaged(message: string): PlexusError {
  return new PlexusError("decode-failure", message);
}
