// Config core: the statements of a configuration as keepalived finds them when braces or blocks are wrong. The tree of parser.ts is
// what was meant, and what findings speak of; what runs has to be what would run there. keepalived reads line by line: the braces
// of an unknown block are not seen as its own, so that its } closes the block around it; a list ends at the next }; and each
// of its processes passes over the blocks of the others by counting braces.
import type { CompiledRow, CompiledTable } from "./bind/binder.ts";
import { Reader } from "./bind/reader.ts";
import { createFindings } from "./findings/findings.ts";
import { ParsedStatement } from "./parse/parser.ts";
import type { Block, Statement, Tree } from "./text/tree.ts";
import { beginsLine, CLOSE, isBrace, kindAt, OPEN, spanAt, textAt, type WordTable } from "./text/word-table.ts";

/** The processes that read the file, each with blocks of its own. */
type Process = "parent" | "vrrp" | "checker" | "bfd";

const CHECKER: ReadonlySet<string> = new Set(["virtual_server", "virtual_server_group", "SSL"]);
const BOTH: ReadonlySet<string> = new Set(["track_file", "vrrp_track_file"]);

/** Whose block it is; the specials and `global_defs` are the parent's. */
function readers(keyword: string, hasBody: boolean): readonly Process[] {
  if (!hasBody || keyword === "global_defs") return ["parent"];
  if (CHECKER.has(keyword)) return ["checker"];
  if (BOTH.has(keyword)) return ["vrrp", "checker"];
  return keyword === "bfd_instance" ? ["vrrp", "checker", "bfd"] : ["vrrp"];
}

/** A process is started when the parent comes across one of these; the others alone ask for nothing to be done. */
const STARTS: ReadonlyMap<string, Process> = new Map([
  ["vrrp_instance", "vrrp"],
  ["static_ipaddress", "vrrp"],
  ["static_routes", "vrrp"],
  ["static_rules", "vrrp"],
  ["virtual_server", "checker"],
  ["bfd_instance", "bfd"],
]);

/** Passed over as a whole when they have no name or more than one, or one that there is already. */
const NAMED_ONCE: ReadonlySet<string> = new Set(["vrrp_instance", "vrrp_sync_group", "track_group", "bfd_instance"]);

/** Passed over as a whole when their address, port or mark is wrong. */
const ADDRESSED: ReadonlySet<string> = new Set(["virtual_server", "real_server"]);

/** The statements that keepalived's processes together take from the words of a configuration. */
export function literalTree(words: WordTable, top: CompiledTable): Tree {
  const found = new Map<number, Statement>();
  const parent = new LiteralReader(words, "parent");
  const own = parent.read(top);
  for (const process of WORKERS) {
    if (!parent.started.has(process)) continue;
    for (const statement of new LiteralReader(words, process).read(top)) found.set(statement.from, statement);
  }
  for (const statement of own) found.set(statement.from, statement);
  return { statements: [...found].sort(([one], [other]) => one - other).map(([, statement]) => statement) };
}

/** Whose reading counts where several read a block: the last one. */
const WORKERS: readonly Process[] = ["bfd", "checker", "vrrp"];

interface Line {
  readonly kind: "open" | "close" | "words";
  readonly from: number;
  readonly to: number;
}

/** A list of which a block has one only: the members of a group. */
function isSecondList(keyword: string, table: CompiledTable, before: readonly ParsedStatement[]): boolean {
  const row = table.rows.get(keyword);
  return row?.row.lines !== undefined && row.repeat === "first" && before.some(({ first }) => first.text === keyword);
}

class LiteralReader {
  readonly #words: WordTable;
  readonly #process: Process;
  readonly #names = new Set<string>();
  /** Tells only whether a word is right: what is wrong has been said. */
  readonly #reader = new Reader({ hostName: "" }, createFindings());
  /** Processes that there is something for. */
  readonly started = new Set<Process>();
  #at = 0;
  #level = 0;
  /** Depth in what is passed over; -1: it begins if the next line is a brace. */
  #skip = 0;

  constructor(words: WordTable, process: Process) {
    this.#words = words;
    this.#process = process;
  }

  read(top: CompiledTable): readonly ParsedStatement[] {
    return this.#readBody(top, false);
  }

