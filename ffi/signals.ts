// Signals of this process as the kernel holds them: the mask of the main thread, and dispositions that were inherited. And the ends of
// children that the runtime does not know.
import { SyscallError } from "./errno.ts";
import { asFd, check, close, type Fd, O_CLOEXEC, O_NONBLOCK } from "./fd.ts";
import { lastErrno, libc } from "./index.ts";
import { i32, layout, u64 } from "./layout.ts";
import { cString, fixed } from "./memory.ts";

const SIG_DFL = 0;
const SIG_SETMASK = 2;
const WNOHANG = 1;
/** glibc's sigset_t; the kernel and musl use the first 8 bytes of it. */
const SIGSET_BYTES = 128;
const F_GETFD = 1;
const SA_SIGINFO = 4;
const SA_RESTART = 0x1000_0000;
/** struct sigaction of glibc and musl, x86-64 and aarch64: handler, mask, flags, restorer. */
const SIGACTION = layout({ handler: u64(0), flags: i32(136) }, 152);

/** Blocks no signal in this thread. What is started from it begins with the same mask. @throws SyscallError */
export function unblockSignals(): void {
  check(libc.sigprocmask(SIG_SETMASK, fixed(SIGSET_BYTES), null), "sigprocmask", "none blocked");
}

/** Gives a signal its default action again. @throws SyscallError EINVAL for KILL and STOP */
export function defaultSignal(signal: number): void {
  check(libc.signal(signal, SIG_DFL), "signal", `SIG_DFL for ${signal}`);
}

/** Takes the exit status of a child that has ended, so that it is gone; false when it runs, or is none of ours. */
export function reapChild(pid: number): boolean {
  return libc.waitpid(pid, fixed(4), WNOHANG) === pid;
}

/**
 * Has a signal that the runtime hands to nobody, such as a real-time one, write into a pipe: the result is its end to read from. The handler
 * is the C library's eventfd_write, which may run in one (signal-safety(7): it is write(2) of eight bytes and nothing else), takes the
 * signal's number for its descriptor, and the address of what the kernel tells of the signal for what it writes. So the pipe's other end
 * lies at the descriptor of that number. (An eventfd there would send no SIGIO: the kernel's has no fasync.)
 * @throws SyscallError, with nothing changed; Error when something else has that descriptor
 */
export function pipeSignal(signal: number): Fd {
  if (libc.fcntl(signal, F_GETFD, 0) >= 0) throw new Error(`descriptor ${signal} is taken`);
  const handler = libc.dlsym(0, cString("eventfd_write"));
  if (handler <= 0) throw new Error("the C library has no eventfd_write");
  const ends = fixed(8);
  check(libc.pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe2", `for signal ${signal}`);
  const view = new DataView(ends.buffer);
  const [readEnd, writeEnd] = [asFd(view.getInt32(0, true)), asFd(view.getInt32(4, true))];
  if (libc.dup3(writeEnd, signal, O_CLOEXEC) < 0) {
    const errno = lastErrno();
    for (const end of [readEnd, writeEnd]) close(end);
    throw new SyscallError("dup3", errno, `to ${signal}`);
  }
  close(writeEnd);
  const action = SIGACTION.encode({ handler: BigInt(handler), flags: SA_SIGINFO | SA_RESTART });
  check(libc.sigaction(signal, action, null), "sigaction", `signal ${signal}`);
  return readEnd;
}
