/** Pods in user namespaces, and the policies of deploy/ as a real API server enforces them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MASTER, PKI, WORKER } from "../cluster/layout.ts";
import { SERVICE_ADDRESS } from "../cluster/machine.ts";
import { installBridge } from "../cluster/networks.ts";
import { bridgeNetwork, network, NETWORKS, pod } from "../cluster/objects.ts";
import { checkout, installPlexus, PLEXUS_IMAGE, POD_IMAGE, podOf } from "../cluster/plexus.ts";
import { makeSite, type Site } from "../cluster/site.ts";
import { until } from "../cluster/until.ts";

const PATCH = `
const [url, token] = process.argv.slice(1);
const headers = { authorization: "Bearer " + token, "content-type": "application/merge-patch+json" };
const body = JSON.stringify({ metadata: { annotations: { by: "the daemon" } } });
const answer = await fetch(url, { method: "PATCH", headers, body });
console.log(answer.status, await answer.text());`;

/** As the daemon writes, for kubectl reads a status before it writes one, which the daemon may not. */
async function patchStatus({ hub }: Site, token: string, name: string): Promise<string> {
  const url = `https://${SERVICE_ADDRESS}/api/v1/namespaces/default/pods/${name}/status`;
  const command = [process.execPath, "--input-type=module", "-e", PATCH, url, token];
  const { stdout, stderr } = await hub.run(command, { env: { NODE_EXTRA_CA_CERTS: `${PKI}/ca.crt` } });
  return stdout + stderr;
}

describe("guards of a cluster", () => {
  let site: Site;
  let before: string;

  beforeAll(async () => {
    site = await makeSite([POD_IMAGE, PLEXUS_IMAGE]);
    await installBridge(site);
    await installPlexus(site);
    before = await site.traces();
  });
  afterEach(() => site.clear(before));
  afterAll(() => site.destroy());

  it("a pod in a user namespace of its own has its networks, and reaches another pod over them", async () => {
    const options = { node: MASTER, annotations: { [NETWORKS]: "blue" } };
    await site.apply(
      bridgeNetwork("blue", 91),
      pod("apart", { ...options, spec: { hostUsers: false } }),
      pod("usual", options),
    );
    await site.ready("apart", "usual");
    const ids = (await site.exec("apart", "cat", "/proc/self/uid_map")).trim().split(/\s+/);
    expect(ids[1]).not.toBe("0");
    expect(Object.keys(await site.addresses("apart"))).toEqual(["eth0", "net1"]);
    await site.ping("apart", (await site.addresses("usual"))["net1"]);
  });

  describe("with the policies of deploy/", () => {
    beforeAll(async () => {
      for (const file of ["networks.yaml", "own-pods.yaml"]) {
        await site.kubectl("apply", "-f", checkout("deploy/components/policies", file));
      }
    });

    it("a network whose plugin is a path is refused when it is made, and a good one is not", async () => {
      // Until the API server enforces a new policy it admits them; an object that is there already is not sent again.
      let tries = 0;
      await until("the API server enforces the policy", async () => {
        const name = `bad${++tries}`;
        const said = await site
          .apply(network(name, { cniVersion: "1.0.0", name, type: "../bridge" }))
          .then(() => "admitted", String);
        return said.includes("is a file name without a slash") ? true : undefined;
      });
      await site.apply(bridgeNetwork("blue", 91));
    });

    it("a daemon may write the status of its own node's pods alone, and does", async () => {
      const annotations = { [NETWORKS]: "blue" };
      await site.apply(
        bridgeNetwork("blue", 91),
        pod("near", { node: MASTER, annotations }),
        pod("far", { node: WORKER, annotations }),
      );
      await site.ready("near", "far");
      for (const name of ["near", "far"]) expect(await site.networkStatus(name)).toHaveLength(2);

      const daemon = await podOf(site, "plexus", MASTER);
      const bound = ["--bound-object-kind=Pod", `--bound-object-name=${daemon}`];
      const token = (await site.kubectl("-n", "kube-system", "create", "token", "plexus", ...bound)).trim();
      const write = (name: string): Promise<string> => patchStatus(site, token, name);
      expect(await write("near")).toMatch(/^200 /);
      expect(await write("far")).toMatch(/^422 .*the pod is on another node/s);
    });
  });
});
