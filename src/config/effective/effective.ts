// Config core: what holds and where it comes from: every keyword of every block that is there, with its value and the line
// it stands on, or «default». For `lbd check --effective` and `/v1/config`. Secrets are masked here, once for all.
import type { CompiledRow, CompiledTable, UntypedBound, UntypedEntry } from "../bind/binder.ts";
import { compileTable } from "../bind/binder.ts";
import type { Keyword } from "../bind/keyword.ts";
import type { Diagnostic } from "../findings/diagnostic.ts";
import { TOP_LEVEL } from "../keywords/top-level.ts";
import type { Config } from "../model/config.ts";
import type { VrrpInstance } from "../model/vrrp.ts";
import { spanAt } from "../text/source-lines.ts";
import type { Origin, SourceFile } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";

export const MASK = "********";

export interface EffectiveNode {
  readonly keyword: string;
  /** Words behind the keyword as they came out of macros and loops; absent for a default. */
  readonly words?: readonly string[];
  /** The value as the model has it, times in milliseconds; for a default that needs words, those: `(delay_loop)`. */
  readonly value?: unknown;
  readonly origin: Origin | "default";
  /** The value was set in an enclosing block and handed down. */
  readonly inherited?: true;
  readonly block?: readonly EffectiveNode[];
}

/** A keyword that is used and whose effect is not built yet, or never will be. */
export interface NotYetEffective {
  /** Path of blocks and keyword: `vrrp_instance/use_vmac`. */
  readonly id: string;
  /** Why it never will be; absent: it is only parsed so far. */
  readonly reason?: string;
  readonly count: number;
  /** Where it is used first. */
  readonly origin: Origin;
}

export interface EffectiveTree {
  /** The typed model, secrets masked. */
  readonly config: Config;
  readonly blocks: readonly EffectiveNode[];
  /** The same, each made when it is asked for. */
  eachBlock(): Iterable<EffectiveNode>;
  readonly notYetEffective: readonly NotYetEffective[];
}

/** Both views are made when they are asked for: a director with thousands of servers never needs them. */
export function createEffective(top: object, config: Config): EffectiveTree {
  // What the binder made and typed by the tables is walked by the tables again.
  const bound = top as UntypedBound;
  return {
    get config() {
      return maskSecrets(config);
    },
    get blocks() {
      return [...topNodes(bound)];
    },
    eachBlock: () => topNodes(bound),
    get notYetEffective() {
      const used = new Map<string, { reason?: string; count: number; origin: Origin }>();
      collectNotYet(bound, compileTable(TOP_LEVEL), "", used);
      return Array.from(used, ([id, use]) => ({ id, ...use }));
    },
  };
}

/** One line for the log of a run: which keywords are read but have no effect yet; undefined when there is none. */
export function notYetEffectiveLine(list: readonly NotYetEffective[]): string | undefined {
  if (list.length === 0) return undefined;
  const names = list.map(({ id, origin }) => `${id} (${origin.file}:${origin.line})`);
  return `parsed but not yet effective: ${names.join(", ")}`;
}

/** The same as findings, for `lbd check`. */
export function withoutEffect(list: readonly NotYetEffective[], files: readonly SourceFile[]): readonly Diagnostic[] {
  return list.map(({ id, reason, count, origin }) => {
    const span = spanAt(origin, files);
    const keyword = id.slice(id.lastIndexOf("/") + 1);
    const times = count > 1 ? ` (${count} times)` : "";
    const message = `${keyword} has no effect in lbd${times}`;
    const hint = reason ?? "it is read and kept; docs/compat.md says what acts";
    return { severity: "warning", code: "no-effect-yet", ...(span && { span }), message, hint };
  });
}

// --- the tree of values

function* topNodes(bound: UntypedBound): Generator<EffectiveNode, void> {
  for (const found of compileTable(TOP_LEVEL).rows.values()) {
    if (found.held !== found.keyword) continue;
    for (const entry of entriesOf(bound, found.keyword)) yield nodeOf(entry, found, [bound]);
  }
}

function nodesOf(bound: UntypedBound, table: CompiledTable, outer: readonly UntypedBound[]): readonly EffectiveNode[] {
  const nodes: EffectiveNode[] = [];
  for (const found of table.rows.values()) {
    if (found.held !== found.keyword) continue;
    const entries = entriesOf(bound, found.keyword);
    for (const entry of entries) nodes.push(nodeOf(entry, found, [bound, ...outer]));
    if (entries.length === 0 && !found.row.status) {
      const node = defaultNode(found, outer);
      if (node) nodes.push(node);
    }
  }
  return nodes;
}

