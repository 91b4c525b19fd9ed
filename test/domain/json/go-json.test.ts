import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode, goString, goStruct } from "../../../daemon/domain/json/go-json.ts";
import { refusalOf } from "../refusal.ts";

const Port = goStruct({ hostPort: z.int().default(0), protocol: goString, tags: z.array(z.string()).optional() });

describe("goStruct", () => {
  it.each([
    { why: "a key in another case is the field", value: { HOSTPORT: 1 }, want: { hostPort: 1 } },
    { why: "the exact key wins over one in another case", value: { hostPort: 1, hostport: 2 }, want: { hostPort: 1 } },
    { why: "without an exact key the last that fits wins", value: { HOSTPORT: 1, hostport: 2 }, want: { hostPort: 2 } },
    { why: "null is as good as absent", value: { hostPort: null, tags: null }, want: { hostPort: 0 } },
    { why: "an empty string is as good as none", value: { protocol: "" }, want: { hostPort: 0 } },
    { why: "an empty list is not", value: { tags: [] }, want: { hostPort: 0, tags: [] } },
    { why: "unknown keys are ignored, whatever they hold", value: { hostport2: {}, x: [] }, want: { hostPort: 0 } },
  ])("$why", ({ value, want }) => {
    expect(decode(Port, value, "the port")).toEqual(want);
  });
});

describe("decode", () => {
  it.each([
    {
      why: "names the path of a wrong type",
      value: [{ hostPort: 1 }, { HostPort: "s3cret" }],
      message: /^ports: \[1\]\.hostPort: .*expected number/,
    },
    { why: "names the path of a null in a list", value: [null], message: /^ports: \[0\]: .*expected object/ },
    {
      why: "speaks of the whole when the whole is wrong",
      value: "s3cret",
      message: /^ports: Invalid input: expected array/,
    },
    {
      why: "tells a handful of problems, not thousands",
      value: Array(10_000).fill("s3cret"),
      message: /^(?=.*\[2\])(?!.*\[3\])/,
    },
  ])("$why, and does not quote", ({ value, message }) => {
    const refusal = refusalOf(() => decode(z.array(Port), value, "ports"));
    expect(refusal?.kind).toBe("decode-failure");
    expect(refusal?.message).toMatch(message);
    expect(refusal?.message).not.toContain("s3cret");
  });
});
