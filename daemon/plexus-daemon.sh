#!/bin/sh
# Starts the daemon, or what puts it on a node and takes it off again, with the Node settings they are meant to run with. NODE names another
# Node 24 than the one in PATH.
#
# The daemon keeps little and makes much garbage: V8's young generation would grow to 48 MB for it. Kept small, the daemon takes a
# third less memory at the same speed. What a flood of callers made it take it gives back when it is idle: V8's part by a collection that it asks
# for itself, and the C library's as blocks of 16 KiB and more are mapped one by one. (Fewer arenas would help, too, but cost a third more time.)
export MALLOC_MMAP_THRESHOLD_=16384
case ${1:-} in install | uninstall) program=plexus-install.mjs ;; *) program=plexus-daemon.mjs ;; esac
#
# Node opens a debugger on SIGUSR1, on a port of 127.0.0.1 that every process of the node can reach to run code as root. With the option the signal
# does nothing. PLEXUS_ALLOW_DEBUGGER=1 in the environment leaves the option out.
case ${PLEXUS_ALLOW_DEBUGGER:-} in 1) sigusr1= ;; *) sigusr1=--disable-sigusr1 ;; esac
exec "${NODE:-node}" --max-semi-space-size=1 $sigusr1 "$(dirname "$(readlink -f "$0")")/$program" "$@"
