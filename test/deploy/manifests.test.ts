import { readFile } from "node:fs/promises";
import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../daemon/config/load.ts";
import { runtimeConfOf } from "../../daemon/config/runtime-conf.ts";
import { here } from "../node/host.ts";
import { complaintsAbout } from "./api-types.ts";
import {
  composeBase,
  configMapIn,
  type DaemonSet,
  daemonSetIn,
  kustomizationIn,
  type Manifest,
  manifestsIn,
  settingsIn,
} from "./manifests.ts";

const OVERLAYS = ["overlays/k3s", "overlays/openshift", "overlays/talos", "overlays/tke"];
const POLICIES = ["components/policies/own-pods.yaml", "components/policies/networks.yaml"];
const WHOLE = ["plexus.yaml", "uninstall.yaml", "examples/two-networks.yaml", "examples/flannel.yaml", ...POLICIES];
const NETWORK = "k8s.cni.cncf.io/v1 NetworkAttachmentDefinition";

const { version } = JSON.parse(await readFile(here("package.json"), "utf8")) as { readonly version: string };
const daemonSet = await daemonSetIn("base/daemonset.yaml");
const uninstaller = await daemonSetIn("uninstall.yaml");

function podOf({ spec }: DaemonSet): V1PodSpec {
  if (spec?.template.spec === undefined) throw new Error("a DaemonSet without pods");
  return spec.template.spec;
}

function containersOf(set: DaemonSet): readonly V1Container[] {
  return [...(podOf(set).initContainers ?? []), ...podOf(set).containers];
}

