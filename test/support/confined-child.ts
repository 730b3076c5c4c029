// A process that is confined to some places, and says what it can do then. Arguments: its places as JSON, a list of paths
// to open for writing (with a / behind them: to make, with an @: to make a link of), a process to ask for, a list of paths to read, a TCP port.
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { libc } from "../../ffi/index.ts";
import { openConfinement } from "../../ffi/landlock.ts";
import { AF_INET, inetAddress } from "../../ffi/sockaddr.ts";
import { connect, SOCK_STREAM, socket } from "../../ffi/socket.ts";

const [places = "{}", paths = "[]", pid = "0", reads = "[]", port] = process.argv.slice(2);
const to = inetAddress(new Uint8Array([127, 0, 0, 1]), Number(port ?? 0));
const connected = port === undefined ? undefined : socket(AF_INET, SOCK_STREAM, 0);
if (connected !== undefined) connect(connected, to);
const confinement = openConfinement(JSON.parse(places));
confinement?.restrict();

function outcome(act: () => void): string {
  try {
    act();
    return "done";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

const written = JSON.parse(paths).map((path: string) =>
  outcome(() => {
    if (path.endsWith("/")) mkdirSync(path);
    else if (path.endsWith("@")) symlinkSync("/etc/shadow", path.slice(0, -1));
    else closeSync(openSync(path, "a"));
  }),
);
const read = JSON.parse(reads).map((path: string) =>
  outcome(() => void (path.endsWith("/") ? readdirSync(path) : readFileSync(path))),
);
const signal = outcome(() => process.kill(Number(pid), 0));
/** The way round: a socket that is connected is let go, and connected anew. */
function connectAnew(): void {
  if (connected === undefined) return;
  const AF_UNSPEC = new Uint8Array(16);
  if (libc.connect(connected, AF_UNSPEC, AF_UNSPEC.byteLength) < 0) throw new Error("not let go");
  connect(connected, to);
}
const tcp =
  port === undefined ? [] : [outcome(() => connect(socket(AF_INET, SOCK_STREAM, 0), to)), outcome(connectAnew)];
console.log(
  JSON.stringify({
    confined: confinement !== undefined,
    written,
    read,
    tcp,
    signal,
    own: outcome(() => process.kill(process.pid, 0)),
  }),
);
