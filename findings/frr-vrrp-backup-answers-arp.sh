#!/bin/bash
# A backup of FRR's vrrpd answers ARP for the virtual address, with the physical MAC of its interface.
#
# FRR has the operator make a macvlan with the virtual MAC and the virtual address, and holds it down (protodown) while it is backup. Guess: a link
# without carrier answers nothing, so only the master does, with the virtual MAC or its own. Seen with frr 8.4.4-1.1~deb12u2, set up as its manual says, and
# keepalived 2.2.7 as master: the address of a link that is held down is still local to Linux, and with arp_ignore = 0 the base interface answers
# for it; a host that asks gets two answers and may send to the backup. With arp_ignore = 1 on the base interface the backup is silent.
# Needs root (network namespaces of its own), apt-get to fetch frr, and Debian's keepalived, iproute2 and tcpdump. Ends with 0 while that is so.
set -euo pipefail
if [ "${1:-}" != inside ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/fetched"
  (cd "$work/fetched" && apt-get -qq -o APT::Sandbox::User=root download frr=8.4.4-1.1~deb12u2 libyang2 libjson-c5 libc-ares2 libprotobuf-c1 libcap2)
  for package in "$work"/fetched/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  unshare -n -m -p -f --mount-proc "$0" inside "$work"
  exit
fi
work=$2
cd "$work"
export LD_LIBRARY_PATH=$work/root/usr/lib/x86_64-linux-gnu:$work/root/usr/lib/x86_64-linux-gnu/frr:$work/root/lib/x86_64-linux-gnu
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/tmp
# Its daemons want their users' group, which the package would make.
{ grep -v ^frrvty: /etc/group; echo frrvty:x:9999:root; } > group
mount --bind group /etc/group
mkdir -p /run/netns

ip link set lo up
ip link add br0 type bridge
ip link set br0 up
for host in frr other asker; do
  ip netns add "$host"
  ip link add "$host" type veth peer name eth0 netns "$host"
  ip link set "$host" master br0 up
  ip -n "$host" link set lo up
  ip -n "$host" link set eth0 up
done
ip -n frr addr add 192.0.2.1/24 dev eth0
ip -n other addr add 192.0.2.2/24 dev eth0
ip -n asker addr add 192.0.2.3/24 dev eth0
ip -n frr link add vrrp4-5 link eth0 addrgenmode random type macvlan mode bridge 2> /dev/null || ip -n frr link add vrrp4-5 link eth0 type macvlan mode bridge
ip -n frr link set vrrp4-5 address 00:00:5e:00:01:05
ip -n frr addr add 192.0.2.100/24 dev vrrp4-5
ip -n frr link set vrrp4-5 up
printf 'interface eth0\n vrrp 5 version 3\n vrrp 5 priority 100\n vrrp 5 ip 192.0.2.100\n' > vrrpd.conf
: > zebra.conf
mkdir state
for daemon in zebra vrrpd; do
  ip netns exec frr "root/usr/lib/frr/$daemon" -d -u root -g root -f "$work/$daemon.conf" -i "$work/state/$daemon.pid" -z "$work/state/zserv" --vty_socket "$work/state" --log "file:$work/$daemon.log" > "$daemon.out" 2>&1 || { cat "$daemon.out"; exit 1; }
done
printf 'vrrp_instance V1 {\n  interface eth0\n  virtual_router_id 5\n  version 3\n  priority 150\n  virtual_ipaddress {\n    192.0.2.100/24\n  }\n}\n' > k.conf
ip netns exec other keepalived -n -l -D -P -f k.conf -p p.pid -r r.pid > k.log 2>&1 &

# How many different MAC addresses answer three questions.
ask() {
  ip netns exec asker tcpdump -l -n -e -i eth0 arp and src host 192.0.2.100 > seen-arp 2> seen-err &
  local dump=$!
  for _ in $(seq 100); do grep -q listening seen-err && break; sleep 0.1; done
  for _ in 1 2 3; do
    ip -n asker neigh flush dev eth0
    ip netns exec asker ping -c 1 -W 1 192.0.2.100 > /dev/null || true
  done
  sleep 1
  kill "$dump"
  wait "$dump" || true
  physical=$(ip -n frr -j link show eth0 | grep -o '"address":"[^"]*"' | head -n 1 | cut -d'"' -f4)
  grep -qi "$physical.*is-at" seen-arp && echo "the backup answers" || echo "the backup is silent"
}
for _ in $(seq 100); do grep -q "Entering MASTER" k.log && ip -n frr link show vrrp4-5 | grep -q NO-CARRIER && break; sleep 0.1; done
sleep 1
{
  ip -n frr link show vrrp4-5 | grep -qE "protodown on|NO-CARRIER|LOWERLAYERDOWN" && echo "the backup's virtual link is held down" || echo "the backup's virtual link is up"
  echo "arp_ignore 0: $(ask)"
  ip netns exec frr sysctl -q net.ipv4.conf.eth0.arp_ignore=1
  echo "arp_ignore 1: $(ask)"
} | tee seen
diff seen - <<'SEEN' || { ip -n frr -d link show vrrp4-5; cat vrrpd.log zebra.log vrrpd.out; exit 1; }
the backup's virtual link is held down
arp_ignore 0: the backup answers
arp_ignore 1: the backup is silent
SEEN
echo "as described"
