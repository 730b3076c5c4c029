// Run as a program by the filter's test: gives itself the filter as vrrp and checker do, and says what it still can do to another process
// (its argument), to a file (the second one) and to services of this machine. Names of what was done, and the error of what was not.
import {
  chmodSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, Socket } from "node:net";
import { dirname, join } from "node:path";
import { SyscallError } from "../../ffi/errno.ts";
import { type Fd, setSignalled } from "../../ffi/fd.ts";
import { lastErrno, libc } from "../../ffi/index.ts";
import {
  RLIMIT_NOFILE,
  resourceLimit,
  SCHED_OTHER,
  setNice,
  setResourceLimit,
  setScheduler,
} from "../../ffi/process.ts";
import { SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM, socket } from "../../ffi/socket.ts";
import { refuseForeignAffairs } from "../../src/kernel/confinement.ts";
import { writeRegular } from "../../src/kernel/regular-file.ts";
import { replaceFile } from "../../src/process/host/replace-file.ts";

const [victim = 0, file = ""] = [Number(process.argv[2]), process.argv[3]];
const said = refuseForeignAffairs() ?? "filtered";
const done: Record<string, string> = {};

function attempt(what: string, act: () => unknown): void {
  try {
    act();
    done[what] = "done";
  } catch (error) {
    done[what] = error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

function call(name: string, result: number): void {
  if (result < 0) throw new SyscallError(name, lastErrno(), "");
}

const NO_LIMIT = new Uint8Array(new BigUint64Array([2n ** 64n - 1n, 2n ** 64n - 1n]).buffer);
const IDLE = 5;
attempt("signal another", () => process.kill(victim, 0));
attempt("signal itself", () => process.kill(process.pid, 0));
attempt("limit another", () => call("prlimit", libc.prlimit(victim, RLIMIT_NOFILE, NO_LIMIT, null)));
attempt("limit itself", () => setResourceLimit(RLIMIT_NOFILE, resourceLimit(RLIMIT_NOFILE)));
attempt("slow another", () => call("sched_setscheduler", libc.sched_setscheduler(victim, IDLE, new Uint8Array(4))));
attempt("slow itself", () => setScheduler(SCHED_OTHER, 0));
attempt("nice another", () => call("setpriority", libc.setpriority(0, victim, 19)));
attempt("nice itself", () => setNice(1));
attempt("start a program", () => Bun.spawnSync(["/bin/true"]));
attempt("change a mode", () => chmodSync(file, 0o4755));
attempt("empty a file", () => openSync(file, constants.O_RDONLY | constants.O_TRUNC));
attempt("empty a file by name", () => truncateSync(file));
attempt("write a file", () => writeFileSync(file, "x"));
attempt("write a file anew", () => writeRegular(file, "xy", { overwrite: true, mode: 0o600 }));
attempt("replace a file", () => replaceFile(join(dirname(file), "replaced"), "x", 0o640));
attempt("make a directory", () => mkdirSync(join(dirname(file), "folder")));
attempt("ask the bus", () => socket(1, SOCK_STREAM, 0));
attempt("ask the log", () => socket(1, SOCK_DGRAM, 0));
attempt("ask for device events", () => socket(1, SOCK_SEQPACKET, 0));
attempt("tell of devices", () => socket(16, SOCK_RAW, 15));
attempt("change routes", () => socket(16, SOCK_RAW, 0));
attempt("check", () => socket(2, SOCK_STREAM, 0));
attempt("be signalled", () => setSignalled(socket(2, SOCK_DGRAM, 0), process.pid));
attempt("have another signalled", () => setSignalled(socket(2, SOCK_DGRAM, 0) as Fd, victim));

const seccomp = new Set(
  readdirSync("/proc/self/task").map(
    (thread) => /^Seccomp:\t(\d)$/m.exec(readFileSync(`/proc/self/task/${thread}/status`, "utf8"))?.[1],
  ),
);
// The engine goes on: connections over names, other threads, a timer.
const server = createServer((peer) => peer.end("hello")).listen(0, "127.0.0.1", () => {
  const address = server.address();
  const peer = new Socket();
  peer.on("data", async (data) => {
    const hash = await crypto.subtle.digest("SHA-256", Buffer.from(data));
    const words = { said, threads: [...seccomp], ...done, "connect by name": `${data}`, thread: `${hash.byteLength}` };
    console.log(JSON.stringify(words));
    process.exit(0);
  });
  peer.on("error", (error) => {
    console.log(JSON.stringify({ said, error: error.message }));
    process.exit(1);
  });
  peer.connect(typeof address === "object" && address ? address.port : 0, "localhost");
});
