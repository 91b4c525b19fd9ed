/** A page of docs/ whose code blocks are gone through one after the other, in its order, so that none is passed over unnoticed. */
import { readFile } from "node:fs/promises";
import { here } from "../node/host.ts";

export interface Page {
  /** The next block, which begins so. @throws if it does not */
  next(beginning: string): string;
  /** Passes over the next block, which cannot be followed here. */
  skip(beginning: string, why: string): void;
  /** @throws if blocks are left */
  end(): void;
}

/** @param path below the checkout */
export async function openPage(path: string, say: (text: string) => void): Promise<Page> {
  const text = await readFile(here(path), "utf8");
  const blocks = [...text.matchAll(/^( *)```\w*\n([^]*?)^ *```$/gm)].map(([, indent = "", block = ""]) =>
    block.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );

  function next(beginning: string): string {
    const block = blocks.shift() ?? "";
    if (!block.startsWith(beginning)) {
      throw new Error(`${path}: the next block should begin with "${beginning}", and is:\n${block}`);
    }
    return block;
  }

  return {
    next,
    skip(beginning, why) {
      say(`\nNot followed, ${why}: ${next(beginning).split("\n")[0] ?? ""} ...`);
    },
    end() {
      if (blocks.length > 0) throw new Error(`${path}: nobody followed\n${blocks.join("\n")}`);
    },
  };
}
