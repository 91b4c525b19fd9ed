import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeStatusFiles } from "../../daemon/adapters/status-files/status-files.ts";
import { memoryStatusBoard } from "../fakes/memory-status-board.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { statusBoardContract } from "./status-board.contract.ts";

statusBoardContract("a board in memory", async () => {
  const board = memoryStatusBoard();
  return { board, shown: async ({ sandbox }) => board.shown(sandbox) };
});

statusBoardContract("a board of files", async () => {
  const stateDir = await temporaryDirectory();
  await mkdir(join(stateDir, "sandboxes"));
  return {
    board: makeStatusFiles(stateDir),
    shown: ({ sandbox }) =>
      readFile(join(stateDir, "sandboxes", `${sandbox}.network-status.json`), "utf8").then(
        (text) => text.trimEnd(),
        () => undefined,
      ),
  };
});
