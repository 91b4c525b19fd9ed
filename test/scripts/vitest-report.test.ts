import { expect, it } from "vitest";
import { readReport } from "../../scripts/vitest-report.ts";

const good = { fullName: "good", status: "passed" };
const bad = { fullName: "bad", status: "failed" };
const unable = { fullName: "containerd (cannot run here: no runc) runs", status: "skipped" };
const left = { fullName: "left out", status: "skipped" };

it.each([
  {
    why: "tests are counted over all files",
    files: [
      { name: "a", status: "passed", assertionResults: [good, good] },
      { name: "b", status: "failed", assertionResults: [good, bad] },
    ],
    ok: false,
    maySkip: false,
    expected: { passed: 3, failed: 1, skipped: 0 },
  },
  {
    why: "a file that cannot be loaded is a failure",
    files: [
      { name: "a", status: "passed", assertionResults: [good] },
      { name: "b", status: "failed", assertionResults: [] },
    ],
    ok: false,
    maySkip: false,
    expected: { passed: 1, failed: 1, skipped: 0 },
  },
  {
    why: "an error outside of every test is a failure",
    files: [{ name: "a", status: "passed", assertionResults: [good] }],
    ok: false,
    maySkip: false,
    expected: { passed: 1, failed: 1, skipped: 0 },
  },
  {
    why: "no test at all is a failure",
    files: [],
    ok: true,
    maySkip: false,
    expected: { passed: 0, failed: 1, skipped: 0 },
  },
  {
    why: "a skipped test is counted where it may be skipped",
    files: [{ name: "a", status: "passed", assertionResults: [good, left] }],
    ok: true,
    maySkip: true,
    expected: { passed: 1, failed: 0, skipped: 1 },
  },
  {
    why: "a skipped test is a failure where it may not be skipped",
    files: [{ name: "a", status: "passed", assertionResults: [good, left] }],
    ok: true,
    maySkip: false,
    expected: { passed: 1, failed: 1, skipped: 0 },
  },
  {
    why: "a suite that the machine cannot run is excused, and named",
    files: [{ name: "a", status: "passed", assertionResults: [good, unable, unable] }],
    ok: true,
    maySkip: false,
    expected: { passed: 1, failed: 0, skipped: 2, notRun: ["containerd (cannot run here: no runc)"] },
  },
])("$why", ({ files, ok, maySkip, expected }) => {
  const report = JSON.stringify({ testResults: files });
  expect(readReport({ report, ok, maySkip, output: "" })).toMatchObject(expected);
});

it("names the tests that were skipped without need", () => {
  const report = JSON.stringify({ testResults: [{ name: "a.test.ts", status: "passed", assertionResults: [left] }] });
  expect(readReport({ report, ok: true, maySkip: false, output: "" }).output).toContain("a.test.ts: left out");
});

it("counts a run that left no report as one failure", () => {
  expect(readReport({ report: "{}", ok: false, maySkip: false, output: "crashed" })).toMatchObject({
    failed: 1,
    output: expect.stringContaining("crashed"),
  });
});

it("names what failed", () => {
  const broken = { name: "b.test.ts", status: "failed", assertionResults: [] };
  const report = JSON.stringify({
    testResults: [{ name: "a.test.ts", status: "failed", assertionResults: [good, bad] }, broken],
  });
  expect(readReport({ report, ok: false, maySkip: false, output: "" }).failures).toEqual([
    "a.test.ts: bad",
    "b.test.ts: the file or one of its hooks",
  ]);
});
