import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { becomeOnlyDaemon } from "../../../daemon/adapters/single-daemon/single-daemon.ts";
import { LAUNCHER } from "../../adapters/launcher/workbench.ts";
import { holder } from "../../adapters/single-daemon/holding.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

beforeAll(() => execFileSync("sh", ["daemon/launcher/build.sh"]));

// An abstract socket, which the lock was before, belongs to a network namespace (issue 11).
it("two daemons of different network and process namespaces do not work on one state directory", async () => {
  const stateDir = join(await temporaryDirectory(), "state");
  const child = await holder(stateDir, ["unshare", "--net", "--pid", "--fork", "--kill-child", "--"]);
  await expect(becomeOnlyDaemon(stateDir, 0, LAUNCHER)).rejects.toMatchObject({ code: 11 });
  child.kill("SIGKILL");
  const only = await becomeOnlyDaemon(stateDir, 10_000, LAUNCHER);
  await only.release();
});
