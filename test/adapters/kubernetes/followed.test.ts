import { describe, expect, it, vi } from "vitest";
import { pod } from "../../api-server/samples.ts";
import { apiServer, followed, openOn } from "./cluster.ts";

describe("how following goes", () => {
  it("is told of pods and networks, with how many there are", async () => {
    const api = await apiServer();
    api.put(pod({ name: "web", uid: "uid-web" }));
    const opened = await followed(api);
    expect(opened.followed()).toEqual([
      { source: "pods", synced: true, problem: undefined, objects: 1, silentMs: expect.any(Number) },
      { source: "networks", synced: true, problem: undefined, objects: 0, silentMs: expect.any(Number) },
    ]);
    expect(opened.credentialAgeMs()).toBeGreaterThanOrEqual(0);
  });

  it("is told while it does not, with why", async () => {
    const opened = openOn(await apiServer({ rules: [] }));
    await vi.waitFor(() => expect(opened.problems).toHaveLength(2));
    expect(opened.followed()).toMatchObject([
      { source: "pods", synced: false, problem: expect.stringContaining("forbidden"), objects: 0 },
      { source: "networks", synced: false, problem: expect.stringContaining("forbidden"), objects: 0 },
    ]);
  });
});
