#!/bin/sh
# Unpacks Debian trixie's Go into the directory $1, beside the system. Exit status 77: its packages could not be fetched.
set -eu
out=$1
. "$(dirname "$0")/../../scripts/cluster/apt-beside.sh"

apt_beside "$out.work/apt" "deb trixie"
mkdir -p "$out.work/packages"
(cd "$out.work/packages" && get download golang-1.24-go golang-1.24-src)
for package in "$out.work"/packages/*.deb; do dpkg-deb --extract "$package" "$out.work/root"; done
# Only a directory with this name is complete.
mv "$out.work/root" "$out"
rm -rf "$out.work"
