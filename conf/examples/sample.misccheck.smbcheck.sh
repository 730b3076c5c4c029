#!/bin/sh
# A check for MISC_CHECK: is a file server well? Usage: sample.misccheck.smbcheck.sh ADDRESS [SHARE]
#   MISC_CHECK { misc_path "/etc/keepalived/sample.misccheck.smbcheck.sh 198.51.100.45 public" }
# Exit status 0: the share can be listed without a password; 1: it can't, or smbclient is missing.
set -u

address=${1:?usage: $0 ADDRESS [SHARE]}
share=${2:-}
limit=4

command -v smbclient >/dev/null || { echo "smbclient is not installed" >&2; exit 1; }

if [ -n "$share" ]; then
    exec timeout "$limit" smbclient --no-pass --command=ls "//$address/$share" >/dev/null 2>&1
fi
exec timeout "$limit" smbclient --no-pass --list="$address" >/dev/null 2>&1
