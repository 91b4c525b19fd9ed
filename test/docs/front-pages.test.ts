/** README.md and CONTRIBUTING.md: what they name is there, and figures have one source. */
import { access, readFile, stat } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const readme = await readFile("README.md", "utf8");
const contributing = await readFile("CONTRIBUTING.md", "utf8");

const matches = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, found = ""]) => found);

describe("README.md", () => {
  it("gives the executable one size, that of the build to 20 KB", async () => {
    const sizes = matches(readme, /\b(\d+) KB, (?:~|about )1 ms/g).map(Number);
    const { size } = await stat("dist/plexus");
    expect(sizes).toHaveLength(2);
    expect(sizes.filter((kilobytes) => Math.abs(kilobytes - size / 1000) > 20)).toEqual([]);
    expect(new Set(sizes).size).toBe(1);
  });

  it("says what it is, who it is for, the status, how to try and how to install, in that order", () => {
    const headings = matches(readme, /^## (.+)$/gm);
    expect(headings.slice(0, 4)).toEqual(["Who it is for", "Status", "See it work", "Install it on a cluster"]);
  });
});

describe("CONTRIBUTING.md", () => {
  const paths = matches(contributing, /(?<![\w/])((?:daemon|proto|scripts|shim|test)\/[\w/.-]*\w)/g);
  const scripts = matches(contributing, /`npm (?:run )?([\w:]+)`/g);

  it("names files and directories that there are", async () => {
    await Promise.all(paths.map((path) => access(path)));
    expect(paths.length).toBeGreaterThan(20);
  });

  it("names npm scripts that there are", async () => {
    const { scripts: known } = JSON.parse(await readFile("package.json", "utf8")) as {
      scripts: Readonly<Record<string, string>>;
    };
    expect(scripts.filter((name) => known[name] === undefined)).toEqual([]);
    expect(scripts.length).toBeGreaterThan(3);
  });
});
