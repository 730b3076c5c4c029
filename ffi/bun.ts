// FFI backend on Bun. Memory is passed as the typed array itself: its address is taken at call time, so it can't be stale.
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import type { ArgKind, Backend, CSymbol, RawCall, ResultKind, SymbolTable } from "./backend.ts";
import { LIBC_NAMES } from "./libc.ts";

const ARG = { i32: "i32", u32: "u32", isize: "i64", usize: "u64", bytes: "ptr" } as const satisfies Record<
  ArgKind,
  string
>;
// i64_fast gives a number while the value fits one, which every result here does.
const RESULT = { i32: "i32", u32: "u32", isize: FFIType.i64_fast } as const satisfies Record<
  ResultKind,
  string | FFIType
>;

function open(names: readonly string[], table: SymbolTable): Record<string, RawCall> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return openAll(name, table);
    } catch (error) {
      failures.push(error);
    }
  }
  for (const name of names) {
    const found = openEach(name, table);
    if (Object.keys(found).length > 0) return found;
  }
  throw new Error(`no library of ${names.join(", ")} can be opened`, { cause: failures });
}

function openAll(name: string, table: SymbolTable): Record<string, RawCall> {
  const declared = Object.fromEntries(Object.entries(table).map(([symbol, row]) => [symbol, declare(row)]));
  return dlopen(name, declared).symbols as unknown as Record<string, RawCall>;
}

/** One symbol unknown to the library makes Bun refuse the whole table, so ask for them one by one. */
function openEach(name: string, table: SymbolTable): Record<string, RawCall> {
  const calls: Record<string, RawCall> = {};
  for (const [symbol, row] of Object.entries(table)) {
    try {
      calls[symbol] = dlopen(name, { [symbol]: declare(row) }).symbols[symbol] as unknown as RawCall;
    } catch {
      // Left out on purpose: index.ts answers ENOSYS for it.
    }
  }
  return calls;
}

function declare(row: CSymbol) {
  return { args: row.args.map((kind) => ARG[kind]), returns: RESULT[row.result] };
}

type ErrnoLocation = () => Parameters<typeof read.i32>[0];
let errnoLocation: ErrnoLocation | undefined;

function openErrno(): ErrnoLocation {
  const declared = { __errno_location: { args: [], returns: "ptr" } } as const;
  for (const name of LIBC_NAMES) {
    try {
      return dlopen(name, declared).symbols.__errno_location as ErrnoLocation;
    } catch {
      // The other C library's name is tried.
    }
  }
  throw new Error(`__errno_location is in none of ${LIBC_NAMES.join(", ")}`);
}

export const backend: Backend = {
  runtime: "bun",
  open,
  addressOf: (bytes) => BigInt(ptr(bytes)),
  errno() {
    errnoLocation ??= openErrno();
    return read.i32(errnoLocation(), 0);
  },
};
