// FFI backend on Deno (--allow-ffi). 64-bit integers travel as bigint there, and memory as `buffer`.
import type { ArgKind, Backend, CSymbol, RawCall, ResultKind, SymbolTable } from "./backend.ts";
import { LIBC_NAMES } from "./libc.ts";

/** The part of Deno's global that is used; its own types are not installed. */
interface DenoForeign {
  dlopen(name: string, table: Record<string, unknown>): { readonly symbols: Record<string, ForeignCall | null> };
  readonly UnsafePointer: { of(bytes: Uint8Array): unknown; value(pointer: unknown): bigint };
  readonly UnsafePointerView: { getInt32(pointer: unknown): number } & (new (
    pointer: unknown,
  ) => {
    getInt32(offset?: number): number;
  });
}
type ForeignCall = (...args: unknown[]) => number | bigint;
declare const Deno: DenoForeign;

const ARG = { i32: "i32", u32: "u32", isize: "isize", usize: "usize", bytes: "buffer" } as const satisfies Record<
  ArgKind,
  string
>;
const RESULT = { i32: "i32", u32: "u32", isize: "isize" } as const satisfies Record<ResultKind, string>;

function open(names: readonly string[], table: SymbolTable): Record<string, RawCall> {
  const declared = Object.fromEntries(Object.entries(table).map(([symbol, row]) => [symbol, declare(row)]));
  const symbols = openFirst(names, declared);
  const calls: Record<string, RawCall> = {};
  for (const [symbol, row] of Object.entries(table)) {
    const foreign = symbols[symbol];
    if (foreign) calls[symbol] = adapt(foreign, row);
  }
  return calls;
}

function openFirst(names: readonly string[], declared: Record<string, unknown>): Record<string, ForeignCall | null> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, declared).symbols;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new Error(`no library of ${names.join(", ")} can be opened`, { cause: failures });
}

function declare(row: CSymbol) {
  // `optional`: a symbol the library lacks is null instead of an error.
  return { parameters: row.args.map((kind) => ARG[kind]), result: RESULT[row.result], optional: true };
}

function adapt(foreign: ForeignCall, row: CSymbol): RawCall {
  const wide = row.args.map((kind) => kind === "isize" || kind === "usize");
  if (!wide.includes(true)) return (...args) => Number(foreign(...args));
  return (...args) =>
    Number(foreign(...args.map((arg, i) => (wide[i] && typeof arg === "number" ? BigInt(arg) : arg))));
}

let errnoLocation: ForeignCall | null | undefined;

export const backend: Backend = {
  runtime: "deno",
  open,
  addressOf: (bytes) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)),
  errno() {
    errnoLocation ??= openFirst(LIBC_NAMES, {
      __errno_location: { parameters: [], result: "pointer" },
    }).__errno_location;
    return errnoLocation ? new Deno.UnsafePointerView(errnoLocation()).getInt32() : 0;
  },
};
