#!/bin/sh
# Puts QEMU of Debian trixie with its libraries and firmware into the directory $1: usr/ and
# versions. Its own loader starts it, so it runs beside the system's older C library.
set -eu
out=$1
. "$(dirname "$0")/../cluster/apt-beside.sh"

apt_beside "$VM_WORK/trixie" "deb trixie"
get install --download-only --no-install-recommends -y qemu-system-x86
for package in "$VM_WORK"/trixie/cache/archives/*.deb; do
  case ${package##*/} in
    # Programs of the system that QEMU's package depends on and QEMU does not run.
    adduser* | base-* | debconf* | ipxe* | libpam* | login* | openssl-provider* | passwd* | perl* | systemd*) continue ;;
  esac
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$out" --exclude='*/doc/*' --exclude='*/locale/*' --exclude='*/man/*'
done
rm -rf "$out/etc" "$out/var"
dpkg-deb --showformat '${Package} ${Version}\n' --show "$VM_WORK"/trixie/cache/archives/qemu-system-x86_*.deb >"$out/versions"
"$out/usr/lib64/ld-linux-x86-64.so.2" --library-path "$out/usr/lib/x86_64-linux-gnu" "$out/usr/bin/qemu-system-x86_64" --version |
  grep -q '^QEMU emulator' || {
  echo "vm: the unpacked QEMU does not start" >&2
  exit 1
}
