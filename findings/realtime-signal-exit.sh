#!/bin/bash
# A program that a real-time signal ended looks like one that succeeded: node:child_process tells status 0 and no signal.
#
# Daemons are asked for their state by real-time signals (SIGRTMIN+2 makes keepalived write its data), and a program without a handler ends by
# one. A checker that runs programs wants to know. Guess: "exit" has code null and the signal, as for SIGKILL, or its number.
# Seen with Node 20 and with Bun 1.4.5: code 0, signal null, the same as for `exit 0`. Bun.spawn tells the number in onExit's third argument.
# Needs node and npm. Ends with 0 while that is so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent bun@1.4.5
node node_modules/bun/install.js
cat > probe.mjs <<'JS'
import { spawn } from "node:child_process";
const ended = (command) =>
  new Promise((resolve) => spawn("/bin/sh", ["-c", command]).on("exit", (code, signal) => resolve(`${command}: ${code} ${signal}`)));
console.log(await ended("kill -KILL $$"));
console.log(await ended("kill -36 $$"));
console.log(await ended("exit 0"));
JS
cat > expected <<'SEEN'
kill -KILL $$: null SIGKILL
kill -36 $$: 0 null
exit 0: 0 null
SEEN
node probe.mjs | tee seen
diff expected seen
node_modules/.bin/bun probe.mjs | tee seen
diff expected seen
echo "as described"
