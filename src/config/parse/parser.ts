// Config core: lines of words to statements with blocks (language.md §5). Never throws. Braces that add up are believed;
// when they don't, repair.ts says which to add or leave out, and each change is one finding at the place of the mistake.

import type { Reading } from "../expand/reading.ts";
import type { Code } from "../findings/codes.ts";
import type { Diagnostic } from "../findings/diagnostic.ts";
import { MAX_MISFITS, MAX_NESTING } from "../text/limits.ts";
import type { Origin, Span } from "../text/span.ts";
import type { Block, Statement, Tree } from "../text/tree.ts";
import {
  beginsLine,
  CLOSE,
  endAt,
  isBrace,
  kindAt,
  LexWord,
  OPEN,
  originAt,
  placeAt,
  spanAt,
  textAt,
  WORD,
  type WordTable,
} from "../text/word-table.ts";
import { PlaceNode } from "./places.ts";
import { type Edit, repairBraces } from "./repair.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Makes the tree of a configuration; findings are added to the reading's. A reading that was cut off gives an empty tree. */
export function parseConfig(reading: Reading, vocabulary: Vocabulary): Tree {
  if (reading.cutOff) return { statements: [] };
  const plain = new Parser(reading, vocabulary, []).parse();
  if (plain.tooDeep !== undefined) return refuseDepth(reading, plain.tooDeep);
  // Braces that add up are believed, unless something stands where it can't: then two mistakes may have made up for each other.
  const believed = plain.balanced && (!plain.odd || plain.misfit !== undefined);
  const edits = believed ? [] : repairBraces(reading.words, vocabulary);
  const parsed = edits?.length === 0 ? plain : edits && new Parser(reading, vocabulary, edits).parse();
  if (!parsed || parsed.misfit !== undefined) return refuse(reading, parsed?.misfit ?? 0);
  for (const { finding, covers } of parsed.findings) {
    const index = reading.findings.add(finding);
    if (covers) reading.findings.cover(covers, index);
  }
  return { statements: parsed.statements };
}

function refuseDepth(reading: Reading, word: number): Tree {
  const message = `blocks are nested more than ${MAX_NESTING} deep`;
  reading.findings.add({ severity: "error", code: "limit-exceeded", span: spanAt(reading.words, word), message });
  return { statements: [] };
}

/** Some file that is no configuration: one finding instead of one for each line. */
function refuse(reading: Reading, word: number): Tree {
  const message = `this is no configuration: more than ${MAX_MISFITS} words or braces stand where they can't`;
  reading.findings.add({ severity: "error", code: "no-configuration", span: spanAt(reading.words, word), message });
  return { statements: [] };
}

interface Parsed {
  readonly statements: readonly Statement[];
  readonly findings: readonly ParserFinding[];
  /** Something stands where it can't stand, but could in a block further out; or a block is missing or one too many. */
  readonly odd: boolean;
  /** The word with which there were too many misfits to go on. */
  readonly misfit: number | undefined;
  /** As many braces close as open, and none too early. */
  readonly balanced: boolean;
  /** The brace that opens one block too many inside each other. */
  readonly tooDeep: number | undefined;
}

interface ParserFinding {
  readonly finding: Diagnostic;
  /** The finding speaks for this line. */
  readonly covers?: Span;
}

/** A statement of the tree: words `from` to before `to` of the table, made when asked for. */
export class ParsedStatement implements Statement {
  readonly table: WordTable;
  readonly from: number;
  readonly to: number;
  block: Block | undefined;

  constructor(table: WordTable, from: number, to: number) {
    this.table = table;
    this.from = from;
    this.to = to;
    this.block = undefined;
  }

  get words(): readonly [LexWord, ...LexWord[]] {
    const words: [LexWord, ...LexWord[]] = [this.first];
    for (let at = this.from + 1; at < this.to; at++) words.push(new LexWord(this.table, at));
    return words;
  }

  get first(): LexWord {
    return new LexWord(this.table, this.from);
  }

  get count(): number {
    return this.to - this.from;
  }

  word(index: number): LexWord | undefined {
    return index < this.to - this.from ? new LexWord(this.table, this.from + index) : undefined;
  }

