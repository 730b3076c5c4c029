#!/bin/bash
# keepalived has other timers after a reload of an unchanged file when global_defs stands behind the instances.
#
# Guess: what global_defs says holds wherever it stands, or never reaches what stands before it; and SIGHUP with an unchanged file changes nothing.
# Seen with keepalived 2.2.7 (Debian 12): at the start an instance gets the gratuitous ARP timers of a global_defs that comes later, after a SIGHUP it has the defaults
# (delay 5 instead of 9, refresh 0 instead of 33), while the dump of the global definitions still shows 9 and 33. With global_defs in front both are the same.
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
ip addr add 192.0.2.1/24 dev eth0
printf 'global_defs {\n  vrrp_garp_master_delay 9\n  vrrp_garp_master_refresh 33\n}\n' > global
printf 'vrrp_instance V1 {\n  interface eth0\n  virtual_router_id 51\n  priority 100\n  virtual_ipaddress {\n    192.0.2.100/24\n  }\n}\n' > instance

# dump TITLE: what the running process says of its timers.
dump() {
  rm -f /tmp/keepalived.data
  kill -USR1 "$pid"
  for _ in $(seq 100); do grep -qs "Virtual IP" /tmp/keepalived.data && break; sleep 0.1; done
  echo "$1: global delay$(grep -m1 "^ Gratuitous ARP delay" /tmp/keepalived.data | cut -d= -f2), instance delay$(grep -m1 "^   Gratuitous ARP delay" /tmp/keepalived.data | cut -d= -f2) refresh$(grep -m1 "^   Gratuitous ARP refresh =" /tmp/keepalived.data | cut -d= -f2)"
}

# run TITLE FILE...: starts with these parts one after the other, reloads.
run() {
  title=$1
  shift
  cat "$@" > k.conf
  keepalived -n -l -D -P -f k.conf -p p.pid -r r.pid > log 2>&1 &
  pid=$!
  for _ in $(seq 100); do grep -q "Entering BACKUP" log && break; sleep 0.1; done
  dump "$title, at the start"
  kill -HUP "$pid"
  for _ in $(seq 100); do grep -q "Reload complete" log && break; sleep 0.1; done
  dump "$title, after SIGHUP"
  kill "$pid"
  wait "$pid" || true
  pid=
  rm -f /tmp/keepalived.data
}

{
  run "global_defs in front" global instance
  run "global_defs behind" instance global
} | tee seen
diff seen - <<'SEEN'
global_defs in front, at the start: global delay 9, instance delay 9 refresh 33
global_defs in front, after SIGHUP: global delay 9, instance delay 9 refresh 33
global_defs behind, at the start: global delay 9, instance delay 9 refresh 33
global_defs behind, after SIGHUP: global delay 9, instance delay 5 refresh 0
SEEN
echo "as described"
