import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kubeconfigCredentials } from "../../../daemon/adapters/kubernetes/kubeconfig-credentials.ts";
import type { Credentials } from "../../../daemon/adapters/kubernetes/credentials.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: string;
}

interface Kubeconfig {
  readonly credentials: Credentials;
  put(name: string, text: string): Promise<void>;
  /** Puts another kubeconfig in its place. */
  change(parts: Parts): Promise<void>;
}

async function kubeconfig(parts: Parts): Promise<Kubeconfig> {
  const directory = await temporaryDirectory();
  const put = async (name: string, text: string) => {
    await writeFile(join(directory, "being-written"), text);
    await rename(join(directory, "being-written"), join(directory, name));
  };
  const change = ({ cluster = {}, user = {}, context = "test" }: Parts) =>
    put(
      "kubeconfig",
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443", ...cluster } }],
        users: [{ name: "u", user }],
        contexts: [{ name: "test", context: { cluster: "c", user: "u" } }],
        "current-context": context,
      }),
    );
  await change(parts);
  return { credentials: kubeconfigCredentials(join(directory, "kubeconfig")), put, change };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("a kubeconfig", () => {
  it.each<{ why: string; parts: Parts; headers?: object; tls?: object }>([
    { why: "a token", parts: { user: { token: "secret" } }, headers: { authorization: "Bearer secret" } },
    {
      why: "a name and a password",
      parts: { user: { username: "u", password: "p" } },
      headers: { authorization: `Basic ${base64("u:p")}` },
    },
    {
      why: "a certificate that it holds itself",
      parts: { user: { "client-certificate-data": base64("cert"), "client-key-data": base64("key") } },
      tls: { cert: Buffer.from("cert"), key: Buffer.from("key") },
    },
    {
      why: "an authority and a server's name",
      parts: { cluster: { "certificate-authority-data": base64("ca"), "tls-server-name": "api" } },
      tls: { ca: Buffer.from("ca"), servername: "api" },
    },
    {
      why: "no need to trust the server",
      parts: { cluster: { "insecure-skip-tls-verify": true } },
      tls: { rejectUnauthorized: false },
    },
  ])("may name $why", async ({ parts, headers = {}, tls = {} }) => {
    const { credentials } = await kubeconfig(parts);
    expect(await credentials.current()).toEqual({ server: new URL("https://10.0.0.1:6443"), headers, tls });
  });

  it("may name files, beside it, that are replaced", async () => {
    const files = { tokenFile: "token", "client-certificate": "cert", "client-key": "key" };
    const { credentials, put } = await kubeconfig({ cluster: { "certificate-authority": "ca" }, user: files });
    for (const name of ["token", "cert", "key", "ca"]) await put(name, `${name}-1\n`);
    await credentials.current();
    for (const name of ["token", "cert", "key", "ca"]) await put(name, `${name}-2\n`);
    const [ca, cert, key] = ["ca-2\n", "cert-2\n", "key-2\n"].map((text) => Buffer.from(text));
    expect(await credentials.current()).toMatchObject({
      headers: { authorization: "Bearer token-2" },
      tls: { ca, cert, key },
    });
  });

  it("may itself be replaced", async () => {
    const { credentials, change } = await kubeconfig({ user: { token: "first" } });
    await credentials.current();
    await change({ user: { token: "other" } });
    expect(await credentials.current()).toMatchObject({ headers: { authorization: "Bearer other" } });
  });

  it("may name a program, which is asked once for all, and again when its answer is refused", async () => {
    const directory = await temporaryDirectory();
    const [command, asked] = [join(directory, "login"), join(directory, "asked")];
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}';
    await writeFile(command, `#!/bin/sh\necho >> ${asked}\nprintf '${credential}' "$(grep -c '' ${asked})"\n`);
    await chmod(command, 0o700);
    const { credentials } = await kubeconfig({
      user: { exec: { apiVersion: "client.authentication.k8s.io/v1", command, args: [] } },
    });
    const tokenNow = async () => (await credentials.current()).headers["authorization"];
    const before = [...(await Promise.all([tokenNow(), tokenNow()])), await tokenNow()];
    credentials.refused();
    expect([...before, await tokenNow()]).toEqual(["Bearer 1", "Bearer 1", "Bearer 1", "Bearer 2"]);
  });

  it.each<{ why: string; parts: Parts; message: RegExp }>([
    { why: "no current context", parts: { context: "other" }, message: /kubeconfig .* has no current context/ },
    { why: "a proxy", parts: { cluster: { "proxy-url": "http://10.0.0.2" } }, message: /names a proxy/ },
    { why: "no server", parts: { cluster: { server: "" } }, message: /server is missing/ },
    {
      why: "a server without TLS that it does trust",
      parts: { cluster: { server: "http://10.0.0.1" } },
      message: /HTTP/,
    },
  ])("is refused with $why", async ({ parts, message }) => {
    const { credentials } = await kubeconfig(parts);
    await expect(credentials.current()).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.stringMatching(message),
    });
  });

  it("is not quoted when it is no YAML", async () => {
    const { credentials, put } = await kubeconfig({});
    await put("kubeconfig", "users:\n- name: u\n  user:\n    token: hunter2: x\n");
    await expect(credentials.current()).rejects.toMatchObject({
      kind: "invalid-config",
      message: expect.not.stringContaining("hunter2"),
    });
  });

  it("is missing", async () => {
    const path = join(await temporaryDirectory(), "kubeconfig");
    await expect(kubeconfigCredentials(path).current()).rejects.toMatchObject({
      kind: "io-failure",
      message: `cannot read ${path}: ENOENT`,
    });
  });
});
