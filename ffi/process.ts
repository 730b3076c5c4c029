// What a process may do to itself: image, namespaces, rights, scheduling, limits, memory; and signals to others.
import { check, type Fd } from "./fd.ts";
import { libc } from "./index.ts";
import { i32, layout, u32, u64 } from "./layout.ts";
import { addressOf, cString, fixed, pinned, stringVector } from "./memory.ts";

export const CLONE_NEWNET = 0x4000_0000;

export const SCHED_OTHER = 0;
export const SCHED_RR = 2;
/** Or'ed to a policy: children fall back to SCHED_OTHER. */
export const SCHED_RESET_ON_FORK = 0x4000_0000;

const MADV_DONTNEED = 4;

const MCL_CURRENT = 1;
const MCL_FUTURE = 2;
/** Without it the engine's reserved gigabytes become resident (runtime.md §4). */
const MCL_ONFAULT = 4;

export const RLIMIT_CORE = 4;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_RTTIME = 15;

export const CAP_SYS_MODULE = 16;

const SIG_IGN = 1;

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_CAPBSET_READ = 23;
const PR_SET_NO_NEW_PRIVS = 38;

const PRIO_PROCESS = 0;
const CAPABILITY_VERSION_3 = 0x2008_0522;
const CAP_HEADER = layout({ version: u32(0), pid: i32(4) });
const CAP_DATA = layout({
  effectiveLow: u32(0),
  permittedLow: u32(4),
  inheritableLow: u32(8),
  effectiveHigh: u32(12),
  permittedHigh: u32(16),
  inheritableHigh: u32(20),
});
const RLIMIT = layout({ soft: u64(0), hard: u64(8) });
const SCHED_PARAM = layout({ priority: i32(0) });

/**
 * Replaces the program image under the same process id; returns only by throwing.
 * @throws SyscallError ENOENT, EACCES, E2BIG
 */
export function execve(path: string, args: readonly string[], environment: Readonly<Record<string, string>>): never {
  const pathBytes = cString(path);
  const argv = stringVector(args);
  const envp = stringVector(Object.entries(environment).map(([name, value]) => `${name}=${value}`));
  check(libc.execve(pathBytes, argv, envp), "execve", path);
  throw new Error(`execve came back without an error (${path})`);
}

/**
 * Moves this thread into a namespace. Threads that exist stay behind: execve afterwards (runtime.md §5).
 * @throws SyscallError EINVAL for another kind of file; EPERM
 */
export function setns(namespace: Fd, kind: number): void {
  check(libc.setns(namespace, kind), "setns", `fd ${namespace} kind 0x${kind.toString(16)}`);
}

/** Sends a signal; a negative pid means the process group; signal 0 only asks. @throws SyscallError ESRCH, EPERM */
export function kill(pid: number, signal: number): void {
  check(libc.kill(pid, signal), "kill", `pid ${pid} signal ${signal}`);
}

/** Has the kernel discard a signal. @throws SyscallError EINVAL for KILL, STOP and the C library's own */
export function ignoreSignal(signal: number): void {
  check(libc.signal(signal, SIG_IGN), "signal", `SIG_IGN for ${signal}`);
}

/** Has the kernel send `signal` to this process when its parent ends. @throws SyscallError */
export function setParentDeathSignal(signal: number): void {
  check(libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", `PR_SET_PDEATHSIG ${signal}`);
}

/** Names the process for ps and top; the kernel keeps 15 bytes. @throws SyscallError */
export function setProcessName(name: string): void {
  const text = pinned(16);
  text.set(new TextEncoder().encode(name).subarray(0, 15));
  check(libc.prctl(PR_SET_NAME, Number(addressOf(text)), 0, 0, 0), "prctl", `PR_SET_NAME ${name}`);
}

/** Says whether a crash may leave a core file. @throws SyscallError */
export function setDumpable(dumpable: boolean): void {
  check(libc.prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0), "prctl", "PR_SET_DUMPABLE");
}

/** From now on no exec gives more rights than there are. @throws SyscallError */
export function setNoNewPrivileges(): void {
  check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "PR_SET_NO_NEW_PRIVS");
}

/** Whether the bounding set has a capability; false also for one the kernel does not know. */
export function hasBoundingCapability(capability: number): boolean {
  return libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) === 1;
}

