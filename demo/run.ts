import { execFile } from "node:child_process";

/** No tool that the demo calls takes longer, unless it hangs. */
const deadlineMs = 10_000;

/** Runs a tool and resolves with what it printed. Fails with what it complained about. */
export function run(tool: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(tool, args, { timeout: deadlineMs, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${[tool, ...args].join(" ")}: ${stderr.trim() || error.message}`));
    });
  });
}
