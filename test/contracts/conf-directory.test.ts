import * as fs from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeConfDirectory } from "../../daemon/adapters/conf-directory/conf-directory.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { memoryConfDirectory } from "../fakes/memory-conf-directory.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { confDirectoryContract } from "./conf-directory.contract.ts";

confDirectoryContract("memoryConfDirectory", async () => {
  const files = new Map<string, string>();
  const confDirectory = memoryConfDirectory(files);
  return {
    confDirectory,
    directory: "/etc/cni",
    read: async (path) => files.get(path),
    refuse: (on) => confDirectory.refuse(on ? new PlexusError("io-failure", "read-only") : undefined),
  };
});

confDirectoryContract("the disk", async () => {
  let refuses = false;
  const unlessRefused = async (work: () => Promise<void>): Promise<void> => {
    if (refuses) throw Object.assign(new Error("read-only file system"), { code: "EROFS" });
    return work();
  };
  return {
    confDirectory: makeConfDirectory({
      rename: (from, to) => unlessRefused(() => fs.rename(from, to)),
      rm: (path, options) => unlessRefused(() => fs.rm(path, options)),
    }),
    directory: await temporaryDirectory(),
    read: (path) => fs.readFile(path, "utf8").catch(() => undefined),
    refuse: (on) => {
      refuses = on;
    },
  };
});

it("a file has exactly the mode that was asked for, and replaces a link instead of following it", async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, "a.conf");
  await fs.symlink("/etc/passwd", path);
  await makeConfDirectory().write(path, "{}", 0o644);
  expect((await fs.lstat(path)).mode.toString(8)).toBe("100644");
});

it("what a crash left half-written is neither a conf nor in the way", async () => {
  const directory = await temporaryDirectory();
  const path = join(directory, "a.conf");
  const rename = () => Promise.reject(Object.assign(new Error("crash"), { code: "ECRASH" }));
  const rm = () => Promise.resolve();
  await expect(makeConfDirectory({ rename, rm }).write(path, "half", 0o600)).rejects.toThrow("ECRASH");
  expect(await fs.readdir(directory)).toEqual([".a.conf.tmp"]);
  await makeConfDirectory().write(path, "whole", 0o600);
  expect(await fs.readdir(directory)).toEqual(["a.conf"]);
});
