// Adapter: what the kernel refuses to vrrp and checker for good, as a program for its filter machine. They have user id 0, and with that
// alone, without a capability, a process may signal, limit and slow others of root, empty root's files, change their modes and times, and
// give orders to services on this machine. A list of what is refused, for the reason of seccomp-filter.ts. Pure.
import { CALLS, FILES, MACHINE, MODES, OWNERS, PROCESSES, RIGHTS, WIDE } from "./seccomp-numbers.ts";
import {
  ALLOW,
  AND_K,
  argument,
  type FilterStep,
  filterProgram,
  JEQ_K,
  JSET_K,
  load,
  type Machine,
  onlyWith,
  REFUSE,
  step,
} from "./seccomp-program.ts";

/** AF_INET, AF_INET6, AF_PACKET. */
const NETWORK_FAMILIES = [2, 10, 17];
const AF_NETLINK = 16;
/** NETLINK_ROUTE, NETLINK_CONNECTOR, NETLINK_NETFILTER, NETLINK_GENERIC: not that of device events, by which services are started. */
const NETLINK_PROTOCOLS = [0, 11, 12, 16];
const F_SETOWN = 8;
/** F_SETOWN_EX, F_SETLEASE (keeps others from a file of root's), F_NOTIFY. */
const FCNTLS = [15, 1024, 1026];
/** FIOSETOWN, SIOCSPGRP, TIOCSTI; FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR (a file's owner may, and by a descriptor for reading). */
const IOCTLS = [0x8901, 0x8902, 0x5412, 0x4008_6602, 0x401c_5820];
const PRIO_PROCESS = 0;
const O_ACCMODE = 0o3;
const O_WRONLY = 0o1;
const O_RDWR = 0o2;
const O_TRUNC = 0o1000;

export interface RoleUse {
  /** Of this process: it may signal itself, and limit itself. */
  readonly pid: number;
  /** Sockets are made in other network namespaces. */
  readonly changesNamespace: boolean;
}

/** The program for a machine. What it refuses fails with EPERM; a call in another machine's way ends the process. */
export function roleRefusals(machine: Machine, { pid, changesNamespace }: RoleUse): readonly FilterStep[] {
  const program = filterProgram(machine);
  const netlink = onlyWith(2, NETLINK_PROTOCOLS);
  // First what is asked most.
  program.when(CALLS.fcntl, [
    load(argument(1)),
    ...FCNTLS.flatMap((command) => [step(JEQ_K, command, 0, 1), REFUSE]),
    step(JEQ_K, F_SETOWN, 1, 0),
    ALLOW,
    ...onlyWith(2, [0, pid]),
  ]);
  program.when(CALLS.socket, [
    load(argument(0)),
    ...NETWORK_FAMILIES.flatMap((family) => [step(JEQ_K, family, 0, 1), ALLOW]),
    step(JEQ_K, AF_NETLINK, 0, netlink.length),
    ...netlink,
    REFUSE,
  ]);
  program.when(CALLS.ioctl, [
    load(argument(1)),
    ...IOCTLS.flatMap((request) => [step(JEQ_K, request, 0, 1), REFUSE]),
    ALLOW,
  ]);
  program.when(CALLS.open, emptiesOnlyWhatItWrites(1));
  program.when(CALLS.openat, emptiesOnlyWhatItWrites(2));
  for (const call of [CALLS.kill, CALLS.tgkill]) program.when(call, onlyWith(0, [pid]));
  const { prlimit64, sched_setparam, sched_setscheduler, sched_setattr, sched_setaffinity } = CALLS;
  for (const call of [prlimit64, sched_setparam, sched_setscheduler, sched_setattr, sched_setaffinity])
    program.when(call, onlyWith(0, [0, pid]));
  program.when(CALLS.setpriority, [
    load(argument(0)),
    step(JEQ_K, PRIO_PROCESS, 1, 0),
    REFUSE,
    ...onlyWith(1, [0, pid]),
  ]);
  for (const group of [PROCESSES, MODES, OWNERS, RIGHTS, WIDE, MACHINE]) program.refuse(Object.values(group));
  // Owner and times of root's files: either says something else of them than is true, and an owner's change takes the set-user-id bit away.
  program.refuse([CALLS.socketpair, FILES.utimensat, FILES.truncate, FILES.openat2]);
  // Directories in directories without end keep the next director busy with removing them.
  program.refuse([FILES.mkdir, FILES.mkdirat]);
  if (!changesNamespace) program.refuse([CALLS.setns]);
  return program.whole();
}

/**
 * kernel: before 6.2 (Landlock's third version) a file that is opened to be emptied and not to be written, which 3 stands for as well, is
 * none of Landlock's affairs; one that is opened for writing always was. The flags of openat2 lie in memory, where no filter looks.
 */
function emptiesOnlyWhatItWrites(flags: number): readonly FilterStep[] {
  return [
    load(argument(flags)),
    step(JSET_K, O_TRUNC, 1, 0),
    ALLOW,
    step(AND_K, O_ACCMODE),
    ...[O_WRONLY, O_RDWR].flatMap((mode) => [step(JEQ_K, mode, 0, 1), ALLOW]),
    REFUSE,
  ];
}
