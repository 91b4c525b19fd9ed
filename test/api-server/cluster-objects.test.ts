import { expect, it } from "vitest";
import { NADS_URL, PODS_URL, serverAndClient } from "./client.ts";
import { NADS } from "./resources.ts";
import { nad, pod } from "./samples.ts";

const NAMESPACES_URL = "/api/v1/namespaces";
const CRDS_URL = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const CRD = "network-attachment-definitions.k8s.cni.cncf.io";

const named = (name: string) => ({ method: "POST", body: { metadata: { name } } });

it("a namespace is made once, takes objects, and takes them along when it goes", async () => {
  const server = await serverAndClient();
  const pods = `${NAMESPACES_URL}/shop/pods`;
  const post = { method: "POST", body: pod({ name: "web", namespace: "shop" }) };
  const codes: number[] = [];
  for (const [url, call] of [
    [pods, post],
    [NAMESPACES_URL, named("shop")],
    [NAMESPACES_URL, named("shop")],
    [pods, post],
    [`${NAMESPACES_URL}/shop`, { method: "DELETE" }],
    [`${NAMESPACES_URL}/shop`, { method: "DELETE" }],
  ] as const) {
    codes.push((await server.call(url, call)).code);
  }
  expect(codes).toEqual([404, 201, 409, 201, 200, 404]);
  server.put(pod({ name: "other" }));
  expect((await server.call(PODS_URL)).json().items).toMatchObject([{ metadata: { name: "other" } }]);
});

it("a CustomResourceDefinition makes its kind known, and takes the objects along when it goes", async () => {
  const server = await serverAndClient({ without: [NADS] });
  expect((await server.call(NADS_URL)).code).toBe(404);
  expect((await server.call(CRDS_URL, named(CRD))).code).toBe(201);
  server.put(nad({ name: "blue" }));
  expect((await server.call(NADS_URL)).json().items).toHaveLength(1);
  expect((await server.call(`${CRDS_URL}/${CRD}`, { method: "DELETE" })).code).toBe(200);
  expect((await server.call(NADS_URL)).code).toBe(404);
  server.install(NADS);
  expect((await server.call(NADS_URL)).json().items).toEqual([]);
});

it("the daemon makes neither", async () => {
  const server = await serverAndClient();
  const token = server.rotate();
  const code = async (url: string, name: string) => (await server.call(url, { ...named(name), token })).code;
  expect([await code(NAMESPACES_URL, "shop"), await code(CRDS_URL, CRD)]).toEqual([403, 403]);
});
