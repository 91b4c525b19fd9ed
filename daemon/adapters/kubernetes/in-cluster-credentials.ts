import { isIPv6 } from "node:net";
import { join } from "node:path";
import { makeChangingFile } from "./changing-file.ts";
import type { Credentials } from "./credentials.ts";

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly host: string;
  readonly port: string;
  /** Where the service account's `token` and `ca.crt` are. */
  readonly directory: string;
}

/** The pod's own service account. Both files are looked at for every request, because the kubelet replaces them. */
export function inClusterCredentials({ host, port, directory }: InClusterOptions): Credentials {
  const server = new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  const token = makeChangingFile(join(directory, "token"));
  const ca = makeChangingFile(join(directory, "ca.crt"));
  return {
    current: async () => ({
      server,
      headers: { authorization: `Bearer ${token.read().trim()}` },
      tls: { ca: ca.read() },
    }),
    refused() {
      token.forget();
      ca.forget();
    },
  };
}
