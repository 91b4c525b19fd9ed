import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IfName, NetnsPath } from "../../daemon/domain/ids.ts";
import type { SandboxLinks } from "../../daemon/ports/sandbox-links.ts";

export interface SandboxLinksStage {
  readonly links: SandboxLinks;
  /** A network namespace with the one link `lo`. */
  readonly sandbox: NetnsPath;
  readonly missing: NetnsPath;
  /** A path that goes on below a file. */
  readonly belowFile: NetnsPath;
  /** An ordinary file, such as a removed namespace leaves behind. */
  readonly file: NetnsPath;
  readonly host: NetnsPath;
  clear(): Promise<void>;
}

type PathName = "sandbox" | "missing" | "belowFile" | "file" | "host";

/** Asks every question of the port SandboxLinks. */
export function sandboxLinksContract(name: string, setTheStage: () => SandboxLinksStage): void {
  describe(`sandbox links: ${name}`, () => {
    let stage: SandboxLinksStage;
    beforeAll(() => {
      stage = setTheStage();
    });
    afterAll(() => stage.clear());

    const questions: readonly { why: string; path: PathName; link: string; view: string }[] = [
      { why: "a link that is there", path: "sandbox", link: "lo", view: "taken" },
      { why: "a link that is not there", path: "sandbox", link: "net1", view: "free" },
      { why: "a link whose name begins like another's", path: "sandbox", link: "l", view: "free" },
      { why: "the longest name a link can have", path: "sandbox", link: "net456789012345", view: "free" },
      { why: "a namespace that is gone", path: "missing", link: "lo", view: "netns-gone" },
      { why: "a path that goes on below a file", path: "belowFile", link: "lo", view: "netns-gone" },
      { why: "a file that is no namespace", path: "file", link: "lo", view: "not-a-netns" },
      { why: "the namespace of the host", path: "host", link: "lo", view: "host-netns" },
    ];

    it.each(questions)("sees $why: $view", async ({ path, link, view }) => {
      const seen = await stage.links.look(stage[path], link as IfName, new AbortController().signal);
      expect(seen).toBe(view);
    });

    it("does not look once the signal has been raised", async () => {
      const never = stage.links.look(stage.sandbox, "lo" as IfName, AbortSignal.abort());
      await expect(never).rejects.toMatchObject({ kind: "try-again-later" });
    });
  });
}
