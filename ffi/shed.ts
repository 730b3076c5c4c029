// How a process gives up rights for good and becomes its next image: capabilities and bounding set belong to a thread, and the engine has
// several before the first line runs, so they are set on this one and an exec, which one thread survives, follows. It is on the way
// of every start: only the functions that it needs are looked up.
import { backend } from "#dlopen";
import { SyscallError } from "./errno.ts";
import { openConfinement, type Places } from "./landlock.ts";
import { LIBC, LIBC_NAMES } from "./libc.ts";
import { cString, stringVector } from "./memory.ts";

const SIG_IGN = 1;
const O_CLOEXEC = 0o2000000;
const CLONE_NEWNET = 0x4000_0000;
const F_SETFD = 2;
const CAPABILITY_VERSION_3 = 0x2008_0522;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
/** securebits: user id 0 is nothing special at an exec, and that can't be taken back. */
const NOROOT_LOCKED = 0b11;
const NO_LIMIT = 2n ** 64n - 1n;
const CAP_IPC_LOCK = 14;
const CAP_SYS_NICE = 23;
/**
 * What a configuration may ask of a process later is permitted by these limits, and the capability `instead` is needed no more.
 * kernel: nice values -20..19 are 40..1 there.
 */
const LIMITS = [
  { resource: 7, name: "RLIMIT_NOFILE", least: 65_536n, soft: false },
  { resource: 8, name: "RLIMIT_MEMLOCK", least: NO_LIMIT, soft: true, instead: CAP_IPC_LOCK },
  { resource: 13, name: "RLIMIT_NICE", least: 40n, soft: true, instead: CAP_SYS_NICE },
  { resource: 14, name: "RLIMIT_RTPRIO", least: 99n, soft: true, instead: CAP_SYS_NICE },
] as const;

export interface NextImage {
  readonly path: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What every thread has then, as far as it is permitted now; SYS_NICE and IPC_LOCK only where limits can't stand for them. */
  readonly capabilities: readonly number[];
  /** What it has to do with files, as far as the kernel has Landlock; absent: whatever its user may. */
  readonly places?: Places;
  /** Descriptors that it finds under the same numbers. */
  readonly descriptors: readonly number[];
  /** Signals that are ignored until it has handlers. */
  readonly ignoredSignals: readonly number[];
}

type Call = (...args: (number | Uint8Array | null)[]) => number;

function wire() {
  const { prctl, capget, capset, execve, fcntl, prlimit, signal, open, setns, close } = LIBC;
  const table = { prctl, capget, capset, execve, fcntl, prlimit, signal, open, setns, close };
  const raw = backend.open(LIBC_NAMES, table);
  return (name: keyof typeof table, detail: string, ...args: Parameters<Call>): number => {
    const result = raw[name]?.(...args) ?? -1;
    if (result < 0) throw new SyscallError(name, backend.errno(), detail);
    return result;
  };
}

/** Moves this thread, and so the next image, to a network namespace. @throws SyscallError ENOENT, EPERM */
export function joinNetworkNamespace(path: string): void {
  const call = wire();
  const fd = call("open", path, cString(path), O_CLOEXEC, 0);
  call("setns", path, fd, CLONE_NEWNET);
  call("close", path, fd);
}

/** Returns only by throwing. @throws SyscallError EPERM without CAP_SETPCAP */
export function shedInto(next: NextImage): never {
  const call = wire();
  for (const number of next.ignoredSignals) call("signal", `signal ${number}`, number, SIG_IGN);
  for (const fd of next.descriptors) call("fcntl", `fd ${fd}`, fd, F_SETFD, 0);
  // Without the capabilities its places may be out of reach.
  const confinement = next.places && openConfinement(next.places);
  const refused = LIMITS.filter((limit) => !permit(call, limit)).map(insteadOf);
  const needless = LIMITS.map(insteadOf).filter((capability) => !refused.includes(capability));
  shed(
    call,
    next.capabilities.filter((capability) => !needless.includes(capability)),
  );
  confinement?.restrict();
  const environment = Object.entries(next.environment).map(([name, value]) => `${name}=${value}`);
  call("execve", next.path, cString(next.path), stringVector(next.args), stringVector(environment));
  throw new Error("execve came back without an error");
}

function shed(call: ReturnType<typeof wire>, wanted: readonly number[]): void {
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  // Effective, permitted, inheritable of capabilities 0..31, then of the others.
  const sets = new Uint32Array(6);
  const bytes = new Uint8Array(sets.buffer);
  call("capget", "this thread", header, bytes);
  // In a container not all of them are permitted.
  const kept = wanted.filter((capability) => (((sets[capability < 32 ? 1 : 4] ?? 0) >>> (capability & 31)) & 1) === 1);
  sets[2] = sets[5] = 0;
  for (const capability of kept) {
    const word = capability < 32 ? 2 : 5;
    sets[word] = ((sets[word] ?? 0) | (1 << (capability & 31))) >>> 0;
  }
  call("capset", "this thread", header, bytes);
  for (const capability of kept)
    call("prctl", `PR_CAP_AMBIENT ${capability}`, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  call("prctl", "PR_SET_SECUREBITS", PR_SET_SECUREBITS, NOROOT_LOCKED, 0, 0, 0);
  for (let capability = 0; capability < 64; capability++) {
    try {
      call("prctl", "PR_CAPBSET_DROP", PR_CAPBSET_DROP, capability, 0, 0, 0);
    } catch (error) {
      // EINVAL: the kernel knows no more.
      if (capability === 0) throw error;
      break;
    }
  }
  call("prctl", "PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

function insteadOf(limit: (typeof LIMITS)[number]): number | undefined {
  return "instead" in limit ? limit.instead : undefined;
}

/** False when it can't be raised: more than the hard limit needs CAP_SYS_RESOURCE, which a container may lack. */
function permit(call: ReturnType<typeof wire>, { resource, name, least, soft }: (typeof LIMITS)[number]): boolean {
  const values = new BigUint64Array(2);
  const bytes = new Uint8Array(values.buffer);
  call("prlimit", name, 0, resource, null, bytes);
  const hard = values[1] ?? 0n;
  if (hard >= least && (!soft || (values[0] ?? 0n) >= least)) return true;
  values[1] = hard > least ? hard : least;
  if (soft) values[0] = least;
  try {
    call("prlimit", name, 0, resource, bytes, null);
    return true;
  } catch {
    return false;
  }
}
