import * as fs from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "../../daemon/adapters/journal/disk.ts";
import { openJournal } from "../../daemon/adapters/journal/file-journal.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { memoryJournal } from "../fakes/memory-journal.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { journalContract } from "./journal.contract.ts";

journalContract("a journal in memory", async () => {
  const journal = memoryJournal();
  return {
    journal,
    refuse: (on) => {
      journal.refuse(on ? new PlexusError("io-failure", "no space left") : undefined);
    },
    spoil: async (sandbox, text) => {
      journal.spoil(sandbox, text);
    },
  };
});

journalContract("a journal of files", async () => {
  const stateDir = await temporaryDirectory();
  const directory = join(stateDir, "sandboxes");
  let full = false;
  const unlessFull = async () => {
    if (full) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
  };
  const disk: Disk = {
    ...fs,
    open: (...to) => unlessFull().then(() => fs.open(...to)),
    unlink: (path) => unlessFull().then(() => fs.unlink(path)),
  };
  return {
    journal: await openJournal(stateDir, () => undefined, disk),
    refuse: (on) => {
      full = on;
    },
    spoil: (sandbox, text) => fs.writeFile(join(directory, `${sandbox}.json`), text),
  };
});
