// Preloaded before a test file by test/words.ts: the keyword of this path is unknown in this process.
import { type CompiledTable, compileTable } from "../../src/config/bind/binder.ts";
import type { Table } from "../../src/config/bind/keyword.ts";
import { ADDRESS } from "../../src/config/keywords/routing/address.ts";
import { ROUTE } from "../../src/config/keywords/routing/route-words.ts";
import { RULE } from "../../src/config/keywords/routing/rule.ts";
import { SYNC_DAEMON, UNICAST_PEER, VMAC } from "../../src/config/keywords/routing/small-lines.ts";
import { TOP_LEVEL } from "../../src/config/keywords/top-level.ts";

const LINES: Readonly<Record<string, Table>> = {
  address: ADDRESS,
  route: ROUTE,
  rule: RULE,
  unicast_peer: UNICAST_PEER,
  lvs_sync_daemon: SYNC_DAEMON,
  vmac: VMAC,
};

const path = (process.env.LBD_WITHOUT_WORD ?? "").split("/");
const keyword = path.pop() ?? "";
const rows = tableAt(path)?.rows;
// A mistake here must not look like a test that fails for want of the word.
if (!(rows instanceof Map) || !rows.delete(keyword)) {
  console.error(`no keyword ${process.env.LBD_WITHOUT_WORD}`);
  process.exit(0);
}

function tableAt(blocks: readonly string[]): CompiledTable | undefined {
  const [first = "", ...more] = blocks;
  const lines = more.length === 0 ? LINES[first] : undefined;
  if (lines) return compileTable(lines);
  return blocks.reduce<CompiledTable | undefined>(
    (table, block) => table?.rows.get(block)?.table,
    compileTable(TOP_LEVEL),
  );
}
