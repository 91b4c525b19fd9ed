import { rename, rm, symlink, writeFile } from "node:fs/promises";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { inClusterCredentials } from "../../../daemon/adapters/kubernetes/in-cluster-credentials.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

/** As a kubelet does it: the files are links into a directory that is itself a link, which is swapped. */
async function project(directory: string, version: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(directory, version));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, version, name), text);
  await symlink(version, join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
  for (const name of Object.keys(files)) {
    await rm(join(directory, name), { force: true });
    await symlink(join("..data", name), join(directory, name));
  }
}

it("are the service account's files, with the server from the environment", async () => {
  const directory = await temporaryDirectory();
  await project(directory, "..1", { token: "first\n", "ca.crt": "ca-1" });
  const credentials = inClusterCredentials({ host: "10.0.0.1", port: "6443", directory });
  expect(await credentials.current()).toEqual({
    server: new URL("https://10.0.0.1:6443"),
    headers: { authorization: "Bearer first" },
    tls: { ca: "ca-1" },
  });
});

it("follow a projected volume", async () => {
  const directory = await temporaryDirectory();
  await project(directory, "..1", { token: "first", "ca.crt": "ca-1" });
  const credentials = inClusterCredentials({ host: "10.0.0.1", port: "443", directory });
  await credentials.current();
  await project(directory, "..2", { token: "other", "ca.crt": "ca-2" });
  expect(await credentials.current()).toMatchObject({
    headers: { authorization: "Bearer other" },
    tls: { ca: "ca-2" },
  });
});

it("take an IPv6 address for the server", async () => {
  const directory = await temporaryDirectory();
  await project(directory, "..1", { token: "first", "ca.crt": "ca-1" });
  const { server } = await inClusterCredentials({ host: "fd00::1", port: "443", directory }).current();
  expect(server.host).toBe("[fd00::1]");
});

it("say which file is missing", async () => {
  const directory = await temporaryDirectory();
  await expect(inClusterCredentials({ host: "10.0.0.1", port: "443", directory }).current()).rejects.toMatchObject({
    kind: "io-failure",
    message: `cannot read ${join(directory, "token")}: ENOENT`,
  });
});
