// Adapter: numbers of the system calls that processes of a director do without, by what they are for. asm/unistd_64.h (x86-64),
// asm-generic/unistd.h (arm64). Pure.
import type { Numbers } from "./seccomp-program.ts";

type Table = Readonly<Record<string, Numbers>>;

// biome-ignore format: a table reads better dense.
/** Other programs, and other processes. */
export const PROCESSES = {
  execve: [59, 221], execveat: [322, 281], fork: [57, null], vfork: [58, null], ptrace: [101, 117], process_vm_readv: [310, 270],
  process_vm_writev: [311, 271], process_madvise: [440, 440], process_mrelease: [448, 448], kcmp: [312, 272], tkill: [200, 130],
  rt_sigqueueinfo: [129, 138], rt_tgsigqueueinfo: [297, 240], pidfd_open: [434, 434], pidfd_getfd: [438, 438],
  pidfd_send_signal: [424, 424], migrate_pages: [256, 238], move_pages: [279, 239], ioprio_set: [251, 30],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** Changes of files, by name or descriptor. */
export const FILES = {
  creat: [85, null], openat2: [437, 437], unlink: [87, null], unlinkat: [263, 35], rename: [82, null], renameat: [264, 38],
  renameat2: [316, 276], link: [86, null], linkat: [265, 37], symlink: [88, null], symlinkat: [266, 36], mkdir: [83, null],
  mkdirat: [258, 34], rmdir: [84, null], mknod: [133, null], mknodat: [259, 33], truncate: [76, 45], ftruncate: [77, 46],
  utimensat: [280, 88],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** Who may do what with a file, which its owner may change without any capability; and ways to a file past its path. */
export const MODES = {
  chmod: [90, null], fchmod: [91, 52], fchmodat: [268, 53], fchmodat2: [452, 452], setxattr: [188, 5], lsetxattr: [189, 6],
  fsetxattr: [190, 7], setxattrat: [463, 463], removexattr: [197, 14], lremovexattr: [198, 15], fremovexattr: [199, 16],
  removexattrat: [466, 466], open_by_handle_at: [304, 265], name_to_handle_at: [303, 264],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
export const OWNERS = { chown: [92, null], fchown: [93, 55], lchown: [94, null], fchownat: [260, 54] } as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** Rights and namespaces. */
export const RIGHTS = {
  setuid: [105, 146], setgid: [106, 144], setreuid: [113, 145], setregid: [114, 143], setresuid: [117, 147], setresgid: [119, 149],
  setgroups: [116, 159], setfsuid: [122, 151], setfsgid: [123, 152], capset: [126, 91], personality: [135, 92], unshare: [272, 97],
  chroot: [161, 51], pivot_root: [155, 41], mount: [165, 40], umount2: [166, 39], move_mount: [429, 429], fsopen: [430, 430],
  fsconfig: [431, 431], fsmount: [432, 432], fspick: [433, 433], open_tree: [428, 428], mount_setattr: [442, 442],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** Wide parts of the kernel. */
export const WIDE = {
  bpf: [321, 280], perf_event_open: [298, 241], userfaultfd: [323, 282], add_key: [248, 217], request_key: [249, 218],
  keyctl: [250, 219], io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427], fanotify_init: [300, 262],
  shmget: [29, 194], shmat: [30, 196], shmctl: [31, 195], msgget: [68, 186], msgsnd: [69, 189], msgrcv: [70, 188], msgctl: [71, 187],
  semget: [64, 190], semop: [65, 193], semctl: [66, 191], semtimedop: [220, 192], mq_open: [240, 180], mq_unlink: [241, 181], modify_ldt: [154, null], iopl: [172, null],
  ioperm: [173, null],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** The machine. */
export const MACHINE = {
  init_module: [175, 105], finit_module: [313, 273], delete_module: [176, 106], kexec_load: [246, 104], kexec_file_load: [320, 294],
  reboot: [169, 142], swapon: [167, 224], swapoff: [168, 225], sethostname: [170, 161], setdomainname: [171, 162],
  settimeofday: [164, 170], clock_settime: [227, 112], adjtimex: [159, 171], clock_adjtime: [305, 266], acct: [163, 89],
  quotactl: [179, 60], syslog: [103, 116], vhangup: [153, 58],
} as const satisfies Table;

// biome-ignore format: a table reads better dense.
/** Those that are looked into, or refused to some. */
export const CALLS = {
  connect: [42, 203], sendmmsg: [307, 269], socketpair: [53, 199], socket: [41, 198], sendto: [44, 206], sendmsg: [46, 211],
  open: [2, null], openat: [257, 56], fcntl: [72, 25], ioctl: [16, 29], kill: [62, 129], tgkill: [234, 131], prlimit64: [302, 261],
  setrlimit: [160, 164], bind: [49, 200], listen: [50, 201], setns: [308, 268], inotify_init: [253, null], inotify_init1: [294, 26], setpriority: [141, 140],
  sched_setparam: [142, 118], sched_setscheduler: [144, 119], sched_setattr: [314, 274], sched_setaffinity: [203, 122],
} as const satisfies Table;
