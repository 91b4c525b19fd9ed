import { execFileSync } from "node:child_process";
import { chmod, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { becomeOnlyDaemon, LOCK_FILE } from "../../../daemon/adapters/single-daemon/single-daemon.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";
import { LAUNCHER } from "../launcher/workbench.ts";
import { holder } from "./holding.ts";

beforeAll(() => execFileSync("sh", ["daemon/launcher/build.sh"]));

const become = (stateDir: string, waitMs: number) => becomeOnlyDaemon(stateDir, waitMs, LAUNCHER);
describe("becomeOnlyDaemon", () => {
  it("lets the second wait until the first lets go", async () => {
    const stateDir = await temporaryDirectory();
    const first = await become(stateDir, 0);
    const order: string[] = [];
    const second = become(stateDir, 10_000).then((only) => {
      order.push("second begins");
      return only;
    });
    await expect(become(stateDir, 0)).rejects.toMatchObject({ code: 11 });
    order.push("first ends");
    await first.release();
    await (await second).release();
    expect(order).toEqual(["first ends", "second begins"]);
  });

  it("gives up when the time is over", async () => {
    const stateDir = await temporaryDirectory();
    const first = await become(stateDir, 0);
    await expect(become(stateDir, 30)).rejects.toMatchObject({ kind: "try-again-later" });
    await first.release();
  });

  it("lets daemons with other state directories run beside each other", async () => {
    const stateDir = await temporaryDirectory();
    const both = await Promise.all([become(join(stateDir, "a"), 0), become(join(stateDir, "b"), 0)]);
    for (const only of both) await only.release();
  });

  it("takes over from a process that was killed", async () => {
    const stateDir = await temporaryDirectory();
    const child = await holder(stateDir);
    await expect(become(stateDir, 0)).rejects.toMatchObject({ code: 11 });
    child.kill("SIGKILL");
    const only = await become(stateDir, 10_000);
    await only.release();
  });

  it("needs a file that root alone can open, so that no other user can hold the lock", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    const only = await become(stateDir, 0);
    const modes = await Promise.all([stateDir, join(stateDir, LOCK_FILE)].map(async (path) => (await stat(path)).mode));
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o600]);
    await only.release();
  });

  it.each<{ why: string; spoil: (path: string) => Promise<void> }>([
    {
      why: "others may open",
      spoil: async (path) => {
        await writeFile(path, "");
        await chmod(path, 0o644);
      },
    },
    { why: "is a link to somewhere else", spoil: (path) => symlink("/dev/null", path) },
  ])("refuses a lock that $why", async ({ spoil }) => {
    const stateDir = await temporaryDirectory();
    await spoil(join(stateDir, LOCK_FILE));
    await expect(become(stateDir, 0)).rejects.toMatchObject({ kind: "io-failure" });
  });

  it("takes the lock that has the name, not one of a directory that was moved away", async () => {
    const directory = await temporaryDirectory();
    const stateDir = join(directory, "state");
    const first = await become(stateDir, 0);
    const { ino } = await stat(join(stateDir, LOCK_FILE));
    const waiting = become(stateDir, 10_000);
    await vi.waitFor(async () => {
      expect(await readFile("/proc/locks", "utf8")).toMatch(new RegExp(`-> FLOCK .*:${ino} `));
    });
    await rename(stateDir, join(directory, "old"));
    const other = await become(stateDir, 0);
    await first.release();
    await other.release();
    const last = await waiting;
    await expect(become(stateDir, 0)).rejects.toMatchObject({ code: 11 });
    await last.release();
  });

  it("says what is wrong when there is no launcher", async () => {
    await expect(becomeOnlyDaemon(await temporaryDirectory(), 0, "/nowhere/launcher")).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("cannot start /nowhere/launcher") as string,
    });
  });
});
