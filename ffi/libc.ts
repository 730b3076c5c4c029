// The C library's functions as data: one row per symbol. Variadic ones (fcntl, ioctl, open, prctl, syscall) have the fixed shape
// we use, which is right on x86-64 and aarch64. Address arguments are `bytes`; text is made by cString().
import type { SymbolTable } from "./backend.ts";

/** glibc everywhere but on musl systems. */
export const LIBC_NAMES: readonly string[] = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

export const LIBC = {
  // Descriptors and files
  open: { args: ["bytes", "i32", "u32"], result: "i32" },
  close: { args: ["i32"], result: "i32" },
  read: { args: ["i32", "bytes", "usize"], result: "isize" },
  write: { args: ["i32", "bytes", "usize"], result: "isize" },
  dup3: { args: ["i32", "i32", "i32"], result: "i32" },
  poll: { args: ["bytes", "usize", "i32"], result: "i32" },
  fcntl: { args: ["i32", "i32", "isize"], result: "i32" },
  ioctl: { args: ["i32", "usize", "bytes"], result: "i32" },
  flock: { args: ["i32", "i32"], result: "i32" },
  mkfifo: { args: ["bytes", "u32"], result: "i32" },
  getxattr: { args: ["bytes", "bytes", "bytes", "usize"], result: "isize" },
  pipe2: { args: ["bytes", "i32"], result: "i32" },
  umask: { args: ["u32"], result: "u32" },
  mount: { args: ["bytes", "bytes", "bytes", "usize", "bytes"], result: "i32" },
  umount2: { args: ["bytes", "i32"], result: "i32" },
  sethostname: { args: ["bytes", "usize"], result: "i32" },
  // Readiness
  epoll_create1: { args: ["i32"], result: "i32" },
  epoll_ctl: { args: ["i32", "i32", "i32", "bytes"], result: "i32" },
  epoll_wait: { args: ["i32", "bytes", "i32", "i32"], result: "i32" },
  eventfd: { args: ["u32", "i32"], result: "i32" },
  inotify_init1: { args: ["i32"], result: "i32" },
  inotify_add_watch: { args: ["i32", "bytes", "u32"], result: "i32" },
  inotify_rm_watch: { args: ["i32", "i32"], result: "i32" },
  // Sockets
  socket: { args: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { args: ["i32", "i32", "i32", "bytes"], result: "i32" },
  bind: { args: ["i32", "bytes", "u32"], result: "i32" },
  connect: { args: ["i32", "bytes", "u32"], result: "i32" },
  listen: { args: ["i32", "i32"], result: "i32" },
  accept4: { args: ["i32", "bytes", "bytes", "i32"], result: "i32" },
  getsockname: { args: ["i32", "bytes", "bytes"], result: "i32" },
  getsockopt: { args: ["i32", "i32", "i32", "bytes", "bytes"], result: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "bytes", "u32"], result: "i32" },
  send: { args: ["i32", "bytes", "usize", "i32"], result: "isize" },
  sendto: { args: ["i32", "bytes", "usize", "i32", "bytes", "u32"], result: "isize" },
  sendmsg: { args: ["i32", "bytes", "i32"], result: "isize" },
  recv: { args: ["i32", "bytes", "usize", "i32"], result: "isize" },
  recvfrom: { args: ["i32", "bytes", "usize", "i32", "bytes", "bytes"], result: "isize" },
  recvmsg: { args: ["i32", "bytes", "i32"], result: "isize" },
  shutdown: { args: ["i32", "i32"], result: "i32" },
  if_nametoindex: { args: ["bytes"], result: "u32" },
  if_indextoname: { args: ["u32", "bytes"], result: "isize" },
  // Time
  clock_gettime: { args: ["i32", "bytes"], result: "i32" },
  setitimer: { args: ["i32", "bytes", "bytes"], result: "i32" },
  // Processes, rights, namespaces
  execve: { args: ["bytes", "bytes", "bytes"], result: "i32" },
  kill: { args: ["i32", "i32"], result: "i32" },
  /** The handler is an address, or SIG_IGN; the result is the one before. */
  signal: { args: ["i32", "isize"], result: "isize" },
  sigaction: { args: ["i32", "bytes", "bytes"], result: "i32" },
  sigprocmask: { args: ["i32", "bytes", "bytes"], result: "i32" },
  waitpid: { args: ["i32", "bytes", "i32"], result: "i32" },
  prctl: { args: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  capget: { args: ["bytes", "bytes"], result: "i32" },
  capset: { args: ["bytes", "bytes"], result: "i32" },
  setns: { args: ["i32", "i32"], result: "i32" },
  unshare: { args: ["i32"], result: "i32" },
  sched_setscheduler: { args: ["i32", "i32", "bytes"], result: "i32" },
  sched_getscheduler: { args: ["i32"], result: "i32" },
  sched_setaffinity: { args: ["i32", "usize", "bytes"], result: "i32" },
  sched_getaffinity: { args: ["i32", "usize", "bytes"], result: "i32" },
  setpriority: { args: ["i32", "u32", "i32"], result: "i32" },
  madvise: { args: ["usize", "usize", "i32"], result: "i32" },
  mlockall: { args: ["i32"], result: "i32" },
  munlockall: { args: [], result: "i32" },
  prlimit: { args: ["i32", "i32", "bytes", "bytes"], result: "i32" },
  setgroups: { args: ["usize", "bytes"], result: "i32" },
  setresuid: { args: ["u32", "u32", "u32"], result: "i32" },
  setresgid: { args: ["u32", "u32", "u32"], result: "i32" },
  /** Address of a function that some library of the process has; handle 0: whichever is the first. */
  dlsym: { args: ["usize", "bytes"], result: "isize" },
  /** For calls that the library has no function for: number, then up to three arguments, the second one memory. */
  syscall: { args: ["isize", "isize", "bytes", "isize"], result: "isize" },
} as const satisfies SymbolTable;
