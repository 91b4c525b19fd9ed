import { describe, expect, it } from "vitest";
import { CNI_VERSIONS, cniVersion, isAtLeast } from "../../../daemon/domain/cni/version.ts";
import { refusalOf } from "../refusal.ts";

describe("cniVersion", () => {
  it.each(CNI_VERSIONS)("knows %s", (version) => {
    expect(cniVersion(version)).toBe(version);
  });

  it("takes none for the oldest", () => {
    expect(cniVersion("")).toBe("0.1.0");
  });

  it.each(["1.2.3", "0.3", "v1.0.0", "1.0.0 ", "length"])("refuses %j and says which it knows", (text) => {
    expect(refusalOf(() => cniVersion(text))).toMatchObject({
      kind: "incompatible-version",
      code: 1,
      message: "incompatible CNI versions",
      details: `config is "${text}", plugin supports ["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]`,
    });
  });
});

describe("isAtLeast", () => {
  it.each([
    { version: "0.4.0", least: "0.4.0", want: true },
    { version: "1.0.0", least: "0.4.0", want: true },
    { version: "0.3.1", least: "0.3.0", want: true },
    { version: "0.3.1", least: "0.4.0", want: false },
    { version: "0.1.0", least: "1.1.0", want: false },
  ] as const)("$version against $least: $want", ({ version, least, want }) => {
    expect(isAtLeast(version, least)).toBe(want);
  });
});
