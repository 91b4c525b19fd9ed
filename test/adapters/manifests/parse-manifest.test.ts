import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseManifest } from "../../../daemon/adapters/manifests/parse-manifest.ts";

const POD = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  uid: 11-22
  labels: {app: web}
  annotations:
    k8s.v1.cni.cncf.io/networks: blue, bank/red
    kubernetes.io/config.source: file
    example.com/other: secret
spec:
  containers:
    - {name: web, image: nginx}
`;

const NETWORK = `
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: blue
spec:
  config: '{}'
`;

const web = {
  namespace: "shop",
  name: "web",
  uid: "11-22",
  annotations: { "k8s.v1.cni.cncf.io/networks": "blue, bank/red", "kubernetes.io/config.source": "file" },
};
const blue = { namespace: "default", name: "blue", config: "{}" };

const SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n";
const NAKED_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: naked, annotations: null}\n";

describe("what is in a manifest", () => {
  it.each([
    { why: "a pod, of its annotations those that are read", text: POD, pods: [web], networks: [] },
    { why: "a network, in the default namespace as it names none", text: NETWORK, pods: [], networks: [blue] },
    { why: "several documents", text: `---${POD}---${NETWORK}---\n`, pods: [web], networks: [blue] },
    {
      why: "a List stands for its items",
      text: JSON.stringify({
        apiVersion: "v1",
        kind: "List",
        items: [{ apiVersion: "v1", kind: "Pod", metadata: { name: "x" } }],
      }),
      pods: [{ namespace: "default", name: "x", uid: "", annotations: {} }],
      networks: [],
    },
    {
      why: "a pod with a name and no more, its namespace empty",
      text: NAKED_POD.replace("{", '{namespace: "", '),
      pods: [{ namespace: "default", name: "naked", uid: "", annotations: {} }],
      networks: [],
    },
    { why: "other kinds are passed over", text: `${SERVICE}---${POD}`, pods: [web], networks: [] },
    {
      why: "a kind of that name in another group is another kind",
      text: POD.replace("v1", "example.com/v1"),
      pods: [],
      networks: [],
    },
    { why: "an empty List", text: "{apiVersion: v1, kind: List, items: []}", pods: [], networks: [] },
    { why: "nothing", text: "", pods: [], networks: [] },
    { why: "a comment", text: "# nothing yet\n", pods: [], networks: [] },
    {
      why: "JSON with tabs",
      text: JSON.stringify({ apiVersion: "v1", kind: "List", items: [] }, null, "\t"),
      pods: [],
      networks: [],
    },
    {
      why: "a merged anchor",
      text: POD.replace("labels: {app: web}", "<<: &more {uid: no}"),
      pods: [web],
      networks: [],
    },
  ])("$why", ({ text, pods, networks }) => {
    expect(parseManifest(text)).toEqual({ pods, networks });
  });
});

describe("a config is kept as it was written", () => {
  const config = (yaml: string) => parseManifest(NETWORK.replace("'{}'", yaml)).networks[0]?.config;
  const folded = '{ "type": "bridge", "mtu": 1.0 }';

  it.each([
    { how: "in a block", yaml: '|-\n    {\n      "type": "bridge"\n    }', want: '{\n  "type": "bridge"\n}' },
    { how: "in a folded block", yaml: '>-\n    { "type": "bridge",\n    "mtu": 1.0 }', want: folded },
    { how: "in single quotes on one line", yaml: `'${folded}'`, want: folded },
    { how: "in double quotes on one line", yaml: JSON.stringify(folded), want: folded },
    {
      how: "in single quotes, every line deeper",
      yaml: '\'{\n      "type": "bridge",\n      "mtu": 1.0\n    }\'',
      want: folded,
    },
    {
      how: "in single quotes, the last brace below the key",
      yaml: '\'{\n    "type": "bridge",\n    "mtu": 1.0\n  }\'',
      want: folded,
    },
    {
      how: "in single quotes, every line at the margin",
      yaml: '\'{\n"type": "bridge",\n"mtu": 1.0\n}\'',
      want: folded,
    },
    {
      how: "in single quotes, with carriage returns",
      yaml: '\'{\r\n"type": "bridge",\r\n"mtu": 1.0\r\n}\'',
      want: folded,
    },
    { how: "in single quotes, lines led by tabs", yaml: '\'{\n\t"type": "bridge",\n\t"mtu": 1.0\n  }\'', want: folded },
    {
      how: "in single quotes, with a quote and an empty line",
      yaml: "'{\"a\":\n\n  \"it''s\" }'",
      want: '{"a":\n"it\'s" }',
    },
    {
      how: "in double quotes, the last brace below the key",
      yaml: '"{\n    \\"a\\": \\"\\\\\\"\\"\n  }"',
      want: '{ "a": "\\"" }',
    },
    {
      how: "in single quotes, a quote before a line that could be a key",
      yaml: "'it''s''\n  b: 1'",
      want: "it's' b: 1",
    },
    { how: "in single quotes, dashes at the margin", yaml: "'{\n---\nx: \"a\nb\" }'", want: '{ --- x: "a b" }' },
    { how: "not at all", yaml: "null", want: "" },
  ])("$how", ({ yaml, want }) => {
    expect(config(yaml)).toBe(want);
  });

  it("in several documents, each with its last brace below the key", () => {
    const loose = NETWORK.replace("'{}'", "'{\n    \"a\": 1\n  }'");
    const text = `${loose}  other: '{\n  }'\n---${loose}---${POD}`;
    expect(parseManifest(text).networks.map((network) => network.config)).toEqual(['{ "a": 1 }', '{ "a": 1 }']);
  });

  it("whatever the lines and however little they are indented", () => {
    const anyLine = fc.string({
      unit: fc.constantFrom("a", " ", "{", "}", '"', "'", ":", ",", "#", "-", "\\", "\t", "é"),
      maxLength: 8,
    });
    const anyLines = fc.array(fc.tuple(fc.nat({ max: 5 }), anyLine), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(anyLines, fc.constantFrom("'", '"'), (lines, quote) => {
        const escaped = (line: string) =>
          quote === "'" ? line.replaceAll("'", "''") : JSON.stringify(line).slice(1, -1);
        const quoted = (least: number) =>
          quote +
          lines
            .map(([indent, line]) => " ".repeat(least + indent) + escaped(line))
            .join("\n")
            .trimStart() +
          quote;
        expect(config(quoted(0))).toBe(config(quoted(3)));
      }),
    );
  });
});

describe("what is wrong with a manifest", () => {
  it.each([
    { why: "a quote is not closed", text: `${POD}  x: 'secret\n`, says: "line 17: missing char" },
    { why: "a bracket is not closed", text: '{"apiVersion": "secret"', says: "line 1: " },
    { why: "a key comes twice", text: "a: 1\nb: 2\na: secret\n", says: "line 3: duplicate key" },
    { why: "it is no object", text: "secret", says: "an object without a name: " },
    { why: "it is not said what it is", text: "metadata: {name: web}", says: "an object web: apiVersion: " },
    {
      why: "a pod has no name",
      text: NAKED_POD.replace("name: naked, ", ""),
      says: "Pod without a name: metadata: name: ",
    },
    {
      why: "a name is a path",
      text: NAKED_POD.replace("naked", "../x"),
      says: "Pod without a name: metadata: name: not a name",
    },
    {
      why: "a namespace is a number",
      text: NAKED_POD.replace("{", "{namespace: 7, "),
      says: "Pod naked: metadata: namespace: ",
    },
    {
      why: "an annotation that is read is a number",
      text: POD.replace("blue, bank/red", "7"),
      says: "Pod web: metadata: annotations: k8s.v1.cni.cncf.io/networks: ",
    },
    {
      why: "annotations are larger than an API server would take",
      text: POD.replace("blue, bank/red", "b".repeat(256 * 1024)),
      says: "Pod web: metadata: annotations: more than 262144 bytes",
    },
    {
      why: "a config is no string",
      text: NETWORK.replace("'{}'", "{secret: 1}"),
      says: "NetworkAttachmentDefinition blue: spec: config: ",
    },
    { why: "one of several objects is wrong", text: `${POD}---\nsecret`, says: "an object without a name: " },
  ])("is said without quoting it: $why", ({ text, says }) => {
    const problem = expect.objectContaining({ kind: "decode-failure", message: expect.stringContaining(says) });
    expect(() => parseManifest(text)).toThrow(problem);
    expect(() => parseManifest(text)).not.toThrow("secret");
  });

  it("is found in any text, sooner or later", () => {
    const unit = fc.constantFrom(
      "'",
      '"',
      "\n",
      "\n  ",
      " ",
      ": ",
      "- ",
      "a",
      "{",
      "}",
      "[",
      "]",
      ",",
      "\\",
      "\t",
      "#",
      "|",
      "? ",
      "&a",
      "*a",
      "---\n",
    );
    const outcome = (text: string) => {
      try {
        return typeof parseManifest(text);
      } catch {
        return "refused";
      }
    };
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
        expect(["object", "refused"]).toContain(outcome(text));
      }),
      { numRuns: 500 },
    );
  });
});
