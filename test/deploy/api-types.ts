import * as kubernetes from "@kubernetes/client-node";

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** Kubernetes' own types, by the name of their class. */
const types = kubernetes as unknown as Readonly<
  Record<string, { getAttributeTypeMap(): readonly Attribute[] } | undefined>
>;

const OBJECTS: Readonly<Record<string, string>> = {
  "v1 ConfigMap": "V1ConfigMap",
  "v1 Pod": "V1Pod",
  "v1 ServiceAccount": "V1ServiceAccount",
  "apps/v1 DaemonSet": "V1DaemonSet",
  "rbac.authorization.k8s.io/v1 ClusterRole": "V1ClusterRole",
  "rbac.authorization.k8s.io/v1 ClusterRoleBinding": "V1ClusterRoleBinding",
  "rbac.authorization.k8s.io/v1 RoleBinding": "V1RoleBinding",
  "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": "V1ValidatingAdmissionPolicy",
  "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding": "V1ValidatingAdmissionPolicyBinding",
  "apiextensions.k8s.io/v1 CustomResourceDefinition": "V1CustomResourceDefinition",
};

/** What an API server that validates strictly would say of a manifest: keys that it does not know, values of another type. */
export function complaintsAbout(manifest: { readonly apiVersion: string; readonly kind: string }): readonly string[] {
  const type = OBJECTS[`${manifest.apiVersion} ${manifest.kind}`];
  return type === undefined ? [`${manifest.apiVersion} ${manifest.kind} is not known`] : complaints(manifest, type, "");
}

function complaints(value: unknown, type: string, path: string): readonly string[] {
  const element = /^Array<(.+)>$/.exec(type)?.[1];
  const member = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  const attributes = types[type]?.getAttributeTypeMap();
  if (element !== undefined) {
    return Array.isArray(value)
      ? value.flatMap((each, index) => complaints(each, element, `${path}[${index}]`))
      : [`${path} is no list`];
  }
  if (member === undefined && attributes === undefined) return isScalar(value, type) ? [] : [`${path} is no ${type}`];
  if (typeof value !== "object" || value === null) return [`${path} is no object`];
  return Object.entries(value).flatMap(([key, each]) => {
    const known = member ?? attributes?.find(({ baseName }) => baseName === key)?.type;
    return known === undefined ? [`${path}.${key} is not known`] : complaints(each, known, `${path}.${key}`);
  });
}

function isScalar(value: unknown, type: string): boolean {
  if (type === "any") return true;
  if (type === "IntOrString") return typeof value === "string" || typeof value === "number";
  return typeof value === type;
}
