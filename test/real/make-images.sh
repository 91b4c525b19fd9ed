#!/bin/sh
# Packs, in the directory $1, an archive for each image that the manifests of Calico, flannel and Multus name, from programs that
# build.ts compiled and packages of Debian bookworm, and copies the manifests there. Needs root, as mmdebstrap does.
#
# DEBIAN, CALICO, FLANNEL and MULTUS are directories of the cache, and *_SOURCE those of the modules.
set -eu
out=$1
work=$(mktemp -d "$out.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

command -v mmdebstrap >/dev/null ||
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends mmdebstrap </dev/null >/dev/null ||
  { echo "images: there is no mmdebstrap, and apt-get cannot install it" >&2 && exit 77; }

# A shell, and what programs of a node's network call.
mmdebstrap --quiet --variant=essential --include=runit,iptables,ipset,iproute2,conntrack,kmod,procps \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$work/base.tar" || exit 77
mkdir "$work/small"
mkdir -p "$work/small/bin" "$work/small/etc" "$work/small/tmp"
# Multus' daemon asks who it is.
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/small/etc/passwd"
# It is told of network namespaces by this path, and has the other one mounted.
mkdir "$work/small/var" "$work/small/run"
ln -s /run "$work/small/var/run"
cp "$DEBIAN/bin/busybox" "$work/small/bin/"
for applet in $("$work/small/bin/busybox" --list); do [ "$applet" = busybox ] || ln -s busybox "$work/small/bin/$applet"; done
tar --create --sort=name --owner=0 --group=0 --numeric-owner --file "$work/small.tar" --directory "$work/small" .

# pack FILE BASE ROOT ENTRYPOINT NAME...   an image of two layers: $work/BASE.tar, and the directory ROOT
pack() {
  file=$1 base=$2 root=$3 entrypoint=$4
  shift 4
  tar --create --sort=name --owner=0 --group=0 --numeric-owner --file "$work/layer.tar" --directory "$root" .
  ln -f "$work/$base.tar" "$work/base-layer.tar"
  digests=$(for layer in base-layer layer; do printf '"sha256:%s"\n' "$(sha256sum <"$work/$layer.tar" | cut -d ' ' -f 1)"; done | paste -s -d ,)
  names=$(printf '"%s"\n' "$@" | paste -s -d ,)
  cat >"$work/config.json" <<END
{ "architecture": "$(dpkg --print-architecture)", "os": "linux",
  "config": { "Env": ["PATH=/opt/cni/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Entrypoint": $entrypoint },
  "rootfs": { "type": "layers", "diff_ids": [$digests] } }
END
  echo "[{ \"Config\": \"config.json\", \"RepoTags\": [$names], \"Layers\": [\"base-layer.tar\", \"layer.tar\"] }]" >"$work/manifest.json"
  tar --create --file "$out/$file.tar" --directory "$work" manifest.json config.json base-layer.tar layer.tar
}

# images MANIFEST PATTERN   the images of a manifest that match
images() { sed -n 's/^ *\(- \)\?image: *//p' "$1" | tr -d '"' | grep -- "$2" | sort -u; }

# For pods that do nothing until they are told to end, and for sandboxes.
mkdir "$work/pod"
pack pod small "$work/pod" '["/bin/sh", "-c", "trap \"exit 0\" TERM INT; sleep 2147483647 & wait"]' localhost/busybox:1 localhost/pause:1

calico=$CALICO_SOURCE/manifests/calico-vxlan.yaml
cp "$calico" "$out/calico-vxlan.yaml"
mkdir -p "$work/calico-node/bin" "$work/calico-node/usr/bin" "$work/calico-cni/opt/cni/bin" "$work/calico-controllers/usr/bin"
cp -R "$CALICO_SOURCE/node/filesystem/." "$work/calico-node/"
chmod -R u+w "$work/calico-node"
# The sources of a module have lost their modes.
find "$work/calico-node/etc/service" "$work/calico-node/sbin" -type f -exec chmod 755 {} +
chmod 755 "$work/calico-node/etc/rc.local"
# Debian has these directories as links.
mv "$work/calico-node/sbin" "$work/calico-node/usr/sbin"
rmdir "$work/calico-node/bin"
cp "$CALICO/bin/calico-node" "$CALICO/bin/mountns" "$work/calico-node/usr/bin/"
cp "$CALICO/bin/calico" "$CALICO/bin/calico-ipam" "$CALICO/bin/install" "$work/calico-cni/opt/cni/bin/"
cp "$CALICO/bin/kube-controllers" "$CALICO/bin/check-status" "$work/calico-controllers/usr/bin/"
pack calico-node base "$work/calico-node" '["/usr/sbin/start_runit"]' $(images "$calico" calico/node)
pack calico-cni small "$work/calico-cni" '["/opt/cni/bin/install"]' $(images "$calico" calico/cni)
pack calico-controllers small "$work/calico-controllers" '["/usr/bin/kube-controllers"]' $(images "$calico" calico/kube-controllers)

flannel=$FLANNEL_SOURCE/Documentation/kube-flannel.yml
cp "$flannel" "$out/kube-flannel.yml"
mkdir -p "$work/flannel/opt/bin" "$work/flannel-plugin"
cp "$FLANNEL/bin/flanneld" "$work/flannel/opt/bin/"
cp "$DEBIAN/flannel" "$work/flannel-plugin/flannel"
pack flannel base "$work/flannel" '["/opt/bin/flanneld"]' $(images "$flannel" /flannel:)
pack flannel-plugin small "$work/flannel-plugin" '["/bin/sh"]' $(images "$flannel" flannel-cni-plugin)

mkdir -p "$work/multus/usr/src/multus-cni/bin"
cp "$MULTUS"/bin/* "$work/multus/usr/src/multus-cni/bin/"
for program in install_multus thin_entrypoint kubeconfig_generator; do cp "$MULTUS/bin/$program" "$work/multus/"; done
for manifest in multus-daemonset.yml multus-daemonset-thick.yml; do cp "$MULTUS_SOURCE/deployments/$manifest" "$out/"; done
pack multus small "$work/multus" '["/thin_entrypoint"]' $(images "$out/multus-daemonset.yml" multus) $(images "$out/multus-daemonset-thick.yml" multus)

chmod -R u+w "$out"
(cd "$out" && for archive in *.tar; do echo "image ${archive%.tar} ($(sha256sum <"$archive" | cut -c 1-12))"; done) >"$work/versions"
mv "$work/versions" "$out/versions"