export function entriesOf(bound: UntypedBound, keyword: string): readonly UntypedEntry[] {
  const held = bound[keyword];
  if (held === undefined) return [];
  return Array.isArray(held) ? held : [held];
}

function nodeOf(entry: UntypedEntry, found: CompiledRow, outer: readonly UntypedBound[]): EffectiveNode {
  const words = entry.statement.words;
  const keyword = words[0].text;
  const texts = words.slice(1).map((word) => word.text);
  const origin = words[0].origin;
  if (found.row.secret) return { keyword, words: texts.map(() => MASK), value: MASK, origin };
  if (found.table) {
    const block = nodesOf(entry.block ?? {}, found.table, outer);
    return { keyword, words: texts, value: entry.value, origin, block };
  }
  if (!entry.lines) return { keyword, words: texts, value: entry.value, origin };
  const block = entry.lines.map((line) => ({
    keyword: line.word.text,
    value: plainLine(line.value),
    origin: line.word.origin,
  }));
  return { keyword, words: texts, origin, block };
}

/** Values of lines may carry their word for findings; the view has its origin already. */
function plainLine(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== "word" && key !== "origin"));
}

/** What holds where a keyword does not stand; undefined where nothing does. */
export function defaultNode({ keyword, row }: CompiledRow, outer: readonly UntypedBound[]): EffectiveNode | undefined {
  if (row.default !== undefined && /^\((real|virtual) server's|^\(checker's/.test(row.default)) {
    for (const block of outer) {
      const entry = entriesOf(block, keyword)[0];
      if (entry) return { keyword, value: entry.value, origin: entry.statement.origin, inherited: true };
    }
  }
  if (row.initial !== undefined) return { keyword, value: row.initial, origin: "default" };
  return row.default === undefined ? undefined : { keyword, value: row.default, origin: "default" };
}

// --- secrets

function maskSecrets(config: Config): Config {
  return {
    ...config,
    ...(config.ssl?.password !== undefined && { ssl: { ...config.ssl, password: MASK } }),
    vrrp: { ...config.vrrp, instances: config.vrrp.instances.map(maskInstance) },
  };
}

function maskInstance(instance: VrrpInstance): VrrpInstance {
  if (!instance.authentication && !instance.hmac) return instance;
  return {
    ...instance,
    ...(instance.authentication && { authentication: { ...instance.authentication, password: MASK } }),
    ...(instance.hmac && {
      hmac: { ...instance.hmac, keys: instance.hmac.keys.map(({ id }) => ({ id, keyHex: MASK })) },
    }),
  };
}

// --- what has no effect yet

function collectNotYet(
  bound: UntypedBound,
  table: CompiledTable,
  path: string,
  used: Map<string, { reason?: string; count: number; origin: Origin }>,
): void {
  for (const [keyword, held] of Object.entries(bound)) {
    const found = table.rows.get(keyword);
    if (!found) continue;
    const id = path === "" ? keyword : `${path}/${keyword}`;
    for (const entry of Array.isArray(held) ? held : [held]) {
      count(used, id, found.row, entry.statement);
      if (found.table && entry.block) collectNotYet(entry.block, found.table, id, used);
      const options = found.row.lines?.options;
      if (options) countOptions(used, compileTable(options), id, entry.statement);
    }
  }
}

function count(
  used: Map<string, { reason?: string; count: number; origin: Origin }>,
  id: string,
  row: Keyword,
  statement: Statement,
): void {
  if (row.effective === "untested" || (typeof row.effective === "object" && "test" in row.effective)) return;
  const before = used.get(id);
  if (before) {
    before.count++;
    return;
  }
  const reason = row.effective === "parsed" ? {} : { reason: row.effective.unsupported };
  used.set(id, { ...reason, count: 1, origin: statement.origin });
}

function countOptions(
  used: Map<string, { reason?: string; count: number; origin: Origin }>,
  options: CompiledTable,
  id: string,
  statement: Statement,
): void {
  for (const line of statement.block?.statements ?? []) {
    for (const word of line.words) {
      const option = options.rows.get(word.text);
      if (option) count(used, `${id}/${option.held}`, option.row, line);
    }
  }
}