  #next(): Line | undefined {
    const words = this.#words;
    const from = this.#at;
    if (from >= words.count) return undefined;
    const kind = kindAt(words, from);
    let to = from + 1;
    if (kind === OPEN || kind === CLOSE) {
      this.#at = to;
      return { kind: kind === OPEN ? "open" : "close", from, to };
    }
    while (to < words.count && !beginsLine(words, to) && !isBrace(words, to)) to++;
    this.#at = to;
    return { kind: "words", from, to };
  }

  /** Statements up to the brace that keepalived takes for the end of the block; of the top level, to the end. */
  #readBody(table: CompiledTable, needsBrace: boolean): ParsedStatement[] {
    const statements: ParsedStatement[] = [];
    let needed = needsBrace;
    for (let line = this.#next(); line; line = this.#next()) {
      if (this.#skip !== 0) {
        const skipped = this.#skipLine(line);
        if (skipped === "ended" && this.#level > 0) return statements;
        if (skipped === "opened") needed = false;
        if (skipped !== "none") continue;
      }
      const wasNeeded = needed;
      needed = false;
      if (line.kind === "open" || (line.kind === "close" && this.#level === 0)) continue;
      if (line.kind === "close") return statements;
      if (isSecondList(textAt(this.#words, line.from), table, statements)) {
        // Passed over with the brace that opens it, so that the one that closes it closes the block around it, too.
        if (kindAt(this.#words, this.#at) === OPEN) this.#at++;
        this.#skip = 1;
        continue;
      }
      const statement = this.#readStatement(line, table);
      // What lacks its brace and is no statement itself changes nothing.
      if (statement) statements.push(statement);
      else if (wasNeeded) continue;
    }
    return statements;
  }

  #skipLine(line: Line): "none" | "opened" | "inside" | "ended" {
    if (this.#skip < 0) {
      this.#skip = line.kind === "open" ? 1 : 0;
      return line.kind === "open" ? "opened" : "none";
    }
    if (line.kind === "open") this.#skip++;
    else if (line.kind === "close" && --this.#skip === 0) return "ended";
    return "inside";
  }

  #readStatement(line: Line, table: CompiledTable): ParsedStatement | undefined {
    const keyword = textAt(this.#words, line.from);
    const row = table.rows.get(keyword);
    // A word of old that has a body is as unknown to keepalived as any other; the value of one without still counts here.
    if (!row || (row.row.status !== undefined && row.row.status !== "deprecated" && (row.table || row.lines)))
      return undefined;
    const by = readers(keyword, row.table !== undefined || row.lines !== undefined);
    const active = this.#level > 0 || by.includes(this.#process);
    const starts = this.#level === 0 ? STARTS.get(keyword) : undefined;
    if (starts) this.started.add(starts);
    const statement = new ParsedStatement(this.#words, line.from, line.to);
    if (!active) this.#skip = -1;
    if (row.table) {
      if (active && this.#isPassedOver(statement, row)) this.#skip = -1;
      this.#level++;
      const brace = this.#at;
      const body = this.#readBody(row.table, true);
      this.#level--;
      statement.block = this.#block(brace, body);
    } else if (row.lines && active) statement.block = this.#block(this.#at, this.#readList());
    return active ? statement : undefined;
  }

  #isPassedOver(statement: ParsedStatement, { keyword, value }: CompiledRow): boolean {
    if (ADDRESSED.has(keyword)) {
      this.#reader.start(statement, 1);
      return value.read(this.#reader) === undefined;
    }
    if (this.#level > 0 || !NAMED_ONCE.has(keyword)) return false;
    if (statement.count !== 2) return true;
    const name = `${keyword} ${statement.text(1)}`;
    if (this.#names.has(name)) return true;
    this.#names.add(name);
    return false;
  }

  /** Every line is an entry, until one is a closing brace. A brace among them is an entry that nobody understands. */
  #readList(): ParsedStatement[] {
    const entries: ParsedStatement[] = [];
    for (let line = this.#next(); line && line.kind !== "close"; line = this.#next())
      if (line.kind === "words") entries.push(new ParsedStatement(this.#words, line.from, line.to));
    return entries;
  }

  #block(brace: number, statements: ParsedStatement[]): Block {
    const open = spanAt(this.#words, Math.min(brace, this.#words.count - 1));
    return { statements, open };
  }
}
