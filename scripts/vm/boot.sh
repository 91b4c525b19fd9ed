#!/bin/sh
# Process 1 of the guest: mounts what a system has, runs the job with the machine's programs, and
# turns the power off. The job, what it prints and its exit status are files in /job, which the
# machine sees while they grow.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mkdir -p /run/lock /run/netns
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
cp /job/busybox /run/busybox
# The kernel loads modules by this path.
[ -x /sbin/modprobe ] || ln -s /run/busybox /sbin/modprobe
# Plugins lock and rename files there: file systems of their own, for an overlay's are not the same
# in all respects.
for directory in /var/lib/kubelet /var/lib/cni /var/lib/plexus /etc/cni /opt/cni /etc/plexus /var/log /tmp; do
  mkdir -p $directory
  mount -t tmpfs tmpfs $directory
done
ip link set lo up
hostname plexus-vm
setsid -w sh /job/script </dev/null >/job/output 2>&1
echo $? >/job/status
sync
exec /run/busybox poweroff -f
