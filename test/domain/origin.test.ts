import { expect, it } from "vitest";
import { JsonObject } from "../../daemon/domain/json/json-object.ts";
import { parseOrigin } from "../../daemon/domain/origin.ts";

it.each([
  { why: "the daemon's binDir, then CNI_PATH", more: "", want: ["/opt/cni/bin", "/usr/lib/cni", "/x"] },
  {
    why: "the network config's binDir, if it has one",
    more: ',"binDir":"/mine"',
    want: ["/mine", "/usr/lib/cni", "/x"],
  },
  {
    why: "by the rules of TKE's fork CNI_PATH first",
    more: ',"dialect":"tke"',
    want: ["/usr/lib/cni", "/x", "/opt/cni/bin"],
  },
  { why: "each once", more: ',"binDir":"/x"', want: ["/x", "/usr/lib/cni"] },
])("plugins are looked for in $why", ({ more, want }) => {
  const { searchPath } = parseOrigin(
    { conf: `{"name":"plexus"${more}}`, args: "", path: "/usr/lib/cni:relative::/x", netnsOverride: "" },
    { binDir: "/opt/cni/bin", overlay: JsonObject.empty },
  );
  expect(searchPath).toEqual(want);
});
