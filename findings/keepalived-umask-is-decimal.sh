#!/bin/bash
# keepalived's option --umask takes 27 as a decimal number: the mask is 0033.
#
# Guess: a mask is octal, as umask(1), systemd's UMask= and chmod(1) take it.
# Seen with keepalived 2.2.7 (Debian 12): `-u 27` gives its processes the mask 0033, `-u 027` 0027. Files that were to be closed to others (027) can be read by them.
# Needs root (a network namespace of its own) and Debian's keepalived. Ends with 0 while that is so.
set -euo pipefail
[ "${1:-}" = inside ] || exec unshare --net --mount "$0" inside
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"' EXIT
mount -t tmpfs run /run
cd "$work"
keepalived --version 2>&1 | sed -n 1p
ip link add eth0 type veth peer name eth1
ip link set eth0 up
ip link set eth1 up
ip addr add 192.0.2.9/24 dev eth0
cat >keepalived.conf <<'END'
vrrp_instance one {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress {
        192.0.2.1
    }
}
END
mask() {
  keepalived --dont-fork --log-console --use-file "$work/keepalived.conf" "$@" >"$work/log" 2>&1 &
  pid=$!
  for _ in $(seq 200); do
    child=$(cat /run/vrrp.pid 2>/dev/null || true)
    [ -z "$child" ] || break
    sleep 0.05
  done
  [ -n "$child" ] || { cat "$work/log"; exit 1; }
  awk '/^Umask:/{print $2}' "/proc/$child/status"
  kill "$pid"
  wait "$pid" || true
  pid=
}
plain=$(mask --umask 27)
zero=$(mask --umask 027)
echo "--umask 27: $plain, --umask 027: $zero"
[ "$plain $zero" = "0033 0027" ] || { echo "it is otherwise now"; exit 1; }
echo "still so: without a leading zero the mask is decimal"
