import type { RequestOptions } from "node:https";
import { dirname, resolve } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { parse } from "yaml";
import * as z from "zod";
import { PlexusError } from "../../domain/errors.ts";
import { type ChangingFile, makeChangingFile } from "./changing-file.ts";
import type { Credential, Credentials } from "./credentials.ts";

/**
 * The current context of a kubeconfig: client certificate, token, token file, exec plugin, basic authentication. Files that it names are
 * read for every request, the kubeconfig itself when it changes; what an exec plugin said is used until it expires or is refused.
 *
 * The Kubernetes client is used for this alone. It is large, so only the file that is needed is loaded, and only when it is.
 */
export function kubeconfigCredentials(path: string): Credentials {
  const file = makeChangingFile(path);
  let loaded: Loaded | undefined;
  let reading: Promise<Credential> | undefined;

  async function read(): Promise<Credential> {
    try {
      const text = file.read();
      if (loaded?.text !== text) loaded = await load(path, text);
      return await credentialOf(loaded, path);
    } catch (cause) {
      if (cause instanceof PlexusError) throw cause;
      throw new PlexusError("invalid-config", `cannot use kubeconfig ${path}: ${firstLine(cause)}`);
    }
  }

  return {
    // Together, so that an exec plugin is not started once for each.
    current() {
      reading ??= read().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    refused() {
      loaded = undefined;
      file.forget();
    },
  };
}

interface Loaded {
  readonly text: string;
  readonly config: KubeConfig;
  /** `tokenFile` of the user, which the client does not know. */
  readonly tokenFile: ChangingFile | undefined;
}

const UsersSchema = z.object({
  users: z.array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() })),
});

async function load(path: string, text: string): Promise<Loaded> {
  const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
  const config = new KubeConfig();
  config.loadFromString(text);
  config.makePathsAbsolute(dirname(path));
  const name = config.getCurrentUser()?.name;
  const users = UsersSchema.safeParse(parse(text)).data?.users ?? [];
  const tokenFile = users.find((user) => user.name === name)?.user?.tokenFile;
  return {
    text,
    config,
    tokenFile: tokenFile === undefined ? undefined : makeChangingFile(resolve(dirname(path), tokenFile)),
  };
}

async function credentialOf({ config, tokenFile }: Loaded, path: string): Promise<Credential> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new PlexusError("invalid-config", `kubeconfig ${path} has no current context`);
  if (cluster.proxyUrl !== undefined) {
    throw new PlexusError("invalid-config", `kubeconfig ${path} names a proxy, which is not supported`);
  }
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const { ca, cert, key, rejectUnauthorized, servername, auth } = options;
  return {
    server: new URL(cluster.server),
    headers: {
      ...headersOf(options),
      ...(typeof auth === "string" && { authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
      ...(tokenFile !== undefined && { authorization: `Bearer ${tokenFile.read().trim()}` }),
    },
    tls: {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
      ...(servername !== undefined && { servername }),
    },
  };
}

/** A token that was read from a file ends with a line feed, which no header may hold. */
function headersOf({ headers }: RequestOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value).trim()]),
  );
}

/** A YAML reader quotes below it what it does not understand, which may be a secret. */
function firstLine(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.split("\n", 1).join("").slice(0, 300);
}
