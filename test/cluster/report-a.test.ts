/** Report A: Calico for management, flannel for business, from the user's own files. Of Calico there is a stand-in. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { BIN, NET_D } from "./components.ts";
import { here } from "./plexus.ts";
import { fixture, userPod } from "./reports.ts";
import { openSite, pod, type Site } from "./site.ts";

const NAD = here("test/fixtures/report-a/nad-flannel.yaml");

describe("report A", () => {
  let site: Site;

  beforeAll(async () => {
    site = openSite();
    await site.machine.sh(`cp ${here("dist/test-plugins/calico")} ${BIN}/calico`);
    await site.machine.write(`${NET_D}/calico-kubeconfig`, "apiVersion: v1\nkind: Config\n");
    await site.machine.write("/run/flannel/subnet.env", await fixture("report-a", "subnet.env"));
    await site.useConf("00-multus.conf", await fixture("report-a", "00-multus.conf"));
    await site.kubectl("create", "namespace", "net");
  });
  afterEach(() => site.clear());
  afterAll(async () => {
    await site.kubectl("delete", "namespace", "net");
    await site.useOwnConf();
  });

  it("gives samplepod Calico and flannel, flannelpod128 flannel alone, and any other pod Calico alone", async () => {
    const second = await userPod(site, "report-a", "pod-dual.yaml");
    await site.kubectl("apply", "-f", NAD);
    await site.apply(
      await userPod(site, "report-a", "pod-dual.yaml"),
      await userPod(site, "report-a", "pod-flannel-only.yaml"),
      { ...second, metadata: { ...second.metadata, name: "samplepod2" } },
      pod("plain"),
    );
    await site.ready("samplepod", "net/flannelpod128", "samplepod2", "plain");
    const calico = expect.stringMatching(/^192\.168\.0\.\d+\/32$/);
    const flannel = expect.stringMatching(/^10\.244\.0\.\d+\/24$/);
    expect(await site.addresses("samplepod")).toEqual({ eth0: calico, net1: flannel });
    expect(await site.addresses("net/flannelpod128")).toEqual({ eth0: flannel });
    expect(await site.addresses("plain")).toEqual({ eth0: calico });
    expect((await site.exec("samplepod", "cat", "/sys/class/net/net1/mtu")).trim()).toBe("1450");
    expect(await site.networkStatus("samplepod")).toMatchObject([
      { name: "k8s-pod-network", default: true },
      { name: "default/flannel-conf", interface: "net1" },
    ]);

    const [one, two] = [await site.addresses("samplepod"), await site.addresses("samplepod2")];
    const flannelOnly = await site.addresses("net/flannelpod128");
    await site.ping("samplepod", two["net1"]);
    await site.ping("samplepod", flannelOnly["eth0"]);
    await site.ping("plain", one["eth0"]);
    expect(await site.leases("flannel-conf")).toHaveLength(3);
  });

  it("leaves nothing behind, in Calico's ledger neither", async () => {
    await site.kubectl("apply", "-f", NAD);
    await site.apply(await userPod(site, "report-a", "pod-dual.yaml"));
    await site.ready("samplepod");
    await site.kubectl("delete", "pod", "samplepod", "--wait=false");
    await site.nothingLeft();
    expect(await site.machine.sh(`find ${BIN}/calico.d -type f ! -name lock`)).toBe("");
  });
});
