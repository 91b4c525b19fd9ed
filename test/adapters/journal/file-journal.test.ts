import * as fs from "node:fs/promises";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openJournal as openReporting } from "../../../daemon/adapters/journal/file-journal.ts";
import type { Disk } from "../../../daemon/adapters/journal/disk.ts";
import type { SandboxRecord } from "../../../daemon/domain/sandbox-record.ts";
import type { Journal } from "../../../daemon/ports/journal.ts";
import { recordOf, sandboxId } from "../../contracts/journal.samples.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { mortalDisk } from "./power-cut.ts";

const abc = sandboxId("abc");
const record = recordOf(abc);

let stateDir: string;
let directory: string;
let reports: string[];
beforeEach(async () => {
  stateDir = join(await temporaryDirectory(), "lib", "plexus");
  directory = join(stateDir, "sandboxes");
  reports = [];
});

/** A journal whose reports end up in `reports`. */
function openJournal(path: string, disk?: Disk): Promise<Journal> {
  return openReporting(path, (problem) => reports.push(problem), disk);
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe("the directory", () => {
  it("is made where there is none, for root alone, and so are the records", async () => {
    const journal = await openJournal(stateDir);
    await journal.write(record);
    expect(await readdir(directory)).toEqual(["abc.json"]);
    expect([await modeOf(directory), await modeOf(join(directory, "abc.json"))]).toEqual(["700", "600"]);
  });

  it("is closed to others if it was open", async () => {
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o755);
    await openJournal(stateDir);
    expect(await modeOf(directory)).toBe("700");
  });

  it("may hold other files: they are no records, and stay", async () => {
    const others = ["abc.network-status.json", "notes.txt", "-.json", ".hidden.json"];
    await mkdir(directory, { recursive: true });
    await Promise.all(others.map((name) => writeFile(join(directory, name), "")));
    const journal = await openJournal(stateDir);
    expect(await journal.list()).toEqual([]);
    expect((await readdir(directory)).toSorted()).toEqual(others.toSorted());
  });

  it("is rid of half-written files when the journal is opened", async () => {
    await (await openJournal(stateDir)).write(record);
    await writeFile(join(directory, ".abc.json.7.tmp"), "{");
    await writeFile(join(directory, ".abc.network-status.json.1.tmp"), "[");
    expect(await (await openJournal(stateDir)).read(abc)).toEqual(record);
    expect(await readdir(directory)).toEqual(["abc.json"]);
  });

  it("must be possible", async () => {
    await mkdir(join(stateDir, ".."), { recursive: true });
    await writeFile(stateDir, "");
    await expect(openJournal(stateDir)).rejects.toMatchObject({ kind: "io-failure" });
  });
});

it("records outlive the daemon", async () => {
  await (await openJournal(stateDir)).write(record);
  expect(await (await openJournal(stateDir)).read(abc)).toEqual(record);
});

describe("a damaged record", () => {
  const aside = expect.stringMatching(/^abc\.json\.bad-\d{13,}$/) as string;

  async function damagedBy(damage: (path: string) => Promise<unknown>): Promise<Journal> {
    const journal = await openJournal(stateDir);
    await journal.write(record);
    await damage(join(directory, "abc.json"));
    return journal;
  }

  it.each([
    { why: "an empty file", damage: (path: string) => truncate(path), says: "does not match its checksum" },
    {
      why: "one that somebody has edited",
      damage: async (path: string) => writeFile(path, (await readFile(path, "utf8")).replace("uid-1", "uid-2")),
      says: "does not match its checksum",
    },
    {
      why: "a copy of another sandbox's",
      damage: async (path: string) => {
        await (await openJournal(stateDir)).write(recordOf(sandboxId("def")));
        await copyFile(join(directory, "def.json"), path);
      },
      says: "holds the record of another sandbox, def",
    },
    {
      why: "a directory in its place",
      damage: async (path: string) => {
        await rm(path);
        await mkdir(path);
      },
      says: "abc.json is damaged",
    },
  ])("$why is renamed, once, and reported, once", async ({ damage, says }) => {
    const journal = await damagedBy(damage);
    expect(await Promise.all([journal.read(abc), journal.read(abc)])).toEqual([undefined, undefined]);
    expect(await readdir(directory)).toContainEqual(aside);
    expect(reports).toEqual([expect.stringContaining(says)]);
    expect(reports[0]).toContain(join(directory, "abc.json.bad-"));
  });

  it("keeps its content", async () => {
    const journal = await damagedBy((path) => writeFile(path, "gone wrong"));
    await journal.read(abc);
    const [name = ""] = await readdir(directory);
    expect(await readFile(join(directory, name), "utf8")).toBe("gone wrong");
  });

  it("is still known as damaged after a restart, until somebody removes the file", async () => {
    await (await damagedBy((path) => truncate(path))).read(abc);
    const journal = await openJournal(stateDir);
    expect(await journal.damaged()).toEqual([abc]);
    const [name = ""] = await readdir(directory);
    await rm(join(directory, name));
    expect(await journal.damaged()).toEqual([]);
  });

  it("that cannot be set aside stays, and reading it is an io-failure", async () => {
    await damagedBy((path) => truncate(path));
    const refuse = () => Promise.reject(Object.assign(new Error("read-only file system"), { code: "EROFS" }));
    const journal = await openJournal(stateDir, { ...fs, rename: refuse });
    await expect(journal.read(abc)).rejects.toMatchObject({
      kind: "io-failure",
      message: "cannot set aside abc.json: EROFS",
    });
    expect([await readdir(directory), reports]).toEqual([["abc.json"], []]);
  });
});

