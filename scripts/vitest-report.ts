/** How a step of the test runner went, and all that it printed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly output: string;
  /** What failed: a test with its file, a file, or a step. */
  readonly failures?: readonly string[];
  /** Suites that this machine's kernel cannot run, each with why. */
  readonly notRun?: readonly string[];
}

/** What is read of the report of vitest's JSON reporter. */
interface VitestReport {
  readonly testResults?: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

interface VitestRun {
  /** What the JSON reporter wrote. */
  readonly report: string;
  /** Whether vitest itself was content. */
  readonly ok: boolean;
  readonly output: string;
  /** Whether skipped tests are in order; otherwise each counts as failed, unless its suite says that it cannot run here, and why. */
  readonly maySkip: boolean;
}

/** The title of a suite that found out that the machine's kernel will not do, and all before it. */
const CANNOT_RUN = /^.*\(cannot run here: [^)]*\)/;

/** Counts the tests of one run. A file that cannot be loaded, an error outside the tests and a run without tests are one failure each. */
export function readReport({ report, ok, output, maySkip }: VitestRun): Tally {
  // Written by the version of vitest that package.json pins.
  const files = (JSON.parse(report) as VitestReport).testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests
    .filter((test) => test.status === "failed")
    .map(({ file, fullName }) => `${file}: ${fullName}`);
  const brokenFiles = files
    .filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"))
    .map(({ name }) => `${name}: the file or one of its hooks`);
  const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed");
  const excused = skipped.filter((test) => maySkip || CANNOT_RUN.test(test.fullName));
  const complaints = skipped
    .filter((test) => !excused.includes(test))
    .map((test) => `skipped, though nothing stands in its way: ${test.file}: ${test.fullName}`);
  const failures = [...failedTests, ...brokenFiles, ...complaints];
  if (tests.length === 0) complaints.push("no test was run");
  if (failures.length === 0 && tests.length === 0) failures.push("no test was run");
  else if (failures.length === 0 && !ok) failures.push("an error outside of every test");
  return {
    passed,
    failed: failures.length,
    skipped: excused.length,
    output: [output.trimEnd(), ...complaints].join("\n"),
    failures,
    notRun: [...new Set(excused.flatMap(({ fullName }) => CANNOT_RUN.exec(fullName)?.[0] ?? []))],
  };
}

export function describeTally({ passed, failed, skipped }: Pick<Tally, "passed" | "failed" | "skipped">): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
