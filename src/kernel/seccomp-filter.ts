// Adapter: what the kernel refuses to a process for good (seccomp(2)), as a program for its filter machine. A list of what is refused:
// the engine decides itself which calls it needs to run, and a list of what is allowed would break with its next release.
// Numbers from asm/unistd_64.h (x86-64) and asm-generic/unistd.h (arm64). Pure.

export type Machine = "x64" | "arm64";

/** struct sock_filter. */
export interface FilterStep {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

type Numbers = readonly [x64: number | null, arm64: number | null];

// biome-ignore format: a table reads better dense.
const REFUSED: Readonly<Record<string, Numbers>> = {
  // Other programs, and other processes.
  execve: [59, 221], execveat: [322, 281], fork: [57, null], vfork: [58, null], ptrace: [101, 117], process_vm_readv: [310, 270],
  process_vm_writev: [311, 271], process_madvise: [440, 440], kcmp: [312, 272], kill: [62, 129], tkill: [200, 130],
  rt_sigqueueinfo: [129, 138], rt_tgsigqueueinfo: [297, 240], pidfd_open: [434, 434], pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424],
  // The network behind this machine, and sockets of other programs here: one of a pair can send to any name.
  connect: [42, 203], sendmmsg: [307, 269], socketpair: [53, 199],
  // Changes of files.
  creat: [85, null], openat2: [437, 437], unlink: [87, null], unlinkat: [263, 35], rename: [82, null],
  renameat: [264, 38], renameat2: [316, 276], link: [86, null], linkat: [265, 37], symlink: [88, null],
  symlinkat: [266, 36], mkdir: [83, null], mkdirat: [258, 34], rmdir: [84, null], mknod: [133, null], mknodat: [259, 33],
  chmod: [90, null], fchmod: [91, 52], fchmodat: [268, 53], chown: [92, null], fchown: [93, 55], lchown: [94, null],
  fchownat: [260, 54], truncate: [76, 45], ftruncate: [77, 46], utimensat: [280, 88], setxattr: [188, 5],
  lsetxattr: [189, 6], fsetxattr: [190, 7], removexattr: [197, 14], lremovexattr: [198, 15], fremovexattr: [199, 16],
  open_by_handle_at: [304, 265], name_to_handle_at: [303, 264],
  // Rights and namespaces.
  setuid: [105, 146], setgid: [106, 144], setreuid: [113, 145], setregid: [114, 143], setresuid: [117, 147],
  setresgid: [119, 149], setgroups: [116, 159], setfsuid: [122, 151], setfsgid: [123, 152], capset: [126, 91],
  personality: [135, 92], prlimit64: [302, 261], setrlimit: [160, 164], setns: [308, 268], unshare: [272, 97],
  chroot: [161, 51], pivot_root: [155, 41], mount: [165, 40], umount2: [166, 39], move_mount: [429, 429],
  fsopen: [430, 430], fsconfig: [431, 431], fsmount: [432, 432], fspick: [433, 433], open_tree: [428, 428],
  mount_setattr: [442, 442],
  // Wide parts of the kernel that a server of text needs for nothing.
  bpf: [321, 280], perf_event_open: [298, 241], userfaultfd: [323, 282], add_key: [248, 217], request_key: [249, 218],
  keyctl: [250, 219], io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427],
  fanotify_init: [300, 262], inotify_init: [253, null], inotify_init1: [294, 26], shmget: [29, 194], msgget: [68, 186],
  semget: [64, 190], mq_open: [240, 180], modify_ldt: [154, null], iopl: [172, null], ioperm: [173, null],
  // The machine.
  init_module: [175, 105], finit_module: [313, 273], delete_module: [176, 106], kexec_load: [246, 104],
  kexec_file_load: [320, 294], reboot: [169, 142], swapon: [167, 224], swapoff: [168, 225], sethostname: [170, 161],
  setdomainname: [171, 162], settimeofday: [164, 170], clock_settime: [227, 112], adjtimex: [159, 171],
  clock_adjtime: [305, 266], acct: [163, 89], quotactl: [179, 60], syslog: [103, 116], vhangup: [153, 58],
};

/** Refused by what they are asked for. */
const OPEN: Numbers = [2, null];
const OPENAT: Numbers = [257, 56];
const SOCKET: Numbers = [41, 198];
const SENDTO: Numbers = [44, 206];
const SENDMSG: Numbers = [46, 211];
const CLONE: Numbers = [56, 220];
const CLONE3: Numbers = [435, 435];
const FCNTL: Numbers = [72, 25];

const AUDIT_ARCH = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
/** x86-64: numbers of the 32-bit pointers' interface start here. */
const X32_BIT = 0x4000_0000;

const LD_W_ABS = 0x20;
const JEQ_K = 0x15;
const JGE_K = 0x35;
const JSET_K = 0x45;
const AND_K = 0x54;
const RET_K = 0x06;

