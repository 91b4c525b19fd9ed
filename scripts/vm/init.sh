#!/bin/busybox sh
# The initial file system's init: makes the root of the guest, which is the machine's own root under
# an overlay that takes all writes, and goes over to it.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
exec </dev/console >/dev/console 2>&1

for module in $($b cat /modules/order); do $b insmod "/modules/$module" || echo "init: $module is not loaded"; done

options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o ro,cache=loose,$options root /lower || echo "init: no root"
$b mount -t tmpfs -o size=80% upper /upper
$b mkdir /upper/upper /upper/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work root /new || echo "init: no overlay"
$b mkdir -p /new/lib/modules /new/job
$b mount -t 9p -o ro,cache=loose,$options modules /new/lib/modules || echo "init: no modules"
$b mount -t 9p -o cache=none,$options job /new/job || echo "init: no job"
for directory in dev proc sys; do $b mount -o move /$directory /new/$directory; done
exec $b switch_root /new /bin/sh /job/boot
