import { rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { legacyRecords } from "../../daemon/adapters/legacy-records/legacy-records.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { memoryLegacyRecords } from "../fakes/memory-legacy-records.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { legacyRecordsContract } from "./legacy-records.contract.ts";

legacyRecordsContract("records in memory", async () => {
  const legacy = memoryLegacyRecords();
  return {
    legacy,
    refuse: async () => {
      legacy.refuse(new PlexusError("io-failure", "no space left"));
    },
  };
});

legacyRecordsContract("Multus' directories", async () => {
  const directory = await temporaryDirectory();
  const results = join(directory, "multus", "results");
  return {
    legacy: legacyRecords({ multusDir: join(directory, "multus"), tkeDir: join(directory, "tke") }),
    refuse: async () => {
      await rm(results, { recursive: true });
      // A link to itself leads nowhere, not even for root.
      await symlink(results, results);
    },
  };
});