const ALLOW = 0x7fff_0000;
const KILL_PROCESS = 0x8000_0000;
const ERRNO = 0x0005_0000;
const EPERM = 1;
const ENOSYS = 38;

/** Offsets in struct seccomp_data; of an argument the low half, on little-endian machines. */
const AT_NUMBER = 0;
const AT_ARCH = 4;
const argument = (index: number) => 16 + 8 * index;
const high = (index: number) => argument(index) + 4;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_TYPE_MASK = 0xf;
/** O_WRONLY, O_RDWR, O_CREAT; O_TMPFILE needs one of the first two. */
const OPEN_WRITES = 0o103;
const MSG_FASTOPEN = 0x2000_0000;
const CLONE_THREAD = 0x1_0000;
/** F_SETOWN, F_SETSIG, F_SETOWN_EX. */
const FCNTL_SIGNALS = [8, 10, 15];

/**
 * What a process under the filter does: `answers` on sockets that it has; a `gate` hands what it is asked to a UNIX socket of this machine
 * as well, so it may connect, and open no socket that leads anywhere else.
 */
export type Use = "answers" | "gate";

/** The program for a machine. What it refuses fails with EPERM; a call in another machine's way ends the process. */
export function refusals(machine: Machine, use: Use = "answers"): readonly FilterStep[] {
  const numberOf = ([x64, arm64]: Numbers) => (machine === "x64" ? x64 : arm64);
  const refused = Object.entries(REFUSED).flatMap(([name, numbers]) =>
    use === "gate" && name === "connect" ? [] : (numberOf(numbers) ?? []),
  );
  const steps: FilterStep[] = [
    load(AT_ARCH),
    step(JEQ_K, AUDIT_ARCH[machine], 1, 0),
    answer(KILL_PROCESS),
    load(AT_NUMBER),
    ...(machine === "x64" ? [step(JGE_K, X32_BIT, 0, 1), answer(ERRNO | EPERM)] : []),
  ];
  const when = (numbers: Numbers, body: readonly FilterStep[]) => {
    const number = numberOf(numbers);
    if (number !== null) steps.push(step(JEQ_K, number, 0, body.length), ...body);
  };
  for (const number of refused) steps.push(step(JEQ_K, number, 0, 1), answer(ERRNO | EPERM));
  // The C library then makes threads by clone, whose flags can be seen.
  when(CLONE3, [answer(ERRNO | ENOSYS)]);
  when(CLONE, [load(argument(0)), step(JSET_K, CLONE_THREAD, 0, 1), answer(ALLOW), answer(ERRNO | EPERM)]);
  for (const [numbers, flags] of [
    [OPEN, 1],
    [OPENAT, 2],
  ] as const)
    when(numbers, [load(argument(flags)), step(JSET_K, OPEN_WRITES, 0, 1), answer(ERRNO | EPERM), answer(ALLOW)]);
  // The listening sockets are the parent's as well: what is set here would be sent to it.
  when(FCNTL, [
    load(argument(1)),
    ...FCNTL_SIGNALS.flatMap((command) => [step(JEQ_K, command, 0, 1), answer(ERRNO | EPERM)]),
    answer(ALLOW),
  ]);
  // A TCP port that was taken is tried again; nothing else is opened, and nothing is ever connected. A gate has its port by then.
  const families = use === "gate" ? [AF_UNIX, AF_UNIX] : [AF_INET, AF_INET6];
  when(SOCKET, [
    load(argument(0)),
    step(JEQ_K, families[0] ?? AF_UNIX, 1, 0),
    step(JEQ_K, families[1] ?? AF_UNIX, 0, 3),
    load(argument(1)),
    step(AND_K, SOCK_TYPE_MASK),
    step(JEQ_K, SOCK_STREAM, 1, 0),
    answer(ERRNO | EPERM),
    answer(ALLOW),
  ]);
  // With an address, or with this flag, they connect.
  when(SENDTO, [
    load(argument(4)),
    step(JEQ_K, 0, 0, 4),
    load(high(4)),
    step(JEQ_K, 0, 0, 2),
    load(argument(3)),
    step(JSET_K, MSG_FASTOPEN, 0, 1),
    answer(ERRNO | EPERM),
    answer(ALLOW),
  ]);
  when(SENDMSG, [load(argument(2)), step(JSET_K, MSG_FASTOPEN, 0, 1), answer(ERRNO | EPERM), answer(ALLOW)]);
  return [...steps, answer(ALLOW)];
}

function load(offset: number): FilterStep {
  return step(LD_W_ABS, offset);
}

function answer(value: number): FilterStep {
  return step(RET_K, value >>> 0);
}

function step(code: number, value: number, ifTrue = 0, ifFalse = 0): FilterStep {
  return { code, ifTrue, ifFalse, value };
}
