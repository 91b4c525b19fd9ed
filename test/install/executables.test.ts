import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, link, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { installExecutables, removeExecutables } from "../../daemon/install/executables.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const OURS = Buffer.from("\x7fELF ... /plexus.v1.Cni/Add ... version 2");
const OURS_BEFORE = Buffer.from("\x7fELF ... /plexus.v1.Cni/Add ... version 1");
const THEIRS = Buffer.from("\x7fELF ... multus-shim");

/** A plugin directory with these files in it, and what was said while working on it. */
async function directoryWith(files: Readonly<Record<string, Buffer>>): Promise<{ path: string; said: string[] }> {
  const path = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content, { mode: 0o755 });
  return { path, said: [] };
}

async function contentOf(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path)).toSorted();
  const files = names.map(async (name) => [name, await readFile(join(path, name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(files));
}

function asText(files: Readonly<Record<string, Buffer>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [name, content.toString()]));
}

describe("installing the executable", () => {
  it.each([
    { why: "nothing there", before: {}, after: { plexus: OURS }, says: ["plexus installed"] },
    {
      why: "an older version is replaced",
      before: { plexus: OURS_BEFORE },
      after: { plexus: OURS },
      says: ["plexus replaced"],
    },
    {
      why: "the same version is left alone",
      before: { plexus: OURS },
      after: { plexus: OURS },
      says: ["plexus is up to date"],
    },
    {
      why: "a foreign program of that name is kept",
      before: { plexus: THEIRS },
      after: { plexus: OURS, "plexus.before-plexus": THEIRS },
      says: ["plexus was another program, which is now", "plexus replaced"],
    },
    {
      why: "T297: what an installer that was killed left half-written is removed",
      before: { ".plexus-install-plexus-1": OURS.subarray(0, 9), bridge: THEIRS },
      after: { plexus: OURS, bridge: THEIRS },
      says: ["plexus installed"],
    },
  ])("$why", async ({ before, after, says }) => {
    const { path, said } = await directoryWith(before);
    await installExecutables(path, ["plexus"], OURS, 0o755, (line) => said.push(line));
    expect(await contentOf(path)).toEqual(asText(after));
    expect(said).toEqual(says.map((line): unknown => expect.stringContaining(line)));
  });

  it("T297: replaces a program while it runs, which goes on running, and keeps the mode", async () => {
    const { path } = await directoryWith({});
    const plugin = join(path, "plexus");
    await copyFile("/bin/sleep", plugin);
    const running = spawn(plugin, ["60"]);
    await once(running, "spawn");
    await installExecutables(path, ["plexus"], OURS, 0o751, () => undefined);
    expect(await readFile(plugin)).toEqual(OURS);
    expect((await stat(plugin)).mode & 0o777).toBe(0o751);
    expect(running.exitCode).toBeNull();
    expect(await readdir(path)).toEqual(["plexus", "plexus.before-plexus"]);
    running.kill();
    await once(running, "exit");
  });

  it("mends the mode of a file that is up to date", async () => {
    const { path } = await directoryWith({ plexus: OURS });
    await installExecutables(path, ["plexus"], OURS, 0o700, () => undefined);
    expect((await stat(join(path, "plexus"))).mode & 0o777).toBe(0o700);
  });

  it("writes nothing when nothing changes", async () => {
    const { path } = await directoryWith({ plexus: OURS });
    const { ino } = await stat(join(path, "plexus"));
    await installExecutables(path, ["plexus"], OURS, 0o755, () => undefined);
    expect((await stat(join(path, "plexus"))).ino).toBe(ino);
  });

  it("keeps the latest of Multus' programs: Multus may have been upgraded meanwhile", async () => {
    const newer = Buffer.from("\x7fELF ... multus-shim, newer");
    const { path } = await directoryWith({ "multus-shim": newer, "multus-shim.before-plexus": THEIRS });
    await installExecutables(path, ["multus-shim"], OURS, 0o755, () => undefined);
    expect(await contentOf(path)).toEqual({
      "multus-shim": OURS.toString(),
      "multus-shim.before-plexus": newer.toString(),
    });
  });

  it("keeps a link as the link that it is", async () => {
    const { path } = await directoryWith({ cni: THEIRS });
    await symlink("cni", join(path, "multus"));
    await installExecutables(path, ["multus"], OURS, 0o755, () => undefined);
    expect(await readFile(join(path, "cni"))).toEqual(THEIRS);
    expect((await lstat(join(path, "multus.before-plexus"))).isSymbolicLink()).toBe(true);
  });

  it("begins again where it was killed after keeping the old program and before replacing it", async () => {
    const { path } = await directoryWith({ multus: THEIRS });
    await link(join(path, "multus"), join(path, "multus.before-plexus"));
    await installExecutables(path, ["multus"], OURS, 0o755, () => undefined);
    expect(await contentOf(path)).toEqual({ multus: OURS.toString(), "multus.before-plexus": THEIRS.toString() });
  });

  it.each([
    { why: "a directory that is not there", path: "missing", says: /cannot use .*missing: ENOENT/ },
    { why: "a file in its place", path: "file", says: /cannot use .*file: ENOTDIR/ },
    { why: "a directory in the executable's place", path: "taken", says: /cannot install .*taken\/plexus: EPERM/ },
  ])("refuses $why", async ({ path, says }) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "file"), "");
    await mkdir(join(directory, "taken", "plexus"), { recursive: true });
    await expect(installExecutables(join(directory, path), ["plexus"], OURS, 0o755, () => undefined)).rejects.toThrow(
      says,
    );
    expect(await readdir(join(directory, "taken"))).toEqual(["plexus"]);
  });
});

