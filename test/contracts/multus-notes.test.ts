import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { multusNoteFiles } from "../../daemon/migration/multus-note-files.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { memoryMultusNotes } from "../fakes/memory-multus-notes.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { multusNotesContract } from "./multus-notes.contract.ts";

multusNotesContract("records in memory", async () => {
  const legacy = memoryMultusNotes();
  return {
    legacy,
    refuse: async () => {
      legacy.refuse(new PlexusError("io-failure", "no space left"));
    },
  };
});

multusNotesContract("Multus' directories", async () => {
  const directory = await temporaryDirectory();
  const results = join(directory, "multus", "results");
  return {
    legacy: multusNoteFiles({ multusDir: join(directory, "multus"), tkeDir: join(directory, "tke") }),
    refuse: async () => {
      await rm(results, { recursive: true });
      // A link to itself leads nowhere, not even for root.
      await symlink(results, results);
    },
  };
});
