#!/bin/sh
# Builds the shim, a static executable, when its sources have changed. See README.md.
#
#   shim/build.sh [--arch amd64|arm64] [--out FILE]
#
# --arch  what to build for (default: this machine)
# --out   where to put it (default: dist/plexus, or dist/plexus-ARCH for another architecture than this machine's)
set -eu

shim=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$shim")
node=$root/node_modules/.bin/node
scriptc=$shim/node_modules/scriptc/dist/bootstrap.js
cache=$root/.cache/shim

fail() {
  echo "shim/build.sh: $1" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null || fail "$1 is missing, install $2"
}

case $(uname -m) in
  x86_64) host_arch=amd64 ;;
  aarch64) host_arch=arm64 ;;
  *) fail "cannot build on $(uname -m), only on amd64 and arm64" ;;
esac

arch=$host_arch
out=
while [ $# -gt 0 ]; do
  case $1 in
    --arch) arch=${2:-} && shift 2 || fail "--arch needs a value" ;;
    --out) out=${2:-} && shift 2 || fail "--out needs a value" ;;
    *) fail "unknown option $1, known are --arch and --out" ;;
  esac
done
if [ -z "$out" ]; then
  out=$root/dist/plexus
  [ "$arch" = "$host_arch" ] || out=$out-$arch
fi

case $host_arch-$arch in
  amd64-amd64 | arm64-arm64)
    need gcc "the package gcc"
    need musl-gcc "the package musl-tools"
    compiler=musl-gcc
    strip=strip
    ;;
  amd64-arm64)
    need aarch64-linux-gnu-gcc "the packages gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
    compiler=aarch64-linux-gnu-gcc
    strip=aarch64-linux-gnu-strip
    ;;
  *) fail "cannot build for $arch on $host_arch" ;;
esac
need "$strip" "the package binutils"
need flock "the package util-linux"
[ -x "$node" ] || fail "$node is missing, run npm ci in $root"

install_compiler() {
  stamp=$shim/node_modules/.installed
  wanted=$(cksum <"$shim/package.json")
  if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then return; fi
  need npm "Node.js with npm"
  (cd "$shim" && npm install --no-package-lock --loglevel=error --no-audit --no-fund >/dev/null) || fail "npm install failed in $shim"
  echo "$wanted" >"$stamp"
}

# All that decides about the result.
fingerprint() {
  {
    echo "$arch $("$compiler" -dumpfullversion)"
    sed -n 's/^ *"version": //p' "$root/package.json"
    find "$shim/core" "$shim/host" "$shim/build.sh" "$shim/package.json" -type f | LC_ALL=C sort | xargs cat
  } | sha256sum
}

# A copy of the sources that knows the version of the project.
stage_sources() {
  version=$("$node" -p 'require(process.argv[1]).version' "$root/package.json")
  cp -R "$shim/core" "$shim/host" "$work"
  sed "s/^const VERSION = .*/const VERSION = \"$version\";/" "$shim/host/main.ts" >"$work/host/main.ts"
}

# Runs a command that is of interest only when it fails.
logged() {
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "$(basename "$1") failed, see above"
  }
}

run_scriptc() {
  SCRIPTC_NO_CACHE=1 NODE_COMPILE_CACHE=$root/.cache/node \
    logged "$node" "$scriptc" build "$work/host/main.ts" --ffi "$work/host/ffi.json" "$@"
}

# The names under which host/ffi.json has those libc functions that scriptc's own C declares in another way.
link_options="-static -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,--build-id=none
  -Wl,--defsym=plexus_signal=signal -Wl,--defsym=plexus_snprintf=snprintf"

# The parts of scriptc's runtime that the program needs.
runtime_parts="array async bytes bytes_io child closure console crypto_async cycle error exception ffi json lib map number object
  path string union url"
compile_options="-std=gnu11 -D_GNU_SOURCE -ffunction-sections -fdata-sections -fno-math-errno -fno-strict-aliasing -w"

# scriptc writes C. What is made of our own code has to be fast, above all with large configurations; the runtime has to be small.
compile() {
  run_scriptc --emit=c -o "$work/plexus.c"
  runtime=$shim/node_modules/@scriptc/runtime
  for part in $runtime_parts; do
    echo "$runtime/src/scr_$part.c"
  done >"$work/sources"
  # No path of this machine in the result: the runtime's assertions name their source files.
  set -- $compile_options "-ffile-prefix-map=$root=." -I"$runtime/src" -I"$runtime/vendor"
  logged "$compiler" "$@" -O2 -fno-inline-small-functions -c "$work/plexus.c" -o "$work/plexus.o"
  logged "$compiler" "$@" -Os "$work/plexus.o" "$work/host/network-namespace.c" $(cat "$work/sources") -o "$work/plexus" $link_options -lm -lpthread
}

mkdir -p "$cache" "$(dirname "$out")"
exec 9>"$cache/lock"
flock 9
print=$(fingerprint)
if [ -x "$out" ] && [ "$(cat "$cache/$arch" 2>/dev/null || true)" = "$print $(cksum <"$out")" ]; then
  exit 0
fi

install_compiler
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
stage_sources
compile
# Unwind tables are for C++ and debuggers. What is left has neither.
"$strip" -R .eh_frame -R .comment "$work/plexus"
mv "$work/plexus" "$out"
echo "$print $(cksum <"$out")" >"$cache/$arch"
echo "built $out for $arch, $(wc -c <"$out") bytes"
