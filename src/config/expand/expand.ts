// Config core: from files to lines of words (language.md §1, §7–§10): conditions, definitions, loops, macros and includes are
// worked off here, line by line, in the order the language gives them. Pure: files, environment and chance are handed in.

import { isBlank, skipBlanks, trimEnd } from "../text/blanks.ts";
import { commentStart } from "../text/lexer.ts";
import { MAX_INCLUDE_DEPTH, MAX_LINE_CHARS, MAX_MACRO_DEPTH, MAX_WORDS } from "../text/limits.ts";
import { type LinePart, partSpan, partText, restOf } from "../text/source.ts";
import { createWordTable, reserveWords, textAt } from "../text/word-table.ts";
import { Budget } from "./budget.ts";
import { Definitions } from "./definitions.ts";
import type { FileFrame, Frame, IncludeFrame, LoopFrame, MacroFrame } from "./frames.ts";
import type { ConfigFiles } from "./include.ts";
import { IncludeLines } from "./include-line.ts";
import { LineWords } from "./line-words.ts";
import { createLoopReader, findLoopHead, readInteger } from "./loops.ts";
import { MacroFindings } from "./macro-findings.ts";
import { MacroTable } from "./macros.ts";
import { type PredefinedSources, predefinedValue, seededRandom } from "./predefined.ts";
import { Findings, type Reading } from "./reading.ts";
import { type ReplaceBudget, type Replaced, replaceMacros } from "./replace.ts";
import type { Chain } from "./segments.ts";
import { type OpenedFile, SourceReader } from "./source-reader.ts";

/** What reading depends on besides the files. */
export interface ExpandOptions extends PredefinedSources {
  /** `-e`: every include problem is an error. */
  readonly allConfig: boolean;
  /** What of the machine is used up by the reading, in words; undefined while there is enough. */
  readonly spent?: () => string | undefined;
}

/** Reads the files that the paths name (each may be a pattern) as one configuration. */
export function readConfig(paths: readonly string[], files: ConfigFiles, options: ExpandOptions): Reading {
  return new Expansion(files, options).run(paths);
}

/** What may still be recognised at the start of a line: each kind only once (§1). */
type Recognise = "all" | "no-condition" | "after-macros";

class Expansion {
  readonly #options: ExpandOptions;
  readonly #files: ConfigFiles;
  readonly #findings = new Findings();
  readonly #words = createWordTable();
  readonly #lineWords = new LineWords(this.#findings, this.#words);
  readonly #budget: Budget;
  readonly #macros = new MacroTable();
  readonly #macroFindings = new MacroFindings(this.#findings, this.#macros);
  readonly #definitions: Definitions;
  readonly #reader: SourceReader;
  readonly #includes: IncludeLines;
  readonly #readLoop = createLoopReader();
  readonly #frames: Frame[] = [];
  readonly #replaced: ReplaceBudget = { movedChars: 0, expandedChars: 0 };
  /** The macros whose text is being read. */
  #chain: Chain | undefined;
  /** The comment of the line being read ends in a backslash: only a definition cares. */
  #continued = false;
  readonly #sources: PredefinedSources;
  #draw: () => number;
  /** Words before this one have been looked at for a `random_seed`. */
  #seedSoughtTo = 0;

