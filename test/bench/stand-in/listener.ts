// Run as a program: answers the IPVS socket options of one director, and tells on stdout, when nobody waits, what they were.
// `listener.ts DIR`, where confined.ts hands over what it listens at.
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { backend } from "#dlopen";
import { ENOENT, SyscallError } from "../../../ffi/errno.ts";
import { asFd, type Fd } from "../../../ffi/fd.ts";
import { libc } from "../../../ffi/index.ts";
import { LIBC_NAMES } from "../../../ffi/libc.ts";
import { fixed } from "../../../ffi/memory.ts";
import { wallClockMs } from "../../../ffi/time.ts";
import { callNumbers } from "./filter.ts";
import type { TimedRule, Told } from "./stand-in.ts";
import { ipvsStandIn } from "./table.ts";

const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
/** linux/seccomp.h, with the sizes of its structures in them. */
const SECCOMP_IOCTL_NOTIF_RECV = 0xc050_2100;
const SECCOMP_IOCTL_NOTIF_SEND = 0xc018_2101;
/** struct seccomp_notif: id, pid, flags, then seccomp_data with the arguments from 32 on. */
const NOTIFICATION = { bytes: 80, pid: 8, number: 16, option: 48, value: 56, length: 64 } as const;
/** struct seccomp_notif_resp. */
const ANSWER = { bytes: 24, result: 8, error: 16 } as const;
const POLLIN = 1;
/** Nobody has asked for so long: time to tell. */
const IDLE_MS = 30;

const { poll, syscall } = backend.open(LIBC_NAMES, {
  poll: { args: ["bytes", "usize", "i32"], result: "i32" },
  syscall: { args: ["isize", "isize", "isize", "isize"], result: "isize" },
});
if (!poll || !syscall) throw new Error("libc has no poll or syscall");
const { setsockopt } = callNumbers();
const table = ipvsStandIn();
const memories = new Map<number, number>();
let reads = 0;
let rules: TimedRule[] = [];
const [dir = ""] = process.argv.slice(2);
serve(takeListener());

/** Waits for the confined process to say where its listener is, takes it, and lets the process go on. */
function takeListener(): Fd {
  const line = new Uint8Array(64);
  const length = readSync(openSync(join(dir, "to-listener"), "r"), line);
  const [pid = 0, descriptor = -1] = new TextDecoder().decode(line.subarray(0, length)).trim().split(" ").map(Number);
  const pidfd = syscall?.(SYS_PIDFD_OPEN, pid, 0, 0) ?? -1;
  const listener = syscall?.(SYS_PIDFD_GETFD, pidfd, descriptor, 0) ?? -1;
  if (listener < 0) throw new SyscallError("pidfd_getfd", backend.errno(), `descriptor ${descriptor} of ${pid}`);
  closeSync(pidfd);
  console.log(JSON.stringify({ execAt: wallClockMs() }));
  writeSync(openSync(join(dir, "to-confined"), "w"), "\n");
  return asFd(listener);
}

/** Until nobody with the filter is left. */
function serve(listener: Fd): void {
  const [notification, answer, waiting] = [fixed(NOTIFICATION.bytes), fixed(ANSWER.bytes), fixed(8)];
  const [asked, given, event] = [notification, answer, waiting].map((bytes) => new DataView(bytes.buffer));
  if (!asked || !given || !event) return;
  event.setInt32(0, listener, true);
  event.setInt16(4, POLLIN, true);
  for (;;) {
    const some = poll?.(waiting, 1, reads + rules.length > 0 ? IDLE_MS : -1) ?? -1;
    if (some === 0) tell();
    if (some <= 0) continue;
    if ((event.getInt16(6, true) & POLLIN) === 0) break;
    notification.fill(0);
    if (libc.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification) < 0) {
      // ENOENT: killed meanwhile.
      if (backend.errno() !== ENOENT) throw new SyscallError("ioctl", backend.errno(), "SECCOMP_IOCTL_NOTIF_RECV");
      continue;
    }
    answer.set(notification.subarray(0, 8));
    given.setInt32(ANSWER.error, -errnoOf(asked), true);
    libc.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
  }
  tell();
}

function errnoOf(asked: DataView): number {
  const at = wallClockMs();
  const memory = memoryOf(asked.getUint32(NOTIFICATION.pid, true));
  const option = asked.getUint32(NOTIFICATION.option, true);
  const value = Number(asked.getBigUint64(NOTIFICATION.value, true));
  const length = Number(asked.getBigUint64(NOTIFICATION.length, true));
  if (asked.getInt32(NOTIFICATION.number, true) === setsockopt) {
    const rule = table.set(option, readFrom(memory, value, length));
    rules.push({ at, ...rule });
    return rule.errno;
  }
  reads++;
  const room = new DataView(readFrom(memory, length, 4).buffer).getUint32(0, true);
  const answer = table.get(option, readFrom(memory, value, room));
  if (typeof answer === "number") return answer;
  writeSync(memory, answer, 0, answer.length, value);
  writeSync(memory, new Uint8Array(Uint32Array.of(answer.length).buffer), 0, 4, length);
  return 0;
}

function readFrom(memory: number, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length > 0) readSync(memory, bytes, 0, length, address);
  return bytes;
}

/** Memory of a process; it is the same for all its threads. */
function memoryOf(pid: number): number {
  const known = memories.get(pid);
  if (known !== undefined) return known;
  const memory = openSync(`/proc/${pid}/mem`, "r+");
  memories.set(pid, memory);
  return memory;
}

function tell(): void {
  const told: Told = { reads, entries: table.entries(), rules };
  console.log(JSON.stringify(told));
  reads = 0;
  rules = [];
}
