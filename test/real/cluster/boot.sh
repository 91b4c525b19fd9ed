# The first process of a machine's kernel; machine.sh starts it with NAME, ADDRESS, HUB and CGROUP. Ends with all others when its standard input does.
set -e
hostname "$NAME"

# Of the machine's own network namespace. Control groups are the real machine's.
mkdir -p /mnt/cgroup
mount --rbind /sys/fs/cgroup /mnt/cgroup
mount -t sysfs sysfs /sys
mount --rbind /mnt/cgroup /sys/fs/cgroup
umount -l /mnt/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
mount --make-rshared /

# The kernel lets a user namespace mount its own /proc only where one is seen whole, and what follows covers
# parts of the usual one.
mkdir -p /mnt/proc
mount -t proc proc /mnt/proc

# What a kubelet sets for the whole kernel: here it finds that done.
while read -r setting value; do
  mkdir -p "/mnt/sys/${setting%/*}"
  echo "$value" >"/mnt/sys/$setting"
  mount --bind "/mnt/sys/$setting" "/proc/sys/$setting"
done <<END
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

hierarchies=/sys/fs/cgroup/*/
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || hierarchies=/sys/fs/cgroup/
for hierarchy in $hierarchies; do
  [ -e "$hierarchy/cgroup.procs" ] || continue
  mkdir -p "$hierarchy/$CGROUP"
  # A cpuset of cgroup v1 is empty, and takes no process, until somebody says what it has.
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$hierarchy/cgroup.clone_children" ] || [ ! -e "$hierarchy/$file" ] ||
      { cat "$hierarchy/$file" >"$hierarchy/${CGROUP%/*}/$file" && cat "$hierarchy/$file" >"$hierarchy/$CGROUP/$file"; }
  done
done

ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
if [ "$NAME" = "$HUB" ]; then
  ip link add hub type bridge
  ip link set hub up
  ip address add "$ADDRESS/24" dev hub
  ip address add "$SERVICE_ADDRESS/32" dev lo
else
  until [ -e /sys/class/net/eth0 ]; do sleep 0.02; done
  ip address add "$ADDRESS/24" dev eth0
  ip link set eth0 up
  ip route add default via "$GATEWAY"
fi
echo booted >>"$BOOTS"

# The shell, waiting for this, reaps what others leave.
cat >/dev/null
