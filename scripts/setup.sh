#!/bin/sh
# Everything a machine needs before the npm scripts can do their work. Quick when there is nothing to do.
#
#   sh scripts/setup.sh deps    npm dependencies, Node 24 among them
#   sh scripts/setup.sh build   the above, compilers, and all that goes into dist/
#   sh scripts/setup.sh test    the above, and what the tests need, those under test/node/ only for root
#   sh scripts/setup.sh root    the above, and it is an error not to be root
#
# Runs before Node 24 is there, so it is plain POSIX sh. Prints one line per missing thing, with the way to get it.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
PATH=$root/node_modules/.bin:$PATH:/usr/sbin:/sbin
export PATH

# PACKAGE:PROBE, where the probe is the command or the file that we use of the package.
to_build="gcc:gcc libc6-dev:/usr/include/stdio.h musl-tools:musl-gcc protobuf-compiler:protoc libprotobuf-dev:/usr/include/google/protobuf/timestamp.proto"
to_test="jq:jq procps:ps util-linux:flock"
to_test_as_root="containerd:containerd containernetworking-plugins:/usr/lib/cni/bridge iproute2:ip iptables:iptables iputils-ping:ping runc:runc"

say() { printf 'setup: %s\n' "$*"; }
complain() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  complain "$@"
  exit 1
}
is_root() { [ "$(id -u)" = 0 ]; }

npm_dependencies() {
  stamp=node_modules/.lock-hash
  hash=$(sha256sum <package-lock.json)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ]; then
    command -v npm >/dev/null || fail "missing npm (comes with Node.js 20 or newer)"
    say "installing npm dependencies, about half a minute"
    npm ci --include=dev --loglevel=error --no-audit --no-fund --no-update-notifier </dev/null >/dev/null ||
      fail "npm dependencies could not be installed (is the package registry within reach? try: npm ci)"
    printf '%s\n' "$hash" >"$stamp"
  fi
  hash -r
  case $(node --version 2>/dev/null) in
    v24.*) ;;
    *) fail "node_modules/.bin/node is not Node 24 (were install scripts off? try: npm ci --ignore-scripts=false)" ;;
  esac
}

# Those of the given PACKAGE:PROBE entries whose probe is not there.
absent() {
  for entry in "$@"; do
    case ${entry#*:} in
      /*) [ -e "${entry#*:}" ] ;;
      *) command -v "${entry#*:}" >/dev/null ;;
    esac || printf '%s ' "$entry"
  done
}

# Installs what is absent of the given PACKAGE:PROBE entries; where that cannot be done, names each and returns 1.
debian_packages() {
  missing=$(absent "$@")
  if [ -n "$missing" ] && is_root && command -v apt-get >/dev/null; then
    packages=$(for entry in $missing; do printf '%s ' "${entry%%:*}"; done)
    say "installing Debian packages: $packages"
    export DEBIAN_FRONTEND=noninteractive
    apt_lists || true
    apt-get -qq -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $packages </dev/null >/dev/null || true
    hash -r
    missing=$(absent "$@")
  fi
  for entry in $missing; do
    complain "missing ${entry#*:} (Debian: apt-get install --no-install-recommends ${entry%%:*})"
  done
  [ -z "$missing" ]
}

apt_lists() { apt-get -qq -o DPkg::Lock::Timeout=120 update </dev/null >/dev/null; }

# The last Debian package of the flannel plugin is bullseye's containernetworking-plugins 0.9.0. It is unpacked beside
# the system, in the directory $1.
unpack_flannel() {
  mkdir -p "$1/download"
  (
    . scripts/cluster/apt-beside.sh
    # Whoever asked for it says what is missing.
    unobtainable() { exit 1; }
    apt_beside "$1/apt" "deb bullseye"
    cd "$1/download"
    get download containernetworking-plugins
  ) || return 1
  set -- "$1" "$1"/download/*.deb
  case $(dpkg-deb --field "$2" Version) in
    0.9.0*) dpkg-deb --extract "$2" "$1/unpacked" ;;
    *) return 1 ;;
  esac
}

flannel() {
  [ ! -x .cache/flannel/flannel ] || return 0
  say "fetching the flannel plugin of Debian bullseye"
  mkdir -p .cache/flannel
  work=$(mktemp -d "$root/.cache/flannel/fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
  if command -v dpkg-deb >/dev/null && unpack_flannel "$work"; then
    mv "$work/unpacked/usr/lib/cni/flannel" .cache/flannel/flannel
  else
    complain "missing .cache/flannel/flannel (Debian bullseye's containernetworking-plugins 0.9.0 holds it as usr/lib/cni/flannel; it may be put there by hand)"
  fi
  rm -rf "$work"
  trap - EXIT INT TERM
  [ -x .cache/flannel/flannel ]
}

goal=${1:-test}
case $goal in
  deps | build | test | root) ;;
  *) fail "unknown goal '$goal' (deps, build, test or root)" ;;
esac
[ "$goal" != root ] || is_root || fail "this needs root, for it makes network namespaces (sudo npm run ${npm_lifecycle_event:-demo})"

npm_dependencies
[ "$goal" != deps ] || exit 0

needed=$to_build
if [ "$goal" != build ]; then
  needed="$needed $to_test"
  # Without root, the tests that need these do not run: it is enough to name what is absent.
  if is_root; then needed="$needed $to_test_as_root"; else debian_packages $to_test_as_root || true; fi
fi
complete=yes
debian_packages $needed || complete=no
[ "$goal" = build ] || ! is_root || flannel || complete=no
[ $complete = yes ] || exit 1

[ -e dist/plexus ] || say "building the shim, about half a minute as its compiler has to be fetched"
sh shim/build.sh
sh daemon/launcher/build.sh
node scripts/build-daemon.ts
[ "$goal" = build ] || sh test/plugins/build.sh
