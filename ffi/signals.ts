// Signals of this process as the kernel holds them: the mask of the main thread, and dispositions that were inherited. And the ends of
// children that the runtime does not know.
import { check } from "./fd.ts";
import { libc } from "./index.ts";
import { fixed } from "./memory.ts";

const SIG_DFL = 0;
const SIG_SETMASK = 2;
const WNOHANG = 1;
/** glibc's sigset_t; the kernel and musl use the first 8 bytes of it. */
const SIGSET_BYTES = 128;

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
