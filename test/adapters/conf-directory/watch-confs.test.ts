import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { watchConfs, type Watched } from "../../../daemon/adapters/conf-directory/watch-confs.ts";
import type { ConfChanges } from "../../../daemon/ports/conf-directory.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

function watching(watched: Partial<Watched>): ConfChanges {
  const changes = watchConfs({ directories: [], files: [], ...watched });
  onTestFinished(() => changes.close());
  changes.renew();
  return changes;
}

const NEVER = new AbortController().signal;

it.each([
  { why: "a new file", change: (at: string) => writeFile(join(at, "b.conf"), "{}") },
  { why: "a file that is written again", change: (at: string) => writeFile(join(at, "a.conf"), "{}") },
  { why: "a file that is renamed (T287)", change: (at: string) => rename(join(at, "a.conf"), join(at, "a.conf.old")) },
  { why: "a file that is removed", change: (at: string) => rm(join(at, "a.conf")) },
])("notices $why in a directory", async ({ change }) => {
  const directory = await temporaryDirectory();
  await writeFile(join(directory, "a.conf"), "");
  const changes = watching({ directories: [directory] });
  await change(directory);
  await changes.next(NEVER);
});

it("notices a file that comes and goes", async () => {
  const file = join(await temporaryDirectory(), "ready");
  const changes = watching({ files: [file] });
  await writeFile(file, "");
  await changes.next(NEVER);
  changes.renew();
  await rm(file);
  await changes.next(NEVER);
});

it("remembers a change until somebody asks", async () => {
  const directory = await temporaryDirectory();
  const changes = watching({ directories: [directory] });
  const noticed = changes.next(NEVER);
  await writeFile(join(directory, "a.conf"), "");
  await noticed;
  await writeFile(join(directory, "b.conf"), "");
  await changes.next(NEVER);
});

it("notices what happens in a directory that came, or was replaced, before it was renewed", async () => {
  const parent = await temporaryDirectory();
  const directory = join(parent, "net.d");
  const changes = watching({ directories: [directory] });
  for (const file of ["a.conf", "b.conf"]) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory);
    changes.renew();
    await writeFile(join(directory, file), "");
    await changes.next(NEVER);
  }
});

it("waits no longer than the signal", async () => {
  const changes = watching({ directories: [await temporaryDirectory()] });
  const stopping = new AbortController();
  const waiting = changes.next(stopping.signal);
  stopping.abort();
  await waiting;
  await changes.next(stopping.signal);
  expect(stopping.signal.aborted).toBe(true);
});
