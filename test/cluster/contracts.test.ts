/** The contracts that the Kubernetes adapter keeps with the tests' API server: here it has to keep them with a real one. */
import { expect, it } from "vitest";
import { ADMIN_KUBECONFIG } from "./components.ts";
import { here } from "./plexus.ts";
import { openSite } from "./site.ts";

const VITEST = `cd ${here()} && exec ${process.execPath} node_modules/vitest/vitest.mjs run test/adapters/kubernetes/contracts.test.ts`;

it("a real API server keeps the contracts of pods, networks and the status board", async () => {
  const { machine } = openSite();
  const env = { PLEXUS_TEST_KUBECONFIG: ADMIN_KUBECONFIG, NO_COLOR: "1" };
  const { status, stdout, stderr } = await machine.run(["sh", "-c", VITEST], { env });
  expect(status, stdout + stderr).toBe(0);
});
