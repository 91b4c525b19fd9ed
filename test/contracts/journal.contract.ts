import { describe, expect, it } from "vitest";
import type { SandboxId } from "../../daemon/domain/ids.ts";
import type { Journal } from "../../daemon/ports/journal.ts";
import { attachment, plain, recordOf, sandboxId } from "./journal.samples.ts";

export interface JournalUnderTest {
  readonly journal: Journal;
  /** Makes every change fail until told otherwise. */
  refuse(on: boolean): void;
  /** Puts that text in place of what is stored of a sandbox. */
  spoil(sandbox: SandboxId, text: string): Promise<void>;
}

/** What every implementation of the port promises. */
export function journalContract(name: string, make: () => Promise<JournalUnderTest>): void {
  describe(`${name} as a Journal`, () => {
    const a = sandboxId("a1");
    const b = sandboxId("b.2");

    it("knows nothing at first", async () => {
      const { journal } = await make();
      expect([await journal.list(), await journal.damaged()]).toEqual([[], []]);
      expect(await journal.read(a)).toBeUndefined();
    });

    it("gives back what was written, the JSON in it to the byte", async () => {
      const { journal } = await make();
      await journal.write(recordOf(a));
      expect(plain(await journal.read(a))).toEqual(plain(recordOf(a)));
    });

    it("gives back a record that has only what it must have", async () => {
      const { journal } = await make();
      const bare = recordOf(a, { pod: undefined, attachments: [attachment({ state: "intended", result: undefined })] });
      await journal.write(bare);
      expect(plain(await journal.read(a))).toEqual(plain(bare));
    });

    it("keeps the latest record of a sandbox", async () => {
      const { journal } = await make();
      await journal.write(recordOf(a));
      await journal.write(recordOf(a, { attachments: [] }));
      expect(plain(await journal.read(a))).toEqual(plain(recordOf(a, { attachments: [] })));
    });

    it("keeps one of two records that are written at once", async () => {
      const { journal } = await make();
      const [one, other] = [recordOf(a, { createdAt: 1 }), recordOf(a, { createdAt: 2 })];
      await Promise.all([journal.write(one), journal.write(other)]);
      expect([plain(one), plain(other)]).toContainEqual(plain(await journal.read(a)));
    });

    it("lists the sandboxes on record, sorted", async () => {
      const { journal } = await make();
      await Promise.all([
        journal.write(recordOf(b)),
        journal.write(recordOf(a)),
        journal.write(recordOf(sandboxId("B"))),
      ]);
      expect(await journal.list()).toEqual(["B", "a1", "b.2"]);
    });

    it("forgets what is removed and nothing else, and does not mind being told twice", async () => {
      const { journal } = await make();
      await Promise.all([journal.write(recordOf(a)), journal.write(recordOf(b))]);
      await journal.remove(a);
      await journal.remove(a);
      expect(await journal.read(a)).toBeUndefined();
      expect(await journal.list()).toEqual([b]);
    });

    it("rejects a write and a removal that the disk refuses, and still has the previous record", async () => {
      const { journal, refuse } = await make();
      await journal.write(recordOf(a));
      refuse(true);
      await expect(journal.write(recordOf(a, { attachments: [] }))).rejects.toMatchObject({
        kind: "io-failure",
        code: 5,
      });
      await expect(journal.remove(a)).rejects.toMatchObject({ kind: "io-failure" });
      expect(plain(await journal.read(a))).toEqual(plain(recordOf(a)));
      expect(await journal.list()).toEqual([a]);
    });

    it("writes again once the disk takes it", async () => {
      const { journal, refuse } = await make();
      refuse(true);
      await expect(journal.write(recordOf(a))).rejects.toThrow();
      refuse(false);
      await journal.write(recordOf(a));
      expect(plain(await journal.read(a))).toEqual(plain(recordOf(a)));
    });

    it("sets aside what is damaged, and has no record then", async () => {
      const { journal, spoil } = await make();
      await Promise.all([journal.write(recordOf(a)), journal.write(recordOf(b))]);
      await spoil(a, "{");
      expect(await Promise.all([journal.read(a), journal.read(a)])).toEqual([undefined, undefined]);
      expect(await journal.list()).toEqual([b]);
      expect(await journal.damaged()).toEqual([a]);
      expect(plain(await journal.read(b))).toEqual(plain(recordOf(b)));
    });

    it("remembers that it was damaged, whatever becomes of the sandbox", async () => {
      const { journal, spoil } = await make();
      await journal.write(recordOf(a));
      await spoil(a, "{");
      await journal.read(a);
      await journal.write(recordOf(a));
      expect(plain(await journal.read(a))).toEqual(plain(recordOf(a)));
      await journal.remove(a);
      expect(await journal.damaged()).toEqual([a]);
    });

    it("rejects reading what a newer Plexus wrote, naming the file, and leaves it", async () => {
      const { journal, spoil } = await make();
      await journal.write(recordOf(a));
      await spoil(a, '{"version":99,"more":[]}');
      const refusal = {
        kind: "decode-failure",
        message: expect.stringContaining("a1.json"),
        details: expect.any(String),
      };
      await expect(journal.read(a)).rejects.toMatchObject(refusal);
      await expect(journal.read(a)).rejects.toMatchObject(refusal);
      expect([await journal.list(), await journal.damaged()]).toEqual([[a], []]);
    });
  });
}
