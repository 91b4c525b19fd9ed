import { describe, expect, it } from "vitest";
import type { AttachmentState } from "../../daemon/domain/sandbox-record.ts";
import { isUnfinished } from "../../daemon/domain/sandbox-record.ts";
import { attachment, ifName } from "../contracts/journal.samples.ts";

const one = (owner: string, name: string, state: AttachmentState, hotPlugged?: boolean) =>
  attachment({ owner: ifName(owner), ifName: ifName(name), state, ...(hotPlugged !== undefined && { hotPlugged }) });

describe("what an interrupted ADD or DEL concerns", () => {
  it.each([
    { why: "nothing, when all stand", there: [one("eth0", "eth0", "attached")], want: [] },
    {
      why: "all of the same owner, when one is half-way",
      there: [one("eth0", "eth0", "attached"), one("eth0", "net1", "intended"), one("eth1", "eth1", "attached")],
      want: ["eth0", "net1"],
    },
    {
      why: "only the one that comes or goes alone",
      there: [one("eth0", "eth0", "attached"), one("eth0", "net7", "detaching", true)],
      want: ["net7"],
    },
    {
      why: "also what came alone and stands, when its owner's others are half-way",
      there: [one("eth0", "eth0", "detaching"), one("eth0", "net7", "attached", true)],
      want: ["eth0", "net7"],
    },
  ])("is $why", ({ there, want }) => {
    expect(there.filter(isUnfinished(there)).map((attachment) => attachment.ifName)).toEqual(want);
  });
});
