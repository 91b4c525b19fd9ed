import { describe, expect, it } from "vitest";
import type { ConfFiles } from "../../daemon/ports/conf-files.ts";

/** What every implementation of the port promises. `make` is given files by name, all in the directory that it returns. */
export function confFilesContract(
  name: string,
  make: (files: Readonly<Record<string, string>>) => Promise<{ confFiles: ConfFiles; directory: string }>,
): void {
  describe(`${name} as ConfFiles`, () => {
    it("tells a file, a directory and nothing apart", async () => {
      const { confFiles, directory } = await make({ "10-a.conf": "{}" });
      expect(await confFiles.look(`${directory}/10-a.conf`)).toEqual({
        is: "file",
        file: { name: "10-a.conf", text: "{}" },
      });
      expect(await confFiles.look(directory)).toEqual({ is: "directory" });
      expect(await confFiles.look(`${directory}/none`)).toEqual({ is: "missing" });
      expect(await confFiles.look(`${directory}/10-a.conf/below`)).toEqual({ is: "missing" });
    });

    it("says whether anything is there", async () => {
      const { confFiles, directory } = await make({ "10-a.conf": "{}" });
      const paths = [`${directory}/10-a.conf`, directory, `${directory}/none`, `${directory}/10-a.conf/below`];
      expect(await Promise.all(paths.map((path) => confFiles.isThere(path)))).toEqual([true, true, false, false]);
    });

    it("lists what has one of the endings, in the byte order of names (T170)", async () => {
      const { confFiles, directory } = await make({
        "é.conf": "1",
        "b.json": "2",
        "B.conflist": "3",
        "a.conf": "4",
        "a.txt": "5",
      });
      const found = await confFiles.list(directory, [".conf", ".conflist", ".json"]);
      expect(found).toEqual([
        { name: "B.conflist", text: "3" },
        { name: "a.conf", text: "4" },
        { name: "b.json", text: "2" },
        { name: "é.conf", text: "1" },
      ]);
    });

    it("finds nothing in a directory that is not there", async () => {
      const { confFiles, directory } = await make({});
      expect(await confFiles.list(`${directory}/none`, [".conf"])).toEqual([]);
    });
  });
}
