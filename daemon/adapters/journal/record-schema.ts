/** The members of a record, parsed and checked. */
import * as z from "zod";
import { parseConflist } from "../../domain/cni/conf.ts";
import { PlexusError } from "../../domain/errors.ts";
import {
  type BootId,
  type IfName,
  isBootId,
  isIfName,
  isNetnsIdentity,
  isNetnsPath,
  isNetworkName,
  isSandboxId,
  type NetnsIdentity,
  type NetnsPath,
  type NetworkName,
  type SandboxId,
} from "../../domain/ids.ts";
import { JsonObject } from "../../domain/json/json-object.ts";
import { recordedResult, type RecordedAttachment, type SandboxRecord } from "../../domain/sandbox-record.ts";

/** Members of an attachment that are JSON in the file and keep their text. */
export const EMBEDDED: ReadonlySet<string> = new Set<keyof RecordedAttachment>([
  "conflist",
  "capabilityArgs",
  "result",
]);

/** @throws PlexusError `decode-failure` naming the members that are wrong */
export function recordFromMembers(members: Readonly<Record<string, unknown>>, file: string): SandboxRecord {
  const { data, error } = RecordSchema.safeParse(members);
  if (error !== undefined) {
    const problems = error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new PlexusError("decode-failure", `${file} is not a sandbox record: ${problems.join("; ")}`);
  }
  try {
    return { ...data, attachments: data.attachments.map(attachmentFrom) };
  } catch (thrown) {
    throw new PlexusError("decode-failure", `${file} is not a sandbox record: ${PlexusError.from(thrown).message}`);
  }
}

function attachmentFrom({ conflist, capabilityArgs, result, ...rest }: z.output<typeof AttachmentSchema>) {
  const what = (part: string): string => `the recorded ${part} of network "${rest.network}"`;
  const parsed = parseConflist(conflist, what("config"));
  return {
    ...rest,
    conflist: parsed,
    capabilityArgs: JsonObject.parse(capabilityArgs, what("capability args")),
    ...(result !== undefined && { result: recordedResult(result, parsed.version) }),
  };
}

const outcome = z.enum(["answered", "failed", "not-started"]);
const moment = z.number();

const AttachmentSchema = z.strictObject({
  owner: branded<IfName>("an interface name", isIfName),
  confName: branded<NetworkName>("a network name", isNetworkName),
  ifName: branded<IfName>("an interface name", isIfName),
  network: z.string(),
  primary: z.boolean(),
  state: z.enum(["intended", "attached", "detaching", "released"]),
  conflist: z.string(),
  capabilityArgs: z.string(),
  cniArgs: z.string(),
  since: moment,
  defaultRoute: z.array(z.string()).optional(),
  device: z.strictObject({ resource: z.string(), id: z.string(), info: z.string().optional() }).optional(),
  hotPlugged: z.boolean().optional(),
  add: z
    .strictObject({
      beganAt: moment,
      endedAt: moment,
      plugins: z.array(z.strictObject({ type: z.string(), outcome, code: z.number().optional(), ms: z.number() })),
    })
    .optional(),
  result: z.string().optional(),
  cleanup: z
    .strictObject({ since: moment, attempts: z.number(), lastError: z.string(), nextAttemptAt: moment })
    .optional(),
});

const RecordSchema = z.strictObject({
  sandbox: branded<SandboxId>("a container id", isSandboxId),
  dialect: z.string(),
  pod: z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
  netns: branded<NetnsPath>("the path of a network namespace", isNetnsPath),
  netnsIdentity: branded<NetnsIdentity>("the identity of a network namespace", isNetnsIdentity).optional(),
  bootId: branded<BootId>("a boot id", isBootId).optional(),
  searchPath: z.array(z.string()),
  netnsOverride: z.string(),
  createdAt: moment,
  attachments: z.array(AttachmentSchema),
});

function branded<T extends string>(what: string, isOne: (text: string) => text is T): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === "string" && isOne(value), `not ${what}`);
}
