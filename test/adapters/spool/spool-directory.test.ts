import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { BootId } from "../../../daemon/domain/ids.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import { openSpool, type SpoolOptions } from "../../../daemon/adapters/spool/spool-directory.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const entry = {
  version: 1,
  at: 5,
  containerId: "c1",
  ifName: "eth0",
  netns: "/n",
  netnsOverride: "",
  args: "",
  path: "",
  conf: {},
};
const text = (parts: object = {}): string => JSON.stringify({ ...entry, ...parts });
const name = "c1@eth0.json";

const BOOT_ID = "00000000-0000-4000-8000-000000000001" as BootId;

async function opened(options: Partial<SpoolOptions> = {}) {
  const directory = options.directory ?? join(await temporaryDirectory(), "spool");
  const problems: string[] = [];
  const unmounted: string[] = [];
  const spool = await openSpool({
    directory,
    onProblem: (message) => problems.push(message),
    bootId: BOOT_ID,
    unmount: async (path) => {
      unmounted.push(path);
      await rm(path);
    },
    ...options,
  });
  onTestFinished(() => spool.close());
  return {
    spool,
    unmounted,
    directory,
    problems,
    put: (as: string, content: string) => writeFile(join(directory, as), content),
  };
}

describe("opening", () => {
  it("makes the directory for root alone", async () => {
    const { directory } = await opened({ directory: join(await temporaryDirectory(), "a", "b") });
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, ".."))).mode & 0o777).toBe(0o700);
  });

  it("closes a directory that was open to others", async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, "spool"), { mode: 0o755 });
    await opened({ directory: join(directory, "spool") });
    expect((await stat(join(directory, "spool"))).mode & 0o777).toBe(0o700);
  });

  it("rejects when the directory cannot be made", async () => {
    const directory = join(await temporaryDirectory(), "spool");
    await writeFile(directory, "");
    await expect(opened({ directory })).rejects.toMatchObject({ kind: "io-failure" });
  });

  it("removes what was left half-written long ago, and nothing that may still be written", async () => {
    const { directory, put } = await opened();
    await put(".c1@eth0.json.1-1", "{");
    await put(".c2@eth0.json.2-2", "{");
    await put(name, text());
    const longAgo = Date.now() / 1000 - 3700;
    for (const old of [".c1@eth0.json.1-1", name]) await utimes(join(directory, old), longAgo, longAgo);
    await opened({ directory });
    expect((await readdir(directory)).toSorted()).toEqual([".c2@eth0.json.2-2", name]);
  });
});

describe("entries", () => {
  it("leaves alone what is unfinished or something else", async () => {
    const { spool, directory, problems, put } = await opened();
    for (const other of [".c1@eth0.json.1-1", "notes.txt", "c1@eth0.json.bad"]) await put(other, text());
    expect(await spool.entries()).toEqual([]);
    expect(problems).toEqual([]);
    expect(await readdir(directory)).toHaveLength(3);
  });

  it("does not mind members that it does not know", async () => {
    const { spool, put } = await opened();
    await put(name, text({ later: true }));
    expect(await spool.entries()).toMatchObject([{ containerId: "c1", at: 5 }]);
  });

  it.each([
    { why: "an empty file", content: "" },
    { why: "half an entry", content: text().slice(0, -9) },
    { why: "garbage", content: "\u0000\u0001" },
    { why: "another JSON", content: "[]" },
    { why: "an entry without a version", content: text({ version: undefined }) },
    { why: "a version that never was", content: text({ version: 0 }) },
    { why: "a time that is none", content: text({ at: "now" }) },
    { why: "the entry of another container", content: text({ containerId: "c2" }) },
    { why: "the entry of another interface", content: text({ ifName: "eth1" }) },
    { why: "a container id that is none", content: text({ containerId: "../c1" }) },
  ])("sets $why aside, says so once, and returns the rest", async ({ content }) => {
    const { spool, directory, problems, put } = await opened();
    await put(name, content);
    await put("c9@eth0.json", text({ containerId: "c9" }));
    expect(await spool.entries()).toMatchObject([{ containerId: "c9" }]);
    expect(await spool.entries()).toHaveLength(1);
    expect((await readdir(directory)).toSorted()).toEqual(["c1@eth0.json.bad", "c9@eth0.json"]);
    expect(await readFile(join(directory, "c1@eth0.json.bad"), "utf8")).toBe(content);
    expect(problems).toEqual([expect.stringContaining(`${join(directory, name)} is no DEL that waits: `)]);
    expect(problems[0]).toContain("it is now c1@eth0.json.bad, look which sandbox it was for");
  });

  it("leaves an entry of a newer Plexus where it is, and says so once", async () => {
    const { spool, directory, problems, put } = await opened();
    await put(name, JSON.stringify({ version: 2, everything: "else" }));
    expect([await spool.entries(), await spool.entries()]).toEqual([[], []]);
    expect(await readdir(directory)).toEqual([name]);
    expect(problems).toEqual([
      `${join(directory, name)} is of a newer Plexus, in version 2 of the format; it stays for that one`,
    ]);
  });

  it("leaves what cannot be read where it is, and says so once", async () => {
    const { spool, directory, problems } = await opened();
    await mkdir(join(directory, name));
    expect([await spool.entries(), await spool.entries()]).toEqual([[], []]);
    expect(problems).toEqual([`cannot read ${join(directory, name)}: EISDIR; the DEL in it waits`]);
  });

  it("has none while the directory is gone", async () => {
    const { spool, directory } = await opened();
    await rm(directory, { recursive: true });
    expect(await spool.entries()).toEqual([]);
  });

  it("rejects when the directory cannot be listed", async () => {
    const { spool, directory } = await opened();
    await rm(directory, { recursive: true });
    await writeFile(directory, "");
    await expect(spool.entries()).rejects.toMatchObject({ kind: "io-failure" });
  });
});

