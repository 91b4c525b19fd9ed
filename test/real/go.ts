/** The Go that compiles the real parts: the machine's own, else that of Debian trixie, unpacked beside the system. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { here } from "./parts.ts";

export interface Go {
  readonly program: string;
  /** What it needs in its environment beside what is there. */
  readonly env: Readonly<Record<string, string>>;
  /** E.g. `go1.26.8`. */
  readonly version: string;
}

/** Go fetches the release that a go.mod asks for when it is older itself. */
const TOOLCHAIN = { GOTOOLCHAIN: "auto" };

function ask(program: string, env: Go["env"]): Go | undefined {
  // In a module's directory, for the version depends on the module.
  const options = { cwd: here("kubernetes"), env: { ...process.env, ...env }, encoding: "utf8" } as const;
  const { status, stdout } = spawnSync(program, ["env", "GOVERSION"], options);
  return status === 0 ? { program, env, version: stdout.trim() } : undefined;
}

/** @param beside the directory for Debian's Go, which is filled when the machine has none */
export function findGo(beside: string): Go | undefined {
  const own = ask("go", TOOLCHAIN);
  if (own !== undefined) return own;
  const root = join(beside, "usr/lib/go-1.24");
  if (!existsSync(join(root, "bin/go"))) spawnSync("sh", [here("fetch-go.sh"), beside], { stdio: "inherit" });
  return ask(join(root, "bin/go"), { ...TOOLCHAIN, GOROOT: root });
}
