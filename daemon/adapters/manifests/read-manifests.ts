import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlexusError } from "../../domain/errors.ts";
import type { NetworkDefinition } from "../../domain/network-definition.ts";
import type { Pod } from "../../domain/pod.ts";
import { DEFAULT_LIMITS, type TenantLimits } from "../../domain/tenant-limits.ts";
import { type Manifest, parseManifest } from "./parse-manifest.ts";

/** What the directory says, by `<namespace>/<name>`. */
export interface Reading {
  readonly pods: ReadonlyMap<string, Pod>;
  readonly networks: ReadonlyMap<string, NetworkDefinition>;
  readonly problems: readonly Problem[];
}

export interface Problem {
  /** What tells it from others. A file that changes and is still wrong is another problem. */
  readonly id: string;
  readonly message: string;
}

export function problemOf(complaint: string, cause: unknown, about = ""): Problem {
  const { code, message } = cause as NodeJS.ErrnoException;
  const text = `${complaint}: ${typeof code === "string" ? code : message}`;
  return { id: text + about, message: text };
}

/**
 * A function that reads the directory, remembering of each file what it last said: one that cannot be read or parsed keeps saying that.
 * It rejects with the error of the file system when the directory itself cannot be read.
 */
export function makeManifestReader(
  directory: string,
  limits: Pick<TenantLimits, "networkConfigBytes"> = DEFAULT_LIMITS,
): () => Promise<Reading> {
  let files: ReadonlyMap<string, ManifestFile> = new Map();
  return async () => {
    const names = (await readdir(directory)).filter((name) => MANIFEST_NAME.test(name)).toSorted();
    const latest = new Map<string, ManifestFile>();
    for (const name of names)
      latest.set(name, await readManifest(join(directory, name), name, files.get(name), limits));
    files = latest;
    return merge(latest);
  };
}

/** Hidden files are half of a mounted ConfigMap, and what editors leave behind. */
const MANIFEST_NAME = /^[^.].*\.(yaml|yml|json)$/;

interface ManifestFile {
  /** Of the content, so that the content itself need not be kept. */
  readonly digest: string;
  readonly manifest: Manifest;
  readonly problem?: Problem;
}

async function readManifest(
  path: string,
  name: string,
  before: ManifestFile | undefined,
  limits: Pick<TenantLimits, "networkConfigBytes">,
): Promise<ManifestFile> {
  const manifest = before?.manifest ?? { pods: [], networks: [] };
  const complaint = `cannot use manifest ${name}, what it said before stays`;
  let digest = "";
  try {
    const content = await readRegularFile(path);
    digest = createHash("sha256").update(content).digest("base64");
    return digest === before?.digest ? before : { digest, manifest: parseManifest(content.toString(), limits) };
  } catch (cause) {
    return { digest, manifest, problem: problemOf(complaint, cause, digest) };
  }
}

/** Reading a pipe would never end. */
async function readRegularFile(path: string): Promise<Buffer> {
  if ((await stat(path)).isFile()) return readFile(path);
  throw new PlexusError("decode-failure", "it is not a file");
}

function merge(files: ReadonlyMap<string, ManifestFile>): Reading {
  const pods = new Map<string, Pod>();
  const networks = new Map<string, NetworkDefinition>();
  const origins = new Map<string, string>();
  const problems: Problem[] = [];
  const put = <T extends { namespace: string; name: string }>(
    kind: string,
    all: Map<string, T>,
    object: T,
    file: string,
  ) => {
    const key = keyOf(object);
    const origin = origins.get(`${kind} ${key}`);
    if (origin !== undefined) {
      const message = `${kind} ${key} is in manifest ${origin} and again in ${file}: the latter counts`;
      problems.push({ id: message, message });
    }
    origins.set(`${kind} ${key}`, file);
    all.set(key, object);
  };
  for (const [name, { manifest, problem }] of files) {
    if (problem !== undefined) problems.push(problem);
    for (const pod of manifest.pods) put("Pod", pods, pod, name);
    for (const network of manifest.networks) {
      put("NetworkAttachmentDefinition", networks, network, name);
      if (network.problem === undefined) continue;
      const message = `NetworkAttachmentDefinition ${keyOf(network)} in manifest ${name} cannot be used: ${network.problem}`;
      problems.push({ id: message, message });
    }
  }
  return { pods, networks, problems };
}

export function keyOf(object: { readonly namespace: string; readonly name: string }): string {
  return `${object.namespace}/${object.name}`;
}
