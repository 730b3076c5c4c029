#!/bin/bash
# In a vrrp_instance of keepalived a flag with `false` behind it is on, and `use_vmac false` makes an interface that is called "false".
#
# global_defs of the same file takes true, false, on, off, yes and no behind most of its flags. Guess: a flag of an instance does the same, or a
# word that is not taken is reported. Seen with keepalived 2.2.7 (Debian 12): `skip_check_adv_addr false` skips the check, `use_vmac false`
# sends from a virtual MAC by a macvlan of that name, `keepalived -t` ends with 0, and no line of the log says a word about either.
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
cat > k.conf <<'CONF'
vrrp_instance V1 {
  interface eth0
  virtual_router_id 51
  priority 100
  skip_check_adv_addr false
  use_vmac false
  virtual_ipaddress {
    192.0.2.100/24
  }
}
CONF
{
  keepalived -t -f k.conf > test-log 2>&1 && echo "keepalived -t: 0" || echo "keepalived -t: $?"
  keepalived -n -l -D -P -f k.conf -p p.pid -r r.pid > log 2>&1 &
  pid=$!
  for _ in $(seq 100); do grep -q "Entering BACKUP" log && break; sleep 0.1; done
  rm -f /tmp/keepalived.data
  kill -USR1 "$pid"
  for _ in $(seq 100); do grep -qs "Virtual Router ID" /tmp/keepalived.data && break; sleep 0.1; done
  grep -q "Skip checking advert IP addresses" /tmp/keepalived.data && echo "skip_check_adv_addr false: the check is skipped" || echo "skip_check_adv_addr false: the check is made"
  ip -o link show type macvlan | grep -q " false@eth0" && echo "use_vmac false: a macvlan called false" || echo "use_vmac false: no macvlan"
  grep -qiE "unknown|invalid|boolean|extra" log test-log && echo "reported" || echo "not reported"
  kill "$pid"
  wait "$pid" || true
  pid=
  rm -f /tmp/keepalived.data
} | tee seen
diff seen - <<'SEEN'
keepalived -t: 0
skip_check_adv_addr false: the check is skipped
use_vmac false: a macvlan called false
not reported
SEEN
echo "as described"
