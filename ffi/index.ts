// Wires the C library for this runtime: every call checks its arguments first, because below this line a fraction truncates, a
// large number wraps and a missing argument is 0, all without a word (runtime.md §2).
import { backend } from "#dlopen";
import type { ArgKind, Calls, CSymbol, RawCall, SymbolTable } from "./backend.ts";
import { ENOSYS, SyscallError } from "./errno.ts";
import { LIBC, LIBC_NAMES } from "./libc.ts";

/**
 * The C library. Results are C's own: below 0 is failure, then ask lastErrno() before anything else.
 * @throws RangeError, TypeError for an argument C could not take; SyscallError ENOSYS for a function this C library lacks
 */
export const libc: Calls<typeof LIBC> = openLibrary(LIBC_NAMES, LIBC);

/** errno of the call just made. */
export const lastErrno: () => number = backend.errno;

/** Which runtime's FFI this is. */
export const runtime = backend.runtime;

/**
 * Another library, its calls checked in the same way. Functions that it lacks throw when they are called.
 * @throws Error when none of `names` can be opened
 */
export function openLibrary<T extends SymbolTable>(names: readonly string[], table: T): Calls<T> {
  const raw = backend.open(names, table);
  const guarded = Object.entries(table).map(([name, row]) => [name, guard(name, row, raw[name])]);
  return Object.fromEntries(guarded) as Calls<T>;
}

type Arg = number | Uint8Array | null;

function guard(name: string, row: CSymbol, call: RawCall | undefined): RawCall {
  if (!call)
    return () => {
      throw new SyscallError(name, ENOSYS, "the library has no such function");
    };
  const [k0, k1, k2, k3, k4, k5] = row.args;
  const at = (kind: ArgKind | undefined, arg: Arg | undefined): Arg => checked(name, kind, arg);
  // Fixed arities: a spread would cost more than the call itself.
  switch (row.args.length) {
    case 0:
      return () => call();
    case 1:
      return (a) => call(at(k0, a));
    case 2:
      return (a, b) => call(at(k0, a), at(k1, b));
    case 3:
      return (a, b, c) => call(at(k0, a), at(k1, b), at(k2, c));
    case 4:
      return (a, b, c, d) => call(at(k0, a), at(k1, b), at(k2, c), at(k3, d));
    case 5:
      return (a, b, c, d, e) => call(at(k0, a), at(k1, b), at(k2, c), at(k3, d), at(k4, e));
    case 6:
      return (a, b, c, d, e, f) => call(at(k0, a), at(k1, b), at(k2, c), at(k3, d), at(k4, e), at(k5, f));
    default:
      throw new RangeError(`${name}: up to 6 arguments are wired (got ${row.args.length})`);
  }
}

const LOWEST = { i32: -0x8000_0000, u32: 0, isize: Number.MIN_SAFE_INTEGER, usize: 0 } as const;
const HIGHEST = {
  i32: 0x7fff_ffff,
  u32: 0xffff_ffff,
  isize: Number.MAX_SAFE_INTEGER,
  usize: Number.MAX_SAFE_INTEGER,
} as const;

function checked(name: string, kind: ArgKind | undefined, arg: Arg | undefined): Arg {
  if (kind === "bytes") {
    if (arg === null) return null;
    if (!(arg instanceof Uint8Array)) throw new TypeError(`${name}: expected bytes or null (got ${typeof arg})`);
    // There is no address of nothing: Bun refuses an empty view.
    return arg.byteLength === 0 ? null : arg;
  }
  if (kind === undefined || typeof arg !== "number" || !Number.isInteger(arg))
    throw new TypeError(`${name}: expected an integer (got ${String(arg)})`);
  if (arg < LOWEST[kind] || arg > HIGHEST[kind])
    throw new RangeError(`${name}: expected ${LOWEST[kind]}..${HIGHEST[kind]} (got ${arg})`);
  return arg;
}