/** Sets of capabilities of one thread, a bit each: bit 12 is CAP_NET_ADMIN. */
export interface Capabilities {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** Capabilities of this thread. @throws SyscallError */
export function capabilities(): Capabilities {
  const data = fixed(CAP_DATA.sizeBytes);
  check(libc.capget(CAP_HEADER.encode({ version: CAPABILITY_VERSION_3, pid: 0 }), data), "capget", "this thread");
  const d = CAP_DATA.decode(data);
  const join = (high: number, low: number) => (BigInt(high) << 32n) | BigInt(low);
  return {
    effective: join(d.effectiveHigh, d.effectiveLow),
    permitted: join(d.permittedHigh, d.permittedLow),
    inheritable: join(d.inheritableHigh, d.inheritableLow),
  };
}

/** Scheduling of the main thread; priority 1..99 for FIFO and RR, 0 for OTHER. @throws SyscallError EPERM, EINVAL */
export function setScheduler(policy: number, priority: number): void {
  const parameter = SCHED_PARAM.encode({ priority });
  check(libc.sched_setscheduler(0, policy, parameter), "sched_setscheduler", `policy ${policy} priority ${priority}`);
}

/** Policy of the main thread, SCHED_RESET_ON_FORK included. @throws SyscallError */
export function scheduler(): number {
  return check(libc.sched_getscheduler(0), "sched_getscheduler", "this thread");
}

/** kernel: as many CPUs as a glibc cpu_set_t names. */
export const MAX_CPUS = 1024;

/** Binds the main thread to CPUs (0…1023). @throws SyscallError EINVAL when none of them exists */
export function setAffinity(cpus: readonly number[]): void {
  const mask = fixed(MAX_CPUS / 8);
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= MAX_CPUS)
      throw new RangeError(`cpu: expected 0..${MAX_CPUS - 1} (got ${cpu})`);
    mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  check(libc.sched_setaffinity(0, mask.byteLength, mask), "sched_setaffinity", `cpus ${cpus.join(",")}`);
}

/** CPUs the main thread may run on. @throws SyscallError */
export function affinity(): number[] {
  const mask = fixed(MAX_CPUS / 8);
  check(libc.sched_getaffinity(0, mask.byteLength, mask), "sched_getaffinity", "this thread");
  return Array.from({ length: MAX_CPUS }, (_, cpu) => cpu).filter((cpu) => ((mask[cpu >> 3] ?? 0) >> (cpu & 7)) & 1);
}

/** Nice value -20..19 of this process. @throws SyscallError EACCES for more than is allowed */
export function setNice(nice: number): void {
  check(libc.setpriority(PRIO_PROCESS, 0, nice), "setpriority", `nice ${nice}`);
}

/** Locks memory as it is touched, now and later. @throws SyscallError ENOMEM over RLIMIT_MEMLOCK, EPERM */
export function lockMemoryOnFault(): void {
  check(libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT), "mlockall", "current, future, on fault");
}

/**
 * Takes pages out of this process's tables; what they held must stand elsewhere: of a file that is mapped and was not changed.
 * False where the kernel does not: they are locked.
 */
export function dropPages(from: number, bytes: number): boolean {
  return libc.madvise(from, bytes, MADV_DONTNEED) === 0;
}

/** @throws SyscallError */
export function unlockMemory(): void {
  check(libc.munlockall(), "munlockall", "all");
}

export interface ResourceLimit {
  /** 2^64 - 1 is no limit. */
  readonly soft: bigint;
  readonly hard: bigint;
}

/** A limit of this process. @throws SyscallError EINVAL */
export function resourceLimit(resource: number): ResourceLimit {
  const limit = fixed(RLIMIT.sizeBytes);
  check(libc.prlimit(0, resource, null, limit), "prlimit", `resource ${resource}`);
  return RLIMIT.decode(limit);
}

/** @throws SyscallError EPERM above the hard limit without CAP_SYS_RESOURCE */
export function setResourceLimit(resource: number, limit: ResourceLimit): void {
  const detail = `resource ${resource} soft ${limit.soft} hard ${limit.hard}`;
  check(libc.prlimit(0, resource, RLIMIT.encode(limit), null), "prlimit", detail);
}

/** Becomes another account for good: supplementary groups, then group, then user, all threads. @throws SyscallError EPERM */
export function becomeUser(uid: number, gid: number, groups: readonly number[] = []): void {
  const list = fixed(4 * groups.length);
  const view = new DataView(list.buffer);
  for (const [index, group] of groups.entries()) view.setUint32(4 * index, group, true);
  check(libc.setgroups(groups.length, list), "setgroups", groups.join(",") || "none");
  check(libc.setresgid(gid, gid, gid), "setresgid", `gid ${gid}`);
  check(libc.setresuid(uid, uid, uid), "setresuid", `uid ${uid}`);
}
