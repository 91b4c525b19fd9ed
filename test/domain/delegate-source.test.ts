import { describe, expect, it } from "vitest";
import { refuseForeign } from "../../daemon/domain/delegate-source.ts";
import { namespace } from "../../daemon/domain/ids.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { refusalOf } from "./refusal.ts";

/** What a pod of namespace shop hears when it asks for a network of namespace `target`. */
function refusal(conf: string, target: string, as: "default" | "secondary") {
  const netConf = parseNetConf(`{"name":"plexus"${conf}}`);
  return refusalOf(() => {
    refuseForeign(netConf, { namespace: namespace("shop") }, namespace(target), as);
  });
}

const ISOLATED = ',"namespaceIsolation":true';
const FORBIDDEN = "namespace isolation enabled, annotation violates permission, pod is in namespace shop but refers to";

describe("namespace isolation", () => {
  it.each([
    { why: "any network while it is off", conf: "", target: "bank", as: "secondary" },
    { why: "a network of the pod's own namespace", conf: ISOLATED, target: "shop", as: "secondary" },
    { why: "one of namespace default, when no others are named", conf: ISOLATED, target: "default", as: "secondary" },
    {
      why: "one of a namespace on the list, blanks aside (T148)",
      conf: `${ISOLATED},"globalNamespaces":"kube-system, donkey-kong"`,
      target: "donkey-kong",
      as: "secondary",
    },
    {
      why: "as the default network one of where the cluster keeps its own (T150)",
      conf: `${ISOLATED},"multusNamespace":"net"`,
      target: "net",
      as: "default",
    },
    { why: "as the default network a global one (T150)", conf: ISOLATED, target: "default", as: "default" },
  ] as const)("allows $why", ({ conf, target, as }) => {
    expect(refusal(conf, target, as)).toBeUndefined();
  });

  it.each([
    { why: "a network of another namespace (T147)", conf: ISOLATED, target: "kube-system", as: "secondary" },
    {
      why: "one of namespace default, when the list does not say so (T149)",
      conf: `${ISOLATED},"globalNamespaces":"ops"`,
      target: "default",
      as: "secondary",
    },
    { why: "a namespace that is only like one on the list", conf: ISOLATED, target: "defaults", as: "secondary" },
    { why: "as the default network one of a third namespace (T150)", conf: ISOLATED, target: "bank", as: "default" },
  ] as const)("refuses $why", ({ conf, target, as }) => {
    expect(refusal(conf, target, as)).toMatchObject({
      kind: "namespace-forbidden",
      message: `${FORBIDDEN} target namespace ${target}`,
      details: expect.stringContaining("globalNamespaces") as string,
    });
  });
});
