import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { multusNoteFiles } from "../../daemon/migration/multus-note-files.ts";
import { sandboxId } from "../contracts/journal.samples.ts";
import { cached, calicoEntry, CID, MACVLAN, tkeEntry } from "./samples.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const sandbox = sandboxId(CID);
const OTHER = CID.replaceAll("4", "5");

/** A node with these files below its `/var/lib/cni`. */
async function node(files: Readonly<Record<string, string>>) {
  const root = await temporaryDirectory();
  await mkdir(join(root, "multus/results"), { recursive: true });
  await mkdir(join(root, "networks/multus"), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
  const legacy = multusNoteFiles({ multusDir: join(root, "multus"), tkeDir: join(root, "networks/multus") });
  const left = async () => (await readdir(root, { recursive: true })).filter((path) => path.includes(CID.slice(1)));
  return { root, legacy, left };
}

describe("Multus' directories", () => {
  it("have the notes of a sandbox, when they were written, and its results, oldest first", async () => {
    const { legacy, root } = await node({
      [`multus/${CID}`]: JSON.stringify([calicoEntry]),
      [`multus/results/a-${CID}-net1`]: "second",
      [`multus/results/b-${CID}-eth0`]: "first",
      [`multus/results/c-${OTHER}-eth0`]: "another's",
      [`multus/results/.d-${CID}-eth0.tmp`]: "half",
    });
    await utimes(join(root, `multus/${CID}`), 1_600_000_000, 1_600_000_000.5);
    await utimes(join(root, `multus/results/b-${CID}-eth0`), 1_600_000_000, 1_600_000_000);
    expect(await legacy.read(sandbox)).toEqual({
      path: join(root, "multus", CID),
      scratch: JSON.stringify([calicoEntry]),
      writtenAt: 1_600_000_000_500,
      results: [
        { name: `b-${CID}-eth0`, text: "first" },
        { name: `a-${CID}-net1`, text: "second" },
      ],
    });
  });

  it("are looked through for notes only: neither directories nor what host-local keeps in the fork's", async () => {
    const { legacy } = await node({
      [`multus/${CID}`]: "",
      [`multus/results/c-${OTHER}-eth0`]: cached("c", "eth0", MACVLAN).text,
      [`networks/multus/${OTHER}`]: "[]",
      "networks/multus/10.1.2.3": CID,
      "networks/multus/last_reserved_ip.0": "10.1.2.3",
      "networks/multus/lock": "",
    });
    expect(await legacy.list()).toEqual([CID, OTHER]);
  });

  it("have the fork's notes too", async () => {
    const notes = JSON.stringify([tkeEntry(MACVLAN, "eth0")]);
    const { legacy, left } = await node({ [`networks/multus/${CID}`]: notes });
    expect(await legacy.read(sandbox)).toMatchObject({ scratch: notes, results: [] });
    await legacy.remove(sandbox);
    expect(await left()).toEqual([]);
  });

  it("lose notes and results of a sandbox, and only those", async () => {
    const { legacy, root, left } = await node({
      [`multus/${CID}`]: "{",
      [`multus/results/blue-${CID}-net1`]: cached("blue", "net1", MACVLAN).text,
      [`multus/results/red-${CID}-net2`]: "",
      [`multus/results/x-${CID}-y-${OTHER}-net1`]: cached("", "net1", MACVLAN, { containerId: OTHER }).text,
      [`multus/results/blue-${OTHER}-net1`]: "",
    });
    await legacy.remove(sandbox);
    expect(await left()).toEqual([`multus/results/x-${CID}-y-${OTHER}-net1`]);
    expect(await readdir(join(root, "multus/results"))).toHaveLength(2);
  });

  it("keep results of which there are no notes, which are nobody's", async () => {
    const { legacy, left } = await node({ [`multus/results/blue-${CID}-net1`]: "" });
    expect(await legacy.read(sandbox)).toBeUndefined();
    await legacy.remove(sandbox);
    expect(await left()).toHaveLength(1);
  });

  it("know nothing of a sandbox that is called like the directory in them", async () => {
    const { legacy, root } = await node({ [`multus/results/blue-${CID}-net1`]: "" });
    expect(await legacy.read(sandboxId("results"))).toBeUndefined();
    await legacy.remove(sandboxId("results"));
    expect(await readdir(join(root, "multus/results"))).toHaveLength(1);
  });

  it("are made, for root alone, when notes are to be written", async () => {
    const root = join(await temporaryDirectory(), "var");
    const legacy = multusNoteFiles({ multusDir: join(root, "multus"), tkeDir: join(root, "tke") });
    await legacy.write(sandbox, { scratch: "[]", results: [cached("blue", "net1", MACVLAN)] });
    const modes = ["multus", "multus/results", `multus/${CID}`, `multus/results/blue-${CID}-net1`].map(
      async (path) => (await stat(join(root, path))).mode & 0o777,
    );
    expect(await Promise.all(modes)).toEqual([0o700, 0o700, 0o600, 0o600]);
    expect((await readdir(root, { recursive: true })).filter((path) => path.endsWith(".tmp"))).toEqual([]);
  });
});
