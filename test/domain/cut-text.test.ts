import { describe, expect, it } from "vitest";
import { cutBytes, cutText } from "../../daemon/domain/cut-text.ts";
import { PlexusError } from "../../daemon/domain/errors.ts";

describe("cutText", () => {
  it.each([
    { why: "leaves what is short enough", text: "x".repeat(60), want: "x".repeat(60) },
    { why: "says how much is missing", text: "x".repeat(61), want: `${"x".repeat(22)}... (39 more characters)` },
    {
      why: "leaves no half of a character",
      text: `${"x".repeat(21)}\u{1f600}${"x".repeat(60)}`,
      want: `${"x".repeat(21)}... (62 more characters)`,
    },
  ])("$why", ({ text, want }) => {
    expect(cutText(text, 60)).toBe(want);
  });
});

describe("cutBytes", () => {
  it.each([
    { why: "leaves what is short enough", text: "äöü", most: 6, want: "äöü" },
    { why: "cuts no character in two", text: "äöü", most: 5, want: "äö" },
    { why: "nor one of four bytes", text: "a\u{1f600}", most: 4, want: "a" },
  ])("$why", ({ text, most, want }) => {
    expect(cutBytes(text, most)).toBe(want);
  });
});

describe("PlexusError", () => {
  it("keeps message and details short, whatever they quote, and what is added in front (issue 11)", () => {
    const huge = new PlexusError("invalid-config", "x".repeat(3_000_000), { details: "y".repeat(3_000_000) });
    const error = huge.within("[shop/web]: ", { details: "next" });
    expect(error.message).toMatch(/^\[shop\/web\]: x/);
    expect(error.message.length).toBeLessThanOrEqual(4_096);
    expect(error.details?.length).toBeLessThanOrEqual(4_096);
  });
});
