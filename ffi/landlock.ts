// Landlock (kernel 5.13, include/uapi/linux/landlock.h): this thread, and the image that it becomes, writes below some places only. From
// kernel 6.12 it sends no signal to and connects to no abstract socket of processes that are not confined alike.
import { backend } from "#dlopen";
import { SyscallError } from "./errno.ts";
import { LIBC, LIBC_NAMES } from "./libc.ts";
import { cString, fixed } from "./memory.ts";

const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;
const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const WRITE_FILE = 1n << 1n;
/** Removing and making of everything that a directory can hold: REMOVE_DIR, REMOVE_FILE, MAKE_CHAR … MAKE_SYM. */
const CHANGE_DIRECTORY = 0x1ff0n;
const TRUNCATE = 1n << 14n;
const SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 0b11n;
/** First versions with TRUNCATE, and with scopes. */
const TRUNCATE_ABI = 3;
const SCOPE_ABI = 6;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

type Arg = number | Uint8Array | null;

/** The C library's syscall(), by the shape of its arguments. */
function syscallOf(...args: readonly ("isize" | "bytes")[]): (...values: readonly Arg[]) => number {
  const { syscall } = backend.open(LIBC_NAMES, { syscall: { args: ["isize", ...args], result: "isize" } });
  return (...values) => Number(syscall?.(...values) ?? -1);
}

/** The places, opened while they can be reached. */
export interface Confinement {
  /** Needs no_new_privs. @throws SyscallError */
  restrict(): void;
}

/**
 * @param writable directories, with all that is below them, and files; what is not there is passed over
 * @returns undefined: this kernel has no Landlock, or it is switched off
 */
export function openConfinement(writable: readonly string[]): Confinement | undefined {
  const create = syscallOf("bytes", "isize", "isize");
  const abi = create(CREATE_RULESET, null, 0, CREATE_RULESET_VERSION);
  if (abi < 1) return undefined;
  const { open, close } = backend.open(LIBC_NAMES, { open: LIBC.open, close: LIBC.close });
  const places = writable
    // kernel: an inode of /proc is made anew when it was dropped, and no longer the one that was allowed; what is open is not dropped.
    .map((path) => Number(open?.(cString(path), path.startsWith("/proc/") ? O_PATH : O_PATH | O_CLOEXEC, 0) ?? -1))
    .filter((fd) => fd >= 0);
  const ofFiles = abi >= TRUNCATE_ABI ? WRITE_FILE | TRUNCATE : WRITE_FILE;
  return {
    restrict() {
      const attributes = new BigUint64Array([ofFiles | CHANGE_DIRECTORY, 0n, SCOPE_ABSTRACT_SOCKET_AND_SIGNAL]);
      // An older kernel takes a shorter structure.
      const size = abi >= SCOPE_ABI ? 24 : 8;
      const ruleset = create(CREATE_RULESET, new Uint8Array(attributes.buffer), size, 0);
      if (ruleset < 0) throw new SyscallError("landlock_create_ruleset", backend.errno(), `version ${abi}`);
      const add = syscallOf("isize", "isize", "bytes", "isize");
      for (const place of places) {
        const rule = fixed(12);
        const view = new DataView(rule.buffer);
        view.setInt32(8, place, true);
        view.setBigUint64(0, ofFiles | CHANGE_DIRECTORY, true);
        if (add(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0) >= 0) continue;
        // EINVAL: a file, of which a directory's rights can't be asked.
        view.setBigUint64(0, ofFiles, true);
        if (add(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0) < 0)
          throw new SyscallError("landlock_add_rule", backend.errno(), `descriptor ${place}`);
      }
      if (syscallOf("isize", "isize")(RESTRICT_SELF, ruleset, 0) < 0)
        throw new SyscallError("landlock_restrict_self", backend.errno(), `version ${abi}`);
      close?.(ruleset);
    },
  };
}
