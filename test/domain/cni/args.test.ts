import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { delegateCniArgs, parseCniArgs } from "../../../daemon/domain/cni/args.ts";
import { refusalOf } from "../refusal.ts";

const CONTAINERD =
  "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=7f1e";

describe("parseCniArgs", () => {
  it("finds the pod in what containerd sends", () => {
    expect(parseCniArgs(CONTAINERD)).toMatchObject({
      pod: { namespace: "shop", name: "web-0" },
      podUid: "7f1e",
      infraContainerId: "c0ffee",
    });
  });

  it.each([
    { why: "nothing given", text: "" },
    { why: "no pod name", text: "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop" },
    { why: "an empty pod name", text: "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=;K8S_POD_UID=" },
  ])("knows no pod: $why", ({ text }) => {
    expect(parseCniArgs(text)).toMatchObject({ pod: undefined, podUid: "", infraContainerId: "" });
  });

  it.each([
    { why: "a value with = in it", text: "TOKEN=a=b==", want: [["TOKEN", "a=b=="]] },
    { why: "an empty value", text: "IP=", want: [["IP", ""]] },
    { why: "a trailing semicolon", text: "A=1;", want: [["A", "1"]] },
    {
      why: "semicolons with nothing between them",
      text: ";A=1;;B=2",
      want: [
        ["A", "1"],
        ["B", "2"],
      ],
    },
    {
      why: "unknown keys without IgnoreUnknown",
      text: "B=1;A=2",
      want: [
        ["B", "1"],
        ["A", "2"],
      ],
    },
  ])("takes $why", ({ text, want }) => {
    expect(parseCniArgs(text).pairs).toEqual(want);
  });

  it("believes the last of a repeated key", () => {
    expect(parseCniArgs("K8S_POD_NAME=a;K8S_POD_NAME=b").pod?.name).toBe("b");
  });

  it.each([
    { why: "T201: a colon for the =", text: "K8S_POD_NAME:hunter2", message: 'CNI_ARGS: invalid pair "K8S_POD_NAME"' },
    { why: "an item that is only a key", text: "A=1;IgnoreUnknown", message: 'CNI_ARGS: invalid pair "IgnoreUnknown"' },
    { why: "an item without a key", text: "=hunter2", message: 'CNI_ARGS: invalid pair ""' },
  ])("refuses $why, and shows no value", ({ text, message }) => {
    expect(refusalOf(() => parseCniArgs(text))).toMatchObject({ kind: "invalid-environment", code: 4, message });
  });

  it("gives pairs or a PlexusError, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("A", "K8S_POD_NAME", "=", ";", " ", "é", "\0") }), (text) => {
        refusalOf(() => delegateCniArgs(parseCniArgs(text), []));
      }),
    );
  });
});

describe("delegateCniArgs", () => {
  it.each([
    {
      why: "the promised five come first, in their order",
      given:
        "K8S_POD_UID=7f1e;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c0ffee;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop",
      extra: [],
      want: "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=7f1e",
    },
    {
      why: "and are there even when nothing was given",
      given: "",
      extra: [],
      want: "IgnoreUnknown=true;K8S_POD_NAMESPACE=;K8S_POD_NAME=;K8S_POD_INFRA_CONTAINER_ID=;K8S_POD_UID=",
    },
    {
      why: "T199, T200: the runtime's others follow once, in their order, then what the selection adds",
      given: `Z=1;${CONTAINERD};A=foo=bar;Z=2`,
      extra: [
        ["MAC", "02:00:00:00:00:01"],
        ["IP", "10.0.0.1/24,fd00::1/64"],
      ],
      want:
        "IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c0ffee;K8S_POD_UID=7f1e" +
        ";Z=2;A=foo=bar;MAC=02:00:00:00:00:01;IP=10.0.0.1/24,fd00::1/64",
    },
    {
      why: "an IP from the runtime goes along",
      given: "IP=10.0.0.9",
      extra: [],
      want: "IgnoreUnknown=true;K8S_POD_NAMESPACE=;K8S_POD_NAME=;K8S_POD_INFRA_CONTAINER_ID=;K8S_POD_UID=;IP=10.0.0.9",
    },
    {
      why: "unless the selection asks for another",
      given: "IP=10.0.0.9",
      extra: [["IP", "10.0.0.1"]],
      want: "IgnoreUnknown=true;K8S_POD_NAMESPACE=;K8S_POD_NAME=;K8S_POD_INFRA_CONTAINER_ID=;K8S_POD_UID=;IP=10.0.0.1",
    },
  ] as const)("$why", ({ given, extra, want }) => {
    expect(delegateCniArgs(parseCniArgs(given), extra)).toBe(want);
  });

  it("is read back with the same pod", () => {
    const text = delegateCniArgs(parseCniArgs(CONTAINERD), []);
    expect(parseCniArgs(text).pod).toEqual(parseCniArgs(CONTAINERD).pod);
  });
});
