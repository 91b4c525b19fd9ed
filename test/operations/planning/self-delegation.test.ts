import { expect, it } from "vitest";
import { addRequest, netConf, stage } from "../stage.ts";

it.each([
  { why: "the default network", conf: '{"cniVersion":"1.0.0","name":"x","type":"plexus"}', nads: {} },
  {
    why: "the default network's delegate",
    conf: '{"cniVersion":"1.0.0","name":"x","type":"flannel","delegate":{"type":"multus-shim"}}',
    nads: {},
  },
  {
    why: "a network of the pod's",
    conf: '{"cniVersion":"1.0.0","name":"pods","type":"bridge"}',
    nads: { x: '{"cniVersion":"1.0.0","plugins":[{"type":"bridge"},{"type":"multus"}]}' },
  },
])("$why that is Plexus or Multus again is refused, and nothing runs", async ({ conf, nads }) => {
  const node = stage({ annotation: Object.keys(nads).join(","), nads });
  await expect(node.add(addRequest({ netConf: netConf(conf) }), node.scope())).rejects.toMatchObject({
    kind: "invalid-config",
    message: expect.stringMatching(/leads to a plugin of type (?:plexus|multus|multus-shim), and so to Plexus itself$/),
  });
  expect(node.said()).toEqual([]);
});

it("a network of the type under which the runtime has called us is refused too", async () => {
  const node = stage();
  const called = { ...netConf('{"cniVersion":"1.0.0","name":"x","type":"networks"}'), type: "networks" };
  await expect(node.add(addRequest({ netConf: called }), node.scope())).rejects.toMatchObject({
    message: expect.stringMatching(/leads to a plugin of type networks, and so to Plexus itself$/),
  });
});
