import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { groupId } from "../../../daemon/adapters/groups/group-id.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

describe("the id of a group", () => {
  it.each([
    { given: 123, id: 123 },
    { given: "root", id: 0 },
    { given: "operators", id: 4711 },
  ])("is $id for $given", async ({ given, id }) => {
    const file = join(await temporaryDirectory(), "group");
    await writeFile(file, "root:x:0:\nnot-operators:x:1:operators\noperators:x:4711:ann,bob\n");
    expect(await groupId(given, file)).toBe(id);
  });

  it.each([
    { why: "is not there", file: "root:x:0:\n" },
    { why: "has no number", file: "operators:x\n" },
  ])("is an error that names a group which $why", async ({ file: text }) => {
    const file = join(await temporaryDirectory(), "group");
    await writeFile(file, text);
    await expect(groupId("operators", file)).rejects.toThrow("has no group operators");
  });
});
