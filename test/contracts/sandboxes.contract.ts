import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IfName, isBootId, isNetnsIdentity, type NetnsPath } from "../../daemon/domain/ids.ts";
import { MOST_NAMES_PER_LOOK, type Sandboxes } from "../../daemon/ports/sandboxes.ts";

export interface SandboxesStage {
  readonly sandboxes: Sandboxes;
  /** A network namespace with the one link `lo`. */
  readonly sandbox: NetnsPath;
  /** Another path to the same namespace. */
  readonly sameSandbox: NetnsPath;
  /** Another namespace with the one link `lo`. */
  readonly otherSandbox: NetnsPath;
  readonly missing: NetnsPath;
  /** A path that goes on below a file. */
  readonly belowFile: NetnsPath;
  /** An ordinary file, such as a removed namespace leaves behind. */
  readonly file: NetnsPath;
  readonly host: NetnsPath;
  /** Puts another namespace behind the path `sandbox`, after the end of the one that is there. */
  replaceSandbox(): void;
  clear(): Promise<void>;
}

type PathName = "missing" | "belowFile" | "file" | "host";

const patient = new AbortController().signal;

/** Asks every question of the port Sandboxes but those about default routes. */
export function sandboxesContract(name: string, setTheStage: () => SandboxesStage): void {
  describe(`sandboxes: ${name}`, () => {
    let stage: SandboxesStage;
    beforeAll(() => {
      stage = setTheStage();
    });
    afterAll(() => stage.clear());

    const look = (path: NetnsPath, ...names: readonly string[]) =>
      stage.sandboxes.look(path, names as readonly IfName[], patient);
    const identityOf = async (path: NetnsPath) => {
      const view = await look(path);
      expect(view).toMatchObject({ found: "sandbox" });
      return "identity" in view ? view.identity : undefined;
    };

    it.each([
      { why: "a link that is there", names: ["lo"], present: ["lo"] },
      { why: "a link that is not there", names: ["net1"], present: [] },
      { why: "a link whose name begins like another's", names: ["l"], present: [] },
      { why: "the longest name a link can have", names: ["net456789012345"], present: [] },
      { why: "several links at once", names: ["net1", "lo", "net2"], present: ["lo"] },
      { why: "a name that is given twice", names: ["lo", "lo"], present: ["lo"] },
      { why: "no link at all", names: [], present: [] },
    ])("looks for $why", async ({ names, present }) => {
      const view = await look(stage.sandbox, ...names);
      expect(view).toMatchObject({ found: "sandbox", present: new Set(present) });
    });

    it("looks for as many links as one look takes, and for no more", async () => {
      const names = Array.from({ length: MOST_NAMES_PER_LOOK - 1 }, (_none, i) => `longest-name-${i % 90}`);
      expect(await look(stage.sandbox, ...names, "lo")).toMatchObject({ present: new Set(["lo"]) });
      await expect(look(stage.sandbox, ...names, "lo", "net1")).rejects.toMatchObject({ kind: "invalid-config" });
    });

    it.each<{ why: string; path: PathName; found: string }>([
      { why: "a namespace that is gone", path: "missing", found: "netns-gone" },
      { why: "a path that goes on below a file", path: "belowFile", found: "netns-gone" },
      { why: "a file that is no namespace", path: "file", found: "not-a-netns" },
      { why: "the namespace of the host", path: "host", found: "host-netns" },
    ])("tells $why, with names to look for and without: $found", async ({ path, found }) => {
      expect(await look(stage[path], "lo")).toEqual({ found });
      expect(await look(stage[path])).toEqual({ found });
    });

    it("gives a namespace the same identity by every path", async () => {
      const identity = await identityOf(stage.sandbox);
      expect(identity).toSatisfy(isNetnsIdentity);
      expect(await identityOf(stage.sandbox)).toBe(identity);
      expect(await identityOf(stage.sameSandbox)).toBe(identity);
    });

    it("tells two namespaces apart", async () => {
      expect(await identityOf(stage.otherSandbox)).not.toBe(await identityOf(stage.sandbox));
    });

    it("tells a namespace from those that had its path before", async () => {
      const seen = [await identityOf(stage.sandbox)];
      for (let i = 0; i < 3; i++) {
        stage.replaceSandbox();
        seen.push(await identityOf(stage.sandbox));
      }
      expect(new Set(seen)).toHaveLength(4);
    });

    it("knows this boot from others", () => {
      expect(stage.sandboxes.bootId).toSatisfy(isBootId);
    });

    it("does not look once the signal is aborted", async () => {
      const never = stage.sandboxes.look(stage.sandbox, ["lo" as IfName], AbortSignal.abort());
      await expect(never).rejects.toMatchObject({ kind: "try-again-later" });
    });
  });
}
