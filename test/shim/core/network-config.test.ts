import { describe, expect, it } from "vitest";
import { helpText } from "../../../shim/core/about.ts";
import { versionProblem } from "../../../shim/core/cni-version.ts";
import {
  DEFAULT_SOCKET_DIR,
  DEFAULT_SPOOL_DIR,
  DEFAULT_TIMEOUT_SECONDS,
  DEFAULT_WAIT_SECONDS,
  MAX_TIMEOUT_SECONDS,
  MAX_WAIT_SECONDS,
  MIN_TIMEOUT_SECONDS,
  readNetworkConfig,
  SOCKET_NAME,
} from "../../../shim/core/network-config.ts";
import { toUtf8 } from "../../../shim/core/utf8.ts";

function readText(text: string) {
  return readNetworkConfig(toUtf8(text));
}

function read(config: object) {
  return readText(JSON.stringify({ name: "n", ...config }));
}

const defaults = {
  cniVersion: "",
  socketPath: "/run/plexus/plexus.sock",
  spoolDir: "/var/lib/plexus/spool",
  waitMs: 60_000,
  timeoutMs: 240_000,
};

describe("readNetworkConfig", () => {
  it.each([
    { why: "defaults for everything but the name", config: {}, expected: {} },
    { why: "the version", config: { cniVersion: "1.0.0" }, expected: { cniVersion: "1.0.0" } },
    {
      why: "the socket's directory",
      config: { daemonSocketDir: "/a/b" },
      expected: { socketPath: "/a/b/plexus.sock" },
    },
    {
      why: "a directory with slashes at its end",
      config: { daemonSocketDir: "/a//" },
      expected: { socketPath: "/a/plexus.sock" },
    },
    {
      why: "the spool's directory",
      config: { daemonSpoolDir: `/${"x".repeat(200)}/` },
      expected: { spoolDir: `/${"x".repeat(200)}` },
    },
    { why: "an empty directory as none", config: { daemonSocketDir: "" }, expected: {} },
    { why: "no wait at all", config: { daemonWaitSeconds: 0 }, expected: { waitMs: 0 } },
    { why: "the longest wait", config: { daemonWaitSeconds: 600 }, expected: { waitMs: 600_000 } },
    { why: "a fraction of a second", config: { daemonTimeoutSeconds: 0.25 }, expected: { timeoutMs: 250 } },
    { why: "null as none", config: { daemonWaitSeconds: null, daemonSocketDir: null }, expected: {} },
  ])("reads $why", ({ config, expected }) => {
    expect(read(config)).toEqual({ kind: "config", config: { ...defaults, ...expected } });
  });

  it.each([
    { why: "in any case", text: '{"NAME":"n","CNIversion":"1.0.0"}', cniVersion: "1.0.0" },
    {
      why: "the exact key before any other",
      text: '{"name":"n","cniVersion":"1.0.0","CNIVERSION":"2"}',
      cniVersion: "1.0.0",
    },
    { why: "the last of the same", text: '{"name":"n","cniVersion":"1","cniVersion":"1.0.0"}', cniVersion: "1.0.0" },
    { why: "the last of the similar", text: '{"name":"n","cniversion":"1","CniVersion":"1.0.0"}', cniVersion: "1.0.0" },
    { why: "through escapes", text: '{"n\\u0061me":"\\u006e","cniVersion":"1\\u002e0.0"}', cniVersion: "1.0.0" },
    { why: "at the top level only", text: '{"name":"n","x":{"cniVersion":"2"}}', cniVersion: "" },
    { why: "and not keys that are just as long", text: '{"name":"n","cniVersio_":"2"}', cniVersion: "" },
  ])("finds keys as Go does: $why", ({ text, cniVersion }) => {
    expect(readText(text)).toMatchObject({ config: { cniVersion } });
  });

  it.each([
    { why: "T005: no name", text: "{}", code: 7, msg: "missing network name" },
    { why: "an empty name", text: '{"name":""}', code: 7, msg: "missing network name" },
    { why: "null for a name", text: '{"name":null}', code: 7, msg: "missing network name" },
    {
      why: "a malformed name",
      text: '{"name":"a b"}',
      code: 7,
      msg: "invalid characters found in network name",
      details: "a b",
    },
    { why: "nothing", text: "", code: 6, msg: "error unmarshall network config: unexpected end of JSON input" },
    { why: "no JSON", text: "name", code: 6, msg: "error unmarshall network config: invalid JSON at byte 2" },
    { why: "no object", text: "[]", code: 6, msg: "error unmarshall network config: it is not a JSON object" },
    {
      why: "a name that is no string",
      text: '{"name":1}',
      code: 6,
      msg: 'error unmarshall network config: "name" is not a string',
    },
    {
      why: "a version that is no string",
      text: '{"name":"n","cniVersion":1}',
      code: 6,
      msg: 'error unmarshall network config: "cniVersion" is not a string',
    },
    {
      why: "a directory that is no string",
      text: '{"name":"n","daemonSocketDir":1}',
      code: 7,
      msg: '"daemonSocketDir" is not a string',
    },
    {
      why: "a relative directory",
      text: '{"name":"n","daemonSocketDir":"run"}',
      code: 7,
      msg: '"daemonSocketDir" cannot be used',
      details: "it must be an absolute path",
    },
    {
      why: "a NUL in the directory",
      text: '{"name":"n","daemonSocketDir":"/\\u0000"}',
      code: 7,
      msg: '"daemonSocketDir" cannot be used',
      details: "it contains a NUL character",
    },
    {
      why: "a relative directory for the spool",
      text: '{"name":"n","daemonSpoolDir":"spool"}',
      code: 7,
      msg: '"daemonSpoolDir" cannot be used',
      details: "it must be an absolute path",
    },
    {
      why: "a directory that is too long for a socket",
      text: `{"name":"n","daemonSocketDir":"/${"x".repeat(95)}"}`,
      code: 7,
      msg: '"daemonSocketDir" cannot be used',
      details: "the path of a unix socket is limited, so it may have at most 95 bytes",
    },
  ])("refuses $why", ({ text, code, msg, details = "" }) => {
    expect(readText(text)).toEqual({ kind: "refused", error: { code, msg, details } });
  });

  it("takes the longest directory there can be", () => {
    expect(read({ daemonSocketDir: `/${"x".repeat(94)}` }).kind).toBe("config");
  });

  it.each([
    { key: "daemonWaitSeconds", value: -1, range: "0 to 600" },
    { key: "daemonWaitSeconds", value: 601, range: "0 to 600" },
    { key: "daemonWaitSeconds", value: "60", range: "0 to 600" },
    { key: "daemonWaitSeconds", value: true, range: "0 to 600" },
    { key: "daemonTimeoutSeconds", value: 0, range: "0.1 to 3600" },
    { key: "daemonTimeoutSeconds", value: 3601, range: "0.1 to 3600" },
    { key: "daemonTimeoutSeconds", value: [], range: "0.1 to 3600" },
  ])("refuses $value for $key", ({ key, value, range }) => {
    const error = { code: 7, msg: `"${key}" is not a number of seconds from ${range}`, details: "" };
    expect(read({ [key]: value })).toEqual({ kind: "refused", error });
  });

  it("has the defaults and limits that --help tells", () => {
    const help = helpText("0");
    expect(help).toContain(
      `"daemonSocketDir"       directory of the daemon's socket, ${SOCKET_NAME} (default "${DEFAULT_SOCKET_DIR}")`,
    );
    expect(help).toContain(
      `"daemonSpoolDir"        where a DEL is left while the daemon is away (default "${DEFAULT_SPOOL_DIR}")`,
    );
    expect(help).toContain(`0 to ${MAX_WAIT_SECONDS} (default ${DEFAULT_WAIT_SECONDS})`);
    expect(help).toContain(`${MIN_TIMEOUT_SECONDS} to ${MAX_TIMEOUT_SECONDS} (default ${DEFAULT_TIMEOUT_SECONDS})`);
  });
});

