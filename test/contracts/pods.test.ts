import { manifestDirectory, podManifest } from "../adapters/manifests/manifest-directory.ts";
import { fixedPods } from "../fakes/fixed-pods.ts";
import { podsContract } from "./pods.contract.ts";

podsContract("a fixed list", async (pods) => fixedPods(pods));

podsContract("a directory of manifests", async (pods, podWaitMs) => {
  const directory = await manifestDirectory();
  for (const pod of pods) await directory.put(`${pod.name}.json`, podManifest(pod));
  return (await directory.open({ podWaitMs })).pods;
});
