// Config core: lines of words to statements with blocks (language.md §5). Never throws. Braces that add up are believed;
// when they don't, repair.ts says which to add or leave out, and each change is one finding at the place of the mistake.
import type { Diagnostic } from "./diagnostic.ts";
import type { LexWord } from "./lexer.ts";
import { MAX_MISFITS, MAX_NESTING } from "./limits.ts";
import { PlaceNode } from "./places.ts";
import type { Reading } from "./reading.ts";
import { type Edit, repairBraces } from "./repair.ts";
import type { Span } from "./span.ts";
import type { Block, Statement, Tree } from "./tree.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Makes the tree of a configuration; findings are added to the reading's. A reading that was cut off gives an empty tree. */
export function parseConfig(reading: Reading, vocabulary: Vocabulary): Tree {
  if (reading.cutOff) return { statements: [] };
  const plain = new Parser(reading, vocabulary, []).parse();
  if (plain.tooDeep) return refuseDepth(reading, plain.tooDeep);
  // Braces that add up are believed, unless something stands where it can't: then two mistakes may have made up for each other.
  const believed = plain.balanced && (!plain.odd || plain.misfit);
  const edits = believed ? [] : repairBraces(reading.words, reading.lines, vocabulary);
  const parsed = edits?.length === 0 ? plain : edits && new Parser(reading, vocabulary, edits).parse();
  if (!parsed || parsed.misfit) return refuse(reading, parsed?.misfit ?? reading.words[0]);
  for (const { finding, covers } of parsed.findings) {
    const index = reading.findings.add(finding);
    if (covers) reading.findings.cover(covers, index);
  }
  return { statements: parsed.statements };
}

function refuseDepth(reading: Reading, word: LexWord): Tree {
  const message = `blocks are nested more than ${MAX_NESTING} deep`;
  reading.findings.add({ severity: "error", code: "limit-exceeded", span: word.span, message });
  return { statements: [] };
}

/** Some file that is no configuration: one finding instead of one for each line. */
function refuse(reading: Reading, word: LexWord | undefined): Tree {
  const message = `this is no configuration: more than ${MAX_MISFITS} words or braces stand where they can't`;
  reading.findings.add({ severity: "error", code: "no-configuration", message, ...(word ? { span: word.span } : {}) });
  return { statements: [] };
}

interface Parsed {
  readonly statements: readonly Statement[];
  readonly findings: readonly ParserFinding[];
  /** Something stands where it can't stand, but could in a block further out; or a block is missing or one too many. */
  readonly odd: boolean;
  /** The word with which there were too many misfits to go on. */
  readonly misfit: LexWord | undefined;
  /** As many braces close as open, and none too early. */
  readonly balanced: boolean;
  /** The brace that opens one block too many inside each other. */
  readonly tooDeep: LexWord | undefined;
}

interface ParserFinding {
  readonly finding: Diagnostic;
  /** The finding speaks for this line. */
  readonly covers?: Span;
}

/** A statement of the tree; the text behind its keyword is cut out when asked for. */
class ParsedStatement implements Statement {
  readonly words: readonly [LexWord, ...LexWord[]];
  block?: ParsedBlock;

  constructor(words: readonly [LexWord, ...LexWord[]]) {
    this.words = words;
  }

  get rest(): string {
    const { words } = this;
    const first = words[0];
    const last = words[words.length - 1] ?? first;
    return first === last ? "" : first.place.text.slice(first.end, last.end).trim();
  }
}

class ParsedBlock implements Block {
  readonly statements: ParsedStatement[] = [];
  readonly place: PlaceNode;
  readonly #opener: LexWord;
  #closer: LexWord | undefined;

  constructor(opener: LexWord, place: PlaceNode) {
    this.#opener = opener;
    this.place = place;
  }

  get open(): Span {
    return this.#opener.span;
  }

  get close(): Span | undefined {
    return this.#closer?.span;
  }

  closeWith(word: LexWord): void {
    this.#closer = word;
  }
}

class Parser {
  readonly #words: readonly LexWord[];
  readonly #lines: readonly number[];
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
  #misfit: LexWord | undefined;
  #tooDeep: LexWord | undefined;
  #closedEarly = false;

  constructor(reading: Reading, vocabulary: Vocabulary, edits: readonly Edit[]) {
    this.#words = reading.words;
    this.#lines = reading.lines;
    this.#edits = edits;
    this.#top = new PlaceNode(vocabulary);
  }

