// epoll(7) and eventfd(2). Which handler a ready descriptor belongs to is the caller's: the kernel hands back a 32-bit tag.
import { EINTR, SyscallError } from "./errno.ts";
import { check, checkFd, type Fd, O_CLOEXEC, O_NONBLOCK } from "./fd.ts";
import { lastErrno, libc } from "./index.ts";
import { fixed } from "./memory.ts";

export const EPOLLIN = 0x001;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

// kernel: struct epoll_event is packed on x86-64 only.
const EVENT = process.arch === "x64" ? { sizeBytes: 12, data: 4 } : { sizeBytes: 16, data: 8 };

const scratch = fixed(EVENT.sizeBytes);
const scratchView = new DataView(scratch.buffer);

/** @throws SyscallError EMFILE */
export function epollCreate(): Fd {
  return checkFd(libc.epoll_create1(O_CLOEXEC), "epoll_create1", "a new set");
}

/** @throws SyscallError EEXIST when it is in the set; EPERM for a file that can't be waited for */
export function epollAdd(epoll: Fd, fd: Fd, events: number, tag: number): void {
  control(epoll, EPOLL_CTL_ADD, fd, events, tag);
}

/** As epollAdd(), in the set of somebody else, whose tags have 64 bits. @throws SyscallError EEXIST */
export function epollAddForeign(epoll: Fd, fd: Fd, events: number, tag: bigint): void {
  const event = new Uint8Array(EVENT.sizeBytes);
  const view = new DataView(event.buffer);
  view.setUint32(0, events, true);
  view.setBigUint64(EVENT.data, tag, true);
  if (libc.epoll_ctl(epoll, EPOLL_CTL_ADD, fd, event) < 0)
    throw new SyscallError("epoll_ctl", lastErrno(), `add fd ${fd} to foreign set ${epoll}`);
}

/** @throws SyscallError ENOENT when it is not in the set */
export function epollModify(epoll: Fd, fd: Fd, events: number, tag: number): void {
  control(epoll, EPOLL_CTL_MOD, fd, events, tag);
}

/** @throws SyscallError ENOENT when it is not in the set */
export function epollDelete(epoll: Fd, fd: Fd): void {
  control(epoll, EPOLL_CTL_DEL, fd, 0, 0);
}

function control(epoll: Fd, operation: number, fd: Fd, events: number, tag: number): void {
  scratchView.setUint32(0, events, true);
  scratchView.setUint32(EVENT.data, tag, true);
  if (libc.epoll_ctl(epoll, operation, fd, scratch) < 0)
    throw new SyscallError("epoll_ctl", lastErrno(), `operation ${operation} fd ${fd}`);
}

/** Room for the events of one wait. */
export interface EpollEvents {
  readonly capacity: number;
  /** @throws SyscallError */
  wait(epoll: Fd, timeoutMs: number): number;
  tag(index: number): number;
  events(index: number): number;
}

/** Room for `capacity` events; valid until the next wait. An interrupted wait gives 0. */
export function epollEvents(capacity: number): EpollEvents {
  const buffer = fixed(capacity * EVENT.sizeBytes);
  const view = new DataView(buffer.buffer);
  return {
    capacity,
    wait(epoll, timeoutMs) {
      const count = libc.epoll_wait(epoll, buffer, capacity, timeoutMs);
      if (count >= 0) return count;
      const errno = lastErrno();
      if (errno === EINTR) return 0;
      throw new SyscallError("epoll_wait", errno, `fd ${epoll}`);
    },
    tag: (index) => view.getUint32(index * EVENT.sizeBytes + EVENT.data, true),
    events: (index) => view.getUint32(index * EVENT.sizeBytes, true),
  };
}

/** A non-blocking counter to wait on. @throws SyscallError EMFILE */
export function eventFd(): Fd {
  return checkFd(libc.eventfd(0, O_CLOEXEC | O_NONBLOCK), "eventfd", "a new counter");
}

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** Makes an eventFd readable. @throws SyscallError */
export function eventFdSignal(fd: Fd): void {
  check(libc.write(fd, ONE, 8), "write", `eventfd ${fd}`);
}
