#!/bin/sh
# Puts Debian bookworm's stock kernel into the directory $1: vmlinuz, lib/modules/ with the modules
# of networks, initrd.gz that mounts the machine's own root, busybox, and versions.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../cluster/apt-beside.sh"

apt_beside "$VM_WORK/bookworm" "deb bookworm"
kernel=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
[ -n "$kernel" ] || unobtainable "Debian bookworm names no linux-image-amd64"
rm -rf "$VM_WORK/packages"
mkdir -p "$VM_WORK/packages/busybox" "$out/lib/modules"
cd "$VM_WORK/packages"
get download "$kernel" busybox-static
for package in ./*.deb; do dpkg-deb --showformat '${Package} ${Version}\n' --show "$package"; done >"$out/versions"
dpkg-deb --extract busybox-static_*.deb busybox
cp busybox/bin/busybox "$out/busybox"

# The whole package is 300 MB.
drivers=./lib/modules/*/kernel/drivers
dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x -C "$out" --wildcards \
  './boot/vmlinuz*' './lib/modules/*/modules.*' \
  './lib/modules/*/kernel/net/*' './lib/modules/*/kernel/lib/*' './lib/modules/*/kernel/crypto/*' \
  './lib/modules/*/kernel/fs/9p/*' './lib/modules/*/kernel/fs/netfs/*' './lib/modules/*/kernel/fs/fscache/*' \
  './lib/modules/*/kernel/fs/overlayfs/*' \
  "$drivers/virtio/*" "$drivers/net/dummy.ko" "$drivers/net/veth.ko" "$drivers/net/macvlan.ko" "$drivers/net/macvtap.ko" \
  "$drivers/net/vrf.ko" "$drivers/net/ifb.ko" "$drivers/net/tun.ko" "$drivers/net/tap.ko" "$drivers/net/ipvlan/*" \
  "$drivers/net/vxlan*" "$drivers/net/bonding/*" "$drivers/net/ethernet/intel/igb*" "$drivers/dca/*" "$drivers/i2c/algos/*"
mv "$out"/boot/vmlinuz-* "$out/vmlinuz"
rmdir "$out/boot"
release=$(ls "$out/lib/modules")
"$out/busybox" depmod -b "$out" "$release"

# The initial file system: busybox, and the modules of the root file system with those that they
# need, in the order of loading.
initrd=$VM_WORK/initrd
modules=$out/lib/modules/$release
rm -rf "$initrd"
mkdir -p "$initrd/bin" "$initrd/dev" "$initrd/proc" "$initrd/sys" "$initrd/lower" "$initrd/upper" "$initrd/new" "$initrd/modules"
cp "$out/busybox" "$initrd/bin/busybox"
: >"$initrd/modules/order"
for wanted in virtio_pci 9pnet_virtio 9p overlay; do
  line=$(grep -E "/$wanted\.ko:" "$modules/modules.dep") || continue # Built into the kernel.
  for file in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
    name=${file##*/}
    [ ! -f "$initrd/modules/$name" ] || continue
    cp "$modules/$file" "$initrd/modules/$name"
    echo "$name" >>"$initrd/modules/order"
  done
done
cp "$here/init.sh" "$initrd/init"
chmod 755 "$initrd/init"
(cd "$initrd" && find . | "$out/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$out/initrd.gz"
