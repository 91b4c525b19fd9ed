import { describe, expect, it } from "vitest";
import { refuseForeignExecutable } from "../../daemon/install/elf-machine.ts";

/** The first bytes of a little-endian ELF file for a machine of that number. */
function elf(machine: number): Uint8Array {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  header.writeUInt16LE(machine, 18);
  return header;
}

describe("which executables a node takes", () => {
  it.each([
    { why: "amd64 on amd64", content: elf(62), arch: "x64" },
    { why: "arm64 on arm64", content: elf(183), arch: "arm64" },
  ])("$why", ({ content, arch }) => {
    expect(() => refuseForeignExecutable(content, "plexus", arch)).not.toThrow();
  });

  it.each([
    { why: "arm64 on amd64", content: elf(183), arch: "x64", says: "plexus is for arm64, and this node is amd64" },
    { why: "amd64 on arm64", content: elf(62), arch: "arm64", says: "plexus is for amd64, and this node is arm64" },
    {
      why: "a machine without a name",
      content: elf(243),
      arch: "x64",
      says: "plexus is for machine 243, and this node is amd64",
    },
    {
      why: "a script",
      content: Buffer.from("#!/bin/sh\necho this is a script\n"),
      arch: "x64",
      says: "plexus is not an executable for Linux",
    },
    { why: "an empty file", content: Buffer.alloc(0), arch: "x64", says: "plexus is not an executable for Linux" },
    {
      why: "a file cut short",
      content: elf(62).subarray(0, 19),
      arch: "x64",
      says: "plexus is not an executable for Linux",
    },
  ])("refused: $why", ({ content, arch, says }) => {
    expect(() => refuseForeignExecutable(content, "plexus", arch)).toThrow(says);
  });

  it("reads the header of a part of a larger buffer", () => {
    const file = Buffer.concat([Buffer.alloc(7), elf(62)]).subarray(7);
    expect(() => refuseForeignExecutable(file, "plexus", "x64")).not.toThrow();
  });
});
