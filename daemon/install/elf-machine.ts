import { PlexusError } from "../domain/errors.ts";

/** e_machine of the ELF specification, for the architectures in Node's words. */
const MACHINES: ReadonlyMap<number, string> = new Map([
  [3, "ia32"],
  [40, "arm"],
  [62, "x64"],
  [183, "arm64"],
]);

/** What kubectl and container images call them. */
const IMAGE_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/**
 * Refuses an executable that this node could not run: every pod of it would fail with "exec format error".
 * @param content the file's bytes, or at least the first 20
 * @param arch this machine's, as in `process.arch`
 * @throws PlexusError `invalid-config`
 */
export function refuseForeignExecutable(content: Uint8Array, file: string, arch: string): void {
  const machine = elfMachine(content);
  if (machine === undefined) {
    throw new PlexusError("invalid-config", `${file} is not an executable for Linux`, {
      details: "the image is not as it was built; pull it again",
    });
  }
  if (MACHINES.get(machine) === arch) return;
  const theirs = MACHINES.get(machine) ?? `machine ${machine}`;
  throw new PlexusError("invalid-config", `${file} is for ${imageName(theirs)}, and this node is ${imageName(arch)}`, {
    details:
      "use an image that was built for the node's architecture, or one for several (docker buildx build --platform)",
  });
}

function imageName(arch: string): string {
  return IMAGE_NAMES[arch] ?? arch;
}

/** The processor an ELF file is for; undefined when it is none. Both architectures of ours are little-endian. */
function elfMachine(content: Uint8Array): number | undefined {
  const header = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return content.byteLength >= 20 && header.getUint32(0) === 0x7f454c46 ? header.getUint16(18, true) : undefined;
}