function containerOf(set: DaemonSet, name: string): V1Container {
  const found = containersOf(set).find((container) => container.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}

/** The node's path behind each path of a container. */
function nodePaths(set: DaemonSet, container: string): Readonly<Record<string, string>> {
  const onNode = new Map((podOf(set).volumes ?? []).map(({ name, hostPath }) => [name, hostPath?.path ?? ""]));
  const mounts = containerOf(set, container).volumeMounts ?? [];
  return Object.fromEntries(mounts.map(({ name, mountPath }) => [mountPath, onNode.get(name) ?? "no such volume"]));
}

describe("deploy/plexus.yaml", () => {
  it("is deploy/base in one file (vitest run test/deploy --update makes it so)", async () => {
    await expect(await composeBase()).toMatchFileSnapshot(here("deploy/plexus.yaml"));
  });
});

describe("every manifest", () => {
  it.each([...WHOLE])("%s has only what Kubernetes knows, in the right types", async (file) => {
    const own = (await manifestsIn(file)).filter(({ apiVersion, kind }) => `${apiVersion} ${kind}` !== NETWORK);
    expect(own.flatMap(complaintsAbout)).toEqual([]);
  });

  it("of another type or with another key would be noticed", async () => {
    const [first] = await manifestsIn("uninstall.yaml");
    const spoilt = {
      ...first,
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      spec: { template: { spec: { hostPid: true, containers: {} } }, minReadySeconds: "10" },
    };
    expect(complaintsAbout(spoilt)).toEqual([
      ".spec.template.spec.hostPid is not known",
      ".spec.template.spec.containers is no list",
      ".spec.minReadySeconds is no number",
    ]);
  });

  it.each(WHOLE.filter((file) => file.startsWith("examples/")))(
    "%s has networks whose config is JSON",
    async (file) => {
      const networks = (await manifestsIn(file)).filter(({ kind }) => kind === "NetworkAttachmentDefinition");
      const configs = networks.map((network) => (network as unknown as { spec: { config: string } }).spec.config);
      expect(configs.map((config) => (JSON.parse(config) as { type: string }).type)).toEqual([expect.any(String)]);
    },
  );

  it("names the image of this version, and so does the Dockerfile", async () => {
    const images = [...containersOf(daemonSet), ...containersOf(uninstaller)].map(({ image }) => image);
    expect([...new Set(images)]).toEqual([`localhost/plexus:${version}`]);
    expect(await readFile(here("Dockerfile"), "utf8")).toContain(`\nARG VERSION=${version}\n`);
  });
});

describe("the overlays", () => {
  it.each(OVERLAYS)(
    "%s changes objects of deploy/base, and containers and volumes that these have",
    async (overlay) => {
      const { patches = [] } = await kustomizationIn(overlay);
      const base = await manifestsIn("plexus.yaml");
      const patched = (await Promise.all(patches.map(({ path }) => manifestsIn(`${overlay}/${path}`)))).flat();
      expect(patched.length).toBeGreaterThan(0);
      for (const { apiVersion, kind, metadata } of patched) {
        expect(base).toContainEqual(
          expect.objectContaining({ apiVersion, kind, metadata: expect.objectContaining(metadata) }),
        );
      }
      const pods = patched.filter(({ kind }) => kind === "DaemonSet").map((set) => podOf(set as DaemonSet));
      const names = pods.flatMap(({ containers, volumes = [] }) => [...containers, ...volumes].map(({ name }) => name));
      const known = [...containersOf(daemonSet), ...(podOf(daemonSet).volumes ?? [])].map(({ name }) => name);
      expect(known).toEqual(expect.arrayContaining(names));
    },
  );

  it.each(OVERLAYS)("%s adds only what Kubernetes knows", async (overlay) => {
    const { resources } = await kustomizationIn(overlay);
    const own = resources.filter((file) => file !== "../../base");
    const manifests = (await Promise.all(own.map((file) => manifestsIn(`${overlay}/${file}`)))).flat();
    expect(manifests.flatMap(complaintsAbout)).toEqual([]);
  });

  it.each(["overlays/k3s", "overlays/openshift"])("%s mounts what its settings name", async (overlay) => {
    const { cniConfigDir, binDir } = parseConfig(await settingsIn(`${overlay}/config.yaml`), overlay);
    const patch = podOf(await daemonSetIn(`${overlay}/daemonset.yaml`));
    expect(patch.volumes).toEqual([
      { name: "cni-bin", hostPath: { path: binDir } },
      { name: "cni-conf", hostPath: { path: cniConfigDir } },
    ]);
    expect(patch.containers[0]?.volumeMounts).toContainEqual({ name: "cni-conf", mountPath: cniConfigDir });
  });

  it.each([
    "base/config.yaml",
    ...OVERLAYS.filter((each) => each !== "overlays/talos").map((each) => `${each}/config.yaml`),
  ])("%s has settings that the daemon takes, and has it write the runtime's conf", async (file) => {
    const config = parseConfig(await settingsIn(file), file);
    expect(config.idle).toEqual([]);
    expect(config.hostMountNamespace).toBe("/proc/1/ns/mnt");
    expect(runtimeConfOf(config)).toMatchObject({ directory: config.cniConfigDir });
  });

  it("tke has a conf as the fork's for the runtime, and it comes before the fork's own", async () => {
    const file = "overlays/tke/config.yaml";
    const { data } = await configMapIn(file);
    expect(runtimeConfOf(parseConfig(await settingsIn(file), file))).toMatchObject({ fileName: "00-a-plexus.json" });
    expect(JSON.parse(data["00-a-plexus.json"] ?? "")).toMatchObject({ type: "plexus", dialect: "tke" });
  });
});

describe("the DaemonSet", () => {
  const settings = parseConfig("{}", "the defaults");
  const pod = podOf(daemonSet);

  it("mounts every path of the daemon's at the path it has on the node", () => {
    const paths = nodePaths(daemonSet, "plexus");
    const { "/etc/plexus": config, ...rest } = paths;
    expect(config).toBe("");
    expect(Object.entries(rest).filter(([inside, outside]) => inside !== outside)).toEqual([]);
    const needed = [settings.socketDir, settings.stateDir, settings.cniConfigDir, settings.multusDir, settings.tkeDir];
    const missing = needed.filter((path) => !Object.keys(rest).some((mount) => `${path}/`.startsWith(`${mount}/`)));
    expect(missing).toEqual([]);
  });

  it("installs to where the daemon looks for plugins", () => {
    expect(nodePaths(daemonSet, "install")).toEqual({ "/host/opt/cni/bin": settings.binDir });
  });

  it("uses every volume that it names", () => {
    const used = containersOf(daemonSet).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
    expect((pod.volumes ?? []).map(({ name }) => name).toSorted()).toEqual([...new Set(used)].toSorted());
  });

  it("is asked where the daemon answers", async () => {
    const { probePort, probeAddress } = parseConfig(await settingsIn("base/config.yaml"), "base");
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(daemonSet, "plexus");
    const at = { host: probeAddress, port: probePort };
    expect([startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)).toEqual([
      { ...at, path: "/livez" },
      { ...at, path: "/livez" },
      { ...at, path: "/readyz" },
    ]);
  });

  it("leaves the daemon the time that it needs to end", () => {
    expect((pod.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(settings.drainTimeoutMs + 5_000);
  });

  it("limits nothing, for plugins count as the daemon's", () => {
    expect(containersOf(daemonSet).map(({ resources }) => resources?.limits)).toEqual([undefined, undefined]);
    expect(containersOf(daemonSet).every(({ resources }) => resources?.requests?.["memory"] !== undefined)).toBe(true);
  });

  it("shares with the node what it must: network, processes, privileges", () => {
    expect(pod).toMatchObject({ hostNetwork: true, hostPID: true, priorityClassName: "system-node-critical" });
    expect(containersOf(daemonSet).map(({ securityContext }) => securityContext?.privileged)).toEqual([true, true]);
    expect(pod.tolerations).toEqual([{ operator: "Exists" }]);
  });

  it("selects its own pods, which are not the uninstaller's", () => {
    const selectors = [daemonSet, uninstaller].map(({ spec }) => spec?.selector.matchLabels);
    expect(selectors).toEqual([daemonSet, uninstaller].map(({ spec }) => spec?.template.metadata?.labels));
    expect(selectors[0]).not.toEqual(selectors[1]);
  });
});

const TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount";

interface Policy extends Manifest {
  readonly spec: {
    readonly policyName?: string;
    readonly matchConditions?: readonly { readonly expression: string }[];
    readonly validations?: readonly { readonly expression: string; readonly message: string }[];
  };
}

describe("the policies", () => {
  it.each(POLICIES)("%s is a policy that is bound to itself and denies", async (file) => {
    const [policy, binding] = (await manifestsIn(file)) as readonly Policy[];
    expect(policy).toMatchObject({ kind: "ValidatingAdmissionPolicy", spec: { failurePolicy: "Fail" } });
    expect(binding).toMatchObject({
      kind: "ValidatingAdmissionPolicyBinding",
      spec: { policyName: policy?.metadata.name, validationActions: ["Deny"] },
    });
  });

  it("speak of our service account", async () => {
    const account = (await manifestsIn("base/rbac.yaml")).find(({ kind }) => kind === "ServiceAccount")?.metadata;
    const [policy] = (await manifestsIn("components/policies/own-pods.yaml")) as readonly Policy[];
    expect(policy?.spec.matchConditions?.[0]?.expression).toBe(
      `request.userInfo.username == "system:serviceaccount:${account?.namespace ?? ""}:${account?.name ?? ""}"`,
    );
  });

  it("and the definition have the daemon's limit", async () => {
    const { maxNetworkConfigBytes } = parseConfig("{}", "the defaults");
    const text = await readFile(here("deploy/components/policies/networks.yaml"), "utf8");
    expect(text).toContain(`size(bytes(variables.config)) <= ${maxNetworkConfigBytes}\n`);
    expect(await readFile(here("deploy/base/crd.yaml"), "utf8")).toContain(`maxLength: ${maxNetworkConfigBytes}\n`);
  });

  // The patterns mean the same to RE2, which the API server uses.
  it.each([
    { config: ' {"type":"bridge"}\n', denied: [] },
    { config: '{"plugins":[{ "type" : "bridge" }]}', denied: [] },
    { config: '[{"type":"bridge"}]', denied: ["spec.config is not a JSON object"] },
    { config: "bridge", denied: ["spec.config is not a JSON object"] },
    { config: '{"type": "../evil"}', denied: ['a plugin\'s "type" is a file name without a slash'] },
    { config: '{"type":"a","ipam":{"type":"b/c"}}', denied: ['a plugin\'s "type" is a file name without a slash'] },
    { config: JSON.stringify({ type: "x".repeat(255) }), denied: [] },
    { config: JSON.stringify({ type: "x".repeat(256) }), denied: ['a plugin\'s "type" has at most 255 bytes'] },
  ])("deny by their patterns what is wrong with $config", async ({ config, denied }) => {
    const [policy] = (await manifestsIn("components/policies/networks.yaml")) as readonly Policy[];
    const wrong = (policy?.spec.validations ?? []).filter(({ expression }) => {
      const [, negated, pattern] = /(!?)variables\.config\.matches\(r'(.*)'\)$/.exec(expression) ?? [];
      return pattern !== undefined && new RegExp(pattern, "u").test(config) === (negated === "!");
    });
    expect(wrong.map(({ message }) => message)).toEqual(denied);
  });
});

describe("the uninstaller", () => {
  it("sees of the node what the daemon and its installer see together", () => {
    const { [TOKEN]: token, ...paths } = nodePaths(uninstaller, "uninstall");
    expect(paths).toEqual({ ...nodePaths(daemonSet, "plexus"), ...nodePaths(daemonSet, "install") });
    expect(token).toBe("");
  });

  it("leaves a container that can do nothing with the node's namespaces that it is in (issue 11)", () => {
    expect(podOf(uninstaller).automountServiceAccountToken).toBe(false);
    const { volumeMounts, securityContext } = containerOf(uninstaller, "done");
    expect(volumeMounts).toBeUndefined();
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(securityContext?.privileged).toBeUndefined();
  });

  it("has the nodes that the daemon leaves", () => {
    const terms =
      podOf(daemonSet).affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
    expect(terms?.[0]?.matchExpressions).toContainEqual({ key: "plexus", operator: "NotIn", values: ["off"] });
    expect(podOf(uninstaller).nodeSelector).toMatchObject({ plexus: "off" });
  });

  it("is like the daemon in everything else that makes it serve", () => {
    const { serviceAccountName, hostNetwork, hostPID, priorityClassName, tolerations, terminationGracePeriodSeconds } =
      podOf(daemonSet);
    expect(podOf(uninstaller)).toMatchObject({
      serviceAccountName,
      hostNetwork,
      hostPID,
      priorityClassName,
      tolerations,
      terminationGracePeriodSeconds,
    });
    expect(containerOf(uninstaller, "uninstall").env).toEqual(containerOf(daemonSet, "plexus").env);
  });
});

describe("kustomize", () => {
  it("is given files that exist", async () => {
    for (const directory of ["base", "components/policies", ...OVERLAYS]) {
      const { resources, patches = [] } = await kustomizationIn(directory);
      const files = [...resources, ...patches.map(({ path }) => path)].filter((file) => file !== "../../base");
      const texts = await Promise.all(files.map((file) => readFile(here("deploy", directory, file), "utf8")));
      expect(texts.map((text) => parse(text.split("\n---\n")[0] ?? "") as unknown)).not.toContain(null);
    }
  });
});
