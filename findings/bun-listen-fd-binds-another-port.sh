#!/bin/bash
# A server that is given a listening socket to serve listens on another port instead, on all addresses, and says that all is well.
#
# Daemons are started with their sockets: by systemd (LISTEN_FDS), or by a parent that keeps them while the process that answers comes and
# goes. node:net and node:http take such a socket by listen({ fd }) (documented for Node). Guess: it serves there, or throws where it can't.
# Seen: Node 20 serves on the descriptor. Bun 1.4.5 has no error, emits "listening", and has bound a random port of its own on `::`, open to
# the network; who calls on the socket that was meant waits for ever. Bun.listen({ fd }) serves on it.
# Needs node, npm and python3 (which makes the socket and hands it on as descriptor 3). Ends with 0 while that is so.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent bun@1.4.5
node node_modules/bun/install.js
cat > serve.mjs <<'JS'
import { createServer } from "node:http";
const server = createServer((request, response) => response.end("served"));
server.on("error", (error) => console.log("error", error.code));
server.listen({ fd: 3 }, async () => {
  const { port } = server.address() ?? {};
  const asked = await fetch(`http://127.0.0.1:${process.env.MEANT}/`, { signal: AbortSignal.timeout(3000) }).then(
    (answer) => answer.text(),
    () => "nobody answers",
  );
  console.log(`${asked}; ${`${port}` === process.env.MEANT ? "on the port that was meant" : "listens on another port"}`);
  process.exit();
});
JS
cat > hand.py <<'PY'
import os, socket, sys
meant = socket.create_server(("127.0.0.1", 0))
os.environ["MEANT"] = str(meant.getsockname()[1])
if meant.fileno() != 3: os.dup2(meant.fileno(), 3)
os.set_inheritable(3, True)
os.execvp(sys.argv[1], sys.argv[1:])
PY
python3 hand.py node serve.mjs | tee seen
diff <(echo "served; on the port that was meant") seen
python3 hand.py node_modules/.bin/bun serve.mjs | tee seen
diff <(echo "nobody answers; listens on another port") seen
echo "as described"
