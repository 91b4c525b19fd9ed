import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, vi } from "vitest";
import { openLog } from "../../../daemon/adapters/log/log.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

function makeLog(file: string, level = "info") {
  const lines: string[] = [];
  const standardOutput = { write: (line: string): void => void lines.push(line) };
  return { log: openLog({ level, version: "1.2.3", file, standardOutput }), lines };
}

const messages = (lines: readonly string[]): unknown[] =>
  lines.map((line) => (JSON.parse(line) as { msg: unknown }).msg);

it("goes to standard output, with the version in every line", () => {
  const { log, lines } = makeLog("");
  log.info({ op: "ADD" }, "done");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ version: "1.2.3", op: "ADD", msg: "done" });
});

it("goes to a file beside it, whose directory it makes, the same lines in both", async () => {
  const file = join(await temporaryDirectory(), "log", "plexus.log");
  const { log, lines } = makeLog(file, "debug");
  log.debug("one");
  log.error("two");
  log.trace("not asked for");
  await vi.waitFor(async () => {
    expect(await readFile(file, "utf8")).toBe(lines.join(""));
  });
  expect(messages(lines)).toEqual(["one", "two"]);
});

it("appends to what is in the file", async () => {
  const file = join(await temporaryDirectory(), "plexus.log");
  await writeFile(file, "of yesterday\n");
  const { log, lines } = makeLog(file);
  log.info("today");
  await vi.waitFor(async () => {
    expect(await readFile(file, "utf8")).toBe(`of yesterday\n${lines.join("")}`);
  });
});

it.each([
  { why: "cannot be opened", make: (file: string) => mkdir(file) },
  { why: "takes no more", make: (file: string) => symlink("/dev/full", file) },
])("says once that the file $why, and goes on without", async ({ make }) => {
  const file = join(await temporaryDirectory(), "plexus.log");
  await make(file);
  const { log, lines } = makeLog(file);
  const warnings = () => messages(lines).filter((msg) => String(msg).startsWith("the log file cannot be written"));
  for (const msg of ["one", "two"]) {
    log.info(msg);
    await vi.waitFor(() => {
      expect(warnings()).toHaveLength(1);
    });
  }
  expect(messages(lines)).toEqual(expect.arrayContaining(["one", "two"]));
});

it("lets the process end whatever the disk does, and leaves nothing waiting", async () => {
  const module = JSON.stringify(join(import.meta.dirname, "../../../daemon/adapters/log/log.ts"));
  const script = `
    import { openLog } from ${module};
    const log = openLog({ level: "info", version: "1.2.3", file: process.argv[1] });
    for (const msg of ["one", "two", "three"]) log.info(msg);
    process.exit(0);`;
  const run = (file: string) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, file], { timeout: 4_000 });
  const file = join(await temporaryDirectory(), "plexus.log");
  const [onDisk, onNone] = await Promise.all([run(file), run("/dev/full")]);
  // The first may still be on its way when the process ends.
  const [, ...waiting] = onDisk.stdout.split(/(?<=\n)/);
  expect(await readFile(file, "utf8")).toContain(waiting.join(""));
  expect(messages(onNone.stdout.trimEnd().split("\n"))).toEqual(expect.arrayContaining(["one", "two", "three"]));
});

it("cuts what plugins and authors of pods and NADs wrote (issue 11)", () => {
  const { log, lines } = makeLog("");
  const plugins = Array.from({ length: 5_000 }, () => ({ plugin: "x".repeat(1_000_000) }));
  log.child({ sandbox: "a" }).warn({ details: "x".repeat(3_000_000), plugins }, "y".repeat(3_000_000));
  const line = JSON.parse(lines[0] ?? "") as { details: string; msg: string; plugins: unknown[] };
  expect(lines[0]?.length).toBeLessThan(500_000);
  expect(line.details).toMatch(/more characters\)$/);
  expect(line.msg).toMatch(/^y+\.\.\. \(\d+ more characters\)$/);
  expect(line.plugins.at(-1)).toBe("... (4900 more)");
});

it("tells errors as before", () => {
  const { log, lines } = makeLog("");
  log.error({ err: new Error("broken") }, "bug");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ err: { type: "Error", message: "broken" }, msg: "bug" });
});
