#!/bin/sh
# Puts into the directory $1 what the cluster takes from packages of Debian sid, which this machine's own packages do not see: bin/ with
# etcd, containerd, runc, kubectl and busybox, cni/ with the CNI plugins, lib/ with the C library that they are linked to, flannel,
# which is flannel's plugin, and versions.
#
#   sh test/real/make-debian.sh OUT WORK
#
# The programs name their loader by its path: OUT must not be moved afterwards.
set -eu
out=$1
work=$2
. "$(dirname "$0")/../../scripts/cluster/apt-beside.sh"

packages="etcd-server containerd runc kubectl containernetworking-plugins busybox-static"
libraries="libc6 libseccomp2 libgcc-s1"
programs="usr/bin/etcd usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/bin/kubectl usr/bin/busybox"

# fetch RELEASE NAME...   unpacks packages into $work/RELEASE
fetch() {
  release=$1
  shift
  apt_beside "$work/apt" "deb $release"
  mkdir -p "$work/$release/packages"
  (cd "$work/$release/packages" && get download "$@")
  for package in "$work/$release/packages"/*.deb; do dpkg-deb --extract "$package" "$work/$release/root"; done
}

fetch bookworm patchelf
patchelf=$work/bookworm/root/usr/bin/patchelf
fetch sid $packages $libraries
# The last release with the flannel plugin in it.
fetch bullseye containernetworking-plugins

mkdir -p "$out/bin" "$out/cni" "$out/lib"
cd "$work/sid/root"
cp $programs "$out/bin/"
cp usr/lib/cni/* "$out/cni/"
cp "$work/bullseye/root/usr/lib/cni/flannel" "$out/flannel"
find usr/lib lib -name '*.so*' \( -type f -o -type l \) 2>/dev/null | while read -r library; do
  cp --dereference "$library" "$out/lib/"
done
for program in "$out"/bin/* "$out"/cni/*; do
  # A static one has no loader.
  "$patchelf" --print-interpreter "$program" >/dev/null 2>&1 || continue
  "$patchelf" --set-interpreter "$out/lib/ld-linux-x86-64.so.2" --set-rpath "$out/lib" "$program"
done
for package in "$work"/sid/packages/*.deb; do
  dpkg-deb --showformat '${Package} ${Version}\n' --show "$package"
done >"$out/versions.new"
dpkg-deb --showformat 'flannel-cni-plugin ${Version} (Debian bullseye, ${Package})\n' --show "$work"/bullseye/packages/*.deb >>"$out/versions.new"
mv "$out/versions.new" "$out/versions"
