import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { makeStatusFiles } from "../../../daemon/adapters/status-files/status-files.ts";
import { sandboxId } from "../../contracts/journal.samples.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const abc = sandboxId("abc");
const target = { sandbox: abc, pod: undefined, podUid: "", annotation: "example.org/status" };
const noHurry = new AbortController().signal;

let stateDir: string;
let directory: string;
beforeEach(async () => {
  stateDir = await temporaryDirectory();
  directory = join(stateDir, "sandboxes");
  await mkdir(directory);
});

it("a status is one line in a file of the sandbox's, for root alone", async () => {
  await makeStatusFiles(stateDir).publish(target, "[]", noHurry);
  expect(await readdir(directory)).toEqual(["abc.network-status.json"]);
  const file = join(directory, "abc.network-status.json");
  expect(await readFile(file, "utf8")).toBe("[]\n");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it("withdrawing leaves nothing", async () => {
  const board = makeStatusFiles(stateDir);
  await board.publish(target, "[]", noHurry);
  await board.withdraw(abc);
  expect(await readdir(directory)).toEqual([]);
});

it("a status that cannot be put in place is an io-failure, and leaves nothing half-written", async () => {
  await mkdir(join(directory, "abc.network-status.json"));
  await expect(makeStatusFiles(stateDir).publish(target, "[]", noHurry)).rejects.toMatchObject({
    kind: "io-failure",
    message: "cannot write abc.network-status.json: EISDIR",
  });
  expect(await readdir(directory)).toEqual(["abc.network-status.json"]);
});

it("a status that cannot be taken down is an io-failure", async () => {
  await mkdir(join(directory, "abc.network-status.json"));
  await expect(makeStatusFiles(stateDir).withdraw(abc)).rejects.toMatchObject({ kind: "io-failure" });
});

it("without the journal's directory there is no status", async () => {
  await rm(directory, { recursive: true });
  await expect(makeStatusFiles(stateDir).publish(target, "[]", noHurry)).rejects.toMatchObject({
    kind: "io-failure",
    message: "cannot write abc.network-status.json: ENOENT",
  });
});