describe("removing the executable", () => {
  it.each([
    { why: "ours goes, others stay", before: { plexus: OURS, bridge: THEIRS }, after: { bridge: THEIRS } },
    {
      why: "ours goes in every version and under every name",
      before: { plexus: OURS, multus: OURS_BEFORE },
      after: {},
    },
    {
      why: "what was there before comes back",
      before: { multus: OURS, "multus.before-plexus": THEIRS },
      after: { multus: THEIRS },
    },
    {
      why: "what somebody installed in the meantime stays, and what was there before that does not come back",
      before: { multus: THEIRS, "multus.before-plexus": OURS },
      after: { multus: THEIRS },
    },
    { why: "half-written files go", before: { ".plexus-install-plexus-1": OURS }, after: {} },
    {
      why: "a kept program comes back though ours is gone",
      before: { "multus.before-plexus": THEIRS },
      after: { multus: THEIRS },
    },
    { why: "nothing there is nothing to do", before: {}, after: {} },
  ])("$why", async ({ before, after }) => {
    const { path } = await directoryWith(before);
    await removeExecutables(path, [], () => undefined);
    expect(await contentOf(path)).toEqual(asText(after));
  });

  it("leaves what is to stay", async () => {
    const { path, said } = await directoryWith({ plexus: OURS, "multus-shim": OURS });
    await removeExecutables(path, ["plexus"], (line) => said.push(line));
    expect(await readdir(path)).toEqual(["plexus"]);
    expect(said).toEqual([`${join(path, "multus-shim")} removed`]);
  });

  it("takes away again all that installing did", async () => {
    const { path } = await directoryWith({ "multus-shim": THEIRS, bridge: THEIRS });
    await installExecutables(path, ["plexus", "multus-shim"], OURS, 0o755, () => undefined);
    await installExecutables(path, ["plexus", "multus-shim"], OURS_BEFORE, 0o755, () => undefined);
    await removeExecutables(path, [], () => undefined);
    expect(await contentOf(path)).toEqual({ "multus-shim": THEIRS.toString(), bridge: THEIRS.toString() });
  });
});
