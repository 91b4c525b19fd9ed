import { describe, expect, it } from "vitest";
import { recordFromMultus } from "../../daemon/migration/record-from-multus.ts";
import { noteForMultus } from "../../daemon/migration/note-for-multus.ts";
import type { RecordedAttachment, SandboxRecord } from "../../daemon/domain/sandbox-record.ts";
import { attachment, ifName, networkName, recordOf, sandboxId } from "../contracts/journal.samples.ts";
import { CALICO, CID, MACVLAN, RESULT } from "./samples.ts";

const ARGS = `IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${CID};K8S_POD_UID=uid-1`;
const confName = networkName("multus-cni-network");
const sandbox = sandboxId(CID);

const eth0 = attachment({
  confName,
  ifName: ifName("eth0"),
  network: "k8s-pod-network",
  primary: true,
  conflist: CALICO,
  capabilityArgs: '{"portMappings":[{"hostPort":80}]}',
  cniArgs: ARGS,
  result: RESULT,
});
const net1 = attachment({ confName, conflist: MACVLAN, capabilityArgs: "{}", cniArgs: ARGS, result: RESULT });
const lan = { ...net1, ifName: ifName("lan"), network: "shop/green" };

const sample = (...attachments: readonly RecordedAttachment[]): SandboxRecord => recordOf(sandbox, { attachments });

/** What Multus would make of it, as far as we read Multus right. */
function readBack(record: SandboxRecord) {
  const files = { path: "the notes", writtenAt: record.createdAt, ...noteForMultus(record) };
  return recordFromMultus(sandbox, files, record.searchPath);
}

describe("what Multus is told of a sandbox of ours", () => {
  it.each([
    { why: "as usual", record: sample(eth0, net1, lan) },
    {
      why: "whose first network has another interface",
      record: sample({ ...eth0, owner: ifName("ens3"), ifName: ifName("ens3") }, net1),
    },
    {
      why: "with devices",
      record: sample(
        eth0,
        { ...net1, device: { resource: "intel.com/sriov", id: "0000:01:10.0" } },
        { ...lan, device: { resource: "", id: "named by the pod" } },
      ),
    },
    { why: "of which a part is left", record: sample(lan) },
    { why: "of which a part that was net2 is left", record: sample({ ...net1, ifName: ifName("net2") }) },
  ])("reads back the same: $why", ({ record }) => {
    const back = readBack(record);
    const told = ({ conflist, ifName, cniArgs, capabilityArgs, result, network, device }: RecordedAttachment) => [
      conflist.text,
      ifName,
      cniArgs,
      capabilityArgs.toString(),
      result?.text,
      network,
      device,
    ];
    expect(back?.attachments.map(told)).toEqual(record.attachments.map(told));
    expect(back).toMatchObject({ pod: record.pod, netns: record.netns });
  });

  it("has the keys by which Multus tells lists from single confs, and names interfaces", () => {
    const entries = JSON.parse(noteForMultus(sample(eth0, net1, lan)).scratch) as unknown;
    expect(entries).toMatchObject([
      {
        Conf: {},
        ConfList: { name: "k8s-pod-network", plugins: [{ type: "calico" }, { type: "portmap" }] },
        CNINetworkConfigList: {
          Plugins: [{ Network: { type: "calico" } }, { Network: { capabilities: { portMappings: true } } }],
        },
        Name: "k8s-pod-network",
      },
      { Conf: { name: "blue", type: "macvlan", cniVersion: "0.3.1" }, ConfList: {}, Name: "shop/blue" },
      { ifnameRequest: "lan" },
    ]);
    expect(entries).not.toMatchObject([{}, { ifnameRequest: expect.anything() as unknown }, {}]);
  });

  it("has results where libcni looks for them, for what was attached", () => {
    const { results } = noteForMultus(sample(eth0, { ...net1, state: "intended", result: undefined }));
    expect(results.map(({ name }) => name)).toEqual([`k8s-pod-network-${CID}-eth0`]);
    expect(JSON.parse(results[0]?.text ?? "")).toMatchObject({
      kind: "cniCacheV1",
      containerId: CID,
      ifName: "eth0",
      networkName: "k8s-pod-network",
      netns: "/run/netns/pod",
      cniArgs: [
        ["IgnoreUnknown", "true"],
        ["K8S_POD_NAMESPACE", "shop"],
        expect.anything(),
        expect.anything(),
        expect.anything(),
      ],
      capabilityArgs: { portMappings: [{ hostPort: 80 }] },
      result: JSON.parse(RESULT) as object,
    });
  });
});
