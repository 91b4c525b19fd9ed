import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadConfig, parseConfig } from "../../daemon/config/load.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

/** As Multus' own deployment has it. */
const MULTUS = `{
  "chrootDir": "/hostroot", "cniVersion": "0.3.1", "logLevel": "verbose", "logToStderr": true, "cniConfigDir": "/host/etc/cni/net.d",
  "multusAutoconfigDir": "/host/etc/cni/net.d", "multusConfigFile": "auto", "socketDir": "/host/run/multus/"
}`;

const parse = (text: string) => parseConfig(text, "daemon.json");

describe("the daemon's config", () => {
  it("has a default for everything", () => {
    expect(parse("{}")).toMatchObject({ socketDir: "/run/plexus", podWaitMs: 2500, statusMode: "sync", idle: [] });
    expect(parse("{}").overlay.toString()).toBe("{}");
  });

  it("may be the one that Multus had, and says which keys change nothing", () => {
    expect(parse(MULTUS)).toMatchObject({
      hostRoot: "/hostroot",
      logLevel: "info",
      socketDir: "/host/run/multus/",
      multusConfigFile: "auto",
      cniConfigDir: "/host/etc/cni/net.d",
      cniVersion: "0.3.1",
      idle: ["logToStderr"],
    });
  });

  it.each([
    {
      why: "keys match in any case (T119)",
      text: '{"SocketDir":"/x","LOGLEVEL":"DEBUG"}',
      want: { socketDir: "/x", logLevel: "debug" },
    },
    {
      why: "as the config of TKE's fork writes them (T30)",
      text: '{"LogLevel":"debug","LogFile":"/var/log/multus.log"}',
      want: { logLevel: "debug", logFile: "/var/log/multus.log" },
    },
    { why: "in small letters, too (T30)", text: '{"loglevel":"DEBUG"}', want: { logLevel: "debug" } },
    {
      why: "Multus' log levels have their like here (T121, T31)",
      text: '{"logLevel":"VERbose"}',
      want: { logLevel: "info" },
    },
    { why: "Multus' notes are where it kept them", text: '{"cniDir":"/x"}', want: { multusDir: "/x", idle: [] } },
    {
      why: "one list of plugins holds for every namespace",
      text: '{"allowedPlugins":["bridge"]}',
      want: { allowedPlugins: { "*": ["bridge"] } },
    },
    {
      why: "and each namespace may have a list of its own",
      text: '{"allowedPlugins":{"shop":["bridge"],"*":[]}}',
      want: { allowedPlugins: { shop: ["bridge"], "*": [] } },
    },
    { why: "and panic is the quietest there is", text: '{"logLevel":"panic"}', want: { logLevel: "error" } },
  ])("$why", ({ text, want }) => {
    expect(parse(text)).toMatchObject(want);
  });

  it("may be the one that TKE's fork had, whose networks then are the fork's for every pod", () => {
    const text = '{"name":"n","type":"multus","kubeconfig":"/k","defaultDelegates":"tke-bridge","LogLevel":"debug"}';
    expect(parse(text)).toMatchObject({ kubeconfig: "/k", logLevel: "debug", idle: [] });
    const { overlay } = parse(text);
    expect(parseNetConf('{"name":"plexus"}', overlay)).toMatchObject({
      dialect: "tke",
      defaultDelegates: "tke-bridge",
    });
  });

  it("keeps what belongs to the network config for that, as it was written (T270)", () => {
    const { overlay } = parse('{"NamespaceIsolation":true,"binDir":"/b","defaultNetworks":[ "a" ],"stateDir":"/s"}');
    expect(overlay.toString()).toBe('{"namespaceIsolation":true,"binDir":"/b","defaultNetworks":[ "a" ]}');
  });

  it.each([
    { why: "a spelling mistake", text: '{"socketDirectory":"/x"}', says: "socketDirectory" },
    { why: "a relative path", text: '{"stateDir":"x"}', says: "must be an absolute path" },
    { why: "a level that is none (T121)", text: '{"logLevel":"loud"}', says: "logLevel" },
    {
      why: "two ways to the host's file system",
      text: '{"hostRoot":"/a","hostMountNamespace":"/b"}',
      says: "exclude each other",
    },
    { why: "a CNI version that is none", text: '{"cniVersion":"2.0.0"}', says: "cniVersion" },
    { why: "forcing a version without saying which", text: '{"forceCNIVersion":true}', says: "needs a cniVersion" },
    { why: "a path for a name", text: '{"multusMasterCNI":"/etc/cni/net.d/10-a.conf"}', says: "the name of a file" },
    {
      why: "our own conf as the default network's",
      text: '{"multusMasterCNI":"00-multus.conf"}',
      says: "writes itself",
    },
    ...["10-calico.conf", "00-multus.conf", "00-plexus.conflist", "00/plexus.conf"].map((name) => ({
      why: `${name} as the name of our own conf`,
      text: JSON.stringify({ cniConfigFile: name }),
      says: "cniConfigFile",
    })),
    { why: "a conf that runtimes pass over", text: '{"multusConfigFile":"/a/b.txt"}', says: "must end in .conf" },
    { why: "a name that is none", text: '{"name":"a b"}', says: "characters" },
    { why: "a readiness file that is none", text: '{"readinessindicatorfile":1}', says: "readinessindicatorfile" },
    { why: "more than one mistake, all at once", text: '{"podWaitMs":-1,"undoTimeoutMs":0}', says: "undoTimeoutMs" },
    { why: "what is no object", text: "[]", says: "not a JSON object" },
  ])("refuses $why, and names the file", ({ text, says }) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^daemon\.json/) as string }) as Error,
    );
    expect(() => parse(text)).toThrow(says);
  });

  it("is read from a file", async () => {
    const file = join(await temporaryDirectory(), "daemon.json");
    await writeFile(file, '{"binDir":"/usr/lib/cni"}');
    expect(await loadConfig(file)).toMatchObject({ binDir: "/usr/lib/cni" });
    await expect(loadConfig(`${file}.none`)).rejects.toThrow(/cannot read the config/);
  });
});
