import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deviceNoteFileName } from "../../domain/device-info.ts";
import { PlexusError } from "../../domain/errors.ts";
import { JsonObject } from "../../domain/json/json-object.ts";
import type { DeviceInfoFiles } from "../../ports/device-info-files.ts";

/** It ends up in an annotation, which has 256 KiB in all. */
const LONGEST_CHARACTERS = 64 << 10;

/** @param directory the daemon and CNI plugins must know it by the same path */
export function makeDeviceInfoFiles(directory: string): DeviceInfoFiles {
  const pathOf = (name: string): string => join(directory, "cni", name);

  return {
    pathOf,

    async copy(device, name) {
      const note = join(directory, "dp", deviceNoteFileName(device));
      const text = await readFile(note, "utf8").catch(unless("ENOENT")).catch(refused("read", note));
      if (text !== undefined) await putOnce(pathOf(name), text).catch(refused("write", pathOf(name)));
    },

    async read(name) {
      const path = pathOf(name);
      const text = await readFile(path, "utf8").catch(unless("ENOENT")).catch(refused("read", path));
      if (text === undefined) return undefined;
      if (text.length > LONGEST_CHARACTERS) throw new PlexusError("decode-failure", `${path} is too long`);
      return JsonObject.parse(text, path).toString();
    },

    async remove(name) {
      await rm(pathOf(name), { force: true }).catch(refused("remove", pathOf(name)));
    },
  };
}

/** As a whole or not at all; what is there stays. Needs no disk's word: it is gone with the next start of the node anyway. */
async function putOnce(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text);
    await chmod(temporary, 0o444);
    await link(temporary, path).catch(unless("EEXIST"));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** For `.catch`: that errno is no failure. */
function unless(errno: string): (cause: unknown) => undefined {
  return (cause) => {
    if ((cause as NodeJS.ErrnoException).code !== errno) throw cause;
  };
}

function refused(operation: string, path: string): (cause: unknown) => never {
  return (cause) => {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new PlexusError("io-failure", `cannot ${operation} ${path}: ${code ?? message}`, { cause });
  };
}
