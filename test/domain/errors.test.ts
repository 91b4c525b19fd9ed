import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { FAILURES, PlexusError } from "../../daemon/domain/errors.ts";

describe("the table of failures", () => {
  const rows = Object.entries(FAILURES).map(([kind, row]) => ({ kind, ...row }));

  it("gives every kind a CNI code of its own", () => {
    expect(new Set(rows.map(({ cni }) => cni)).size).toBe(rows.length);
  });

  it.each(rows)("$kind names a gRPC status that exists", ({ grpc }) => {
    expect(status[grpc]).toBeTypeOf("number");
  });

  it("says of code 11, and of no kind that needs a person, that a retry helps", () => {
    expect(FAILURES["try-again-later"]).toMatchObject({ cni: 11, retry: true });
    expect(rows.filter(({ retry, cni }) => retry && [1, 2, 3, 4, 6, 7, 8, 999].includes(cni))).toEqual([]);
  });
});

describe("PlexusError", () => {
  it("turns whatever was thrown into an internal failure that keeps its cause", () => {
    const bug = new TypeError("x is undefined");
    expect(PlexusError.from(bug)).toMatchObject({ kind: "internal", code: 999, message: "x is undefined", cause: bug });
    expect(PlexusError.from("text")).toMatchObject({ code: 999, message: "text" });
  });

  it("leaves one of its own as it is", () => {
    const error = new PlexusError("invalid-netns", "no");
    expect(PlexusError.from(error)).toBe(error);
  });

  it("keeps kind, code and details when it is told where it happened", () => {
    const error = new PlexusError("delegate-failed", "no more addresses", { code: 42, details: "range full" });
    expect(error.within('network "blue": ', { details: "interface net1" })).toMatchObject({
      kind: "delegate-failed",
      code: 42,
      message: 'network "blue": no more addresses',
      details: "range full; interface net1",
      cause: error,
    });
  });
});
