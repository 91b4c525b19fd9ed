import { describe, expect, it } from "vitest";
import { parseConflist } from "../../daemon/domain/cni/conf.ts";
import { separateFlannels } from "../../daemon/domain/flannel.ts";

const FLANNEL = '{"name":"cbr0","type":"flannel","delegate":{"mtu":1.50}}';

/** The texts of these confs afterwards; a conf's interface is `if` and its index. */
function separated(...texts: string[]): readonly string[] {
  const conflists = texts.map((text) => parseConflist(text, "the config"));
  return separateFlannels(conflists, (index) => `if${index}`).map(({ text }) => text);
}

describe("flannel networks of one sandbox", () => {
  it.each([
    { why: "a sandbox without any is left alone", given: ['{"name":"a","type":"bridge"}'], want: undefined },
    {
      why: "and so is one with a single one, wherever it stands",
      given: ['{"name":"a","type":"b"}', FLANNEL],
      want: undefined,
    },
    {
      why: "the second one gets a directory of its own, and keeps all else",
      given: [FLANNEL, FLANNEL],
      want: [FLANNEL, '{"name":"cbr0","type":"flannel","delegate":{"mtu":1.50},"dataDir":"/var/lib/cni/flannel/if1"}'],
    },
    {
      why: "below the one that it names",
      given: [FLANNEL, '{"name":"a","type":"flannel","dataDir":"/data"}'],
      want: [FLANNEL, '{"name":"a","type":"flannel","dataDir":"/data/if1"}'],
    },
    {
      why: "a dataDir that is empty counts for none",
      given: [FLANNEL, '{"name":"a","type":"flannel","dataDir":""}'],
      want: [FLANNEL, '{"name":"a","type":"flannel","dataDir":"/var/lib/cni/flannel/if1"}'],
    },
    {
      why: "in a list only the flannel plugin is told",
      given: ['{"name":"a","type":"b"}', FLANNEL, '{"name":"c","plugins":[{"type":"flannel"},{"type":"portmap"}]}'],
      want: [
        '{"name":"a","type":"b"}',
        FLANNEL,
        '{"name":"c","plugins":[{"type":"flannel","dataDir":"/var/lib/cni/flannel/if2"},{"type":"portmap"}]}',
      ],
    },
  ])("$why", ({ given, want }) => {
    expect(separated(...given)).toEqual(want ?? given);
  });
});
