import type { SecureContextOptions } from "node:tls";

/** What a request to the API server needs beside itself. */
export interface Credential {
  /** Scheme, host, port, and what comes before every path. */
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: SecureContextOptions & { readonly servername?: string; readonly rejectUnauthorized?: boolean };
}

/** Where credentials come from. They change while the daemon runs: tokens and certificates are replaced long before they expire. */
export interface Credentials {
  /** What to use now. Rejects with PlexusError `io-failure` when it cannot be read, `invalid-config` when it makes no sense. */
  current(): Promise<Credential>;
  /** The API server did not take what `current` said: nothing that is remembered is trusted any longer. */
  refused(): void;
}
