import { randomBytes } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADMIN } from "./access.ts";

/** The files that a pod has for its service account, a kubeconfig that refers to them, and the tokens that the server knows. */
export interface Credentials {
  readonly directory: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly kubeconfig: string;
  /** Of somebody who may do everything. */
  readonly adminToken: string;
  readonly adminKubeconfig: string;
  /** Who has which token. */
  readonly users: ReadonlyMap<string, string>;
  /** Puts a new token in the file, as a kubelet does. Those before it stay good until they are revoked. */
  readonly rotate: () => string;
  /** No request with it is accepted any more. */
  readonly revoke: (token: string) => void;
  /** Puts another authority in the file. */
  readonly trust: (ca: string) => void;
  readonly remove: () => void;
}

const DAEMON = "system:serviceaccount:kube-system:plexus";

export function makeCredentials(url: string, ca: string): Credentials {
  const directory = mkdtempSync(join(tmpdir(), "plexus-api-server-"));
  const caFile = join(directory, "ca.crt");
  const tokenFile = join(directory, "token");
  const kubeconfig = join(directory, "kubeconfig");
  const adminKubeconfig = join(directory, "admin-kubeconfig");
  const users = new Map<string, string>();
  const issue = (user: string): string => {
    const token = randomBytes(24).toString("base64url");
    users.set(token, user);
    return token;
  };
  const replace = (file: string, content: string): void => {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  };
  const rotate = (): string => {
    const token = issue(DAEMON);
    replace(tokenFile, token);
    return token;
  };
  const trust = (authority: string): void => replace(caFile, authority);

  trust(ca);
  const adminToken = issue(ADMIN);
  writeFileSync(kubeconfig, kubeconfigOf(url, caFile, `tokenFile: ${tokenFile}`));
  writeFileSync(adminKubeconfig, kubeconfigOf(url, caFile, `token: ${adminToken}`));
  rotate();
  return {
    directory,
    caFile,
    tokenFile,
    kubeconfig,
    adminToken,
    adminKubeconfig,
    users,
    rotate,
    revoke: (token) => {
      users.delete(token);
    },
    trust,
    remove: () => rmSync(directory, { recursive: true }),
  };
}

const kubeconfigOf = (url: string, caFile: string, user: string): string => `apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: ${url}
    certificate-authority: ${caFile}
users:
- name: test
  user:
    ${user}
contexts:
- name: test
  context: { cluster: test, user: test, namespace: kube-system }
current-context: test
`;
