import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A line of the scripted plugin's log: one when it starts, one when it ends by itself (none when it is killed). */
export interface ScriptedEvent {
  readonly event: "start" | "end";
  readonly pid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

export interface ScriptedPlugin {
  /** Where its scripts run, too: what they read and write by bare names is here. */
  readonly directory: string;
  /** Sets what it does for a verb ("ADD"), or for a verb and an interface ("ADD.net1"): lines of POSIX shell. */
  on(verb: string, script: string): Promise<void>;
  /** Its log so far, oldest first. */
  events(): Promise<readonly ScriptedEvent[]>;
}

/** Makes the scripted plugin available in a directory of the CNI_PATH under some type. */
export async function installScripted(binDir: string, type: string): Promise<ScriptedPlugin> {
  const executable = join(binDir, type);
  const directory = `${executable}.d`;
  const log = join(directory, "log");
  await mkdir(directory);
  await writeFile(log, "");
  await symlink(join(import.meta.dirname, "scripted"), executable);
  return {
    directory,
    on: (verb, script) => writeFile(join(directory, verb), script),
    async events() {
      const lines = (await readFile(log, "utf8")).split("\n").slice(0, -1);
      // The plugin beside this file writes the log in this form.
      return lines.map((line) => JSON.parse(line) as ScriptedEvent);
    },
  };
}
