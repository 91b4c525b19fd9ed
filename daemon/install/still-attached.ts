import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sandboxOfRecordFile } from "../domain/state-files.ts";

/** What the daemon of this node would still have to take away, in words: a pod or, where that cannot be told, a sandbox. In their order. */
export async function stillAttached(stateDir: string): Promise<readonly string[]> {
  const records = join(stateDir, "sandboxes");
  const spool = join(stateDir, "spool");
  const sandboxes = (await namesIn(records)).filter((name) => sandboxOfRecordFile(name) !== undefined);
  const attached = await Promise.all(
    sandboxes.map((name) => podOf(join(records, name), sandboxOfRecordFile(name) ?? name)),
  );
  const waiting = (await namesIn(spool))
    .filter((name) => name.endsWith(".json") && !name.startsWith("."))
    .map((name) => `DEL of sandbox ${name.slice(0, -".json".length)}`);
  return [...attached.toSorted(), ...waiting.toSorted()];
}

/** Undefined where there is no such directory. @throws what else is wrong with it: to take it for empty would be to leave pods behind */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cause;
  }
}

/** Only for people: a record that cannot be read counts as well, under its sandbox's name. */
async function podOf(file: string, sandbox: string): Promise<string> {
  try {
    const { record } = JSON.parse(await readFile(file, "utf8")) as {
      readonly record: { readonly pod?: { readonly namespace: string; readonly name: string } };
    };
    return record.pod === undefined ? `sandbox ${sandbox}` : `${record.pod.namespace}/${record.pod.name}`;
  } catch {
    return `sandbox ${sandbox}`;
  }
}
