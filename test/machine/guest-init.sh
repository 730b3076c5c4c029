#!/bin/busybox sh
# First process of a test machine: mounts, links busybox's programs, loads what no request would load, runs /etc/guest-command.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb
busybox=/bin/busybox
$busybox mkdir -p /proc /sys /dev /run /tmp /root /var/run /var/tmp /usr/bin /usr/sbin /sbin
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev
$busybox mkdir -p /dev/pts /dev/shm
$busybox mount -t devpts pts /dev/pts
$busybox mount -t tmpfs run /run
$busybox mount -t tmpfs tmp /tmp
for name in $($busybox --list); do
  [ -e /bin/$name ] || [ -e /usr/bin/$name ] || [ -e /sbin/$name ] || [ -e /usr/sbin/$name ] || $busybox ln -s $busybox /bin/$name
done
ln -sf $busybox /sbin/modprobe
for name in $(cat /etc/modules-load); do modprobe $name; done
ip link set lo up
if ip link set eth0 up 2>/dev/null; then ip addr add 10.0.2.15/24 dev eth0; fi
hostname guest
cd /work
sh /etc/guest-command
status=$?
sync
printf '\nVM_EXIT=%d\n' $status
poweroff -f
