// The seam between runtimes: how a shared library is opened and called. ffi/bun.ts and ffi/deno.ts implement it, package.json
// (`imports`, #dlopen) chooses. Nothing here knows a runtime, and no address leaves ffi/.

/** `bytes` is memory that C reads or writes (or null); `isize`/`usize` are 64-bit here and must be safe integers. */
export type ArgKind = "i32" | "u32" | "isize" | "usize" | "bytes";
export type ResultKind = "i32" | "u32" | "isize";

export interface CSymbol {
  readonly args: readonly ArgKind[];
  readonly result: ResultKind;
}

export type SymbolTable = Readonly<Record<string, CSymbol>>;

type ArgOf<K> = K extends "bytes" ? Uint8Array | null : number;
type ArgsOf<A extends readonly ArgKind[]> = { -readonly [I in keyof A]: ArgOf<A[I]> };

/** One function per row of the table. */
export type Calls<T extends SymbolTable> = { readonly [K in keyof T]: (...args: ArgsOf<T[K]["args"]>) => number };

/** A call as the backends make it: arguments are already checked. */
export type RawCall = (...args: (number | Uint8Array | null)[]) => number;

export interface Backend {
  readonly runtime: "bun" | "deno";
  /**
   * Opens the first library of `names` that exists, with the rows of `table` it has; a missing symbol is left out.
   * @throws Error when no library of that name can be opened
   */
  open(names: readonly string[], table: SymbolTable): Record<string, RawCall>;
  /** Where the bytes lie; only for memory that pinned() made, and only to be written into another C structure. */
  addressOf(bytes: Uint8Array): bigint;
  /** errno of this thread; right only directly after the failed call. */
  errno(): number;
}
