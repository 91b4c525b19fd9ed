import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openJournal } from "../../../daemon/adapters/journal/file-journal.ts";
import type { SandboxRecord } from "../../../daemon/domain/sandbox-record.ts";
import type { Journal } from "../../../daemon/ports/journal.ts";
import { recordOf, sandboxId } from "../../contracts/journal.samples.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { mortalDisk } from "./power-cut.ts";

const abc = sandboxId("abc");
const record = recordOf(abc);

let stateDir: string;
let directory: string;
beforeEach(async () => {
  stateDir = join(await temporaryDirectory(), "lib", "plexus");
  directory = join(stateDir, "sandboxes");
});

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

it("a record under the name of another sandbox is refused, naming both", async () => {
  const journal = await openJournal(stateDir);
  await journal.write(record);
  await rename(join(directory, "abc.json"), join(directory, "def.json"));
  const reading = journal.read(sandboxId("def"));
  await expect(reading).rejects.toMatchObject({ kind: "decode-failure", message: expect.stringMatching(/def.*abc/) });
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
      why: "a record that cannot be read",
      run: (journal: Journal) => journal.read(abc),
      says: "cannot read abc.json: EISDIR",
    },
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
