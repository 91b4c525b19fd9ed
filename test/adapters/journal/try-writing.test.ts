import * as fs from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Disk } from "../../../daemon/adapters/journal/disk.ts";
import { openJournal } from "../../../daemon/adapters/journal/file-journal.ts";
import { tryWriting } from "../../../daemon/adapters/journal/try-writing.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

async function stateDirectory(): Promise<string> {
  const directory = await temporaryDirectory();
  await openJournal(directory, () => undefined);
  return directory;
}

it("leaves nothing behind", async () => {
  const directory = await stateDirectory();
  await tryWriting(directory);
  expect(await fs.readdir(join(directory, "sandboxes"))).toEqual([]);
});

it("fails as a record would, and leaves nothing behind either", async () => {
  const directory = await stateDirectory();
  const full: Disk = {
    ...fs,
    open: async (...parts) => {
      const file = await fs.open(...parts);
      return {
        writeFile: () => Promise.reject(Object.assign(new Error("ENOSPC"), { code: "ENOSPC" })),
        sync: () => file.sync(),
        close: () => file.close(),
      };
    },
  };
  await expect(tryWriting(directory, full)).rejects.toMatchObject({
    kind: "io-failure",
    message: `cannot write in ${directory}: ENOSPC`,
  });
  expect(await fs.readdir(join(directory, "sandboxes"))).toEqual([]);
});

it("makes what the journal takes for unfinished, if a crash cuts it short", async () => {
  const directory = await stateDirectory();
  const crash: Disk = { ...fs, unlink: () => Promise.reject(new Error("crashed")) };
  await tryWriting(directory, crash);
  expect(await fs.readdir(join(directory, "sandboxes"))).toHaveLength(1);
  const journal = await openJournal(directory, () => undefined);
  expect(await fs.readdir(join(directory, "sandboxes"))).toEqual([]);
  expect(await journal.list()).toEqual([]);
});