  constructor(files: ConfigFiles, options: ExpandOptions) {
    this.#files = files;
    this.#options = options;
    this.#draw = options.random;
    this.#sources = { ...options, random: () => this.#random() };
    const budget = new Budget(this.#findings, this.#words, options.spent);
    this.#budget = budget;
    this.#definitions = new Definitions(this.#macros, this.#findings, (at, what) => budget.cut(partSpan(at), what));
    this.#reader = new SourceReader(files, this.#findings, (at, what) => budget.cut(at, what));
    this.#includes = new IncludeLines(this.#findings, this.#reader, options.allConfig);
  }

  run(paths: readonly string[]): Reading {
    for (const path of paths.flatMap((pattern) => this.#reader.mainPaths(pattern))) {
      const file = this.#reader.openMain(path);
      if (file) this.#frames.push({ kind: "file", file, chain: undefined, next: 0, line: 0 });
      while (this.#frames.length > 0 && !this.#budget.isCut) this.#step();
    }
    if (!this.#budget.isCut) this.#macroFindings.finish();
    return {
      words: this.#words,
      files: this.#reader.sources,
      findings: this.#findings,
      unreadable: this.#reader.unreadable,
      cutOff: this.#budget.isCut,
      dear: this.#budget.isDear,
    };
  }

  #step(): void {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame?.kind === "file") this.#readFile(frame);
    else if (frame?.kind === "include") this.#openIncluded(frame);
    else if (frame?.kind === "macro") this.#readMacroLine(frame);
    else if (frame?.kind === "loop") this.#readPass(frame);
  }

  #readFile(frame: FileFrame): void {
    const { source } = frame.file;
    this.#chain = frame.chain;
    const text = source.text;
    const words = this.#words;
    const depth = this.#frames.length;
    reserveWords(words, Math.min((text.length - frame.next) / CHARS_PER_WORD, MAX_WORDS));
    while (frame.next < text.length) {
      const from = frame.next;
      let to = text.indexOf("\n", from);
      if (to < 0) to = text.length;
      frame.next = to + 1;
      frame.line++;
      if (to > from && text.charCodeAt(to - 1) === CARRIAGE_RETURN) to--;
      const at = skipBlanks(text, from, to);
      if (at === to) {
        this.#definitions.end();
        continue;
      }
      if (to - from > MAX_LINE_CHARS) {
        const part = { place: source, from, to: from, line: frame.line };
        this.#findings.error(
          "limit-exceeded",
          part,
          `the line has ${to - from} characters (at most ${MAX_LINE_CHARS})`,
        );
        continue;
      }
      if (words.count > MAX_WORDS) {
        this.#budget.cut(source.span(at, at, frame.line), `${MAX_WORDS} words`);
        return;
      }
      const code = text.charCodeAt(at);
      if (!this.#definitions.isOpen) {
        if (code === HASH || code === BANG) continue;
        if (!mayBeSpecial(text, at, code) && this.#lineWords.addPlain(source, at, to, frame.line)) continue;
      }
      this.#readLine({ place: source, from: at, to, line: frame.line });
      if (this.#frames.length !== depth || this.#budget.isCut) return;
    }
    this.#definitions.endOfFile();
    this.#frames.pop();
  }

  /** A line as it stands in a file, with its comment. */
  #readLine(line: LinePart): void {
    const { place, from } = line;
    const comment = commentStart(place.text, from, line.to);
    if (comment.escaped) this.#warnEscaped({ ...line, from: comment.end, to: comment.end + 2 });
    const part = { ...line, to: trimEnd(place.text, from, comment.end) };
    const commented = comment.end < line.to;
    const continued = commented && place.text.charCodeAt(trimEnd(place.text, from, line.to) - 1) === BACKSLASH;
    if (this.#definitions.isOpen)
      this.#definitions.readNext({ part, commented, continued, nextLine: () => this.#nextLine() });
    else {
      this.#continued = continued;
      this.#readPart(part, "all");
      this.#continued = false;
    }
  }

  #warnEscaped(at: LinePart): void {
    const index = this.#findings.warn(
      "escaped-comment-sign",
      at,
      "a backslash does not protect a comment sign: the rest of the line is a comment",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the language's own macros.
      "put the word in double quotes, or write ${_HASH} or ${_BANG} inside double quotes",
    );
    this.#findings.coverLine(at, index);
  }

  /** The line that comes next in the file, as far as a look at its form needs it. */
  #nextLine(): string {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame?.kind !== "file") return "";
    const { text } = frame.file.source;
    const end = text.indexOf("\n", frame.next);
    return text.slice(frame.next, Math.min(end < 0 ? text.length : end, frame.next + MAX_LOOK_CHARS));
  }

  // --- one line without its comment

