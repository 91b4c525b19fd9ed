/** ADD with default-route in the pod's annotation: what it does to the sandbox's routes, and what it leaves when it fails. */
import { beforeEach, describe, expect, it } from "vitest";
import type { DefaultRoute } from "../../../daemon/ports/sandboxes.ts";
import { PlexusError } from "../../../daemon/domain/errors.ts";
import type { NetnsIdentity } from "../../../daemon/domain/ids.ts";
import { memorySandboxes, type MemorySandboxes, type Routes } from "../../fakes/memory-sandboxes.ts";
import { fails, succeeds } from "../../fakes/scripted-plugin-runner.ts";
import { addRequest, delRequest, netns, obedient, said, sandbox, stage, type StageOptions, stdinOf } from "../stage.ts";

const MACVLAN = '{"cniVersion":"1.0.0","type":"macvlan"}';

const ETH0_V4 = { ifName: "eth0", gateway: "10.0.0.1", attributes: ["metric", "5"] };
const ETH0_V6 = { ifName: "eth0", gateway: "fd00::1" };
/** Of an interface that was in the sandbox before. */
const FOREIGN = { ifName: "wan0", gateway: "10.7.0.1", attributes: ["metric", "9"] };
const NET1_V4 = { ifName: "net1", gateway: "10.1.1.254" };

const failed = (want: object): Error => expect.objectContaining(want) as Error;

let table: Routes;
let routes: MemorySandboxes;

beforeEach(() => {
  table = { 4: [], 6: [] };
  const behind = { identity: "4:4026532281:1" as NetnsIdentity, links: new Set<never>(), routes: table };
  routes = memorySandboxes(new Map([[netns, behind]]), (address) => !/^(?:10\.9\.|fd09:)/.test(address));
});

/** A node where the default network brings default routes of both families, beside a foreign one. */
function node(defaultRoute: readonly string[] | undefined, options: StageOptions = {}) {
  return stage({
    annotation: JSON.stringify([{ name: "blue", "default-route": defaultRoute }]),
    nads: { blue: MACVLAN },
    routes,
    script: (run) => {
      if (said(run) === "ADD eth0 bridge") {
        table[4] = [FOREIGN, ETH0_V4];
        table[6] = [ETH0_V6];
        return routed(run.env["CNI_NETNS"]);
      }
      return obedient(run);
    },
    ...options,
  });
}

function routed(path: string | undefined) {
  const interfaces = [{ name: "eth0", sandbox: path }];
  const defaults = [ETH0_V4, ETH0_V6].map(({ gateway: gw }, i) => ({ dst: i === 0 ? "0.0.0.0/0" : "::/0", gw }));
  return succeeds(JSON.stringify({ cniVersion: "1.0.0", interfaces, routes: defaults }));
}

describe("ADD leaves the pod with", () => {
  it.each<{
    why: string;
    asked: readonly string[] | undefined;
    v4: readonly DefaultRoute[];
    v6: readonly DefaultRoute[];
  }>([
    {
      why: "the default routes it has, when nobody asks (T210)",
      asked: undefined,
      v4: [FOREIGN, ETH0_V4],
      v6: [ETH0_V6],
    },
    {
      why: "one of IPv4 by way of net1, and IPv6 as it was (T211, T215, T216)",
      asked: ["10.1.1.254"],
      v4: [NET1_V4],
      v6: [ETH0_V6],
    },
    {
      why: "one of IPv6 by way of net1, and IPv4 as it was",
      asked: ["fd01::fe"],
      v4: [FOREIGN, ETH0_V4],
      v6: [{ ifName: "net1", gateway: "fd01::fe" }],
    },
    {
      why: "one of each by way of net1 (T212)",
      asked: ["10.1.1.254", "fd01:0::fe"],
      v4: [NET1_V4],
      v6: [{ ifName: "net1", gateway: "fd01::fe" }],
    },
    { why: "none, after an empty list (T213)", asked: [], v4: [], v6: [] },
  ])("$why", async ({ asked, v4, v6 }) => {
    const { add, scope } = node(asked);
    await add(addRequest(), scope());
    expect(table).toEqual({ 4: v4, 6: v6 });
  });

  it("the very route it has, when that is what it asks for", async () => {
    const own = { ...NET1_V4, attributes: ["mtu", "1400"] };
    const { add, scope } = node(["10.1.1.254"], {
      script: (run) => {
        table[4] = said(run) === "ADD net1 macvlan" ? [own] : table[4];
        return obedient(run);
      },
    });
    await add(addRequest(), scope());
    expect(table[4]).toEqual([own]);
    expect(routes.calls).toEqual(["read 4"]);
  });
});

