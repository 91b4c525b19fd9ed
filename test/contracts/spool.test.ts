import * as fs from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openSpool } from "../../daemon/adapters/spool/spool-directory.ts";
import type { BootId } from "../../daemon/domain/ids.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { memorySpool } from "../fakes/memory-spool.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { spoolContract } from "./spool.contract.ts";

const NO_MOUNTS = {
  bootId: "00000000-0000-4000-8000-000000000001" as BootId,
  unmount: (path: string) => Promise.reject(new Error(`nothing was mounted on ${path}`)),
};

spoolContract("a spool in memory", async () => {
  const spool = memorySpool();
  return {
    spool,
    put: async (del) => {
      spool.put({ id: `${del.containerId}@${del.ifName} ${del.at}`, ...del });
    },
    refuse: (on) => {
      spool.refuse(on ? new PlexusError("io-failure", "read-only") : undefined);
    },
  };
});

spoolContract("a spool of files", async () => {
  const directory = join(await temporaryDirectory(), "spool");
  let refuses = false;
  const unlink: typeof fs.unlink = async (path) => {
    if (refuses) throw Object.assign(new Error("read-only file system"), { code: "EROFS" });
    return fs.unlink(path);
  };
  const spool = await openSpool({ directory, onProblem: () => undefined, disk: { unlink }, ...NO_MOUNTS });
  onTestFinished(() => spool.close());
  return {
    spool,
    put: (del) =>
      fs.writeFile(
        join(directory, `${del.containerId}@${del.ifName}.json`),
        JSON.stringify({
          version: 1,
          ...del,
          netnsIdentity: del.spooledNetns?.identity,
          bootId: del.spooledNetns?.bootId,
          conf: JSON.parse(del.conf) as unknown,
        }),
      ),
    refuse: (on) => {
      refuses = on;
    },
  };
});
