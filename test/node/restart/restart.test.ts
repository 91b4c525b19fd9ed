/** The daemon goes and comes back while the runtime works on: killed, stopped in order, replaced under load. Nothing fails, nothing is lost. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connect } from "node:net";
import { here, type Host, makeHost } from "../host.ts";
import { BIN, type CniAnswer, makePlexus, MANIFESTS, type Plexus, podArgs, RECORDS } from "../plexus.ts";

/** A longer run for `npm run soak`. */
const SANDBOXES = process.env["PLEXUS_SOAK"] === undefined ? 24 : 1_000;
const RESTARTS = process.env["PLEXUS_SOAK"] === undefined ? 3 : 20;
const SIDE_BY_SIDE = 6;

const SCRIPTED = `${BIN}/slow.d`;

const MANIFEST = `
apiVersion: v1
kind: Pod
metadata: { name: pod }
---
apiVersion: v1
kind: Pod
metadata: { name: slow, annotations: { k8s.v1.cni.cncf.io/networks: slow } }
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { name: slow }
spec: { config: '{"cniVersion":"1.0.0","type":"slow"}' }
`;

const CONF = JSON.stringify({
  cniVersion: "1.0.0",
  name: "plexus",
  type: "plexus",
  daemonWaitSeconds: 60,
  delegates: [
    {
      cniVersion: "1.0.0",
      name: "pods",
      type: "bridge",
      bridge: "cni0",
      ipam: { type: "host-local", ranges: [[{ subnet: "10.87.0.0/20" }]] },
    },
  ],
});

const LEFTOVERS = `
ip -o link | sed 's/@.*//' | awk '{print $2}' | grep -v -e '^lo' -e '^cni0' || true
find /var/lib/cni ${RECORDS} /var/lib/plexus/spool -type f ! -name last_reserved_ip.0 ! -name lock 2>/dev/null || true`;

