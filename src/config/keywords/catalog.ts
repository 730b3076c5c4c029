// Config core: all tables under one roof: every keyword with its path, as the manual, compat.md and `lbd explain` list them.

import type { Keyword, Table } from "../bind/keyword.ts";
import { DIRECTIVES, MACROS } from "./language.ts";
import { OPTIONS } from "./options.ts";
import { ADDRESS } from "./routing/address.ts";
import { ROUTE } from "./routing/route-words.ts";
import { RULE } from "./routing/rule.ts";
import {
  GROUP_ENTRY,
  LINKBEAT,
  SYNC_DAEMON,
  TRACKER,
  TUNNEL,
  UNICAST_PEER,
  UP_DOWN_DELAY,
  VMAC,
} from "./routing/small-lines.ts";
import { TOP_LEVEL } from "./top-level.ts";

export interface CatalogEntry {
  /** Path of blocks and keyword: `virtual_server/real_server/weight`, `address/brd`, `cli/--check`. */
  readonly id: string;
  readonly keyword: string;
  readonly row: Keyword;
}

export interface CatalogSection {
  /** Path of the block: empty for the top level. */
  readonly path: string;
  readonly entries: readonly CatalogEntry[];
}

/** Lines and places that are no blocks, with the path under which they are listed. */
const ROOTS: readonly (readonly [string, Table])[] = [
  ["linkbeat_interfaces", LINKBEAT],
  ["interface_up_down_delays", UP_DOWN_DELAY],
  ["address", ADDRESS],
  ["route", ROUTE],
  ["rule", RULE],
  ["tracker", TRACKER],
  ["unicast_peer", UNICAST_PEER],
  ["vsg", GROUP_ENTRY],
  ["lvs_sync_daemon", SYNC_DAEMON],
  ["tunnel", TUNNEL],
  ["vmac", VMAC],
  ["directive", DIRECTIVES],
  ["macro", MACROS],
  ["cli", OPTIONS],
];

/** One section per block, outermost first, then the lines, the language and the command line. */
export function catalog(): readonly CatalogSection[] {
  const sections: CatalogSection[] = [];
  const visit = (path: string, table: Table) => {
    const entries = Object.entries(table).map(([keyword, row]) => ({
      id: path === "" ? keyword : `${path}/${keyword}`,
      keyword,
      row,
    }));
    sections.push({ path, entries });
    for (const { id, row } of entries) if (row.block) visit(id, row.block);
  };
  visit("", TOP_LEVEL);
  for (const [path, table] of ROOTS) visit(path, table);
  return sections;
}

/** A default as the manual prints it. */
export function defaultText(row: Keyword): string {
  if (row.default !== undefined) return row.default;
  const { initial } = row;
  if (initial === undefined) return "";
  if (typeof initial === "boolean") {
    if (row.value.grammar === "[BOOL]") return initial ? "true" : "false";
    return initial ? "on" : "off";
  }
  if (typeof initial !== "number") return String(initial);
  // Readers of times give milliseconds for seconds and microseconds for milliseconds.
  const scaled = row.unit === "s" || row.value.grammar.startsWith("MS(") ? initial / 1000 : initial;
  return String(scaled);
}
