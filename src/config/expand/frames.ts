// Config core: where lines come from while a configuration is read: files, includes, macros of several lines, loops.
import type { LinePart } from "../text/source.ts";
import type { Span } from "../text/span.ts";
import type { IncludeRule } from "./include.ts";
import type { Loop } from "./loops.ts";
import type { MacroUse } from "./replace.ts";
import type { Chain } from "./segments.ts";
import type { OpenedFile } from "./source-reader.ts";

/** Where lines come from; the last frame is read until it is empty. `chain`: the macros that led there. */
export type Frame = FileFrame | IncludeFrame | MacroFrame | LoopFrame;

export interface FileFrame {
  readonly kind: "file";
  readonly file: OpenedFile;
  readonly chain: Chain | undefined;
  next: number;
  line: number;
}

/** Files that one include found, not opened yet. */
export interface IncludeFrame {
  readonly kind: "include";
  readonly paths: readonly string[];
  readonly from: Span;
  readonly rule: IncludeRule;
  readonly chain: Chain | undefined;
  next: number;
}

/** Further lines of multi-line macros, one macro after the other. */
export interface MacroFrame {
  readonly kind: "macro";
  readonly uses: readonly MacroUse[];
  next: number;
}

export interface LoopFrame {
  readonly kind: "loop";
  readonly loop: Loop;
  readonly head: LinePart;
  readonly rest: LinePart;
  readonly chain: Chain | undefined;
  next: number;
}
