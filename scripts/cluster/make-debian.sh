#!/bin/sh
# Puts into the directory $1 what of a node Debian has as packages: bin/ and versions.
set -eu
out=$1
. "$(dirname "$0")/apt-beside.sh"

# The client of bookworm's Kubernetes is of the version that make-kubernetes.sh compiles.
packages="etcd-server containerd runc kubernetes-client busybox-static"
binaries="usr/bin/etcd usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/bin/kubectl bin/busybox"

apt_beside "$CLUSTER_WORK/apt" "deb bookworm"
rm -rf "$CLUSTER_WORK/packages"
mkdir -p "$CLUSTER_WORK/packages/unpacked" "$out/bin"
cd "$CLUSTER_WORK/packages"
get download $packages
for package in *.deb; do
  dpkg-deb --extract "$package" unpacked
  dpkg-deb --showformat '${Package} ${Version}\n' --show "$package" >>"$out/versions"
done
(cd unpacked && mv $binaries "$out/bin/")