  #readPart(part: LinePart, recognise: Recognise): void {
    const { place, from, to } = part;
    if (from >= to) return;
    const code = place.text.charCodeAt(from);
    if (code === AT && recognise === "all") {
      const kept = this.#readCondition(part);
      if (kept) this.#readPart(kept, "no-condition");
      return;
    }
    if (code === DOLLAR && this.#definitions.read(part, this.#continued, () => this.#nextLine())) return;
    if (code === TILDE && this.#readLoopHead(part)) return;
    if (recognise !== "after-macros" && place.text.slice(from, to).includes("$")) this.#replace(part);
    else this.#emit(part);
  }

  /** What a condition keeps of its line. */
  #readCondition(part: LinePart): LinePart | undefined {
    const { text } = part.place;
    const negated = text.charAt(part.from + 1) === "^";
    const idFrom = part.from + (negated ? 2 : 1);
    let idTo = idFrom;
    while (idTo < part.to && !isBlank(text.charCodeAt(idTo))) idTo++;
    if (idTo > idFrom && skipBlanks(text, idTo, part.to) >= part.to)
      this.#findings.warn(
        "condition-alone",
        part,
        "a condition without the line that it is for",
        "write both on one line",
      );
    const same = text.slice(idFrom, idTo) === this.#options.configId;
    return same !== negated ? { ...part, from: skipBlanks(text, idTo, part.to) } : undefined;
  }

  /** Replaces the macros of a line and goes on with what they gave. */
  #replace(part: LinePart): void {
    const replaced = this.#replaceMacros(part);
    if (this.#budget.isCut) return;
    if (replaced.more.length > 0) this.#push({ kind: "macro", uses: replaced.more, next: 0 }, part);
    const { place } = replaced.part;
    const from = skipBlanks(place.text, 0, place.text.length);
    // The second comment pass: what came out of a macro may hold a comment sign (§2).
    const commented = place.text.includes("#") || place.text.includes("!");
    const end = commented ? commentStart(place.text, from, place.text.length).end : place.text.length;
    const to = trimEnd(place.text, from, end);
    if (from >= to) return;
    const result = { ...replaced.part, from, to };
    const code = place.text.charCodeAt(from);
    // A line that began with a macro: what it gave may be a definition or a loop, but no condition (§8).
    const again = part.place.text.charCodeAt(part.from) === DOLLAR;
    if (!again) this.#emit(result);
    else if (code === DOLLAR || code === TILDE) this.#readPart(result, "after-macros");
    else if (code === AT) this.#refuseCondition(result);
    else this.#emit(result);
  }

  #replaceMacros(part: LinePart): Replaced {
    const directory = () => this.#files.resolve(this.#directory() || ".");
    const replaced = replaceMacros(part, {
      macros: this.#macros,
      predefined: (reference) => predefinedValue(reference, this.#sources, directory),
      chain: this.#chain,
      budget: this.#replaced,
    });
    for (const problem of replaced.problems) {
      if (problem.kind === "limit") this.#budget.cut(partSpan(problem.at), problem.what);
      else this.#macroFindings.report(problem);
    }
    return replaced;
  }

  /** For `${_RANDOM}`: chance, or what follows from the `random_seed` that stands before. */
  #random(): number {
    for (; this.#seedSoughtTo < this.#words.count - 1; this.#seedSoughtTo++) {
      if (textAt(this.#words, this.#seedSoughtTo) !== "random_seed") continue;
      const seed = readInteger(textAt(this.#words, this.#seedSoughtTo + 1));
      if (seed !== undefined && seed >= 0) this.#draw = seededRandom(seed);
    }
    return this.#draw();
  }

  #refuseCondition(part: LinePart): void {
    const message = "a condition is not recognised in the text of a macro";
    const index = this.#findings.error("condition-in-macro", part, message, "write @ID in front of the macro");
    this.#findings.coverLine(part, index);
    const kept = this.#readCondition(part);
    if (kept) this.#emit(kept);
  }

  // --- loops and macros as sources of lines

  #readLoopHead(part: LinePart): boolean {
    const { text } = part.place;
    const found = findLoopHead(text, part.from, part.to);
    if (!found) return false;
    if (!found.ok) {
      this.#refuseLoop(part, found.error);
      return true;
    }
    const { keyword, inner, restFrom } = found.value;
    const head = { ...part, to: restFrom };
    const bounds = { ...part, ...inner };
    let innerText = partText(bounds);
    if (innerText.includes("$")) {
      const replaced = this.#replaceMacros(bounds);
      if (replaced.problems.length > 0 || replaced.more.length > 0) return true;
      innerText = partText(replaced.part);
    }
    const loop = this.#readLoop(keyword, innerText);
    if (!loop.ok) this.#refuseLoop(head, loop.error);
    else if (this.#budget.allowsPasses(loop.value.count, head))
      this.#push(
        { kind: "loop", loop: loop.value, head, rest: restOf(part, restFrom), chain: this.#chain, next: 0 },
        part,
      );
    return true;
  }

  #refuseLoop(part: LinePart, why: string): void {
    this.#findings.coverLine(part, this.#findings.error("bad-loop", part, why, "see lbd explain bad-loop"));
  }

  #readPass(frame: LoopFrame): void {
    if (frame.next >= frame.loop.count) {
      this.#frames.pop();
      return;
    }
    const values = frame.loop.values(frame.next++);
    const { variables } = frame.loop;
    for (let at = 0; at < variables.length; at++)
      this.#macros.setVariable(variables[at] ?? "", values[at] ?? "", frame.head);
    this.#chain = frame.chain;
    if (this.#budget.countLine(frame.rest)) this.#readPart(frame.rest, "all");
  }

  #readMacroLine(frame: MacroFrame): void {
    let use = frame.uses[frame.next];
    while (use?.isRead) use = frame.uses[++frame.next];
    const defined = use?.definition;
    if (!use || !defined) {
      this.#frames.pop();
      return;
    }
    this.#chain = use.chain;
    const part = use.next();
    // Gone before its last line is read, so that a macro there adds nothing to the depth.
    if (use.isRead && frame.next === frame.uses.length - 1) this.#frames.pop();
    if (!part || !this.#budget.countLine(part)) return;
    if (this.#definitions.isOpen)
      this.#definitions.readNext({ part, commented: false, continued: false, nextLine: () => "" });
    else if (defined.constant) this.#lineWords.repeat(defined, part);
    else this.#readPart(part, "all");
  }

  #push(frame: Frame, at: LinePart): void {
    if (this.#frames.length < MAX_INCLUDE_DEPTH + MAX_MACRO_DEPTH) this.#frames.push(frame);
    else this.#budget.cut(partSpan(at), `${MAX_MACRO_DEPTH} macros and loops inside each other`);
  }

  /** The directory of the file being read, as its name was given. */
  #directory(): string {
    const files = this.#openFiles();
    return files[files.length - 1]?.directory ?? "";
  }

  #openFiles(): OpenedFile[] {
    return this.#frames.flatMap((frame) => (frame.kind === "file" ? [frame.file] : []));
  }

  /** Splits a finished line into words, or follows the include it is. */
  #emit(part: LinePart): void {
    const isInclude = part.place.text.startsWith("include", part.from) && this.#readInclude(part);
    if (!isInclude) this.#lineWords.add(part);
  }

  /** Follows `include FILE`; false when the line is no include after all. */
  #readInclude(part: LinePart): boolean {
    const included = this.#includes.read(part, this.#directory());
    if (!included) return false;
    const { paths, name, rule } = included;
    if (paths.length > 0)
      this.#push({ kind: "include", paths, from: partSpan(name), rule, chain: this.#chain, next: 0 }, part);
    return true;
  }

  #openIncluded(frame: IncludeFrame): void {
    const path = frame.paths[frame.next++];
    if (frame.next >= frame.paths.length) this.#frames.pop();
    if (path === undefined) return;
    const file = this.#reader.openIncluded(path, frame.from, frame.rule, this.#openFiles());
    if (file) this.#frames.push({ kind: "file", file, chain: frame.chain, next: 0, line: 0 });
  }
}

/** Enough of a line to see how it begins and ends. */
const MAX_LOOK_CHARS = 1000;
/** A configuration has about so many characters for each word, blanks and line ends among them. */
const CHARS_PER_WORD = 7;
const CARRIAGE_RETURN = 13;
const BANG = 33;
const HASH = 35;
const DOLLAR = 36;
const AT = 64;
const BACKSLASH = 92;
const TILDE = 126;
const LETTER_I = 105;

/** The line may be a condition, a definition, a loop or an include. */
function mayBeSpecial(text: string, at: number, code: number): boolean {
  return code === AT || code === DOLLAR || code === TILDE || (code === LETTER_I && text.startsWith("include", at));
}
