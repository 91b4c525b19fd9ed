import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalIp, ipFamily, isMac, parseCidr } from "../../daemon/domain/addresses.ts";

describe("ipFamily", () => {
  it.each([
    { text: "10.0.0.1", family: 4 },
    { text: "0.0.0.0", family: 4 },
    { text: "255.255.255.255", family: 4 },
    { text: "::", family: 6 },
    { text: "::1", family: 6 },
    { text: "fe80::", family: 6 },
    { text: "2001:DB8::a:0", family: 6 },
    { text: "1:2:3:4:5:6:7:8", family: 6 },
    { text: "1:2:3:4:5:6:7::", family: 6 },
    { text: "1:2:3:4:5:6:10.0.0.1", family: 6 },
    { text: "64:ff9b::10.0.0.1", family: 6 },
    { text: "::ffff:10.0.0.1", family: 4 },
    { text: "::ffff:a00:1", family: 4 },
    { text: "0:0:0:0:0:ffff:10.0.0.1", family: 4 },
  ])("$text is of family $family", ({ text, family }) => {
    expect(ipFamily(text)).toBe(family);
  });

  it.each([
    { why: "nothing", text: "" },
    { why: "a leading zero", text: "10.0.0.01" },
    { why: "a number beyond a byte", text: "10.0.0.256" },
    { why: "three numbers", text: "10.0.0" },
    { why: "five numbers", text: "10.0.0.1.2" },
    { why: "a blank", text: " 10.0.0.1" },
    { why: "a zone", text: "fe80::1%eth0" },
    { why: "brackets", text: "[::1]" },
    { why: "seven groups", text: "1:2:3:4:5:6:7" },
    { why: "nine groups", text: "1:2:3:4:5:6:7:8:9" },
    { why: "a :: that stands for nothing", text: "1:2:3:4::5:6:7:8" },
    { why: "two ::", text: "1::2::3" },
    { why: "three colons", text: "1:::2" },
    { why: "a colon at the end", text: "1:2:3:4:5:6:7:" },
    { why: "a colon in front", text: ":1:2:3:4:5:6:7" },
    { why: "five digits", text: "::12345" },
    { why: "IPv4 in the middle", text: "::10.0.0.1:2" },
    { why: "IPv4 before ::", text: "10.0.0.1::" },
    { why: "IPv4 with a leading zero inside IPv6", text: "::ffff:10.0.0.01" },
    { why: "one group too many with IPv4", text: "1:2:3:4:5:6:7:10.0.0.1" },
    { why: "a prefix length", text: "10.0.0.1/8" },
  ])("refuses $why", ({ text }) => {
    expect(ipFamily(text)).toBeUndefined();
  });

  it("agrees with Node about what an address is, but for zones, whatever the text", () => {
    const near = fc.string({ unit: fc.constantFrom("0", "1", "9", "25", "a", "ffff", ":", "::", "."), maxLength: 16 });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near), (text) => {
        expect(ipFamily(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("canonicalIp", () => {
  it.each([
    { text: "10.0.0.1", want: "10.0.0.1" },
    { text: "::ffff:10.1.2.254", want: "10.1.2.254" },
    { text: "0:0:0:0:0:FFFF:0a01:02fe", want: "10.1.2.254" },
    { text: "FD00:0:0:0::0001", want: "fd00::1" },
    { text: "2001:db8:0:0:1:0:0:1", want: "2001:db8::1:0:0:1" },
    { text: "64:ff9b::10.0.0.1", want: "64:ff9b::a00:1" },
    { text: "::", want: "::" },
    { text: "10.0.0.01", want: undefined },
    { text: "fe80::1%eth0", want: undefined },
    { text: "", want: undefined },
  ])("of $text is $want", ({ text, want }) => {
    expect(canonicalIp(text)).toBe(want);
  });
});

describe("parseCidr", () => {
  it.each([
    { text: "10.1.2.3/24", want: { family: 4, prefixLength: 24 } },
    { text: "0.0.0.0/0", want: { family: 4, prefixLength: 0 } },
    { text: "10.0.0.0/032", want: { family: 4, prefixLength: 32 } },
    { text: "::/0", want: { family: 6, prefixLength: 0 } },
    { text: "fd00::1/128", want: { family: 6, prefixLength: 128 } },
    { text: "::ffff:10.0.0.1/120", want: { family: 4, prefixLength: 120 } },
  ])("reads $text", ({ text, want }) => {
    expect(parseCidr(text)).toEqual(want);
  });

  it.each([
    "",
    "/",
    "10.0.0.1",
    "10.0.0.1/",
    "/24",
    "10.0.0.1/33",
    "::/129",
    "10.0.0.1/-1",
    "10.0.0.1/+1",
    "10.0.0.1/8/8",
    "10.0.0.1/0x8",
    "10.0.0.1/ 8",
    "x/8",
  ])("refuses %j", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

describe("isMac", () => {
  const bytes = (count: number, separator: string) => Array<string>(count).fill("0A").join(separator);
  const words = (count: number) => Array<string>(count).fill("0a1B").join(".");

  it.each([
    { why: "6 bytes with colons", text: bytes(6, ":") },
    { why: "6 bytes with dashes", text: bytes(6, "-") },
    { why: "8 bytes with colons", text: bytes(8, ":") },
    { why: "8 bytes with dashes", text: bytes(8, "-") },
    { why: "20 bytes with colons", text: bytes(20, ":") },
    { why: "6 bytes in words", text: words(3) },
    { why: "8 bytes in words", text: words(4) },
    { why: "20 bytes in words", text: words(10) },
  ])("takes $why", ({ text }) => {
    expect(isMac(text)).toBe(true);
  });

  it.each([
    { why: "nothing", text: "" },
    { why: "5 bytes", text: bytes(5, ":") },
    { why: "7 bytes", text: bytes(7, ":") },
    { why: "9 bytes", text: bytes(9, ":") },
    { why: "14 bytes", text: bytes(14, ":") },
    { why: "21 bytes", text: bytes(21, ":") },
    { why: "2 words", text: words(2) },
    { why: "5 words", text: words(5) },
    { why: "6 words", text: words(6) },
    { why: "9 words", text: words(9) },
    { why: "11 words", text: words(11) },
    { why: "two kinds of separators", text: "00:11-22:33:44:55" },
    { why: "no separators", text: "001122334455" },
    { why: "a byte of one digit", text: "0:11:22:33:44:555" },
    { why: "what is no hex digit", text: "0g:11:22:33:44:55" },
    { why: "more behind it", text: "00:11:22:33:44:55\n" },
  ])("refuses $why", ({ text }) => {
    expect(isMac(text)).toBe(false);
  });
});
