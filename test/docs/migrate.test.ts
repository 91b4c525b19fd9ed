import { describe, expect, it } from "vitest";
import { parseConfig } from "../../daemon/config/load.ts";
import { runtimeConfOf } from "../../daemon/config/runtime-conf.ts";
import { sectionOfGuide } from "../node/containerd/migration-guide.ts";
import { AT_ONCE, BACK, TO_PLEXUS } from "../node/containerd/migration-steps.ts";

describe("docs/migrate.md", () => {
  it.each([
    { heading: "From Multus", steps: TO_PLEXUS },
    { heading: "Back to Multus", steps: BACK },
    { heading: "Without waiting for pods", steps: AT_ONCE },
  ])("$heading: has the steps that are tested, and no other", async ({ heading, steps }) => {
    expect((await sectionOfGuide(heading)).titles).toEqual(steps.map(({ title }) => title));
  });

  it.each(["Before", "From TKE's fork"])("%s: has settings with which Plexus comes before Multus", async (heading) => {
    const [settings] = (await sectionOfGuide(heading)).examples;
    const config = parseConfig(JSON.stringify(settings), "the example");
    expect(runtimeConfOf(config)).toMatchObject({ directory: "/etc/cni/net.d", fileName: "00-a-plexus.json" });
  });
});
