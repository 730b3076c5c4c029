// Descriptors: what every kind of them can do, and files as far as locks, FIFOs and namespaces need them.
import { EAGAIN, EINTR, SyscallError } from "./errno.ts";
import { lastErrno, libc } from "./index.ts";
import { cString, fixed } from "./memory.ts";

declare const fdBrand: unique symbol;
/** An open descriptor. Whoever opened it closes it. */
export type Fd = number & { readonly [fdBrand]: true };

/** No descriptor: calls on it fail with EBADF. Only sendTo() succeeds and sends nothing: it is rehearsed this way. */
export const NO_FD = -1 as Fd;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_NONBLOCK = 0o4000;
/** fcntl.h: readiness sends a signal. */
export const O_ASYNC = 0o20000;
export const O_CLOEXEC = 0o2000000;

const POLLIN = 1;

export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

const F_GETFL = 3;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;

/** Takes a number that is known to be an open descriptor, such as one inherited. @throws RangeError below 0 or not whole */
export function asFd(number: number): Fd {
  if (!Number.isInteger(number) || number < 0) throw new RangeError(`descriptor: expected 0 or more (got ${number})`);
  return number as Fd;
}

/** Result of a call that makes a descriptor. @throws SyscallError with `detail` when it is below 0 */
export function checkFd(result: number, syscall: string, detail: string): Fd {
  if (result < 0) throw new SyscallError(syscall, lastErrno(), detail);
  return result as Fd;
}

/** Result of a call, as it is. @throws SyscallError with `detail` when it is below 0 */
export function check(result: number, syscall: string, detail: string): number {
  if (result < 0) throw new SyscallError(syscall, lastErrno(), detail);
  return result;
}

/** @throws SyscallError EBADF when it was closed before */
export function close(fd: Fd): void {
  // EINTR: Linux has closed it all the same.
  if (libc.close(fd) < 0 && lastErrno() !== EINTR) throw new SyscallError("close", lastErrno(), `fd ${fd}`);
}

/** Opens a file, always close-on-exec. @throws SyscallError */
export function open(path: string, flags: number, mode = 0): Fd {
  return checkFd(libc.open(cString(path), flags | O_CLOEXEC, mode), "open", path);
}

/** Reads what is there; 0 is the end; undefined when a non-blocking descriptor has nothing. @throws SyscallError */
export function read(fd: Fd, into: Uint8Array): number | undefined {
  for (;;) {
    const count = libc.read(fd, into, into.byteLength);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("read", errno, `fd ${fd}`);
  }
}

/** Writes a part or all; undefined when a non-blocking descriptor takes nothing now. @throws SyscallError EPIPE and others */
export function write(fd: Fd, bytes: Uint8Array): number | undefined {
  for (;;) {
    const count = libc.write(fd, bytes, bytes.byteLength);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("write", errno, `fd ${fd} ${bytes.byteLength} bytes`);
  }
}

/** Sets O_NONBLOCK beside the flags there are. @throws SyscallError EBADF */
export function setNonBlocking(fd: Fd): void {
  addFlags(fd, O_NONBLOCK);
}

/**
 * Makes `fd` non-blocking, and from now on its readiness sends SIGIO to `ownerPid`. The handler must be installed before.
 * @throws SyscallError EBADF
 */
export function setSignalled(fd: Fd, ownerPid: number): void {
  // Not read first: on sockets and the like these two are all the flags there are, and it is done 10,000 times a second.
  if (libc.fcntl(fd, F_SETOWN, ownerPid) < 0 || libc.fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
    throw new SyscallError("fcntl", lastErrno(), `F_SETOWN, F_SETFL fd ${fd} pid ${ownerPid}`);
}

/** Ends the signals, before a descriptor is handed to another reader. It stays non-blocking. @throws SyscallError EBADF */
export function clearSignalled(fd: Fd): void {
  check(libc.fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl", `F_SETFL fd ${fd}`);
}

/**
 * Nobody is signalled for it, and the signal is SIGIO again. Owner and signal belong to the open file, which another process may have as
 * well: the kernel sends any signal that is set there with the rights of who set the owner. @throws SyscallError EBADF
 */
export function forgetOwner(fd: Fd): void {
  check(libc.fcntl(fd, F_SETOWN, 0), "fcntl", `F_SETOWN fd ${fd}`);
  check(libc.fcntl(fd, F_SETSIG, 0), "fcntl", `F_SETSIG fd ${fd}`);
}

function addFlags(fd: Fd, flags: number): void {
  const now = check(libc.fcntl(fd, F_GETFL, 0), "fcntl", `F_GETFL fd ${fd}`);
  check(libc.fcntl(fd, F_SETFL, now | flags), "fcntl", `F_SETFL fd ${fd}`);
}

/** Whether reading, or accepting, would not wait. @throws SyscallError ENOMEM */
export function isReadable(fd: Fd): boolean {
  const pollFd = new Uint8Array(8);
  const view = new DataView(pollFd.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLIN, true);
  // A signal that comes meanwhile ends even a call that does not wait (poll(2), EINTR).
  for (;;) {
    const ready = libc.poll(pollFd, 1, 0);
    if (ready >= 0 || lastErrno() !== EINTR) return check(ready, "poll", `fd ${fd}`) > 0;
  }
}

/** Makes the number `fd` stand for what `by` is, instead of what it was, which is closed. @throws SyscallError EBADF */
export function replaceFd(fd: Fd, by: Fd): void {
  check(libc.dup3(by, fd, O_CLOEXEC), "dup3", `fd ${fd} by ${by}`);
}

/** The file status flags (O_…). @throws SyscallError EBADF */
export function statusFlags(fd: Fd): number {
  return check(libc.fcntl(fd, F_GETFL, 0), "fcntl", `F_GETFL fd ${fd}`);
}

/** Takes or gives back an advisory lock (LOCK_EX | LOCK_NB); false when another holds it. @throws SyscallError */
export function flock(fd: Fd, operation: number): boolean {
  for (;;) {
    if (libc.flock(fd, operation) === 0) return true;
    const errno = lastErrno();
    if (errno === EAGAIN) return false;
    if (errno !== EINTR) throw new SyscallError("flock", errno, `fd ${fd}`);
  }
}

/** @throws SyscallError EEXIST when the path exists */
export function mkfifo(path: string, mode: number): void {
  check(libc.mkfifo(cString(path), mode), "mkfifo", path);
}

/** Does a file have an extended attribute, such as `system.posix_acl_access` (xattr(7))? Links are followed; false when it can't be known. */
export function hasAttribute(path: string, name: string): boolean {
  // Size 0 asks for the size only.
  return libc.getxattr(cString(path), cString(name), fixed(1), 0) >= 0;
}

/** Both ends of a pipe, close-on-exec. @throws SyscallError EMFILE */
export function pipe(): { readonly readEnd: Fd; readonly writeEnd: Fd } {
  const pair = fixed(8);
  check(libc.pipe2(pair, O_CLOEXEC), "pipe2", "a new pipe");
  const view = new DataView(pair.buffer);
  return { readEnd: asFd(view.getInt32(0, true)), writeEnd: asFd(view.getInt32(4, true)) };
}

/** Sets the mask of new files' modes and gives the one before. */
export function umask(mask: number): number {
  return libc.umask(mask);
}