it("a container id that would be taken for a status file is refused", async () => {
  const journal = await openJournal(stateDir);
  const odd = recordOf(sandboxId("abc.network-status"));
  await expect(journal.write(odd)).rejects.toMatchObject({ kind: "invalid-environment" });
  expect(await readdir(directory)).toEqual([]);
});

describe("a disk that refuses", () => {
  it.each([
    {
      why: "a record that cannot be replaced",
      run: (journal: Journal) => journal.write(record),
      says: "cannot write abc.json: EISDIR",
    },
    {
      why: "a record that cannot be removed",
      run: (journal: Journal) => journal.remove(abc),
      says: "cannot remove abc.json: EISDIR",
    },
  ])("$why is an io-failure with the errno, and leaves nothing half-written", async ({ run, says }) => {
    const journal = await openJournal(stateDir);
    await mkdir(join(directory, "abc.json"));
    await expect(run(journal)).rejects.toMatchObject({
      kind: "io-failure",
      message: says,
      details: expect.any(String),
    });
    expect(await readdir(directory)).toEqual(["abc.json"]);
  });

  it("that cannot read a record fails, and the record stays", async () => {
    const refuse = () => Promise.reject(Object.assign(new Error("i/o error"), { code: "EIO" }));
    await (await openJournal(stateDir)).write(record);
    const journal = await openJournal(stateDir, { ...fs, readFile: refuse });
    await expect(journal.read(abc)).rejects.toMatchObject({
      kind: "io-failure",
      message: "cannot read abc.json: EIO",
    });
    expect(await readdir(directory)).toEqual(["abc.json"]);
  });

  it("cannot list a directory that is gone", async () => {
    const journal = await openJournal(stateDir);
    await rm(directory, { recursive: true });
    await expect(journal.list()).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("ENOENT"),
    });
  });
});

describe("a crash at any step", () => {
  const newer: SandboxRecord = { ...record, createdAt: record.createdAt + 1 };
  const operations = [
    { what: "the first record", before: [], run: (journal: Journal) => journal.write(newer), after: newer },
    { what: "a newer record", before: [record], run: (journal: Journal) => journal.write(newer), after: newer },
    { what: "a removal", before: [record], run: (journal: Journal) => journal.remove(abc), after: undefined },
  ];
  const losses = [
    { how: "of the process", names: false, content: false },
    { how: "of the power, before names and content are on disk", names: true, content: true },
    { how: "of the power, when names reached the disk before content", names: false, content: true },
    { how: "of the power, when content reached the disk before names", names: true, content: false },
  ];
  const cases = operations.flatMap((operation) => losses.map((loss) => ({ ...operation, ...loss })));

  it.each(cases)("$how leaves $what or what was before it", async ({ before, run, after, names, content }) => {
    const rehearsal = mortalDisk();
    await run(await openJournal(stateDir, rehearsal));
    expect(rehearsal.steps()).toBeGreaterThanOrEqual(3);

    for (let last = 0; last <= rehearsal.steps(); last++) {
      await rm(stateDir, { recursive: true });
      const old = await openJournal(stateDir);
      for (const written of before) await old.write(written);

      const disk = mortalDisk(last);
      const outcome = await run(await openJournal(stateDir, disk)).then(
        () => [after],
        () => [before[0], after],
      );
      await disk.lose({ names, content });

      const found = await (await openJournal(stateDir)).read(abc);
      expect(outcome, `stopped before step ${last}`).toContainEqual(found);
      expect((await readdir(directory)).filter((name) => name.startsWith("."))).toEqual([]);
    }
  });
});
