import { LineCounter, parseAllDocuments } from "yaml";
import * as z from "zod";
import { PlexusError } from "../../domain/errors.ts";
import { namespace, podName } from "../../domain/ids.ts";
import {
  makeNetworkDefinition,
  type NetworkDefinition,
  RESOURCE_NAME_ANNOTATION,
} from "../../domain/network-definition.ts";
import { KEPT_POD_ANNOTATIONS, type Pod } from "../../domain/pod.ts";
import { DEFAULT_LIMITS, type TenantLimits } from "../../domain/tenant-limits.ts";
import { indentQuoted } from "./indent-quoted.ts";

/** What a file says, slimmed to what is needed of it. */
export interface Manifest {
  readonly pods: readonly Pod[];
  readonly networks: readonly NetworkDefinition[];
}

/**
 * Reads the Pods and NetworkAttachmentDefinitions of a manifest: YAML or JSON, any number of documents, a List counting as its items.
 * Other kinds are passed over. A file is taken whole or not at all.
 * @throws PlexusError `decode-failure` saying what is wrong where, without quoting it
 */
export function parseManifest(
  text: string,
  limits: Pick<TenantLimits, "networkConfigBytes"> = DEFAULT_LIMITS,
): Manifest {
  const pods: Pod[] = [];
  const networks: NetworkDefinition[] = [];
  for (const object of parseDocuments(text).flatMap(itemsOf)) {
    const { apiVersion, kind } = read(HeadSchema, "an object", object);
    if (apiVersion === "v1" && kind === "Pod") pods.push(read(PodSchema, kind, object));
    if (apiVersion === "k8s.cni.cncf.io/v1" && kind === "NetworkAttachmentDefinition") {
      networks.push(makeNetworkDefinition(read(NetworkSchema, kind, object), limits));
    }
  }
  return { pods, networks };
}

/** JSON needs no reader of its own: it is YAML too. */
function parseDocuments(text: string): unknown[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(indentQuoted(text), {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    logLevel: "error",
  });
  const fault = documents.find((document) => document.errors.length > 0)?.errors[0];
  if (fault === undefined) return documents.map((document) => document.toJS() as unknown);
  // The parser's message may quote the text, its code does not.
  const what = fault.code.toLowerCase().replaceAll("_", " ");
  throw new PlexusError("decode-failure", `line ${lines.linePos(fault.pos[0]).line}: ${what}`);
}

/** An empty document has none. */
function itemsOf(document: unknown): readonly unknown[] {
  if (document === null) return [];
  const list = ListSchema.safeParse(document);
  return list.success ? list.data.items : [document];
}

function read<T>(schema: z.ZodType<T>, kind: string, object: unknown): T {
  const { data, error } = schema.safeParse(object);
  if (error === undefined) return data;
  const name = NamedSchema.safeParse(object).data?.metadata.name ?? "without a name";
  const problems = error.issues.map((issue) => [...issue.path, issue.message].join(": "));
  throw new PlexusError("decode-failure", `${kind} ${name}: ${problems.join(", ")}`);
}

const HeadSchema = z.object({ apiVersion: z.string(), kind: z.string() });
const ListSchema = z.object({ apiVersion: z.literal("v1"), kind: z.literal("List"), items: z.array(z.unknown()) });

/** What an API server takes of one object, names and values together. */
const MOST_ANNOTATION_BYTES = 256 << 10;

function fits(annotations: Readonly<Record<string, string>>): boolean {
  return Buffer.byteLength(Object.entries(annotations).flat().join("")) <= MOST_ANNOTATION_BYTES;
}

/** Nobody else has looked at these names; no path may hide in one. */
const NameSchema = z.string().regex(/^[^/\s]+$/, "not a name");
const NamedSchema = z.object({ metadata: z.object({ name: NameSchema }) });
const NamespaceSchema = NameSchema.or(z.literal(""))
  .nullish()
  .transform((text) => namespace(text || "default"));

/** Only those that something here reads: what others are is nobody's business. */
const annotations = (kept: ReadonlySet<string>) =>
  z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((all) => Object.fromEntries(Object.entries(all ?? {}).filter(([key]) => kept.has(key))))
    .pipe(z.record(z.string(), z.string()).refine(fits, `more than ${MOST_ANNOTATION_BYTES} bytes`));

const PodSchema = z
  .object({
    metadata: z.object({
      name: NameSchema.transform(podName),
      namespace: NamespaceSchema,
      uid: z.string().nullish(),
      annotations: annotations(KEPT_POD_ANNOTATIONS),
    }),
  })
  .transform(({ metadata }): Pod => ({ ...metadata, uid: metadata.uid ?? "" }));

const NetworkSchema = z
  .object({
    metadata: z.object({
      name: NameSchema,
      namespace: NamespaceSchema,
      annotations: annotations(new Set([RESOURCE_NAME_ANNOTATION])),
    }),
    spec: z.object({ config: z.string().nullish() }).nullish(),
  })
  .transform(({ metadata: { name, namespace: home, annotations: kept }, spec }) => {
    const resourceName = kept[RESOURCE_NAME_ANNOTATION] ?? "";
    return { namespace: home, name, config: spec?.config ?? "", resourceName };
  });