describe("versionProblem", () => {
  const supported = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';
  it.each([
    { verb: "ADD", version: "" },
    { verb: "DEL", version: "0.1.0" },
    { verb: "ADD", version: "1.1.0" },
    { verb: "CHECK", version: "0.4.0" },
    { verb: "CHECK", version: "1.1.0" },
    { verb: "GC", version: "1.1.0" },
    { verb: "STATUS", version: "1.1.0" },
  ])('has nothing against $verb with "$version"', ({ verb, version }) => {
    expect(versionProblem(verb, version)).toBeNull();
  });

  it.each([
    {
      id: "T006",
      verb: "ADD",
      version: "2.0.0",
      msg: "incompatible CNI versions",
      details: `config is "2.0.0", plugin supports ${supported}`,
    },
    {
      id: "T006",
      verb: "STATUS",
      version: 'a"b',
      msg: "incompatible CNI versions",
      details: `config is "a\\"b", plugin supports ${supported}`,
    },
    { id: "T007", verb: "CHECK", version: "0.3.1", msg: "config version does not allow CHECK", details: "" },
    { id: "T007", verb: "CHECK", version: "", msg: "config version does not allow CHECK", details: "" },
    { id: "T008", verb: "STATUS", version: "1.0.0", msg: "config version does not allow STATUS", details: "" },
    { id: "T008", verb: "GC", version: "1.0.0", msg: "config version does not allow GC", details: "" },
  ])('$id: refuses $verb with "$version"', ({ verb, version, msg, details }) => {
    expect(versionProblem(verb, version)).toEqual({ code: 1, msg, details });
  });
});
