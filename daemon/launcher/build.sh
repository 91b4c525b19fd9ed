#!/bin/sh
# Builds dist/plexus-launcher (or, with --arch arm64, dist/plexus-launcher-arm64), unless it is already made from these sources.
set -eu
cd "$(dirname "$0")/../.."

arch=amd64
if [ $# -eq 2 ] && [ "$1" = --arch ]; then arch=$2; elif [ $# -ne 0 ]; then arch=; fi
case $arch in
  amd64) compiler=musl-gcc strip=strip package=musl-tools out=dist/plexus-launcher ;;
  arm64) compiler=aarch64-linux-gnu-gcc strip=aarch64-linux-gnu-strip package=gcc-aarch64-linux-gnu out=dist/plexus-launcher-arm64 ;;
  *) echo "usage: build.sh [--arch amd64|arm64]" >&2; exit 2 ;;
esac

# One hash over whatever decides what the binary is, kept beside it.
made_from=$(cat daemon/launcher/launcher.c daemon/launcher/build.sh package.json | sha256sum)
stamp=dist/.$(basename $out).made-from
if [ -x $out ] && [ "$(cat $stamp 2>/dev/null)" = "$made_from" ]; then exit 0; fi

if ! command -v $compiler >/dev/null; then
  echo "$compiler is missing: install the package $package to build the $arch launcher" >&2
  exit 1
fi
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)

# Several builds may run at once, and a launcher may be running: build elsewhere, rename into place.
mkdir -p dist
fresh=$(mktemp -d dist/.launcher.XXXXXX)
trap 'rm -rf "$fresh"' EXIT
$compiler -std=gnu11 -static -O2 -Wall -Wextra -Wconversion -Werror -DVERSION="\"$version\"" \
  -o "$fresh/launcher" daemon/launcher/launcher.c
$strip "$fresh/launcher"
mv "$fresh/launcher" $out
echo "$made_from" >"$fresh/stamp"
mv "$fresh/stamp" $stamp