  text(index: number): string | undefined {
    return index < this.to - this.from ? textAt(this.table, this.from + index) : undefined;
  }

  get origin(): Origin {
    return originAt(this.table, this.from);
  }

  get rest(): string {
    const { table, from, to } = this;
    return placeAt(table, from)
      .text.slice(endAt(table, from), endAt(table, to - 1))
      .trim();
  }
}

class ParsedBlock implements Block {
  readonly statements: ParsedStatement[];
  readonly place: PlaceNode;
  readonly table: WordTable;
  readonly opener: number;
  closer: number;

  constructor(table: WordTable, opener: number, place: PlaceNode) {
    this.statements = [];
    this.table = table;
    this.opener = opener;
    this.place = place;
    this.closer = NOT_CLOSED;
  }

  get open(): Span {
    return spanAt(this.table, this.opener);
  }

  get close(): Span | undefined {
    return this.closer === NOT_CLOSED ? undefined : spanAt(this.table, this.closer);
  }
}

const NOT_CLOSED = -1;

class Parser {
  readonly #words: WordTable;
  readonly #findings: ParserFinding[] = [];
  readonly #edits: readonly Edit[];
  readonly #top: PlaceNode;
  readonly #statements: ParsedStatement[] = [];
  readonly #open: ParsedBlock[] = [];
  /** The statement that a `{` would belong to. */
  #last: ParsedStatement | undefined;
  #needsBlock = false;
  #nextEdit = 0;
  #odd = false;
  #misfits = 0;
  #misfit: number | undefined;
  #tooDeep: number | undefined;
  #closedEarly = false;

  constructor(reading: Reading, vocabulary: Vocabulary, edits: readonly Edit[]) {
    this.#words = reading.words;
    this.#edits = edits;
    this.#top = new PlaceNode(vocabulary);
  }

  parse(): Parsed {
    const words = this.#words;
    const { count } = words;
    let at = 0;
    while (at < count && this.#misfit === undefined && this.#tooDeep === undefined) {
      const dropped = this.#nextEdit < this.#edits.length && this.#applyEdits(at);
      const kind = kindAt(words, at);
      if (dropped) at++;
      else if (kind === OPEN) this.#openBlock(at++);
      else if (kind === CLOSE) this.#closeBlock(at++);
      else at = this.#readStatement(at);
    }
    this.#applyEdits(count);
    this.#checkBlock();
    return {
      statements: this.#statements,
      findings: this.#findings,
      odd: this.#odd,
      misfit: this.#misfit,
      balanced: this.#open.length === 0 && !this.#closedEarly,
      tooDeep: this.#tooDeep,
    };
  }

