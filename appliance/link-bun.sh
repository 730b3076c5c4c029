#!/bin/sh
# Puts the Bun that npm installed and checked by its lock file where node_modules/.bin looks for it. The package's own install script
# would fetch a program without a checksum when that is missing: here that is an error. Usage: link-bun.sh NODE_MODULES
set -eu
modules=$1
for bun in "$modules"/@oven/bun-*/bin/bun; do
  if [ -x "$bun" ] && "$bun" --version > /dev/null 2>&1; then
    ln -f "$bun" "$modules/bun/bin/bun.exe"
    ln -f "$bun" "$modules/bun/bin/bunx.exe"
    exit 0
  fi
done
echo "$modules/@oven holds no Bun that runs on this machine: npm left its optional packages out" \
  "(--no-optional, --omit=optional, or a lock file without this platform). Run npm ci again without that." >&2
exit 1
