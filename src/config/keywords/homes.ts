// Config core: in which blocks a keyword is at home, for «belongs in …»; and the vocabulary that the parser asks.
import { type CompiledTable, compileTable } from "../bind/binder.ts";
import type { Keyword } from "../bind/keyword.ts";
import type { BlockKind, Vocabulary } from "../parse/vocabulary.ts";
import { TOP_LEVEL } from "./top-level.ts";

const TOP = "the top level";

let homes: ReadonlyMap<string, readonly string[]> | undefined;

/** Blocks that know a keyword, `virtual_server/real_server` and the like; empty when none does. */
export function homesOf(keyword: string): readonly string[] {
  homes ??= collectHomes();
  return homes.get(keyword) ?? [];
}

function collectHomes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const visit = (table: CompiledTable, path: string) => {
    for (const { keyword, row, table: inner } of table.rows.values()) {
      if (row.status !== "removed" && row.status !== "doc-only")
        found.set(keyword, [...(found.get(keyword) ?? []), path === "" ? TOP : path]);
      if (inner) visit(inner, path === "" ? keyword : `${path}/${keyword}`);
    }
  };
  visit(compileTable(TOP_LEVEL), "");
  return found;
}

/** The name under which blocks hold a keyword: another's for an old spelling such as `lb_kind`. */
export function heldName(keyword: string): string {
  for (const home of homesOf(keyword)) {
    const held = tableAt(home === TOP ? [] : home.split("/"))?.rows.get(keyword)?.held;
    if (held !== undefined) return held;
  }
  return keyword;
}

/** The keyword tables as the parser sees them. */
export const VOCABULARY: Vocabulary = {
  blockKind: (path, keyword) => {
    const row = tableAt(path)?.rows.get(keyword)?.row;
    return row ? blockKindOf(row) : "unknown";
  },
  keywords: (path) => tableAt(path)?.keywords ?? [],
};

function blockKindOf(row: Keyword): BlockKind {
  if (row.block) return "block";
  if (!row.lines) return "none";
  return row.lines.kind === "words" ? "list" : "lines";
}

function tableAt(path: readonly string[]): CompiledTable | undefined {
  let table: CompiledTable | undefined = compileTable(TOP_LEVEL);
  for (const keyword of path) table = table?.rows.get(keyword)?.table;
  return table;
}
