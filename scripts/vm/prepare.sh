#!/bin/sh
# Makes what the virtual machine consists of, once, in a cache outside of the checkout. Quick when
# there is nothing to do.
#
#   sh scripts/vm/prepare.sh CACHE
#
# A part gets its name there when it is complete, and is made anew when what it is made by has
# changed. Exit status 77: what it is made of could not be fetched.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cache=$(cd "$1" && pwd)
work=$cache/work

say() { printf 'vm: %s\n' "$*"; }
fail() {
  printf 'vm: %s\n' "$*" >&2
  exit 1
}

# make_part NAME WHAT-IS-DONE FILE...   where the files are what the part depends on, beside the
# script that makes it
make_part() {
  part=$1 message=$2
  shift 2
  made_by=$(cat "$here/make-$part.sh" "$@" | sha256sum)
  [ "$(cat "$cache/$part/made-by" 2>/dev/null)" != "$made_by" ] || return 0
  say "$message"
  begin=$(date +%s)
  rm -rf "$cache/$part.new"
  mkdir -p "$cache/$part.new" "$work"
  status=0
  VM_WORK=$work nice -n 15 sh "$here/make-$part.sh" "$cache/$part.new" || status=$?
  [ $status != 77 ] || exit 77
  [ $status = 0 ] || fail "$part could not be made (see above)"
  echo "$made_by" >"$cache/$part.new/made-by"
  sync -f "$cache/$part.new"
  rm -rf "${cache:?}/$part"
  mv "$cache/$part.new" "$cache/$part"
  say "$part: made in $(($(date +%s) - begin)) s: $(tr '\n' ' ' <"$cache/$part/versions")"
}

# One at a time, for they share the work directory.
exec 9>"$cache/lock"
flock --nonblock 9 || { say "waiting for another that fills $cache" && flock --timeout 3600 9; } || fail "the other does not end"

make_part qemu "fetching QEMU, about 40 MB"
make_part kernel "fetching a kernel, about 70 MB" "$here/init.sh"
rm -rf "$work"