  #place(): PlaceNode {
    return this.#open[this.#open.length - 1]?.place ?? this.#top;
  }

  #readStatement(from: number): number {
    this.#checkBlock();
    const words = this.#words;
    let at = from + 1;
    while (at < words.count && !beginsLine(words, at) && !isBrace(words, at)) at++;
    const place = this.#place();
    const keyword = this.#keywordAt(from);
    const kind = keyword === "" ? "unknown" : place.kindOf(keyword);
    if (kind === "unknown" && place.kind === "block") {
      if (++this.#misfits > MAX_MISFITS) this.#misfit ??= from;
      if (!this.#odd) this.#odd = isMisplaced(place, keyword);
    }
    const statement = new ParsedStatement(words, from, at);
    (this.#open[this.#open.length - 1]?.statements ?? this.#statements).push(statement);
    this.#last = statement;
    this.#needsBlock = kind === "block" || kind === "list" || kind === "lines";
    return at;
  }

  /** The word if it can be a keyword: a quoted one can't. */
  #keywordAt(at: number): string {
    return kindAt(this.#words, at) === WORD ? textAt(this.#words, at) : "";
  }

  #openBlock(at: number): void {
    const owner = this.#last;
    this.#last = undefined;
    const place = this.#place();
    const keyword = owner ? this.#keywordAt(owner.from) : "";
    const block = new ParsedBlock(this.#words, at, place.child(keyword));
    this.#open.push(block);
    if (this.#open.length > MAX_NESTING) this.#tooDeep = at;
    const fits = owner && place.kind !== "list" && place.kind !== "lines" && block.place.kind !== "none";
    if (fits) owner.block = block;
    else this.#reportUnexpected(at, owner && textAt(this.#words, owner.from), place);
  }

  #reportUnexpected(brace: number, owner: string | undefined, place: PlaceNode): void {
    const block = place.path[place.path.length - 1];
    const inList = place.kind === "list" || place.kind === "lines";
    const message = inList
      ? `${block} holds no blocks`
      : owner !== undefined
        ? `${owner} takes no block`
        : "this brace follows no keyword";
    this.#odd = true;
    if (++this.#misfits > MAX_MISFITS) this.#misfit ??= brace;
    const span = spanAt(this.#words, brace);
    // A brace in the middle of a word makes two braces and loose words of it: one finding speaks for the line.
    const hint = "what stands in the braces is left out; in a word a brace needs double quotes around it";
    this.#report("brace-not-expected", span, message, hint, span);
  }

  #closeBlock(at: number): void {
    this.#checkBlock();
    const block = this.#open.pop();
    if (block) block.closer = at;
    else this.#closedEarly = true;
  }

  /** A keyword that needs a block must have got it before the next statement. */
  #checkBlock(): void {
    const last = this.#last;
    this.#last = undefined;
    if (last && this.#needsBlock) this.#reportNoBlock(last.from);
  }

  #reportNoBlock(at: number): void {
    this.#odd = true;
    const span = spanAt(this.#words, at);
    const keyword = textAt(this.#words, at);
    this.#report("block-not-opened", span, `${keyword} has no block`, "write { … } behind it", span);
  }

  #report(code: Code, span: Span, message: string, hint: string, covers?: Span): void {
    const finding: Diagnostic = { severity: "error", code, span, message, hint };
    this.#findings.push(covers ? { finding, covers } : { finding });
  }

  // --- changes of braces

  /** Makes the changes due before word `at`; true when the word itself is left out. */
  #applyEdits(at: number): boolean {
    let dropped = false;
    for (let edit = this.#edits[this.#nextEdit]; edit && edit.at <= at; edit = this.#edits[++this.#nextEdit]) {
      if (edit.kind === "drop") {
        this.#reportExtra(at);
        dropped = true;
      } else if (edit.kind === "open") this.#openMissing(edit.statement);
      else this.#closeMissing(edit.opener, at);
    }
    return dropped;
  }

  #reportExtra(at: number): void {
    if (kindAt(this.#words, at) === OPEN) {
      this.#reportUnexpected(at, undefined, this.#place());
      return;
    }
    const inside = this.#open.length > 0;
    const hint = inside ? "take it away: the block around it goes on" : "take it away";
    this.#report("extra-brace", spanAt(this.#words, at), "this brace closes no block", hint);
  }

  #openMissing(statement: number): void {
    const owner = this.#last;
    this.#last = undefined;
    if (!owner) return;
    const keyword = textAt(this.#words, statement);
    const block = new ParsedBlock(this.#words, statement, this.#place().child(keyword));
    owner.block = block;
    this.#open.push(block);
    const span = spanAt(this.#words, statement);
    // In a block on one line the words behind the keyword are not its own.
    this.#report("block-not-opened", span, `${keyword} lacks the { of its block`, "write { behind it", span);
  }

  #closeMissing(opener: number, at: number): void {
    this.#checkBlock();
    const block = this.#open.pop();
    if (!block) return;
    const next = at < this.#words.count ? spanAt(this.#words, at) : undefined;
    const keyword = block.place.path[block.place.path.length - 1];
    const finding: Diagnostic = {
      severity: "error",
      code: "block-not-closed",
      span: spanAt(this.#words, opener),
      message: `the block of ${keyword} is never closed`,
      hint: next ? `write } before line ${next.line}` : "write } at the end of the file",
    };
    const related = next && [{ span: next, message: "it should end before this" }];
    this.#findings.push({ finding: related ? { ...finding, related } : finding });
  }
}

/** A word that is no keyword of its block is one of a block around it. */
function isMisplaced(place: PlaceNode, word: string): boolean {
  if (word === "") return false;
  for (let outer = place.parent; outer; outer = outer.parent) if (outer.kindOf(word) !== "unknown") return true;
  return false;
}
