import { describe, expect, it } from "vitest";
import { parseConfig } from "../../daemon/config/load.ts";
import { runtimeConfOf } from "../../daemon/config/runtime-conf.ts";
import { parseNetConf } from "../../daemon/domain/netconf.ts";
import { readNetworkConfig } from "../../shim/core/network-config.ts";

const parse = (settings: object) => parseConfig(JSON.stringify(settings), "daemon.json");
/** What the executable would be told besides, in its conf. */
function forExecutable(settings: object): unknown {
  const { source } = auto(settings) ?? expect.fail("there is a conf");
  return source.is === "primary" ? source.primary.template.forExecutable : expect.fail("it is made from the primary's");
}
const auto = (settings: object) => runtimeConfOf(parse({ multusConfigFile: "auto", ...settings }));

describe("the settings of the runtime's conf", () => {
  it("are none unless somebody asks for it", () => {
    expect(runtimeConfOf(parse({ cniConfigDir: "/x" }))).toBeUndefined();
  });

  it("lead to a file of ours in the runtime's directory, where the default network's is as well", () => {
    expect(auto({})).toMatchObject({
      directory: "/etc/cni/net.d",
      fileName: "00-plexus.conf",
      source: { is: "primary", primary: { directory: "/etc/cni/net.d" } },
    });
  });

  it("lead to a file of another name when the administrator says so", () => {
    expect(auto({ cniConfigFile: "00-a-plexus.json" })).toMatchObject({ fileName: "00-a-plexus.json" });
  });

  it("lead to a file of the same name when one is given (T289)", () => {
    expect(runtimeConfOf(parse({ multusConfigFile: "/a/b.conflist", cniConfigDir: "/host/etc/cni/net.d/" }))).toEqual({
      directory: "/host/etc/cni/net.d",
      fileName: "b.conflist",
      type: "plexus",
      source: { is: "file", path: "/a/b.conflist" },
    });
  });

  it.each([
    { why: "nothing that it knows by itself", settings: {}, want: {} },
    {
      why: "nor what is the same with other words",
      settings: { socketDir: "/run/plexus/", stateDir: "/host/var/lib/plexus/", operationTimeoutMs: 100_000 },
      want: {},
    },
    {
      why: "where it finds socket and spool on the host",
      settings: { socketDir: "/host/run/multus/", stateDir: "/data" },
      want: { daemonSocketDir: "/run/multus", daemonSpoolDir: "/data/spool" },
    },
    {
      why: "where the administrator says that the socket is",
      settings: { socketDir: "/sockets", daemonSocketDir: "/run/sockets/" },
      want: { daemonSocketDir: "/run/sockets" },
    },
    {
      why: "how long the daemon may take, when that is longer",
      settings: { operationTimeoutMs: 300_500 },
      want: { daemonTimeoutSeconds: 301 },
    },
    {
      why: "and no longer than it can be told",
      settings: { operationTimeoutMs: 86_400_000 },
      want: { daemonTimeoutSeconds: 3_600 },
    },
  ])("tell the executable $why", ({ settings, want }) => {
    expect(forExecutable(settings)).toStrictEqual(want);
  });

  it("tell it nothing that is not so without saying", () => {
    const { socketDir, stateDir, operationTimeoutMs } = parse({});
    expect(readNetworkConfig(new TextEncoder().encode('{"name":"x"}'))).toMatchObject({
      config: {
        socketPath: `${socketDir}/plexus.sock`,
        spoolDir: `${stateDir}/spool`,
        timeoutMs: operationTimeoutMs,
      },
    });
  });
});

describe("a readiness file in the conf of the runtime", () => {
  const given = '{"name":"x","readinessindicatorfile":"/of/the/runtime"}';
  const fileFor = (settings: object) => parseNetConf(given, parse(settings).overlay).readinessIndicatorFile;

  it.each([
    {
      why: "does not count where the daemon writes that conf (T064)",
      settings: { multusConfigFile: "auto" },
      want: undefined,
    },
    {
      why: "gives way to the daemon's own, which ADDs wait for (T288)",
      settings: { multusConfigFile: "auto", readinessIndicatorFile: "/of/the/daemon" },
      want: "/of/the/daemon",
    },
    { why: "counts where somebody else does", settings: { multusConfigFile: "/a.conf" }, want: "/of/the/runtime" },
    { why: "counts where nobody does", settings: {}, want: "/of/the/runtime" },
  ])("$why", ({ settings, want }) => {
    expect(fileFor(settings)).toBe(want);
  });

  it("is the daemon's to look at as well", () => {
    expect(auto({ readinessindicatorfile: "/of/the/daemon" })).toMatchObject({
      source: { readinessIndicatorFile: "/of/the/daemon" },
    });
  });
});