  parse(): Parsed {
    const count = this.#words.length;
    let at = 0;
    let line = 0;
    let lineEnd = this.#lines[1] ?? count;
    while (at < count && !this.#misfit && !this.#tooDeep) {
      if (at >= lineEnd) lineEnd = this.#lines[++line + 1] ?? count;
      const dropped = this.#nextEdit < this.#edits.length && this.#applyEdits(at);
      const word = this.#words[at];
      if (!word || dropped) at++;
      else if (word.kind === "open") {
        this.#openBlock(word);
        at++;
      } else if (word.kind === "close") {
        this.#closeBlock(word);
        at++;
      } else at = this.#readStatement(word, at, lineEnd);
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

  #readStatement(first: LexWord, from: number, lineEnd: number): number {
    this.#checkBlock();
    const words: [LexWord, ...LexWord[]] = [first];
    let at = from + 1;
    for (; at < lineEnd; at++) {
      const word = this.#words[at];
      if (!word || word.kind === "open" || word.kind === "close") break;
      words.push(word);
    }
    const place = this.#place();
    const kind = first.kind === "word" ? place.kindOf(first.text) : "unknown";
    if (kind === "unknown" && place.kind === "block") {
      if (++this.#misfits > MAX_MISFITS) this.#misfit ??= first;
      if (!this.#odd) this.#odd = isMisplaced(place, first);
    }
    const statement = new ParsedStatement(words);
    (this.#open[this.#open.length - 1]?.statements ?? this.#statements).push(statement);
    this.#last = statement;
    this.#needsBlock = kind === "block" || kind === "list" || kind === "lines";
    return at;
  }

  #openBlock(word: LexWord): void {
    const owner = this.#last;
    this.#last = undefined;
    const place = this.#place();
    const first = owner?.words[0];
    const keyword = first && !first.quoted ? first.text : "";
    const block = new ParsedBlock(word, place.child(keyword));
    this.#open.push(block);
    if (this.#open.length > MAX_NESTING) this.#tooDeep = word;
    const fits = owner && place.kind !== "list" && place.kind !== "lines" && block.place.kind !== "none";
    if (fits) owner.block = block;
    else this.#reportUnexpected(word, first, place);
  }

  #reportUnexpected(word: LexWord, owner: LexWord | undefined, place: PlaceNode): void {
    const block = place.path[place.path.length - 1];
    const inList = place.kind === "list" || place.kind === "lines";
    const message = inList
      ? `${block} holds no blocks`
      : owner
        ? `${owner.text} takes no block`
        : "this brace follows no keyword";
    this.#odd = true;
    if (++this.#misfits > MAX_MISFITS) this.#misfit ??= word;
    this.#report("brace-not-expected", word.span, message, "what stands in the braces is left out");
  }

  #closeBlock(word: LexWord): void {
    this.#checkBlock();
    const block = this.#open.pop();
    if (block) block.closeWith(word);
    else this.#closedEarly = true;
  }

  /** A keyword that needs a block must have got it before the next statement. */
  #checkBlock(): void {
    const last = this.#last;
    this.#last = undefined;
    if (!last) return;
    if (this.#needsBlock) this.#reportNoBlock(last.words[0]);
  }

  #reportNoBlock(keyword: LexWord): void {
    this.#odd = true;
    this.#report(
      "block-not-opened",
      keyword.span,
      `${keyword.text} has no block`,
      "write { … } behind it",
      keyword.span,
    );
  }

  #report(code: string, span: Span, message: string, hint: string, covers?: Span): void {
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
    const word = this.#words[at];
    if (!word) return;
    if (word.kind === "open") {
      this.#reportUnexpected(word, undefined, this.#place());
      return;
    }
    const inside = this.#open.length > 0;
    const hint = inside ? "take it away: the block around it goes on" : "take it away";
    this.#report("extra-brace", word.span, "this brace closes no block", hint);
  }

  #openMissing(statement: number): void {
    const keyword = this.#words[statement];
    const owner = this.#last;
    this.#last = undefined;
    if (!keyword || !owner) return;
    const block = new ParsedBlock(keyword, this.#place().child(keyword.text));
    owner.block = block;
    this.#open.push(block);
    const { span } = keyword;
    // In a block on one line the words behind the keyword are not its own.
    this.#report("block-not-opened", span, `${keyword.text} lacks the { of its block`, "write { behind it", span);
  }

  #closeMissing(opener: number, at: number): void {
    this.#checkBlock();
    const block = this.#open.pop();
    const brace = this.#words[opener];
    if (!block || !brace) return;
    const next = this.#words[at];
    const keyword = block.place.path[block.place.path.length - 1];
    const finding: Diagnostic = {
      severity: "error",
      code: "block-not-closed",
      span: brace.span,
      message: `the block of ${keyword} is never closed`,
      hint: next ? `write } before line ${next.span.line}` : "write } at the end of the file",
    };
    const related = next && [{ span: next.span, message: "it should end before this" }];
    this.#findings.push({ finding: related ? { ...finding, related } : finding });
  }
}

/** A word that is no keyword of its block is one of a block around it. */
function isMisplaced(place: PlaceNode, word: LexWord): boolean {
  if (word.kind !== "word") return false;
  for (let outer = place.parent; outer; outer = outer.parent) if (outer.kindOf(word.text) !== "unknown") return true;
  return false;
}
