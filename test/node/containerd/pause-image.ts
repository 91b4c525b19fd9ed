/** The image of a sandbox: one layer with one static executable, as an archive that a runtime can import. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const PAUSE_IMAGE = "localhost/pause:test";

/** GOARCH of what the compiler makes. */
const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

export async function pauseImage(): Promise<Buffer> {
  const layer = tar({ pause: await compile("pause.c") });
  const config = JSON.stringify({
    architecture: ARCHITECTURE,
    os: "linux",
    config: { Entrypoint: ["/pause"] },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const manifest = [{ Config: "config.json", RepoTags: [PAUSE_IMAGE], Layers: ["layer.tar"] }];
  return tar({
    "manifest.json": Buffer.from(JSON.stringify(manifest)),
    "config.json": Buffer.from(config),
    "layer.tar": layer,
  });
}

async function compile(source: string): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "plexus-pause-"));
  try {
    const executable = join(directory, "pause");
    await promisify(execFile)("musl-gcc", [
      "-static",
      "-Os",
      "-s",
      "-o",
      executable,
      join(import.meta.dirname, source),
    ]);
    return await readFile(executable);
  } finally {
    await rm(directory, { recursive: true });
  }
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

const BLOCK = 512;

/** An archive of executables (ustar). */
function tar(files: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(files).flatMap(([name, content]) => [header(name, content.length), padded(content)]);
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, "0")}\0`;
  block.write(name, 0);
  block.write(octal(0o755, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  // The sum is taken with blanks in its own place.
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(octal(sum, 6), 148);
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(-content.length & (BLOCK - 1))]);
}
