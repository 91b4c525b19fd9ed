# One machine of the cluster, in namespaces: its disk, a mount namespace that outlives its kernel, and its kernel, the rest, in a loop: when
# the first process of the kernel is killed, as in a power cut, a new one boots from the same disk. Ends when standard input does.
#
#   unshare --mount sh machine.sh DIRECTORY NAME ADDRESS
#
# DIRECTORY/NAME.kernel holds the process id of the kernel's keeper, and DIRECTORY/NAME.boots one line for each boot that is complete.
# HUB names the machine whose bridge this one is plugged into; the machine of that name has the bridge. CGROUP is below every hierarchy.
set -e
directory=$1
export NAME=$2 ADDRESS=$3
exec 3<&0
here=$(dirname "$0")

# Writes to /etc, /var and /opt that no other machine sees. What overlays are made of must be on no overlay itself.
mount -t tmpfs scratch /mnt
for dir in etc var opt; do
  mkdir -p /mnt/$dir/upper /mnt/$dir/work
  mount -t overlay overlay -o lowerdir=/$dir,upperdir=/mnt/$dir/upper,workdir=/mnt/$dir/work /$dir
done
for dir in var/lib/containerd var/lib/kubelet var/lib/etcd; do
  mkdir -p /$dir
  mount -t tmpfs tmpfs /$dir
done
mkdir -p /var/log/cluster

remove_cgroups() {
  find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup*/$CGROUP/*" -exec rmdir {} + 2>/dev/null || true
}

# The only child of the process $1, or nothing.
child_of() { tr -d ' ' <"/proc/$1/task/$1/children"; }

while :; do
  unshare --mount --net --pid --uts --ipc --fork --kill-child --mount-proc --propagation private sh "$here/boot.sh" <&3 >&2 &
  keeper=$!
  until kernel=$(child_of $keeper) && [ -n "$kernel" ]; do sleep 0.02; done
  echo $keeper >"$directory/$NAME.kernel.new"
  mv "$directory/$NAME.kernel.new" "$directory/$NAME.kernel"
  if [ "$NAME" != "$HUB" ]; then
    hub=$(child_of "$(cat "$directory/$HUB.kernel")")
    # The kernel takes a moment to take away the last boot's.
    nsenter --target "$hub" --net ip link delete "to-$ADDRESS" 2>/dev/null || true
    # The new process gets its network namespace after it is there.
    until [ "$(readlink "/proc/$kernel/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
    nsenter --target "$hub" --net ip link add "to-$ADDRESS" type veth peer name eth0 netns "$kernel"
    nsenter --target "$hub" --net ip link set "to-$ADDRESS" master hub up
  fi
  status=0
  wait $keeper || status=$?
  remove_cgroups
  [ $status != 0 ] || break
done
