import { describe, expect, it } from "vitest";
import { addRequest, BRIDGE, delRequest, netConf, netns, stage } from "../stage.ts";

async function attachedNode() {
  const node = stage();
  await node.add(addRequest(), node.scope());
  return node;
}
type Node = Awaited<ReturnType<typeof attachedNode>>;

const ways: readonly { readonly why: string; readonly happen: (node: Node) => void }[] = [
  { why: "another sandbox has its path", happen: (node) => node.pathBecomesAnothers() },
  { why: "the node was booted anew, and another has path and inode", happen: (node) => node.reboots() },
];
const told = (node: Node) => node.runner.runs.slice(1).map(({ env }) => env["CNI_NETNS"]);

describe.each(ways)("a sandbox whose namespace is gone: $why", ({ happen }) => {
  it("is deleted without touching the other's namespace", async () => {
    const node = await attachedNode();
    happen(node);
    await node.del(delRequest, node.scope());
    expect([told(node), await node.journal.list()]).toEqual([[""], []]);
  });

  it("is deleted so out of the spool too", async () => {
    const node = await attachedNode();
    happen(node);
    node.spool.put({
      id: "1",
      at: 1,
      containerId: "abc",
      ifName: "eth0",
      netns,
      netnsOverride: "",
      args: "",
      path: "",
      conf: "{}",
    });
    await node.resume(node.scope());
    expect(told(node)).toEqual([""]);
  });

  it("is cleaned up so when its pod is gone and no DEL comes", async () => {
    const node = await attachedNode();
    happen(node);
    node.podBecomes("gone");
    expect(await node.resume(node.scope())).toEqual({ finished: 1, pending: 0 });
    expect(told(node)).toEqual([""]);
  });

  it("is left alone by a GC that does not know it", async () => {
    const node = await attachedNode();
    happen(node);
    const conf = netConf(BRIDGE, ',"cni.dev/valid-attachments":[]');
    await node.gc({ netConf: conf, searchPath: [] }, node.scope());
    expect(told(node)[0]).toBe("");
  });

  it("fails its CHECK, and no plugin is asked", async () => {
    const node = await attachedNode();
    happen(node);
    await expect(node.check(delRequest, node.scope())).rejects.toMatchObject({ kind: "invalid-netns" });
    expect(told(node)).toEqual([]);
  });
});
