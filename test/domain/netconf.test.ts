import { describe, expect, it } from "vitest";
import { parseNetConf } from "../../daemon/domain/netconf.ts";

const conf = (members: string): string => `{"name":"plexus","cniVersion":"1.0.0"${members === "" ? "" : `,${members}`}}`;

describe("parseNetConf", () => {
  it("keeps each inline delegate as it was written", () => {
    const { delegates } = parseNetConf(conf('"delegates":[{"type":"a","mtu":0}, {"plugins":[ ]}]'));
    expect(delegates).toEqual(['{"type":"a","mtu":0}', '{"plugins":[ ]}']);
  });

  it.each([
    { why: "no delegates", members: "", want: { delegates: [], binDir: undefined, validAttachments: undefined } },
    { why: "delegates are null", members: '"delegates":null', want: { delegates: [] } },
    { why: "keys in another case are ours too (T119)", members: '"Delegates":[{}],"BINDIR":"/x"', want: { delegates: ["{}"], binDir: "/x" } },
    {
      why: "the runtime's list of what is valid",
      members: '"cni.dev/valid-attachments":[{"containerID":"abc","ifname":"eth0"}]',
      want: { validAttachments: [{ containerId: "abc", ifName: "eth0" }] },
    },
    { why: "an empty list of what is valid is a list", members: '"cni.dev/valid-attachments":[]', want: { validAttachments: [] } },
  ])("$why", ({ members, want }) => {
    expect(parseNetConf(conf(members))).toMatchObject(want);
  });

  it("keeps every capability arg of the runtime, known to us or not (T116)", () => {
    const { runtimeConfig } = parseNetConf(conf('"runtimeConfig":{"portMappings":[{"hostPort":80}],"vendor":1}'));
    expect(runtimeConfig.toString()).toBe('{"portMappings":[{"hostPort":80}],"vendor":1}');
  });

  it.each([
    { why: "not JSON (T027)", text: "{", code: 6 },
    { why: "not an object", text: '"x"', code: 6 },
    { why: "no name (T005)", text: "{}", code: 7 },
    { why: "a name that could be a path", text: '{"name":"a/b"}', code: 7 },
    { why: "an unknown version (T006)", text: '{"name":"a","cniVersion":"2.0.0"}', code: 1 },
    { why: "a version that is no string", text: '{"name":"a","cniVersion":1}', code: 7 },
    { why: "delegates that are no list", text: conf('"delegates":{}'), code: 6 },
    { why: "a runtimeConfig that is no object", text: conf('"runtimeConfig":[]'), code: 6 },
    { why: "a valid attachment without its interface", text: conf('"cni.dev/valid-attachments":[{"containerID":"a"}]'), code: 7 },
    { why: "clusterNetwork, rather than ignoring it", text: conf('"clusterNetwork":"x"'), code: 2 },
  ])("refuses: $why", ({ text, code }) => {
    expect(() => parseNetConf(text)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
