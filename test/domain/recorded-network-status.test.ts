import { expect, it } from "vitest";
import { recordedNetworkStatus } from "../../daemon/domain/recorded-network-status.ts";
import { attachment, ifName, recordOf, sandboxId } from "../contracts/journal.samples.ts";

/** An attachment whose plugin reported default routes by way of these gateways. */
function attached(name: string, gateways: readonly string[], defaultRoute?: readonly string[]) {
  return attachment({
    ifName: ifName(name),
    network: name,
    conflist: '{"cniVersion":"1.0.0","name":"n","type":"bridge"}',
    result: JSON.stringify({
      cniVersion: "1.0.0",
      interfaces: [{ name, sandbox: "/run/netns/pod" }],
      routes: gateways.map((gw) => ({ dst: gw.includes(":") ? "::/0" : "0.0.0.0/0", gw })),
    }),
    ...(defaultRoute !== undefined && { defaultRoute }),
  });
}

const BOTH = ["10.0.0.1", "fd00::1"];

it.each([
  { why: "what the plugins reported when nobody asked", eth0: BOTH, asked: undefined, want: [BOTH, ["10.1.0.1"]] },
  {
    why: "the gateway that was asked for, on its interface alone; those of the other family stay",
    eth0: BOTH,
    asked: ["10.1.1.254"],
    want: [["fd00::1"], ["10.1.1.254"]],
  },
  {
    why: "both families' where both were asked for",
    eth0: BOTH,
    asked: ["10.1.1.254", "fd01::1"],
    want: [undefined, ["10.1.1.254", "fd01::1"]],
  },
  { why: "none after an empty list", eth0: BOTH, asked: [], want: [undefined, undefined] },
])("network status shows $why", ({ eth0, asked, want }) => {
  const attachments = [attached("eth0", eth0), attached("net1", ["10.1.0.1"], asked)];
  const status = JSON.parse(recordedNetworkStatus(recordOf(sandboxId("abc"), { attachments }))) as {
    gateway?: unknown;
  }[];
  expect(status.map(({ gateway }) => gateway)).toEqual(want);
});
