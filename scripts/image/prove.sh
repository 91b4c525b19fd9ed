#!/bin/sh
# Proves that the image works on a node: runs its containers as the DaemonSet would, with runc, on a host made of namespaces, and plays the
# container runtime for a pod with two networks of real bridges.
#
#   sh scripts/image/prove.sh [ARCHIVE]      (default: dist/plexus-image.tar, of scripts/image/build.sh)
#
# Needs root. Nothing of this machine is changed. Ends with status 0 when everything was as it should be.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
PATH=$root/node_modules/.bin:$PATH:/usr/sbin:/sbin
export PATH
archive=$(readlink -f "${1:-dist/plexus-image.tar}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/plexus-image

say() { printf '\nprove: %s\n' "$*"; }
fail() {
  printf 'prove: %s\n' "$*" >&2
  exit 1
}

# --- Outside: unpack the image, make the host, and start again in it as its process 1.
if [ -z "${PLEXUS_PROVE_WORK:-}" ]; then
  [ "$(id -u)" = 0 ] || fail "this needs root (sudo)"
  [ -f "$archive" ] || fail "$archive is missing, make it with: sh scripts/image/build.sh"
  for entry in runc:runc jq:jq containernetworking-plugins:/usr/lib/cni/bridge iproute2:ip iputils-ping:ping; do
    command -v "${entry#*:}" >/dev/null || fail "${entry#*:} is missing (Debian: apt-get install --no-install-recommends ${entry%%:*})"
  done
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/prove.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  mkdir "$work/archive" "$work/rootfs"
  tar -xf "$archive" -C "$work/archive"
  jq -r '.[0].Layers[]' "$work/archive/manifest.json" | while read -r layer; do
    tar -xf "$work/archive/$layer" -C "$work/rootfs"
  done
  cp "$work/archive/$(jq -r '.[0].Config' "$work/archive/manifest.json")" "$work/image.json"
  rm -rf "$work/archive"
  PLEXUS_PROVE_WORK=$work unshare --mount --net --pid --fork --kill-child sh "$root/scripts/image/prove.sh" "$archive"
  exit
fi

# --- Inside.
work=$PLEXUS_PROVE_WORK
mount -t proc proc /proc
mkdir "$work/scratch"
mount -t tmpfs scratch "$work/scratch"
for dir in etc var/lib opt; do
  mkdir -p "$work/scratch/$dir/upper" "$work/scratch/$dir/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$work/scratch/$dir/upper,workdir=$work/scratch/$dir/work" "/$dir"
done
mount -t tmpfs run /run
ip link set lo up

say "the image"
jq --compact-output '{architecture, os, config: (.config | {User, Entrypoint, WorkingDir, Env, Healthcheck, Labels})}' "$work/image.json"
for part in . usr/local/bin/node opt/plexus; do (cd "$work/rootfs" && du -sm --apparent-size $part); done

for dir in /opt/cni/bin /etc/cni/net.d /run/plexus /run/k8s.cni.cncf.io /var/lib/plexus /var/lib/cni /var/lib/kubelet/pod-resources \
  /var/lib/kubelet/device-plugins /etc/plexus/manifests; do mkdir -p $dir; done
rm -rf /etc/cni/net.d/* /opt/cni/bin/*
cp /usr/lib/cni/bridge /usr/lib/cni/host-local /opt/cni/bin/
cat >/etc/cni/net.d/10-pods.conflist <<'CONF'
{ "cniVersion": "1.0.0", "name": "pods", "plugins": [ { "type": "bridge", "bridge": "cni0", "isGateway": true,
  "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } } ] }
CONF
cat >/etc/plexus/manifests/pods.yaml <<'CONF'
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: { name: blue, namespace: default }
spec: { config: '{ "cniVersion": "0.3.1", "type": "bridge", "bridge": "blue0", "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.89.0.0/24" }]] } }' }
---
apiVersion: v1
kind: Pod
metadata: { name: pod, namespace: default, uid: u1, annotations: { k8s.v1.cni.cncf.io/networks: blue } }
CONF
# The settings of deploy/, but for where pods come from.
node -e 'const { data } = require("yaml").parse(require("fs").readFileSync("deploy/base/config.yaml", "utf8"));
  console.log(JSON.stringify({ ...JSON.parse(data["daemon.json"]), manifestDir: "/etc/plexus/manifests" }))' >/etc/plexus/daemon.json

# Starts a container of the image, as Kubernetes would a privileged one with hostNetwork and hostPID: container NAME MOUNTS(json) ARGS...
container() {
  container_name=$1 mounts=$2
  shift 2
  mkdir -p "$work/bundle-$container_name"
  jq --arg rootfs "$work/rootfs" --argjson mounts "$mounts" '
    .config as $image | ["AUDIT_CONTROL","AUDIT_READ","AUDIT_WRITE","BLOCK_SUSPEND","BPF","CHECKPOINT_RESTORE","CHOWN","DAC_OVERRIDE",
      "DAC_READ_SEARCH","FOWNER","FSETID","IPC_LOCK","IPC_OWNER","KILL","LEASE","LINUX_IMMUTABLE","MAC_ADMIN","MAC_OVERRIDE","MKNOD",
      "NET_ADMIN","NET_BIND_SERVICE","NET_BROADCAST","NET_RAW","PERFMON","SETFCAP","SETGID","SETPCAP","SETUID","SYSLOG","SYS_ADMIN",
      "SYS_BOOT","SYS_CHROOT","SYS_MODULE","SYS_NICE","SYS_PACCT","SYS_PTRACE","SYS_RAWIO","SYS_TIME","SYS_TTY_CONFIG","WAKE_ALARM"]
    | map("CAP_" + .) as $capabilities | {
      ociVersion: "1.0.2",
      process: { user: { uid: 0, gid: 0 }, args: ($image.Entrypoint + $ARGS.positional), env: $image.Env, cwd: $image.WorkingDir,
        capabilities: { bounding: $capabilities, effective: $capabilities, permitted: $capabilities, inheritable: $capabilities } },
      root: { path: $rootfs },
      mounts: ([ { destination: "/proc", type: "proc", source: "proc" }, { destination: "/dev", type: "tmpfs", source: "tmpfs" },
        { destination: "/sys", type: "none", source: "/sys", options: ["rbind", "ro"] },
        { destination: "/tmp", type: "tmpfs", source: "tmpfs" } ]
        + ($mounts | map({ destination: .[1], source: .[0], type: "none", options: ["rbind", "rw"] }))),
      linux: { namespaces: [ { type: "mount" } ] }
    }' --args -- "$@" <"$work/image.json" >"$work/bundle-$container_name/config.json"
  runc --root /run/runc run --no-new-keyring --bundle "$work/bundle-$container_name" "plexus-prove-$container_name"
}

on_node='[["/opt/cni/bin","/host/opt/cni/bin"],["/etc/cni/net.d","/etc/cni/net.d"],["/run/plexus","/run/plexus"],["/etc/plexus","/etc/plexus"],
  ["/var/lib/plexus","/var/lib/plexus"],["/var/lib/cni","/var/lib/cni"],["/run/k8s.cni.cncf.io","/run/k8s.cni.cncf.io"]]'

# Waits at most ten seconds.
until_true() {
  for _ in $(seq 100); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "waited in vain for: $*"
}

answers() {
  node -e 'fetch(`http://127.0.0.1:9785/${process.argv[1]}`).then(({ ok }) => process.exit(ok ? 0 : 1))' "$1"
}

say "install, as the DaemonSet's init container"
container install '[["/opt/cni/bin","/host/opt/cni/bin"]]' install --as multus-shim
ls -l /opt/cni/bin
cmp "$work/rootfs/opt/plexus/plexus" /opt/cni/bin/plexus
CNI_COMMAND=VERSION /opt/cni/bin/plexus </dev/null

say "the daemon"
container plexus "$on_node" --config /etc/plexus/daemon.json >"$work/daemon.log" 2>&1 &
daemon=$!
until_true grep -q '"msg":"ready"' "$work/daemon.log"
cat "$work/daemon.log"

say "health, over gRPC"
serves() { node "$root/scripts/image/ask.ts" grpc.health.v1.Health/Check | grep '"SERVING"'; }
until_true serves
serves
say "the image's HEALTHCHECK"
runc --root /run/runc exec plexus-prove-plexus /opt/plexus/healthcheck || { cat "$work/daemon.log"; fail "it is not healthy"; }
echo ok

say "probes, as the kubelet asks them"
for probe in livez readyz; do until_true answers $probe; done
echo ok

say "the network config that it wrote for the runtime"
cat /etc/cni/net.d/00-plexus.conf

say "ADD of a pod with two networks, by the executable that was installed"
ip netns add pod
call() {
  CNI_COMMAND=$1 CNI_CONTAINERID=sandbox1 CNI_NETNS=/run/netns/pod CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin \
    CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod;K8S_POD_UID=u1' /opt/cni/bin/plexus
}
call ADD </etc/cni/net.d/00-plexus.conf
ip -n pod -brief address
ip netns exec pod ping -c 1 -W 2 10.88.0.1
ip netns exec pod ping -c 1 -W 2 10.89.0.1 >/dev/null 2>&1 && fail "blue has no gateway that could answer"
ip -n pod -brief address show net1 | grep -q '10\.89\.0\.2/24' || fail "net1 has no address"
call CHECK </etc/cni/net.d/00-plexus.conf

say "what the Inspector tells"
node "$root/scripts/image/ask.ts" plexus.v1.Inspector/ListSandboxes

say "uninstall is refused while the daemon runs"
if container uninstall "$on_node" uninstall; then fail "it was not"; fi

say "DEL, and nothing is left"
call DEL </etc/cni/net.d/00-plexus.conf
[ -z "$(ip -n pod -brief link | grep -v '^lo')" ] || fail "interfaces are left in the pod"
[ -z "$(ls /var/lib/plexus/sandboxes)" ] || fail "records are left"
[ -z "$(find /var/lib/cni -type f -name '10.8*')" ] || fail "addresses are left"

say "SIGTERM, with a pod attached"
call ADD </etc/cni/net.d/00-plexus.conf >/dev/null
cp /etc/cni/net.d/00-plexus.conf "$work/conf"
runc --root /run/runc kill plexus-prove-plexus TERM
wait $daemon || fail "the daemon ended with $?"
tail -n 1 "$work/daemon.log"
[ -f /etc/cni/net.d/00-plexus.conf ] || fail "a restart takes the network config away"

say "uninstall, which serves the pod until it is gone"
container uninstall "$on_node" uninstall --wait --config /etc/plexus/daemon.json >"$work/uninstall.log" 2>&1 &
uninstaller=$!
until_true grep -q 'still attached: default/pod' "$work/uninstall.log"
[ ! -f /etc/cni/net.d/00-plexus.conf ] || fail "the network config is still there"
# As a runtime does that deletes with the config of ADD.
call DEL <"$work/conf"
wait $uninstaller || {
  cat "$work/uninstall.log"
  fail "uninstall ended with $?"
}
cat "$work/uninstall.log"
[ "$(cd /opt/cni/bin && echo *)" = "bridge host-local" ] || fail "executables are left: $(ls /opt/cni/bin)"
[ "$(cd /etc/cni/net.d && echo *)" = "10-pods.conflist" ] || fail "confs are left: $(ls /etc/cni/net.d)"
[ -z "$(ls -A /run/plexus)$(ls -A /var/lib/plexus)" ] || fail "files are left: $(ls -A /run/plexus /var/lib/plexus)"
[ -z "$(ip -n pod -brief link | grep -v '^lo')" ] || fail "interfaces are left in the pod"

say "everything was as it should be"