describe.skipIf(process.getuid?.() !== 0)("a daemon that goes and comes back", () => {
  let host: Host;
  let plexus: Plexus;

  beforeAll(async () => {
    host = await makeHost();
    plexus = await makePlexus(host);
    await host.write(`${MANIFESTS}/all.yaml`, MANIFEST);
    await host.sh(`cp ${here("dist/test-plugins/scripted")} ${BIN}/slow && mkdir ${SCRIPTED}`);
    await plexus.start();
  });
  afterAll(async () => {
    await plexus.terminate();
    await host.stop();
  });
  afterEach(async () => {
    await host.sh("ip -all netns delete");
  });

  async function cni(verb: string, name: string, { pod = "pod", conf = CONF } = {}): Promise<CniAnswer> {
    return plexus.cni({ verb, containerId: name, netns: `/run/netns/${name}`, args: podArgs(pod), conf });
  }

  /** Until nothing is left: what a daemon owes it pays soon after it started. */
  async function leftoversInTheEnd(): Promise<string> {
    const deadline = AbortSignal.timeout(20_000);
    let left = await host.sh(LEFTOVERS);
    while (left !== "" && !deadline.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      left = await host.sh(LEFTOVERS);
    }
    return left;
  }

  it("a DEL while it is away succeeds, and is done when it is back (T079)", async () => {
    await host.sh("ip netns add away");
    expect(await cni("ADD", "away")).toMatchObject({ status: 0 });
    await plexus.kill();
    expect(await cni("DEL", "away")).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh("ls /var/lib/plexus/spool")).toBe("away@eth0.json\naway@eth0.netns\n");
    await plexus.start();
    expect(await leftoversInTheEnd()).toBe("");
  });

  it("a plugin whose DEL waited is given the namespace, though the runtime removed it meanwhile", async () => {
    const kept = "/var/lib/plexus/spool/inside@eth0.netns";
    await host.write(`${SCRIPTED}/ADD`, `echo '{"cniVersion":"1.0.0"}'`);
    await host.write(`${SCRIPTED}/DEL`, `echo $CNI_NETNS >>/run/del; nsenter --net=$CNI_NETNS ip -o link >>/run/del`);
    await host.sh("ip netns add inside && ip -n inside link add inner type veth peer name other");
    expect(await cni("ADD", "inside", { pod: "slow" })).toMatchObject({ status: 0 });
    await plexus.kill();
    expect(await cni("DEL", "inside", { pod: "slow" })).toMatchObject({ status: 0, stdout: "" });
    await host.sh("ip netns delete inside");
    await plexus.start();
    expect(await leftoversInTheEnd()).toBe("");
    const seen = await host.sh(`cat /run/del; rm -r /run/del ${SCRIPTED}/*`);
    expect(seen).toContain(kept);
    expect(seen).toContain("inner");
    expect(await host.sh("grep -c netns /proc/self/mountinfo || true")).not.toContain("inside");
  });

  it("an ADD waits for it", async () => {
    await host.sh("ip netns add waits");
    await plexus.terminate();
    const added = cni("ADD", "waits");
    await plexus.start();
    expect(await added).toMatchObject({ status: 0 });
    expect(await cni("DEL", "waits")).toMatchObject({ status: 0 });
    expect(await leftoversInTheEnd()).toBe("");
  });

  it("told to stop, it finishes what is under way and begins nothing: ADDs are held or refused, STATUS is held, DELs are left for the next one", async () => {
    await host.sh("for name in begun other newcomer; do ip netns add $name; done");
    await host.write(
      `${SCRIPTED}/ADD`,
      `touch /run/begun; until test -e /run/go; do sleep 0.01; done; echo '{"cniVersion":"1.0.0"}'`,
    );
    expect(await cni("ADD", "other")).toMatchObject({ status: 0 });
    const idler = connect({ path: `/proc/${plexus.pid}/root/run/plexus/plexus.sock`, allowHalfOpen: true });
    const begun = cni("ADD", "begun", { pod: "slow" });
    await host.sh("until test -e /run/begun; do sleep 0.01; done");
    const ended = plexus.terminate();
    await expect.poll(() => plexus.log.at(-1)).toMatchObject({ msg: "stopping" });

    expect(await cni("DEL", "other")).toMatchObject({ status: 0, stdout: "" });
    expect(await host.sh("ls /var/lib/plexus/spool")).toBe("other@eth0.json\nother@eth0.netns\n");
    const impatient = CONF.replace('"daemonWaitSeconds":60', '"daemonWaitSeconds":0');
    expect(await cni("ADD", "newcomer", { conf: impatient })).toMatchObject({ status: 1, json: { code: 11 } });
    const held = cni("ADD", "newcomer");
    const asked = cni("STATUS", "newcomer", { conf: CONF.replace("1.0.0", "1.1.0") });
    await host.sh("touch /run/go");
    expect(await begun).toMatchObject({ status: 0 });
    expect(await ended).toBe(0);
    idler.destroy();

    await plexus.start();
    expect(await held).toMatchObject({ status: 0 });
    expect(await asked).toMatchObject({ status: 0 });
    expect(await cni("DEL", "begun")).toMatchObject({ status: 0 });
    expect(await cni("DEL", "newcomer")).toMatchObject({ status: 0 });
    expect(await leftoversInTheEnd()).toBe("");
  });

  it(
    `${RESTARTS} restarts during ${2 * SANDBOXES} operations: none fails, none is lost`,
    { timeout: 3_600_000 },
    async () => {
      const names = Array.from({ length: SANDBOXES }, (_, index) => `load-${index}`);
      await host.sh(names.map((name) => `ip netns add ${name}`).join("\n"));
      let done = 0;
      const waiting = names.values();
      const failures: unknown[] = [];
      const worker = async (): Promise<void> => {
        for (const name of waiting) {
          const answers = [await cni("ADD", name), await cni("DEL", name)];
          failures.push(...answers.filter(({ status }) => status !== 0).map(({ json }) => json));
          done += 1;
        }
      };
      const workers = Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
      const statuses: (number | null)[] = [];
      for (let restart = 1; restart <= RESTARTS; restart++) {
        const due = (SANDBOXES * restart) / (RESTARTS + 1);
        while (done < due) await new Promise((resolve) => setTimeout(resolve, 10));
        statuses.push(await plexus.terminate());
        await plexus.start();
      }
      await workers;
      expect(failures).toEqual([]);
      expect(statuses).toEqual(statuses.map(() => 0));
      expect(await leftoversInTheEnd()).toBe("");
    },
  );
});
