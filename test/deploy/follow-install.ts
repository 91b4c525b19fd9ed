/** docs/install.md. */
import { expectIn, expectSame, EXAMPLE, type Guide } from "./guide.ts";

export async function followInstall({ next, skip, run, also, change, onNode }: Guide): Promise<void> {
  skip("docker buildx", "for it takes Docker and a registry");
  // npm run image has been run, and the last line is CRI-O's.
  const [, load = ""] = next("npm run image").split("\n");
  await also(load);

  const before = await onNode();
  await run("kubectl apply --filename deploy/plexus.yaml");
  expectIn(await onNode(), "00-plexus.conf", "plexus.sock");

  const seen = await run(`kubectl apply --filename ${EXAMPLE}`);
  expectIn(seen, "net1", "10.89.0.", '"default/blue"', "AddedInterface");
  await run(`kubectl delete --filename ${EXAMPLE}`);
  await run("kubectl --namespace kube-system logs daemonset/plexus\ngrpcurl");

  await run("kubectl --namespace kube-system edit configmap plexus");
  await run("kubectl --namespace kube-system rollout undo daemonset plexus");
  await also("kubectl --namespace kube-system rollout status daemonset plexus");

  await also(`kubectl apply --filename ${EXAMPLE}; kubectl wait --for condition=Ready pod two-networks`);
  const off = run("kubectl apply --filename deploy/uninstall.yaml");
  // Its DEL is the next network config's already.
  await also("while [ -e /etc/cni/net.d/00-plexus.conf ]; do sleep 1; done");
  await Promise.all([off, also(`kubectl delete --filename ${EXAMPLE}`)]);
  expectIn(
    await run("kubectl --namespace kube-system logs --selector app.kubernetes.io/name=plexus-uninstall"),
    "nothing of Plexus is left on this node",
  );
  await run("kubectl --namespace kube-system delete daemonset plexus plexus-uninstall");
  expectSame("the node", await onNode(), before);

  const names = next("args: [install, ");
  await change((text) => text.replace(/args: \[install, .*\n/, names));
  await also(
    "kubectl apply --filename deploy/plexus.yaml; kubectl --namespace kube-system rollout status daemonset plexus",
  );
  expectIn(await onNode(), "/multus-shim\n");

  skip("images:", "for the overlays are other distributions'; test/deploy/manifests.test.ts puts them together");
  skip("oc patch", "for it takes OpenShift");
}
