import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { confFiles } from "../../daemon/adapters/conf-files/conf-files.ts";
import { memoryConfFiles } from "../fakes/memory-conf-files.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { confFilesContract } from "./conf-files.contract.ts";

async function onDisk(files: Readonly<Record<string, string>>) {
  const directory = await temporaryDirectory();
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return { confFiles, directory };
}

confFilesContract("memoryConfFiles", (files) => {
  const entries = Object.entries(files).map(([name, text]) => [`/etc/cni/${name}`, text] as const);
  return Promise.resolve({ confFiles: memoryConfFiles(new Map(entries)), directory: "/etc/cni" });
});
confFilesContract("the disk", onDisk);

it("whatever has the path is there, if only a socket, which is no conf", async () => {
  const { directory } = await onDisk({});
  const path = join(directory, "ready.sock");
  const server = createServer().listen(path);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  expect(await confFiles.isThere(path)).toBe(true);
  await expect(confFiles.look(path)).rejects.toThrow("neither a file nor a directory");
});

it("a directory with a conf's name is passed over, a link to a file is followed", async () => {
  const { directory } = await onDisk({ real: "{}" });
  await mkdir(join(directory, "a.conf"));
  await symlink(join(directory, "real"), join(directory, "b.conf"));
  await symlink(join(directory, "nowhere"), join(directory, "c.conf"));
  expect(await confFiles.list(directory, [".conf"])).toEqual([{ name: "b.conf", text: "{}" }]);
});