describe("ADD", () => {
  it("looks at no routes when nobody asks (T210)", async () => {
    const { add, scope } = node(undefined);
    await add(addRequest(), scope());
    expect(routes.calls).toEqual([]);
  });

  it("answers the runtime with what the default network's plugins said (T215)", async () => {
    const { add, scope } = node(["10.1.1.254"]);
    expect(JSON.parse(await add(addRequest(), scope()))).toMatchObject({
      routes: [
        { dst: "0.0.0.0/0", gw: "10.0.0.1" },
        { dst: "::/0", gw: "fd00::1" },
      ],
    });
  });

  it("shows in the network status the gateways that are", async () => {
    const { add, scope, statusBoard } = node(["10.1.1.254"]);
    await add(addRequest(), scope());
    expect(JSON.parse(statusBoard.shown(sandbox) ?? "")).toMatchObject([
      { interface: "eth0", gateway: ["fd00::1"] },
      { interface: "net1", gateway: ["10.1.1.254"] },
    ]);
  });

  it("keeps on record what the plugins said and what was asked for, and has CHECK told of the routes that are", async () => {
    const { add, check, scope, journal, runner } = node([]);
    await add(addRequest(), scope());
    const record = await journal.read(sandbox);
    expect(record?.attachments.map(({ defaultRoute }) => defaultRoute)).toEqual([undefined, []]);
    expect(record?.attachments[0]?.result?.text).toContain('"routes"');
    await check(delRequest, scope());
    const prevResults = runner.runs.slice(2).map((run) => stdinOf(run)["prevResult"]);
    expect(prevResults).toMatchObject([{ interfaces: [{ name: "eth0" }] }, { interfaces: [{ name: "net1" }] }]);
    expect(prevResults.map((result) => Object.hasOwn(result as object, "routes"))).toEqual([false, false]);
  });

  it("is refused before anything runs when two networks ask for a gateway of one family (T214)", async () => {
    const annotation = JSON.stringify([
      { name: "blue", "default-route": ["10.1.1.254"] },
      { name: "blue", "default-route": ["10.2.2.254"] },
    ]);
    const { add, scope, said: all, journal } = node(undefined, { annotation });
    await expect(add(addRequest(), scope())).rejects.toThrow(
      failed({ code: 7, message: "[shop/web/uid-1]: multus does not support ECMP for default-route" }),
    );
    expect(all()).toEqual([]);
    expect(await journal.list()).toEqual([]);
  });
});

describe("an ADD that fails", () => {
  it("over an unreachable gateway undoes everything, and names gateway, interface and network (T217)", async () => {
    const { add, scope, said: all, journal, statusBoard } = node(["10.9.9.9"]);
    await expect(add(addRequest(), scope())).rejects.toThrow(
      failed({
        code: 7,
        message:
          '[shop/web/uid-1]: error setting default gateway: 10.9.9.9 by way of interface net1, network "shop/blue": Nexthop has invalid gateway',
        details: expect.stringContaining("in a subnet of net1") as string,
      }),
    );
    expect(all().slice(2)).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
    expect(await journal.list()).toEqual([]);
    expect(statusBoard.shown(sandbox)).toBeUndefined();
  });

  it("puts back the default routes of interfaces that are not its own, as they were", async () => {
    const { add, scope } = node(["10.9.9.9"]);
    await expect(add(addRequest(), scope())).rejects.toThrow();
    expect(table).toEqual({ 4: [FOREIGN], 6: [ETH0_V6] });
  });

  it("has no routes to put back when it took only its own", async () => {
    const { add, scope } = node(["fd09::9"]);
    await expect(add(addRequest(), scope())).rejects.toThrow(failed({ code: 7 }));
    expect(routes.calls).toEqual(["read 6", "replace 6"]);
  });

  it("after the routes were set puts them back too", async () => {
    const { add, scope, journal } = node([], {
      routes: {
        ...routes,
        replaceDefaultRoutes: async (...call) => {
          journal.refuse(new PlexusError("io-failure", "no space left on device"));
          await routes.replaceDefaultRoutes(...call);
        },
      },
    });
    await expect(add(addRequest(), scope())).rejects.toThrow(failed({ code: 5 }));
    expect(table).toEqual({ 4: [FOREIGN], 6: [] });
  });

  it("before the routes were set leaves them alone", async () => {
    const { add, scope } = node(["10.1.1.254"], {
      script: (run) => (said(run) === "ADD net1 macvlan" ? fails('{"code":42,"msg":"no"}') : obedient(run)),
    });
    await expect(add(addRequest(), scope())).rejects.toThrow(failed({ code: 42 }));
    expect(routes.calls).toEqual([]);
  });

  it("because somebody else sets routes meanwhile says so, and is undone", async () => {
    const {
      add,
      scope,
      said: all,
    } = node(["10.1.1.254"], {
      routes: {
        ...routes,
        replaceDefaultRoutes: async (...call) => {
          await routes.replaceDefaultRoutes(...call);
          table[4] = [...table[4], FOREIGN];
        },
      },
    });
    await expect(add(addRequest(), scope())).rejects.toThrow(
      failed({ code: 5, message: expect.stringContaining("other IPv4 default routes") as string }),
    );
    expect(all().slice(2)).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
  });

  it("and cannot put routes back warns of it, and undoes the rest", async () => {
    const refusal = new PlexusError("io-failure", "ip could not be run: ENOMEM");
    const {
      add,
      scope,
      said: all,
      warnings,
    } = node(["10.1.1.254"], {
      routes: { ...routes, replaceDefaultRoutes: () => Promise.reject(refusal) },
    });
    await expect(add(addRequest(), scope())).rejects.toThrow(failed({ code: 5 }));
    expect(warnings).toEqual([expect.stringContaining("default routes stay as they are: ip could not be run")]);
    expect(all().slice(2)).toEqual(["DEL net1 macvlan", "DEL eth0 bridge"]);
  });
});
