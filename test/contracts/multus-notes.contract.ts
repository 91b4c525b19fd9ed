import { describe, expect, it } from "vitest";
import type { MultusNotes } from "../../daemon/migration/multus-notes.ts";
import { sandboxId } from "./journal.samples.ts";

export interface LegacyRecordsUnderTest {
  readonly legacy: MultusNotes;
  /** Makes every change fail. */
  refuse(): Promise<void>;
}

/** What every implementation of the port promises. */
export function multusNotesContract(name: string, make: () => Promise<LegacyRecordsUnderTest>): void {
  describe(`${name} as MultusNotes`, () => {
    const a = sandboxId("a1");
    const b = sandboxId("b.2");
    const filesOf = (sandbox: string) => ({
      scratch: `[{"Name":"of ${sandbox}"}]`,
      results: [`blue-${sandbox}-eth0`, `red-${sandbox}-net1`].map((name) => ({ name, text: `{"of":"${name}"}` })),
    });

    it("know nothing where Multus never was", async () => {
      const { legacy } = await make();
      expect(await legacy.list()).toEqual([]);
      expect(await legacy.read(a)).toBeUndefined();
      await legacy.remove(a);
    });

    it("give back what was noted down", async () => {
      const { legacy } = await make();
      await legacy.write(b, filesOf(b));
      await legacy.write(a, filesOf(a));
      expect(await legacy.read(a)).toMatchObject(filesOf(a));
      expect(await legacy.read(a)).toMatchObject({ path: expect.stringContaining(a), writtenAt: expect.any(Number) });
      expect(await legacy.list()).toEqual([a, b]);
    });

    it("forget what is removed and nothing else, and do not mind being told twice", async () => {
      const { legacy } = await make();
      await legacy.write(a, filesOf(a));
      await legacy.write(b, filesOf(b));
      await legacy.remove(a);
      await legacy.remove(a);
      expect(await legacy.read(a)).toBeUndefined();
      expect(await legacy.read(b)).toMatchObject(filesOf(b));
    });

    it("reject a change that the disk refuses, and still know of what was there", async () => {
      const { legacy, refuse } = await make();
      await legacy.write(a, filesOf(a));
      await refuse();
      await expect(legacy.remove(a)).rejects.toMatchObject({ kind: "io-failure" });
      await expect(legacy.write(b, filesOf(b))).rejects.toMatchObject({ kind: "io-failure" });
      expect(await legacy.list()).toEqual([a]);
    });
  });
}
