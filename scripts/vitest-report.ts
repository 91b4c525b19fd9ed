/** How a step of the test runner went, and all that it printed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly output: string;
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
  /** Whether skipped tests are in order; otherwise each counts as failed. */
  readonly maySkip: boolean;
}

/** Counts the tests of one run. A file that cannot be loaded, an error outside the tests and a run without tests are one failure each. */
export function readReport({ report, ok, output, maySkip }: VitestRun): Tally {
  // Written by the version of vitest that package.json pins.
  const files = (JSON.parse(report) as VitestReport).testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests.filter((test) => test.status === "failed").length;
  const brokenFiles = files.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed");
  const complaints = maySkip
    ? []
    : skipped.map((test) => `skipped, though nothing stands in its way: ${test.file}: ${test.fullName}`);
  const failed = failedTests + brokenFiles + complaints.length;
  const unexplained = failed === 0 && (!ok || tests.length === 0) ? 1 : 0;
  if (tests.length === 0) complaints.push("no test was run");
  return {
    passed,
    failed: failed + unexplained,
    skipped: maySkip ? skipped.length : 0,
    output: [output.trimEnd(), ...complaints].join("\n"),
  };
}