describe("awaitChange", () => {
  const never = new AbortController().signal;
  /** As the executable does it. */
  const leave = async (directory: string): Promise<void> => {
    await writeFile(join(directory, `.${name}.1-1`), text());
    await rename(join(directory, `.${name}.1-1`), join(directory, name));
  };
  const settled = async (change: Promise<void>): Promise<boolean> => {
    const nothing = Symbol("nothing");
    const first = await Promise.race([change, new Promise((resolve) => setImmediate(() => resolve(nothing)))]);
    return first !== nothing;
  };

  it("resolves when an entry comes", async () => {
    const { spool, directory } = await opened();
    const change = spool.awaitChange(never);
    await leave(directory);
    await change;
    expect(await spool.entries()).toHaveLength(1);
  });

  it("resolves when an entry came before it was asked", async () => {
    const { spool, directory } = await opened();
    await leave(directory);
    expect(await spool.entries()).toHaveLength(1);
    await spool.awaitChange(never);
  });

  it("resolves when it is no longer of interest, and at once when it never was", async () => {
    const { spool } = await opened();
    const stop = new AbortController();
    const change = spool.awaitChange(stop.signal);
    expect(await settled(change)).toBe(false);
    stop.abort();
    await change;
    await spool.awaitChange(stop.signal);
  });

  it("notices entries in a directory that took the place of the one it watched", async () => {
    const { spool, directory } = await opened({ rescanMs: 20 });
    await rm(directory, { recursive: true });
    await mkdir(directory);
    await leave(directory);
    await spool.awaitChange(never);
    expect(await spool.entries()).toHaveLength(1);
  });

  it("goes on when the directory is gone for a while", async () => {
    const { spool, directory } = await opened({ rescanMs: 20 });
    await rm(directory, { recursive: true });
    await spool.awaitChange(never);
    await mkdir(directory);
    await leave(directory);
    await spool.awaitChange(never);
    expect(await spool.entries()).toHaveLength(1);
  });
});

describe("a network namespace that the shim kept", () => {
  const identity = "4:17:5";
  const keptText = (parts: object = {}): string =>
    text({ netnsIdentity: identity, netnsKept: true, bootId: BOOT_ID, ...parts });

  it("is named with the DEL, and released with it", async () => {
    const { spool, put, directory, unmounted } = await opened();
    await put("c1@eth0.netns", "");
    await put(name, keptText());
    const keptAt = join(directory, "c1@eth0.netns");
    const [found] = await spool.entries();
    expect(found).toMatchObject({ netns: "/n", spooledNetns: { identity, bootId: BOOT_ID, keptAt } });
    expect(await spool.find("c1", "eth0")).toEqual(found);
    await spool.remove(found?.id ?? "");
    expect([unmounted, await readdir(directory)]).toEqual([[keptAt], []]);
  });

  it.each([
    { why: "the node has been booted since", parts: { bootId: "00000000-0000-4000-8000-000000000002" } },
    { why: "the shim could not keep it", parts: { netnsKept: false } },
  ])("is not named when $why", async ({ parts }) => {
    const { spool, put } = await opened();
    await put(name, keptText(parts));
    expect((await spool.entries())[0]?.spooledNetns).toEqual({ identity, bootId: parts.bootId ?? BOOT_ID });
  });

  it.each([{ identity: "" }, { identity: "17" }])("is unknown for an entry with identity '$identity'", async (row) => {
    const { spool, put } = await opened();
    await put(name, keptText({ netnsIdentity: row.identity }));
    expect((await spool.entries())[0]).not.toHaveProperty("spooledNetns");
  });

  it("stays with a later DEL that took the place of the one that was done", async () => {
    const { spool, put, unmounted } = await opened();
    await put("c1@eth0.netns", "");
    await put(name, keptText({ at: 1 }));
    const [first] = await spool.entries();
    await put(name, keptText({ at: 2 }));
    await spool.remove(first?.id ?? "");
    expect(unmounted).toEqual([]);
  });

  it("is released at the next start when its entry is gone, as after a kill of the shim", async () => {
    const { directory, put } = await opened();
    await put("c1@eth0.netns", "");
    await put("c2@eth0.netns", "");
    await put("c2@eth0.json", keptText({ containerId: "c2" }));
    const { unmounted } = await opened({ directory });
    await expect.poll(() => unmounted).toEqual([join(directory, "c1@eth0.netns")]);
  });

  it("does not keep the DEL pending when it cannot be released", async () => {
    const unmount = () => Promise.reject(new PlexusError("io-failure", "EBUSY"));
    const { spool, put, directory, problems } = await opened({ unmount });
    await put("c1@eth0.netns", "");
    await put(name, keptText());
    await spool.remove((await spool.entries())[0]?.id ?? "");
    expect(await readdir(directory)).toEqual(["c1@eth0.netns"]);
    expect(problems).toEqual([`${directory}/c1@eth0.netns cannot be unmounted: EBUSY; the next daemon tries again`]);
  });
});
