// Landlock (kernel 5.13, include/uapi/linux/landlock.h): this thread, and the image that it becomes, writes below some places only, reads
// below some others, and has nothing else to do with files; from kernel 6.7 it makes no TCP connection where that is asked for. From kernel 6.12
// it sends no signal to and connects to no abstract socket of processes that are not confined alike.
import { backend } from "#dlopen";
import { SyscallError } from "./errno.ts";
import { LIBC, LIBC_NAMES } from "./libc.ts";
import { cString, fixed } from "./memory.ts";

const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;
const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
/** Removing and making of everything that a directory can hold: REMOVE_DIR, REMOVE_FILE, MAKE_CHAR … MAKE_SYM. */
const CHANGE_DIRECTORY = 0x1ff0n;
/**
 * Of these, what nobody here makes anywhere: MAKE_CHAR, MAKE_DIR, MAKE_SOCK, MAKE_BLOCK, MAKE_SYM. A link would lead who has more rights elsewhere,
 * and directories in directories, 20,000 deep, keep who has to remove them busy for a quarter of an hour.
 */
const MAKE_OTHERS = (1n << 6n) | (1n << 7n) | (1n << 9n) | (1n << 11n) | (1n << 12n);
const TRUNCATE = 1n << 14n;
/** Of devices that are opened from then on. */
const IOCTL_DEV = 1n << 15n;
const NET_CONNECT_TCP = 1n << 1n;
const SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 0b11n;
/** First versions with TRUNCATE, TCP, IOCTL_DEV, and scopes. */
const TRUNCATE_ABI = 3;
const NET_ABI = 4;
const IOCTL_ABI = 5;
const SCOPE_ABI = 6;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

type Arg = number | Uint8Array | null;

/** The C library's syscall(), by the shape of its arguments. */
function syscallOf(...args: readonly ("isize" | "bytes")[]): (...values: readonly Arg[]) => number {
  const { syscall } = backend.open(LIBC_NAMES, { syscall: { args: ["isize", ...args], result: "isize" } });
  return (...values) => Number(syscall?.(...values) ?? -1);
}

/** What is left. Directories with all that is below them, and files; what is not there is passed over. */
export interface Places {
  readonly writable: readonly string[];
  /** What is writable can be read as well. Absent: whatever its user may. */
  readonly readable?: readonly string[];
  /** Programs and their libraries: read, and executed. */
  readonly executable?: readonly string[];
  /** No TCP connection is made, also not by a socket that was connected by somebody else. */
  readonly noTcpConnections?: boolean;
}

/** The places, opened while they can be reached. */
export interface Confinement {
  /** Needs no_new_privs. @throws SyscallError */
  restrict(): void;
}

/** Version of the kernel's Landlock; below 1: it has none, or it is switched off. */
export function landlockVersion(): number {
  return syscallOf("bytes", "isize", "isize")(CREATE_RULESET, null, 0, CREATE_RULESET_VERSION);
}

/** @returns undefined: this kernel has no Landlock, or it is switched off */
export function openConfinement(places: Places): Confinement | undefined {
  const create = syscallOf("bytes", "isize", "isize");
  const abi = landlockVersion();
  if (abi < 1) return undefined;
  const { handled, rules } = landlockRules(places, abi);
  const { open, close } = backend.open(LIBC_NAMES, { open: LIBC.open, close: LIBC.close });
  const opened = rules
    // kernel: an inode of /proc is made anew when it was dropped, and no longer the one that was allowed; what is open is not dropped.
    .map(({ path, ...rights }) => ({
      fd: Number(open?.(cString(path), path.startsWith("/proc/") ? O_PATH : O_PATH | O_CLOEXEC, 0) ?? -1),
      ...rights,
    }))
    .filter(({ fd }) => fd >= 0);
  return {
    restrict() {
      const attributes = new BigUint64Array([handled.files, handled.net, handled.scopes]);
      // An older kernel takes a shorter structure.
      const size = abi >= SCOPE_ABI ? 24 : abi >= NET_ABI ? 16 : 8;
      const ruleset = create(CREATE_RULESET, new Uint8Array(attributes.buffer), size, 0);
      if (ruleset < 0) throw new SyscallError("landlock_create_ruleset", backend.errno(), `version ${abi}`);
      const add = syscallOf("isize", "isize", "bytes", "isize");
      for (const { fd, all, ofFiles } of opened) {
        const rule = fixed(12);
        const view = new DataView(rule.buffer);
        view.setInt32(8, fd, true);
        view.setBigUint64(0, all, true);
        if (add(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0) >= 0) continue;
        // EINVAL: a file, of which a directory's rights can't be asked.
        view.setBigUint64(0, ofFiles, true);
        if (add(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0) < 0)
          throw new SyscallError("landlock_add_rule", backend.errno(), `descriptor ${fd}`);
      }
      if (syscallOf("isize", "isize")(RESTRICT_SELF, ruleset, 0) < 0)
        throw new SyscallError("landlock_restrict_self", backend.errno(), `version ${abi}`);
      close?.(ruleset);
    },
  };
}

/** One place: its rights as a directory, and those of them that a file can have. */
export interface LandlockRule {
  readonly path: string;
  readonly all: bigint;
  readonly ofFiles: bigint;
}

/** What a kernel with this version of Landlock is asked for: bits of linux/landlock.h. */
export function landlockRules(
  { writable, readable, executable = [], noTcpConnections = false }: Places,
  abi: number,
): {
  readonly handled: { readonly files: bigint; readonly net: bigint; readonly scopes: bigint };
  readonly rules: readonly LandlockRule[];
} {
  const writes = abi >= TRUNCATE_ABI ? WRITE_FILE | TRUNCATE : WRITE_FILE;
  const reads = readable === undefined ? 0n : READ_FILE;
  const lists = readable === undefined ? 0n : READ_DIR;
  const runs = readable === undefined ? 0n : EXECUTE;
  const devices = readable !== undefined && abi >= IOCTL_ABI ? IOCTL_DEV : 0n;
  const rule = (ofFiles: bigint, ofDirectories: bigint) => (path: string) => ({
    path,
    all: ofFiles | ofDirectories,
    ofFiles,
  });
  return {
    handled: {
      files: writes | CHANGE_DIRECTORY | reads | lists | runs | devices,
      net: noTcpConnections && abi >= NET_ABI ? NET_CONNECT_TCP : 0n,
      scopes: abi >= SCOPE_ABI ? SCOPE_ABSTRACT_SOCKET_AND_SIGNAL : 0n,
    },
    rules: [
      ...writable.map(rule(writes | reads, (CHANGE_DIRECTORY & ~MAKE_OTHERS) | lists)),
      ...(readable ?? []).map(rule(reads, lists)),
      ...(readable === undefined ? [] : executable.map(rule(reads | runs, lists))),
    ],
  };
}
