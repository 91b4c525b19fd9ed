#!/bin/sh
# Builds the image on a Debian machine with neither Docker nor a registry of images: with buildah, over base images made of Debian
# packages and the Node that npm installs.
#
#   sh scripts/image/build.sh [--out FILE] [--name NAME]
#
# --out    the archive to write, as `docker save` would (default: dist/plexus-image.tar)
# --name   the image's name in it (default: localhost/plexus:VERSION)
#
# Needs root. Base images and buildah's storage are kept in ${XDG_CACHE_HOME:-~/.cache}/plexus-image, which may be removed at any time.
# The build uses the package sources of this machine: npm's configuration, /etc/apt and the certificates are lent to it, and are not in
# the image.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/plexus-image
out=$root/dist/plexus-image.tar
name=localhost/plexus:$version

say() { printf 'image: %s\n' "$*"; }
fail() {
  printf 'image: %s\n' "$*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:-} && shift 2 || fail "--out needs a value" ;;
    --name) name=${2:-} && shift 2 || fail "--name needs a value" ;;
    *) fail "unknown option $1, known are --out and --name" ;;
  esac
done
case $out in /*) ;; *) out=$root/$out ;; esac
[ "$(id -u)" = 0 ] || fail "this needs root, for it makes root file systems (sudo npm run image)"
[ "$(uname -m)" = x86_64 ] || fail "this builds on amd64 only; elsewhere use docker buildx, see the Dockerfile"

missing=
for entry in buildah:buildah mmdebstrap:mmdebstrap util-linux:flock; do
  command -v "${entry#*:}" >/dev/null || missing="$missing ${entry%%:*}"
done
if [ -n "$missing" ]; then
  say "installing Debian packages:$missing"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing </dev/null >/dev/null ||
    fail "could not install$missing (try: apt-get update)"
fi
sh scripts/setup.sh deps

mkdir -p "$cache" "$(dirname "$out")"
exec 9>"$cache/lock"
flock 9
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# overlay, unless this machine's files are on an overlay themselves, as in a container; then whole copies of every layer.
driver=vfs
mkdir "$work/lower" "$work/upper" "$work/scratch" "$work/merged"
if mount -t overlay overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/scratch" "$work/merged" 2>/dev/null; then
  umount "$work/merged"
  driver=overlay
fi
storage=$cache/$driver

# It would make /etc/cni/net.d, and with it this machine look as if it had a network config.
printf '[network]\nnetwork_config_dir = "%s"\n' "$work" >"$work/containers.conf"
export CONTAINERS_CONF="$work/containers.conf"

# Everything of buildah's below our own directory. chroot isolation needs no more rights than a container of CI has.
containers() {
  buildah --root "$storage" --runroot "$cache/run-$driver" --storage-driver $driver "$@"
}
export BUILDAH_ISOLATION=chroot

# Runs a command that is of interest only when it fails.
logged() {
  "$@" >"$work/log" 2>&1 || {
    tail -n 60 "$work/log" >&2
    fail "failed: $1 ${2:-} (its last lines are above)"
  }
}

slim="--dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-include=/usr/share/doc/*/copyright
  --dpkgopt=path-exclude=/usr/share/man/* --dpkgopt=path-exclude=/usr/share/info/* --dpkgopt=path-exclude=/usr/share/locale/*"

# Stand-ins for the official base images: bare Debian, and the same with Node and npm.
base_images() {
  print=$(cat scripts/image/build.sh node_modules/node/package.json | sha256sum)
  [ "$(cat "$storage/bases.made-from" 2>/dev/null)" != "$print" ] || return 0
  say "making the base images from Debian packages, about a minute"
  logged mmdebstrap --variant=apt $slim bookworm "$work/debian.tar"
  printf 'FROM scratch\nADD debian.tar /\nCMD ["bash"]\n' >"$work/Dockerfile"
  logged containers build --format docker --tag localhost/plexus-base-debian "$work"

  mkdir -p "$work/node/usr/local/bin" "$work/node/usr/local/lib/node_modules"
  cp "$(readlink -f node_modules/.bin/node)" "$work/node/usr/local/bin/node"
  npm_program=$(readlink -f "$(command -v npm)")
  cp -R "${npm_program%/bin/npm-cli.js}" "$work/node/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/node/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/node/usr/local/bin/npx"
  printf 'FROM localhost/plexus-base-debian\nCOPY node/ /\nENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n' >"$work/Dockerfile"
  logged containers build --format docker --tag localhost/plexus-base-node "$work"
  echo "$print" >"$storage/bases.made-from"
}

# What the build borrows of this machine, read-only; none of it is left in a layer.
borrowed() {
  for path in /etc/apt /etc/ssl/certs /usr/share/ca-certificates /usr/share/keyrings; do
    [ ! -e "$path" ] || printf ' --volume %s:%s:ro' "$path" "$path"
  done
  [ ! -f "$HOME/.npmrc" ] || printf ' --volume %s:/root/.npmrc:ro' "$HOME/.npmrc"
}

# Layers of earlier builds make the next one quick, and add up.
if [ -d "$storage" ] && [ "$(du -sm "$storage" | cut -f 1)" -gt 12000 ]; then
  say "emptying the cache of layers, which has become large"
  rm -rf "$storage" "$cache/run-$driver"
fi

base_images
say "building $name, some minutes when nothing is in the cache"
logged containers build --format docker --layers $(borrowed) \
  --build-arg BUILD_IMAGE=localhost/plexus-base-node \
  --build-arg NODE_IMAGE=localhost/plexus-base-node \
  --build-arg RUNTIME_IMAGE=localhost/plexus-base-debian \
  --build-arg VERSION="$version" \
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --tag "$name" .
rm -f "$out.new"
logged containers push "$name" "docker-archive:$out.new:$name"
mv "$out.new" "$out"
say "$out, $(du -m "$out" | cut -f 1) MB, is $name"
