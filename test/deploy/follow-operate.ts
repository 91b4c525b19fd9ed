/** docs/operate.md, with the settings of its examples. */
import { parse } from "yaml";
import { expectIn, expectSame, EXAMPLE, type Guide, withSettings } from "./guide.ts";

const SETTINGS = {
  hostMountNamespace: "/proc/1/ns/mnt",
  multusConfigFile: "auto",
  probePort: 9785,
  metricsPort: 9464,
  multusSocket: "/run/multus/multus.sock",
};

export async function followOperate({ next, skip, run, also, write, change, cluster }: Guide): Promise<void> {
  await also("ctr --namespace k8s.io images import plexus-image.tar");
  const container = {
    name: "plexus",
    ...(parse(next("startupProbe:")) as object),
    volumeMounts: [{ name: "multus", mountPath: "/run/multus" }],
  };
  const volumes = [{ name: "multus", hostPath: { path: "/run/multus", type: "DirectoryOrCreate" } }];
  await write("patch.json", JSON.stringify({ spec: { template: { spec: { containers: [container], volumes } } } }));
  await change(withSettings(JSON.stringify(SETTINGS)));
  await also(`
    kubectl apply --filename deploy/plexus.yaml
    kubectl --namespace kube-system patch daemonset plexus --patch "$(cat patch.json)"
    kubectl --namespace kube-system rollout status daemonset plexus
    kubectl apply --filename ${EXAMPLE}
    kubectl wait --for condition=Ready pod two-networks`);

  // There is no Prometheus: what its rules ask for is.
  const { groups } = parse(next("groups:")) as { readonly groups: readonly [{ readonly rules: readonly Rule[] }] };
  const metrics = await cluster.machine.sh("curl --silent 127.0.0.1:9464/metrics");
  expectIn(metrics, ...groups[0].rules.flatMap(({ expr }) => expr.match(/\bplexus_\w+/g) ?? [""]));

  const listed = await also(
    "grpcurl -plaintext -unix /run/plexus/plexus-operator.sock plexus.v1.Inspector/ListSandboxes",
  );
  const sandbox = /"container_?id": "(\w+)"/i.exec(listed)?.[1] ?? "";
  const seen = await run("grpcurl -plaintext -unix /run/plexus/plexus-operator.sock list", { "0123abcd": sandbox });
  expectIn(seen, "plexus.v1.Inspector", `"default/blue"`);
  await also(`
    kill -USR1 "$(pgrep --oldest --full plexus-daemon.mjs)"
    curl --silent --retry 10 --retry-connrefused 127.0.0.1:9229/json/version`);

  skip("apiVersion: admissionregistration.k8s.io/v1", "for it takes Kubernetes 1.30");

  const written = await cluster.machine.sh("cat /etc/cni/net.d/00-plexus.conf");
  const keys = (conf: string): string => Object.keys(JSON.parse(conf) as object).join();
  expectSame("the runtime's conf", keys(written), keys(next("{")));
}

interface Rule {
  readonly expr: string;
}
