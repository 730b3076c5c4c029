#!/bin/bash
# keepalived as the owner of an address (priority 255) takes that address off the interface when it starts, and does not put it back.
#
# RFC 9568 §1.7: the owner is the router that has the virtual address as a real one of its interface, and it is master at once. Guess: with
# priority 255 and the interface's own address as virtual address it advertises, and the address stays for as long as the machine runs.
# Seen with keepalived 2.2.7 (Debian 12), and with 2.4.3 built from its release: the first thing it does is to take its virtual addresses away.
# An interface with one address has none then, the instance goes to FAULT ("no IPv4 address for interface"), sends nothing, and the end of
# keepalived gives nothing back. Where the interface has another address beside, the owner is master within two seconds, and its own address is gone when keepalived ends.
# Needs root (a network namespace of its own), Debian's keepalived and iproute2. Ends with 0 while that is so.
set -euo pipefail
[ "${1:-}" = inside ] || exec unshare -n "$0" inside
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
keepalived --version 2>&1 | sed -n 1p
ip link set lo up
ip link add eth0 type veth peer name far
ip link set far up
ip link set eth0 up

addresses() { ip -o -4 addr show dev eth0 | awk '{ print $4 }' | xargs; }

# owner ADDRESS STATE: runs keepalived as its owner until it says STATE, then ends it.
owner() {
  printf 'vrrp_instance V1 {\n  interface eth0\n  virtual_router_id 51\n  priority 255\n  virtual_ipaddress {\n    %s\n  }\n}\n' "$1" > k.conf
  keepalived -n -l -D -f k.conf -p p.pid -r r.pid > log 2>&1 &
  pid=$!
  for _ in $(seq 100); do grep -qi "entering $2 state" log && break; sleep 0.1; done
  sleep 1
  echo "$(grep -oi "entering $2" log | head -1 | sed s/^E/e/), $(addresses | grep . || echo "no address")"
  kill "$pid"
  wait "$pid" || true
  pid=
  echo "ended, $(addresses | grep . || echo "no address")"
}

{
  ip addr add 192.0.2.1/24 dev eth0
  owner 192.0.2.1/24 FAULT
  ip addr add 192.0.2.1/24 dev eth0
  ip addr add 192.0.2.100/24 dev eth0
  owner 192.0.2.100/24 MASTER
} | tee seen
diff - seen <<'TEXT'
entering FAULT, no address
ended, no address
entering MASTER, 192.0.2.1/24 192.0.2.100/24
ended, 192.0.2.1/24
TEXT
echo "as described"
