import { describe, expect, it } from "vitest";
import { namespace, podName } from "../../daemon/domain/ids.ts";
import type { StatusBoard, StatusTarget } from "../../daemon/ports/status-board.ts";
import { sandboxId } from "./journal.samples.ts";

export interface StatusBoardUnderTest {
  readonly board: StatusBoard;
  /** What everybody can see. */
  shown(target: StatusTarget): Promise<string | undefined>;
}

/** What every implementation of the port promises. Both pods, shop/web and shop/db, exist. */
export function statusBoardContract(name: string, make: () => Promise<StatusBoardUnderTest>): void {
  describe(`${name} as a StatusBoard`, () => {
    const shop = namespace("shop");
    const annotation = "example.org/status";
    const of = (text: string, name: string) => ({
      sandbox: sandboxId(text),
      pod: { namespace: shop, name: podName(name) },
      podUid: `uid-${name}`,
      annotation,
    });
    const web = of("a1", "web");
    const db = of("b2", "db");
    const noHurry = new AbortController().signal;

    it("shows of each what was published", async () => {
      const { board, shown } = await make();
      await board.publish(web, '[{"name":"blue"}]', noHurry);
      await board.publish(db, "[]", noHurry);
      expect([await shown(web), await shown(db)]).toEqual(['[{"name":"blue"}]', "[]"]);
    });

    it("shows the latest", async () => {
      const { board, shown } = await make();
      await board.publish(web, '[{"name":"blue"}]', noHurry);
      await board.publish(web, "[]", noHurry);
      expect(await shown(web)).toBe("[]");
    });

    it("shows one of two that are published at once", async () => {
      const { board, shown } = await make();
      await Promise.all([board.publish(web, "[1]", noHurry), board.publish(web, "[2]", noHurry)]);
      expect(["[1]", "[2]"]).toContain(await shown(web));
    });

    it("takes a pod whose UID is not known", async () => {
      const { board, shown } = await make();
      await board.publish({ ...web, podUid: "" }, "[]", noHurry);
      expect(await shown(web)).toBe("[]");
    });

    it("does not mind when there is no pod", async () => {
      const { board } = await make();
      await expect(board.publish({ ...web, pod: undefined, podUid: "" }, "[]", noHurry)).resolves.toBeUndefined();
    });

    it("gives up when the signal was raised", async () => {
      const { board, shown } = await make();
      await expect(board.publish(web, "[]", AbortSignal.abort())).rejects.toMatchObject({ kind: "try-again-later" });
      expect(await shown(web)).toBeUndefined();
    });

    it("leaves the others when one is withdrawn", async () => {
      const { board, shown } = await make();
      await board.publish(web, "[]", noHurry);
      await board.publish(db, "[]", noHurry);
      await board.withdraw(web.sandbox);
      expect(await shown(db)).toBe("[]");
    });

    it("does not mind withdrawing twice, or what was never shown", async () => {
      const { board } = await make();
      await board.publish(web, "[]", noHurry);
      await board.withdraw(web.sandbox);
      await board.withdraw(web.sandbox);
      await expect(board.withdraw(db.sandbox)).resolves.toBeUndefined();
    });
  });
}
