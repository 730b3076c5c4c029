// Adapter: what the kernel refuses to a process of the API for good, as a program for its filter machine. A list of what is refused:
// the engine decides itself which calls it needs to run, and a list of what is allowed would break with its next release. Pure.
import { CALLS, FILES, MACHINE, MODES, OWNERS, PROCESSES, RIGHTS, WIDE } from "./seccomp-numbers.ts";
import {
  ALLOW,
  AND_K,
  argument,
  type FilterStep,
  filterProgram,
  high,
  JEQ_K,
  JSET_K,
  load,
  type Machine,
  type Numbers,
  REFUSE,
  step,
} from "./seccomp-program.ts";

const GROUPS: readonly Readonly<Record<string, Numbers>>[] = [PROCESSES, FILES, MODES, OWNERS, RIGHTS, WIDE, MACHINE];

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_TYPE_MASK = 0xf;
/** O_WRONLY, O_RDWR, O_CREAT, and O_TRUNC, which empties without them too; O_TMPFILE needs one of the first two. */
const OPEN_WRITES = 0o1103;
const MSG_FASTOPEN = 0x2000_0000;
/** F_SETOWN, F_SETSIG, F_SETOWN_EX. */
const FCNTL_SIGNALS = [8, 10, 15];

/**
 * What a process under the filter does: `answers` on sockets that it has; a `gate` hands what it is asked to a UNIX socket of this machine
 * as well, so it may connect, and open no socket that leads anywhere else.
 */
export type Use = "answers" | "gate";

/** The program for a machine. What it refuses fails with EPERM; a call in another machine's way ends the process. */
export function refusals(machine: Machine, use: Use = "answers"): readonly FilterStep[] {
  const program = filterProgram(machine);
  for (const group of GROUPS) program.refuse(Object.values(group));
  const { kill, sendmmsg, socketpair, prlimit64, setrlimit, setns, inotify_init, inotify_init1 } = CALLS;
  program.refuse([kill, sendmmsg, socketpair, prlimit64, setrlimit, setns, inotify_init, inotify_init1]);
  // The network behind this machine, and sockets of other programs here: one of a pair can send to any name.
  if (use !== "gate") program.refuse([CALLS.connect]);
  // It has its port; another one would be a stranger's way to somebody else's name.
  else program.refuse([CALLS.bind, CALLS.listen]);
  // Its limits permit real-time priority, which is for vrrp and checker.
  program.refuse([CALLS.sched_setparam, CALLS.sched_setscheduler, CALLS.sched_setattr]);
  const reads = (flags: number) => [load(argument(flags)), step(JSET_K, OPEN_WRITES, 0, 1), REFUSE, ALLOW];
  program.when(CALLS.open, reads(1));
  program.when(CALLS.openat, reads(2));
  // The listening sockets are the parent's as well: what is set here would be sent to it.
  program.when(CALLS.fcntl, [
    load(argument(1)),
    ...FCNTL_SIGNALS.flatMap((command) => [step(JEQ_K, command, 0, 1), REFUSE]),
    ALLOW,
  ]);
  // A TCP port that was taken is tried again; nothing else is opened, and nothing is ever connected. A gate has its port by then.
  const families = use === "gate" ? [AF_UNIX, AF_UNIX] : [AF_INET, AF_INET6];
  program.when(CALLS.socket, [
    load(argument(0)),
    step(JEQ_K, families[0] ?? AF_UNIX, 1, 0),
    step(JEQ_K, families[1] ?? AF_UNIX, 0, 3),
    load(argument(1)),
    step(AND_K, SOCK_TYPE_MASK),
    step(JEQ_K, SOCK_STREAM, 1, 0),
    REFUSE,
    ALLOW,
  ]);
  // With an address, or with this flag, they connect.
  program.when(CALLS.sendto, [
    load(argument(4)),
    step(JEQ_K, 0, 0, 4),
    load(high(4)),
    step(JEQ_K, 0, 0, 2),
    load(argument(3)),
    step(JSET_K, MSG_FASTOPEN, 0, 1),
    REFUSE,
    ALLOW,
  ]);
  program.when(CALLS.sendmsg, [load(argument(2)), step(JSET_K, MSG_FASTOPEN, 0, 1), REFUSE, ALLOW]);
  return program.whole();
}
