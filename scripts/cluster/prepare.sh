#!/bin/sh
# Makes what a real Kubernetes on this machine consists of, once, in a cache outside of the checkout. Quick when there is nothing to do.
#
#   sh scripts/cluster/prepare.sh CACHE
#
# A part gets its name there when it is complete, and is made anew when the script that makes it has changed. What an interrupted build had
# made already is taken up again. Exit status 77: what it is made of could not be fetched.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cache=$(cd "$1" && pwd)
work=$cache/work

say() { printf 'cluster: %s\n' "$*"; }
fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

is_made() { [ "$(cat "$cache/$1/made-by" 2>/dev/null)" = "$(sha256sum <"$here/make-$1.sh")" ]; }

make_part() {
  ! is_made "$1" || return 0
  say "$2"
  begin=$(date +%s)
  rm -rf "$cache/$1.new"
  mkdir -p "$cache/$1.new" "$work"
  status=0
  CLUSTER_WORK=$work nice -n 5 sh "$here/make-$1.sh" "$cache/$1.new" || status=$?
  [ $status != 77 ] || exit 77
  [ $status = 0 ] || fail "$1 could not be made (see above; what is made already is kept in $work)"
  sha256sum <"$here/make-$1.sh" >"$cache/$1.new/made-by"
  sync -f "$cache/$1.new"
  rm -rf "${cache:?}/$1"
  mv "$cache/$1.new" "$cache/$1"
  say "$1: made in $(($(date +%s) - begin)) s"
}

# One at a time, for they would tread on each other's work.
exec 9>"$cache/lock"
flock --nonblock 9 || { say "waiting for another that fills $cache" && flock --timeout 3600 9; } || fail "the other does not end"

make_part debian "fetching packages, some seconds"
make_part kubernetes "compiling Kubernetes from Debian's source package, about 3 minutes on 2 cores, 3 GB of disk meanwhile"
make_part image "packing the image for pods"
rm -rf "$work"
