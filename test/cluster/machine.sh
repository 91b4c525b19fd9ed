# The first process of the cluster's machine, in namespaces of its own for mounts, network and processes; machine.ts starts it with CGROUP,
# NODE_ADDRESS and SERVICE_ADDRESS. Prints "ready", and ends with all others when its standard input does.
set -e
mount --make-rshared /

# A fresh /run; writes to /etc, /var and /opt that nobody else sees. What overlays are made of must be on no overlay itself.
mount -t tmpfs scratch /mnt
for dir in etc var opt; do
  mkdir -p /mnt/$dir/upper /mnt/$dir/work
  mount -t overlay overlay -o lowerdir=/$dir,upperdir=/mnt/$dir/upper,workdir=/mnt/$dir/work /$dir
done
for dir in run var/lib/containerd var/lib/kubelet; do
  mkdir -p /$dir
  mount -t tmpfs tmpfs /$dir
done
mkdir /run/cluster

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
  [ ! -e "$hierarchy/cgroup.procs" ] || mkdir "$hierarchy/$CGROUP"
done

ip link set lo up
ip address add "$NODE_ADDRESS/32" dev lo
ip address add "$SERVICE_ADDRESS/32" dev lo
echo 1 >/proc/sys/net/ipv4/ip_forward

echo ready
# The shell, waiting for this, reaps what others leave.
cat >/dev/null
