import { describe, expect, it } from "vitest";
import type { ConfDirectory } from "../../daemon/ports/conf-directory.ts";

export interface ConfDirectoryUnderTest {
  readonly confDirectory: ConfDirectory;
  /** A directory that is there, with nothing in it. */
  readonly directory: string;
  /** What is in a file; undefined when there is none. */
  read(path: string): Promise<string | undefined>;
  /** Makes every change fail until told otherwise. */
  refuse(on: boolean): void;
}

/** What every implementation of the port promises. */
export function confDirectoryContract(name: string, make: () => Promise<ConfDirectoryUnderTest>): void {
  describe(`${name} as a ConfDirectory`, () => {
    it("lists what is there in byte order, and nothing where there is no directory", async () => {
      const { confDirectory, directory } = await make();
      for (const file of ["é.conf", "b.json", "B.conflist", "a.conf.cilium_bak"]) {
        await confDirectory.write(`${directory}/${file}`, "{}", 0o600);
      }
      expect(await confDirectory.names(directory)).toEqual(["B.conflist", "a.conf.cilium_bak", "b.json", "é.conf"]);
      expect(await confDirectory.names(`${directory}/none`)).toEqual([]);
    });

    it("puts a file in place, and another in the place of that one", async () => {
      const { confDirectory, directory, read } = await make();
      await confDirectory.write(`${directory}/a.conf`, "first, and longer", 0o600);
      await confDirectory.write(`${directory}/a.conf`, "second", 0o600);
      expect(await read(`${directory}/a.conf`)).toBe("second");
      expect(await confDirectory.names(directory)).toEqual(["a.conf"]);
    });

    it("makes the directory if there is none", async () => {
      const { confDirectory, directory, read } = await make();
      await confDirectory.write(`${directory}/cni/net.d/a.conf`, "{}", 0o600);
      expect(await read(`${directory}/cni/net.d/a.conf`)).toBe("{}");
    });

    it("removes a file, and does not mind if there is none", async () => {
      const { confDirectory, directory, read } = await make();
      await confDirectory.write(`${directory}/a.conf`, "{}", 0o600);
      await confDirectory.remove(`${directory}/a.conf`);
      await confDirectory.remove(`${directory}/a.conf`);
      await confDirectory.remove(`${directory}/none/a.conf`);
      expect(await read(`${directory}/a.conf`)).toBeUndefined();
    });

    it("leaves the old one when it cannot write or remove", async () => {
      const { confDirectory, directory, read, refuse } = await make();
      await confDirectory.write(`${directory}/a.conf`, "old", 0o600);
      refuse(true);
      await expect(confDirectory.write(`${directory}/a.conf`, "new", 0o600)).rejects.toMatchObject({
        kind: "io-failure",
      });
      await expect(confDirectory.remove(`${directory}/a.conf`)).rejects.toMatchObject({ kind: "io-failure" });
      expect(await read(`${directory}/a.conf`)).toBe("old");
      refuse(false);
      await confDirectory.write(`${directory}/a.conf`, "new", 0o600);
      expect(await confDirectory.names(directory)).toEqual(["a.conf"]);
    });
  });
}
