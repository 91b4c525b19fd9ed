# Gives the test file's process a node of its own, then runs it. The pool's unshare has just made the namespaces: the
# network has no link but lo, and mounts made here stay here.
#
#   sh empty-node.sh CHECKOUT TMPDIR COMMAND...
#
# /run and /var/lib are empty. A container runtime's and Plexus' own directories are empty where the machine has them.
# Tests can write in these, in TMPDIR and in the checkout; the machine's other files are read-only.
set -eu
checkout=$1
tmp=$2
shift 2
PATH=$PATH:/usr/sbin:/sbin
export PATH

# The machine's root file system becomes read-only below. These mounts of their own stay writable.
for dir in /tmp /var/tmp /mnt "$tmp" "$checkout"; do mount --bind "$dir" "$dir"; done

# The new sysfs shows this network's links. The control groups are the machine's: there is only one tree of them.
mount --rbind /sys/fs/cgroup /mnt
mount -t sysfs sysfs /sys
mount --rbind /mnt /sys/fs/cgroup
umount --recursive /mnt
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/checkout /mnt/tmp
mount --bind "$checkout" /mnt/checkout
mount --bind "$tmp" /mnt/tmp

for dir in /run /var/lib /etc/cni /etc/plexus /opt/cni; do
  [ ! -d $dir ] || mount -t tmpfs -o mode=755 tmpfs $dir
done
# The checkout and TMPDIR may be in a directory that is empty now.
for pair in "checkout $checkout" "tmp $tmp"; do
  [ -d "${pair#* }" ] && mountpoint -q "${pair#* }" || mkdir -p "${pair#* }"
  mount --bind "/mnt/${pair%% *}" "${pair#* }"
done
umount /mnt/checkout /mnt/tmp
mount -o remount,bind,ro /

ip link set lo up
cd "$checkout"
# This shell stays: as the process namespace's init it reaps what loses its parent.
"$@"
exit $?
