import { describe, expect, it } from "vitest";
import { parseConflist } from "../../../daemon/domain/cni/conf.ts";
import { pluginStdin } from "../../../daemon/domain/cni/plugin-stdin.ts";
import { JsonObject } from "../../../daemon/domain/json/json-object.ts";

const args = (text = "{}"): JsonObject => JsonObject.parse(text, "capability args");

function stdinOf(conf: string, capabilityArgs: JsonObject, prevResult?: string): string {
  const list = parseConflist(`{"cniVersion":"1.0.0","name":"pods","plugins":[${conf}]}`, "the config");
  const [plugin] = list.plugins;
  return plugin === undefined ? expect.fail("no plugin") : pluginStdin(list, plugin, { capabilityArgs, prevResult });
}

describe("pluginStdin", () => {
  it.each([
    {
      why: "the list's name and version replace the plugin's own",
      conf: '{"type":"a","name":"other","cniVersion":"0.2.0"}',
      want: '{"type":"a","name":"pods","cniVersion":"1.0.0"}',
    },
    {
      why: "all else stays as it was written, in its order",
      conf: '{"z":1.50,"type":"a","10":1,"9":2}',
      want: '{"z":1.50,"type":"a","10":1,"9":2,"name":"pods","cniVersion":"1.0.0"}',
    },
    {
      why: "a declared capability gets its arg, and stays declared (T195, T196)",
      conf: '{"type":"a","capabilities":{"mac":true}}',
      given: '{"mac":"c2:b0:57:49:47:f1","ips":["10.0.0.1"]}',
      want: '{"type":"a","capabilities":{"mac":true},"name":"pods","cniVersion":"1.0.0","runtimeConfig":{"mac":"c2:b0:57:49:47:f1"}}',
    },
    {
      why: "one declared as false gets nothing (T198)",
      conf: '{"type":"a","capabilities":{"ips":false}}',
      given: '{"ips":["10.0.0.1"]}',
      want: '{"type":"a","capabilities":{"ips":false},"name":"pods","cniVersion":"1.0.0"}',
    },
    {
      why: "a runtimeConfig in the conf is left alone while nothing matches",
      conf: '{"type":"a","runtimeConfig":{"x":1}}',
      given: '{"ips":["10.0.0.1"]}',
      want: '{"type":"a","runtimeConfig":{"x":1},"name":"pods","cniVersion":"1.0.0"}',
    },
    {
      why: "a prevResult in the conf is nobody's result",
      conf: '{"type":"a","prevResult":{"x":1}}',
      want: '{"type":"a","name":"pods","cniVersion":"1.0.0"}',
    },
  ])("$why", ({ conf, given, want }) => {
    expect(stdinOf(conf, args(given))).toBe(want);
  });

  it("hands the previous result on byte for byte", () => {
    const prevResult = '{"cniVersion":"1.0.0","vendor":12345678901234567890}';
    expect(stdinOf('{"type":"a"}', args(), prevResult)).toBe(
      `{"type":"a","name":"pods","cniVersion":"1.0.0","prevResult":${prevResult}}`,
    );
  });
});
