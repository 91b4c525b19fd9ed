/** The real programs that the suites run: what they are made of and where they are kept. Modules are pinned by go.mod and go.sum beside this file. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Programs of one Go module. Groups exist because two modules seldom agree on the versions of what they import. */
export interface GoGroup {
  readonly module: string;
  /** Import path by the program's file name. */
  readonly programs: Readonly<Record<string, string>>;
  /** Packages that take the version as `gitVersion` when they are linked. */
  readonly versioned?: readonly string[];
  /** Whether it has C in it, for gcc; it is linked statically all the same. */
  readonly needsC?: true;
  /** Further names of a program that acts by its name: alias by file name. */
  readonly aliases?: Readonly<Record<string, string>>;
}

const multus = "gopkg.in/k8snetworkplumbingwg/multus-cni.v4";
const calico = "github.com/projectcalico/calico";
const cniPlugins = "github.com/containernetworking/plugins";
const whereabouts = "github.com/k8snetworkplumbingwg/whereabouts";

export const GO_GROUPS = {
  kubernetes: {
    module: "k8s.io/kubernetes",
    programs: {
      "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
      "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
      "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
      kubelet: "k8s.io/kubernetes/cmd/kubelet",
      "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
    },
    versioned: ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"],
  },
  calico: {
    module: calico,
    programs: {
      calico: `${calico}/cni-plugin/cmd/calico`,
      install: `${calico}/cni-plugin/cmd/install`,
      "calico-node": `${calico}/node/cmd/calico-node`,
      mountns: `${calico}/node/cmd/mountns`,
      "kube-controllers": `${calico}/kube-controllers/cmd/kube-controllers`,
      "check-status": `${calico}/kube-controllers/cmd/check-status`,
    },
    aliases: { "calico-ipam": "calico" },
  },
  flannel: {
    module: "github.com/flannel-io/flannel",
    programs: { flanneld: "github.com/flannel-io/flannel" },
    needsC: true,
  },
  multus: {
    module: multus,
    programs: {
      ...Object.fromEntries(
        ["multus", "multus-shim", "multus-daemon", "thin_entrypoint", "install_multus", "kubeconfig_generator"].map(
          (name) => [name, `${multus}/cmd/${name}`],
        ),
      ),
      passthru: `${multus}/cmd/passthru-cni`,
    },
  },
  whereabouts: {
    module: whereabouts,
    programs: { whereabouts: `${whereabouts}/cmd`, "ip-control-loop": `${whereabouts}/cmd/controlloop` },
  },
  "ovs-cni": {
    module: "github.com/k8snetworkplumbingwg/ovs-cni",
    programs: { ovs: "github.com/k8snetworkplumbingwg/ovs-cni/cmd/plugin" },
  },
  "cni-plugins": {
    module: cniPlugins,
    programs: Object.fromEntries(
      [
        ...["ipam/host-local", "ipam/static", "main/bridge", "main/dummy", "main/host-device", "main/ipvlan"],
        ...["main/macvlan", "main/ptp", "main/tap", "main/vlan", "meta/portmap", "meta/sbr", "meta/tuning", "meta/vrf"],
      ].map((path) => [path.replace(/.*\//, ""), `${cniPlugins}/plugins/${path}`]),
    ),
  },
  // Its sources import one another by the repository's former name.
  "sriov-cni": {
    module: "github.com/intel/sriov-cni",
    programs: { sriov: "github.com/intel/sriov-cni/cmd/sriov" },
  },
  cnitool: {
    module: "github.com/containernetworking/cni",
    programs: { cnitool: "github.com/containernetworking/cni/cnitool" },
  },
  grpcurl: {
    module: "github.com/fullstorydev/grpcurl",
    programs: { grpcurl: "github.com/fullstorydev/grpcurl/cmd/grpcurl" },
  },
} as const satisfies Readonly<Record<string, GoGroup>>;

export type GoGroupName = keyof typeof GO_GROUPS;
/** Two are not compiled: `debian` is unpacked packages, and `images` is packed from the other groups. */
export type GroupName = GoGroupName | "debian" | "images";

const GO_GROUP_NAMES = Object.keys(GO_GROUPS) as GoGroupName[];

/** In the order in which they can be made. */
export const GROUP_NAMES: readonly GroupName[] = ["debian", ...GO_GROUP_NAMES, "images"];

/** Groups whose programs, files and manifests are in the images. */
export const IMAGE_GROUPS = ["calico", "flannel", "multus"] as const satisfies readonly GoGroupName[];

/** Parts that the issue wants and that cannot be had, each with what was seen. */
export const MISSING: Readonly<Record<string, string>> = {
  "flannel-cni-plugin":
    "the module proxy does not serve its module; the plugin 0.9.0 of Debian bullseye is run instead",
  "multus-dynamic-networks-controller": "the module proxy does not serve its module",
  "multi-networkpolicy-iptables": "the module proxy does not serve its module",
  "sriov-network-device-plugin": "the module proxy does not serve its module",
  "sriov-cni": "the module proxy serves no release after 2.1.0",
  "CRI-O": "it is no package of Debian",
};

export const here = (...path: readonly string[]): string => join(import.meta.dirname, ...path);

/** Outside the checkout, for the parts take many minutes to compile. */
export function realCache({ env } = process): string {
  return env["PLEXUS_REAL_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "plexus-real");
}

/** What decides whether a group that was built is still the wanted one. */
function ingredients(name: GroupName): readonly string[] {
  if (name === "debian") return [readFileSync(here("make-debian.sh"), "utf8")];
  if (name === "images") {
    return [readFileSync(here("make-images.sh"), "utf8"), ...["debian" as const, ...IMAGE_GROUPS].map(groupDirectory)];
  }
  const files = ["go.mod", "go.sum"].map((file) => readFileSync(here(name, file), "utf8"));
  return [...files, JSON.stringify(GO_GROUPS[name])];
}

/** The group's own directory in the cache: bin/ and versions; of `images`, archives and manifests. */
export function groupDirectory(name: GroupName): string {
  const hash = createHash("sha256");
  for (const text of ingredients(name)) hash.update(text).update("\0");
  return join(realCache(), `${name}-${hash.digest("hex").slice(0, 12)}`);
}

/** Path of a program that build.ts made. */
export const program = (group: GroupName, name: string): string => join(groupDirectory(group), "bin", name);

/** The version of a group's module, as go.mod requires it, e.g. `v1.36.3`. */
export function moduleVersion(name: GoGroupName): string {
  const { module } = GO_GROUPS[name];
  const line = readFileSync(here(name, "go.mod"), "utf8")
    .split("\n")
    .find((each) => each.replace("require ", "").trim().startsWith(`${module} v`));
  const version = line?.split(`${module} `)[1]?.split(" ")[0];
  if (version === undefined) throw new Error(`test/real/${name}/go.mod does not require ${module}`);
  return version;
}

/** What a group that was built consists of: part and version, one string each. */
export function partsOf(name: GroupName): readonly string[] {
  const lines = readFileSync(join(groupDirectory(name), "versions"), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => line.split(" ").slice(0, 2).join(" "));
}
