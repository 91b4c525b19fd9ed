import { readFileSync } from "node:fs";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { NADS_URL, PODS_URL, podUrl, serverAndClient } from "./client.ts";
import { pod } from "./samples.ts";

describe("a token", () => {
  it("that nobody has is 401", async () => {
    const server = await serverAndClient();
    const reply = await server.call(PODS_URL, { token: "guess" });
    expect(reply.code).toBe(401);
    expect(reply.json()).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "Unauthorized",
      reason: "Unauthorized",
      code: 401,
    });
  });

  it("is rotated in its file and good until it is revoked", async () => {
    const server = await serverAndClient();
    const old = readFileSync(server.tokenFile, "utf8");
    const fresh = server.rotate();
    expect(readFileSync(server.tokenFile, "utf8")).toBe(fresh);
    const code = async (token: string) => (await server.call(PODS_URL, { token })).code;
    expect([await code(old), await code(fresh)]).toEqual([200, 200]);
    server.revoke(old);
    expect([await code(old), await code(fresh)]).toEqual([401, 200]);
  });

  it("is what the kubeconfig leads to", async () => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const text = readFileSync(server.kubeconfig, "utf8");
    expect(text).toContain(`tokenFile: ${server.tokenFile}`);
    const config = new KubeConfig();
    // This client does not know token files.
    config.loadFromString(text.replace(/tokenFile: .*/, `token: ${server.rotate()}`));
    const { items } = await config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace: "default" });
    expect(items.map(({ metadata }) => metadata?.name)).toEqual(["web"]);
  });
});

it("the authority can be another, and its file says which", async () => {
  const server = await serverAndClient();
  server.renewCertificates();
  await expect(server.call(PODS_URL)).rejects.toMatchObject({ code: "CERT_SIGNATURE_FAILURE" });
  const ca = readFileSync(server.caFile, "utf8");
  expect(ca).not.toBe(server.ca);
  expect((await server.call(PODS_URL, { ca })).code).toBe(200);
});

describe("without a rule", () => {
  it.each([
    {
      why: "nothing is listed in the cluster",
      url: PODS_URL,
      message:
        'pods is forbidden: User "system:serviceaccount:kube-system:plexus" cannot list resource "pods" in API group "" at the cluster scope',
    },
    {
      why: "nothing is watched",
      url: `${NADS_URL}?watch=1`,
      message:
        'network-attachment-definitions.k8s.cni.cncf.io is forbidden: User "system:serviceaccount:kube-system:plexus" cannot watch resource "network-attachment-definitions" in API group "k8s.cni.cncf.io" at the cluster scope',
    },
    {
      why: "no status is patched",
      url: podUrl("web", "/status"),
      method: "PATCH",
      message:
        'pods "web" is forbidden: User "system:serviceaccount:kube-system:plexus" cannot patch resource "pods/status" in API group "" in the namespace "default"',
    },
  ])("$why", async ({ url, method = "GET", message }) => {
    const server = await serverAndClient({ rules: [] });
    const reply = await server.call(url, { method, token: server.rotate() });
    expect(reply.code).toBe(403);
    expect(reply.json()).toMatchObject({ reason: "Forbidden", message, code: 403 });
  });
});

describe("by rule", () => {
  it.each([
    { why: "the daemon may list pods", url: PODS_URL, method: "GET", code: 200 },
    { why: "it may not change a pod", url: podUrl("web"), method: "PATCH", code: 403 },
    { why: "it may patch its status", url: podUrl("web", "/status"), method: "PATCH", code: 200 },
    { why: "it may not put its status", url: podUrl("web", "/status"), method: "PUT", code: 403 },
    { why: "it may not delete a pod", url: podUrl("web"), method: "DELETE", code: 403 },
  ])("$why", async ({ url, method, code }) => {
    const server = await serverAndClient();
    server.put(pod({ name: "web" }));
    const body = method === "PATCH" ? {} : undefined;
    expect((await server.call(url, { method, body, token: server.rotate() })).code).toBe(code);
  });

  it("a namespace can be all there is", async () => {
    const rules = [{ resources: ["pods"], verbs: ["list"], namespace: "shop" }] as const;
    const server = await serverAndClient({ rules });
    const token = server.rotate();
    expect((await server.call("/api/v1/namespaces/shop/pods", { token })).code).toBe(200);
    expect((await server.call(PODS_URL, { token })).code).toBe(403);
    server.allow([]);
    expect((await server.call("/api/v1/namespaces/shop/pods", { token })).code).toBe(403);
  });

  it("nobody in particular may do nothing", async () => {
    const server = await serverAndClient();
    const reply = await server.call(PODS_URL, { token: null });
    expect(reply.json()).toMatchObject({ code: 403, message: expect.stringContaining('User "system:anonymous"') });
  });
});
