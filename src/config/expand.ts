// Config core: from files to lines of words (language.md §1, §7–§10): conditions, definitions, loops, macros and includes are
// worked off here, line by line, in the order the language gives them. Pure: files, environment and chance are handed in.
import { decodeText } from "./decode.ts";
import type { Severity } from "./diagnostic.ts";
import {
  ALL,
  type ConfigFiles,
  directoryOf,
  type FileError,
  INCLUDE_RULES,
  type IncludeGap,
  type IncludeRule,
  includeCheck,
  matchInclude,
  nearestFile,
} from "./include.ts";
import { commentStart, isBlank, LexWord, lexLine, skipBlanks, trimEnd } from "./lexer.ts";
import {
  MAX_DEFINITION_LINES,
  MAX_EXPANDED_LINES,
  MAX_FILE_BYTES,
  MAX_FILES,
  MAX_INCLUDE_DEPTH,
  MAX_LINE_CHARS,
  MAX_MACRO_DEPTH,
  MAX_TOTAL_BYTES,
  MAX_WORDS,
} from "./limits.ts";
import { findLoopHead, type Loop, readInteger, readLoop } from "./loops.ts";
import { type Macro, MacroTable, nameEnd, PREDEFINED, type Reference } from "./macros.ts";
import { Findings, type Reading } from "./reading.ts";
import { type ReplaceBudget, type ReplaceProblem, replaceMacros } from "./replace.ts";
import { type LinePart, type Place, partSpan, partText, SourceText } from "./source.ts";
import type { Span } from "./span.ts";
import { didYouMean } from "./suggest.ts";

export interface ExpandOptions {
  /** What `@ID` lines are compared with: `--config-id`, else the host name up to its first dot. */
  readonly configId: string;
  /** Variables for `${_ENV NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A number from 0 to below 1, for `${_RANDOM}`. */
  readonly random: () => number;
  /** `-e`: every include problem is an error. */
  readonly allConfig: boolean;
}

/** Reads the files that the paths name (each may be a pattern) as one configuration. */
export function readConfig(paths: readonly string[], files: ConfigFiles, options: ExpandOptions): Reading {
  return new Expansion(files, options).run(paths);
}

interface FileFrame {
  readonly kind: "file";
  readonly source: SourceText;
  readonly resolved: string;
  readonly directory: string;
  next: number;
  line: number;
}

/** Files that one include found, not opened yet. */
interface IncludeFrame {
  readonly kind: "include";
  readonly paths: readonly string[];
  readonly from: Span;
  readonly rule: IncludeRule;
  next: number;
}

/** Lines of a multi-line macro. */
interface MacroFrame {
  readonly kind: "macro";
  readonly lines: readonly LinePart[];
  next: number;
}

interface LoopFrame {
  readonly kind: "loop";
  readonly loop: Loop;
  readonly head: LinePart;
  readonly rest: LinePart;
  next: number;
}

type Frame = FileFrame | IncludeFrame | MacroFrame | LoopFrame;

interface OpenDefinition {
  readonly name: string;
  readonly definedAt: LinePart;
  readonly lines: LinePart[];
}

/** Where on a line something may still be recognised: each kind only once, at its start (§1). */
type Recognise = "all" | "no-condition" | "after-macros";

class Expansion {
  readonly #files: ConfigFiles;
  readonly #options: ExpandOptions;
  readonly #findings = new Findings();
  readonly #words: LexWord[] = [];
  readonly #lines: number[] = [];
  readonly #sources: SourceText[] = [];
  readonly #frames: Frame[] = [];
  readonly #macros = new MacroTable();
  readonly #budget: ReplaceBudget = { movedChars: 0, expandedChars: 0 };
  /** Index of the finding for each unknown macro or variable: one mistake is told once. */
  readonly #unknown = new Map<string, { index: number; certain: boolean }>();
  readonly #cycles = new Map<string, number>();
  #open: OpenDefinition | undefined;
  #includeRule: IncludeRule;
  #totalBytes = 0;
  #expandedLines = 0;
  #unreadable = false;
  #cutOff = false;

  constructor(files: ConfigFiles, options: ExpandOptions) {
    this.#files = files;
    this.#options = options;
    this.#includeRule = INCLUDE_RULES.include ?? ALL;
  }

  run(paths: readonly string[]): Reading {
    for (const path of paths) {
      const { paths: found } = matchInclude(path, "", this.#files);
      if (found.length === 0) this.#refuseMain(path, { kind: "missing" });
      for (const name of found) {
        this.#openMain(name);
        while (this.#frames.length > 0 && !this.#cutOff) this.#step();
      }
    }
    this.#finish();
    return {
      words: this.#words,
      lines: this.#lines,
      files: this.#sources,
      findings: this.#findings,
      unreadable: this.#unreadable,
      cutOff: this.#cutOff,
    };
  }

  #step(): void {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame?.kind === "file") this.#readFile(frame);
    else if (frame?.kind === "include") this.#openIncluded(frame);
    else if (frame?.kind === "macro") this.#readMacroLine(frame);
    else if (frame?.kind === "loop") this.#readPass(frame);
  }

  // --- files

  #openMain(path: string): void {
    const bytes = this.#readBytes(path);
    if (bytes.ok) this.#pushFile(path, bytes.value, undefined);
    else this.#refuseMain(path, bytes.error);
  }

  #refuseMain(path: string, error: FileError): void {
    this.#unreadable = true;
    const missing = error.kind === "missing";
    const near = missing ? nearestFile(path, this.#files) : undefined;
    this.#findings.add({
      severity: "error",
      code: missing ? "file-missing" : "file-unreadable",
      message: missing ? `no such file (${path})` : `can't read ${path}: ${whyUnreadable(error)}`,
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }

  #readBytes(path: string): ReturnType<ConfigFiles["read"]> {
    const left = Math.min(MAX_FILE_BYTES, MAX_TOTAL_BYTES - this.#totalBytes);
    const read = this.#files.read(path, left);
    if (read.ok) this.#totalBytes += read.value.byteLength;
    return read;
  }

  #pushFile(name: string, bytes: Uint8Array, includedFrom: Span | undefined): void {
    const { text, flaws } = decodeText(bytes);
    const source = new SourceText(name, text, includedFrom);
    this.#sources.push(source);
    for (const flaw of flaws) this.#reportFlaw(source, flaw);
    this.#frames.push({
      kind: "file",
      source,
      resolved: this.#files.resolve(name),
      directory: directoryOf(name),
      next: 0,
      line: 0,
    });
  }

  #reportFlaw(source: SourceText, flaw: ReturnType<typeof decodeText>["flaws"][number]): void {
    const first = { place: source, from: 0, to: 0, line: 1 };
    if (flaw.kind === "utf-16")
      this.#error("utf-16-file", first, `the file is ${flaw.encoding}`, "save it as UTF-8 without a byte order mark");
    else if (flaw.kind === "byte-order-mark")
      this.#warn(
        "byte-order-mark",
        first,
        "the file begins with a byte order mark",
        "save it without; keepalived can't read it",
      );
    else {
      const part = {
        place: source,
        from: flaw.offset,
        to: flaw.offset + (flaw.kind === "nul" ? 0 : 1),
        line: flaw.line,
      };
      if (flaw.kind === "nul")
        this.#error("nul-byte", part, "a NUL byte stands in this line", "the file is damaged or no text");
      else if (commentStart(source.text, lineStart(source.text, flaw.offset), flaw.offset + 1).end > flaw.offset)
        this.#warn("invalid-utf-8", part, "bytes that are no UTF-8 text", "save the file as UTF-8");
    }
  }

  #readFile(frame: FileFrame): void {
    const { source } = frame;
    const text = source.text;
    const words = this.#words;
    const depth = this.#frames.length;
    while (frame.next < text.length) {
      const from = frame.next;
      let to = text.indexOf("\n", from);
      if (to < 0) to = text.length;
      frame.next = to + 1;
      frame.line++;
      if (to > from && text.charCodeAt(to - 1) === CARRIAGE_RETURN) to--;
      const at = skipBlanks(text, from, to);
      if (at === to) {
        if (this.#open) this.#endDefinition(this.#open);
        continue;
      }
      if (to - from > MAX_LINE_CHARS) {
        const part = { place: source, from, to: from, line: frame.line };
        this.#error("limit-exceeded", part, `the line has ${to - from} characters (at most ${MAX_LINE_CHARS})`);
        continue;
      }
      if (words.length > MAX_WORDS) {
        this.#cut({ place: source, from: at, to: at, line: frame.line }, `${MAX_WORDS} words`);
        return;
      }
      const code = text.charCodeAt(at);
      if (!this.#open) {
        if (code === HASH || code === BANG) continue;
        if (!mayBeSpecial(text, at, code)) {
          const first = words.length;
          if (lexLine(source, at, to, frame.line, "stop", words) === "line") {
            if (words.length > first) this.#lines.push(first);
            if (words[words.length - 1]?.text === "\\") this.#dropBackslash();
            continue;
          }
          words.length = first;
        }
      }
      this.#readLine({ place: source, from: at, to, line: frame.line });
      if (this.#frames.length !== depth || this.#cutOff) return;
    }
    if (this.#open) this.#leaveOpenDefinition(this.#open);
    this.#frames.pop();
  }

  /** A line as it stands in a file, with its comment. */
  #readLine(line: LinePart): void {
    const { place, from } = line;
    const comment = commentStart(place.text, from, line.to);
    if (comment.escaped) this.#warnEscaped({ ...line, from: comment.end, to: comment.end + 2 });
    const part = { ...line, to: trimEnd(place.text, from, comment.end) };
    if (this.#open) this.#continueDefinition(this.#open, part, comment.end < line.to);
    else this.#readPart(part, "all");
  }

  #warnEscaped(at: LinePart): void {
    const index = this.#warn(
      "escaped-comment-sign",
      at,
      "a backslash does not protect a comment sign: the rest of the line is a comment",
      "put the word in double quotes, or write ${_HASH} or ${_BANG} inside double quotes",
    );
    this.#findings.cover(partSpan(at), index);
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
    if (code === DOLLAR && this.#readDefinition(part)) return;
    if (code === TILDE && this.#readLoopHead(part)) return;
    if (place.text.slice(from, to).includes("$")) this.#replace(part, recognise);
    else this.#emit(part);
  }

  /** What a condition keeps of its line. */
  #readCondition(part: LinePart): LinePart | undefined {
    const { text } = part.place;
    const negated = text.charAt(part.from + 1) === "^";
    const idFrom = part.from + (negated ? 2 : 1);
    let idTo = idFrom;
    while (idTo < part.to && !isBlank(text.charCodeAt(idTo))) idTo++;
    const same = text.slice(idFrom, idTo) === this.#options.configId;
    return same !== negated ? { ...part, from: skipBlanks(text, idTo, part.to) } : undefined;
  }

  /** Replaces the macros of a line and goes on with what they gave. */
  #replace(part: LinePart, recognise: Recognise): void {
    const replaced = replaceMacros(part, this.#macros, (reference) => this.#predefined(reference), this.#budget);
    for (const problem of replaced.problems) this.#reportProblem(problem);
    if (this.#cutOff) return;
    if (replaced.more.length > 0) this.#push({ kind: "macro", lines: replaced.more, next: 0 }, part);
    const { place } = replaced.part;
    const from = skipBlanks(place.text, 0, place.text.length);
    // The second comment pass: what came out of a macro may hold a comment sign (§2).
    const to = trimEnd(place.text, from, commentStart(place.text, from, place.text.length).end);
    if (from >= to) return;
    const result = { ...replaced.part, from, to };
    const code = place.text.charCodeAt(from);
    // A line that began with a macro: what it gave may be a definition or a loop, but no condition (§8).
    const again = recognise !== "after-macros" && part.place.text.charCodeAt(part.from) === DOLLAR;
    if (!again) this.#emit(result);
    else if (code === DOLLAR || code === TILDE) this.#readPart(result, "after-macros");
    else if (code === AT) this.#refuseCondition(result);
    else this.#emit(result);
  }

  #refuseCondition(part: LinePart): void {
    const index = this.#error(
      "condition-in-macro",
      part,
      "a condition is not recognised in the text of a macro",
      "write @ID at the start of the line that uses the macro",
    );
    this.#findings.cover(partSpan(part), index);
    const kept = this.#readCondition(part);
    if (kept) this.#emit(kept);
  }

  /** Splits a finished line into words, or follows the include it is. */
  #emit(part: LinePart): void {
    const { place, from, to } = part;
    if (place.text.startsWith("include", from) && this.#readInclude(part)) return;
    const first = this.#words.length;
    const end = lexLine(place, from, to, part.line, "text", this.#words);
    if (this.#words.length === first) return;
    this.#lines.push(first);
    if (end === "open-quote") this.#closeQuote();
    if (this.#words[this.#words.length - 1]?.text === "\\") this.#dropBackslash();
  }

  /** The last word lacks its closing quote: it ends with its line, but does not swallow the brace that opens a block. */
  #closeQuote(): void {
    const word = this.#words.pop();
    if (!word) return;
    const { text } = word.place;
    const index = this.#findings.add({
      severity: "error",
      code: "quote-not-closed",
      span: word.span,
      message: "the quoted word does not end on its line",
      hint: 'write " where it should end',
    });
    this.#findings.cover(word.span, index);
    const brace = text.charCodeAt(word.end - 1) === OPEN_BRACE ? word.end - 1 : word.end;
    const inner = text.slice(word.start + 1, trimEnd(text, word.start + 1, brace));
    this.#words.push(new LexWord(inner, "quoted", word.place, word.start, brace, word.line));
    if (brace < word.end) this.#words.push(new LexWord("{", "open", word.place, brace, word.end, word.line));
  }

  #dropBackslash(): void {
    const word = this.#words.pop();
    if (!word) return;
    this.#findings.add({
      severity: "warning",
      code: "stray-backslash",
      span: word.span,
      message: "a backslash joins lines only inside a definition",
      hint: "a statement stands on one line; take the backslash away",
    });
    if (this.#lines[this.#lines.length - 1] === this.#words.length) this.#lines.pop();
  }

  // --- definitions

  /** A line that begins with `$`: a definition, or something that was meant to be one. */
  #readDefinition(part: LinePart): boolean {
    const { text } = part.place;
    const end = nameEnd(text, part.from + 1);
    if (end > part.from + 1 && end < part.to && text.charAt(end) === "=") {
      this.#startDefinition(
        text.slice(part.from + 1, end),
        { ...part, to: end + 1 },
        { ...part, from: skipBlanks(text, end + 1, part.to) },
      );
      return true;
    }
    const meant = /^\$([^\s={}"]*)[ \t]*=/.exec(text.slice(part.from, Math.min(part.to, part.from + 200)));
    if (!meant) return false;
    const at = { ...part, to: part.from + meant[0].length };
    const spaced = nameEnd(meant[1] ?? "", 0) === meant[1]?.length && meant[1] !== "";
    const index = this.#error(
      "bad-definition",
      at,
      spaced ? `a blank stands before the = of $${meant[1]}` : `$${meant[1]} is no name for a macro`,
      spaced
        ? `write $${meant[1]}=`
        : "a name is made of letters, digits and underscores, and does not begin with a digit",
    );
    this.#findings.cover(partSpan(part), index);
    if (spaced) this.#macros.define(meant[1] ?? "", [valueOf(part, at.to)], at, "definition");
    return true;
  }

  #startDefinition(name: string, definedAt: LinePart, value: LinePart): void {
    const open = { name, definedAt, lines: [] };
    if (value.to > value.from && value.place.text.charAt(value.to - 1) === "\\") {
      this.#open = open;
      this.#addDefinitionLine(open, { ...value, to: value.to - 1 });
    } else {
      this.#addDefinitionLine(open, value);
      this.#endDefinition(open);
    }
  }

  #continueDefinition(open: OpenDefinition, part: LinePart, commented: boolean): void {
    if (part.from >= part.to) {
      if (!commented || openBraces(open.lines) <= 0) return this.#endDefinition(open);
      this.#error(
        "comment-in-definition",
        { ...part, to: part.from + 1 },
        `a line of only a comment ends the definition of $${open.name} in keepalived`,
        "put the comment behind the backslash of another line",
      );
      return;
    }
    if (part.place.text.charAt(part.to - 1) === "\\") {
      this.#addDefinitionLine(open, { ...part, to: part.to - 1 });
      if (open.lines.length > MAX_DEFINITION_LINES) this.#cut(part, `${MAX_DEFINITION_LINES} lines of a definition`);
      return;
    }
    this.#addDefinitionLine(open, part);
    if (openBraces(open.lines) > 0 && this.#goesOnWithoutBackslash()) {
      const { text } = part.place;
      this.#error(
        "definition-cut-short",
        { ...part, from: lastWordStart(text, part.from, part.to) },
        `the definition of $${open.name} ends here with a block open`,
        "write a backslash at the end of this line if the definition goes on",
      );
    } else this.#endDefinition(open);
  }

  /** The next line of the file looks like a part of the definition whose last line lacks its backslash. */
  #goesOnWithoutBackslash(): boolean {
    const frame = this.#frames[this.#frames.length - 1];
    if (frame?.kind !== "file") return false;
    const { text } = frame.source;
    const end = text.indexOf("\n", frame.next);
    const line = text.slice(frame.next, Math.min(end < 0 ? text.length : end, frame.next + 1000)).trim();
    return line.endsWith("\\") || line.startsWith("}");
  }

  #addDefinitionLine(open: OpenDefinition, part: LinePart): void {
    const to = trimEnd(part.place.text, part.from, part.to);
    if (to > part.from) open.lines.push({ ...part, to });
  }

  #endDefinition(open: OpenDefinition): void {
    this.#open = undefined;
    for (const [index, line] of open.lines.entries()) {
      const text = partText(line);
      if (!oddQuotes(text)) continue;
      const quote = line.from + text.lastIndexOf('"');
      this.#error(
        "quote-not-closed",
        { ...line, from: quote },
        "the quoted word does not end on its line",
        'write " where it should end',
      );
      open.lines[index] = { place: new FixedPlace(`${text}"`, line), from: 0, to: text.length + 1, line: line.line };
    }
    this.#macros.define(open.name, open.lines, open.definedAt, "definition");
  }

  #leaveOpenDefinition(open: OpenDefinition): void {
    const last = open.lines[open.lines.length - 1];
    this.#error(
      "definition-not-ended",
      open.definedAt,
      `the definition of $${open.name} goes on to the end of the file`,
      last ? `line ${last.line} still ends in a backslash` : "take the backslash away",
    );
    this.#endDefinition(open);
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
      const replaced = replaceMacros(bounds, this.#macros, (reference) => this.#predefined(reference), this.#budget);
      for (const problem of replaced.problems) this.#reportProblem(problem);
      if (replaced.problems.length > 0) return true;
      innerText = partText(replaced.part);
    }
    const loop = readLoop(keyword, innerText);
    if (!loop.ok) this.#refuseLoop(head, loop.error);
    else if (loop.value.count > MAX_EXPANDED_LINES)
      this.#cut(head, `${MAX_EXPANDED_LINES} lines made by macros and loops (this loop makes ${loop.value.count})`);
    else {
      const rest = valueOf(part, restFrom);
      this.#push({ kind: "loop", loop: loop.value, head, rest, next: 0 }, part);
    }
    return true;
  }

  #refuseLoop(part: LinePart, why: string): void {
    const index = this.#error(
      "bad-loop",
      part,
      why,
      "~SEQ(var, [start, [step,]] end) text, ~LST(var, value, …) text; see lbd explain bad-loop",
    );
    this.#findings.cover(partSpan(part), index);
  }

  #readPass(frame: LoopFrame): void {
    if (frame.next >= frame.loop.count) {
      this.#frames.pop();
      return;
    }
    const values = frame.loop.values(frame.next++);
    for (const [index, name] of frame.loop.variables.entries()) {
      const value = values[index] ?? "";
      const line = { place: new FixedPlace(value, frame.head), from: 0, to: value.length, line: frame.head.line };
      this.#macros.define(name, value === "" ? [] : [line], frame.head, "loop");
    }
    if (this.#countLine(frame.rest)) this.#readPart(frame.rest, "all");
  }

  #readMacroLine(frame: MacroFrame): void {
    const line = frame.lines[frame.next++];
    if (frame.next >= frame.lines.length) this.#frames.pop();
    if (!line || !this.#countLine(line)) return;
    if (this.#open) this.#continueDefinition(this.#open, line, false);
    else this.#readPart(line, "all");
  }

  #countLine(at: LinePart): boolean {
    if (++this.#expandedLines > MAX_EXPANDED_LINES)
      this.#cut(at, `${MAX_EXPANDED_LINES} lines made by macros and loops`);
    else if (this.#words.length > MAX_WORDS) this.#cut(at, `${MAX_WORDS} words`);
    return !this.#cutOff;
  }

  #push(frame: Frame, at: LinePart): void {
    if (this.#frames.length < MAX_INCLUDE_DEPTH + MAX_MACRO_DEPTH) this.#frames.push(frame);
    else this.#cut(at, `${MAX_MACRO_DEPTH} macros and loops inside each other`);
  }

  /** Values of the names that nobody defines (§7). */
  #predefined(reference: Reference): { readonly text: string; readonly problem?: "unset" | "random" } | undefined {
    const { name, args } = reference;
    switch (name) {
      case "_HASH":
        return { text: "#" };
      case "_BANG":
        return { text: "!" };
      case "_INSTANCE":
        return { text: this.#options.configId };
      case "_PWD":
        return { text: this.#files.resolve(this.#fileFrame()?.directory || ".") };
      case "_ENV": {
        const value = args.length === 1 ? this.#options.env[args[0] ?? ""] : undefined;
        return value === undefined ? { text: "", problem: "unset" } : { text: value.replaceAll(/[\r\n\0]+/g, " ") };
      }
      case "_RANDOM":
        return this.#randomText(args);
      default:
        return undefined;
    }
  }

  #randomText(args: readonly string[]): { readonly text: string; readonly problem?: "random" } {
    const min = args.length > 0 ? readInteger(args[0] ?? "") : 0;
    const max = args.length > 1 ? readInteger(args[1] ?? "") : Math.max(32767, min ?? 0);
    if (min === undefined || max === undefined || args.length > 2) return { text: "0", problem: "random" };
    if (min > max) return { text: String(min), problem: "random" };
    return { text: String(min + Math.floor(this.#options.random() * (max - min + 1))) };
  }

  #fileFrame(): FileFrame | undefined {
    for (let index = this.#frames.length - 1; index >= 0; index--) {
      const frame = this.#frames[index];
      if (frame?.kind === "file") return frame;
    }
    return undefined;
  }

  // --- includes

  /** Follows `include FILE`; false when the line is no include after all. */
  #readInclude(part: LinePart): boolean {
    const { text } = part.place;
    const end = nameEnd(text, part.from);
    const word = text.slice(part.from, end);
    if (word === "include_check") this.#readIncludeCheck(part, end);
    const ownRule = Object.hasOwn(INCLUDE_RULES, word) ? INCLUDE_RULES[word] : undefined;
    const next = text.charCodeAt(end);
    if (!ownRule || (end < part.to && !isBlank(next) && next !== QUOTE)) return false;
    const name = valueOf(part, end);
    if (name.from >= name.to) {
      this.#error(
        "include-without-name",
        { ...part, to: end },
        `${word} names no file`,
        `write ${word} FILE, a name or pattern without quotes`,
      );
      return true;
    }
    const rule = this.#options.allConfig ? ALL : word === "include" ? this.#includeRule : ownRule;
    const found = matchInclude(partText(name), this.#fileFrame()?.directory ?? "", this.#files);
    if (found.tooMany) this.#error("limit-exceeded", name, "the braces of this pattern stand for too many names");
    this.#reportGaps(name, found.gaps, rule);
    if (found.paths.length > 0)
      this.#push({ kind: "include", paths: found.paths, from: partSpan(name), rule, next: 0 }, part);
    return true;
  }

  #readIncludeCheck(part: LinePart, end: number): void {
    const { text } = part.place;
    const to = /[{}]/.test(text.slice(end, part.to)) ? end + text.slice(end, part.to).search(/[{}]/) : part.to;
    this.#includeRule = includeCheck(this.#includeRule, text.slice(end, to).split(/\s+/).filter(Boolean));
  }

  #reportGaps(name: LinePart, gaps: readonly IncludeGap[], rule: IncludeRule): void {
    const told = gaps.filter((gap) => gap.kind !== "wildcard" || rule.wildcardMatch);
    const first = told[0];
    if (!first) return;
    const strict = {
      plain: rule.match,
      wildcard: rule.wildcardMatch,
      directory: rule.wildcardMatch,
      brace: rule.braceMatch,
    };
    const names = told
      .map((gap) => gap.name)
      .slice(0, 5)
      .join(", ");
    const hint = this.#includeHint(partText(name), first);
    this.#findings.add({
      severity: strict[first.kind] ? "error" : "warning",
      code: "include-missing",
      span: partSpan(name),
      message: first.kind === "plain" ? `no such file (${names})` : `nothing matches ${names}`,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #includeHint(pattern: string, gap: IncludeGap): string | undefined {
    if (/^["'].*["']$/.test(pattern)) return `the quotes are taken as part of the name: write ${pattern.slice(1, -1)}`;
    const directory = this.#fileFrame()?.directory ?? "";
    if (gap.kind !== "plain") return undefined;
    const path = gap.name.startsWith("/") || directory === "" ? gap.name : `${directory}/${gap.name}`;
    const near = nearestFile(path, this.#files);
    return near === undefined
      ? `names are relative to the including file (looked for ${path})`
      : `did you mean ${near}?`;
  }

  #openIncluded(frame: IncludeFrame): void {
    const path = frame.paths[frame.next++];
    if (frame.next >= frame.paths.length) this.#frames.pop();
    if (path === undefined) return;
    const resolved = this.#files.resolve(path);
    const open = this.#frames.filter((other) => other.kind === "file");
    const again = open.find((other) => other.resolved === resolved);
    if (again) {
      const own = open[open.length - 1] === again;
      this.#reportInclude(
        "error",
        "include-loop",
        frame.from,
        own ? "the file includes itself" : `${path} is included by itself, through this file`,
        "take this include away",
      );
    } else if (open.length >= MAX_INCLUDE_DEPTH)
      this.#cutAt(frame.from, `${MAX_INCLUDE_DEPTH} files that include each other`);
    else if (this.#sources.length >= MAX_FILES) this.#cutAt(frame.from, `${MAX_FILES} files`);
    else {
      const bytes = this.#readBytes(path);
      if (bytes.ok) this.#pushFile(path, bytes.value, frame.from);
      else if (bytes.error.kind === "too-large") this.#cutAt(frame.from, `${MAX_TOTAL_BYTES} bytes`);
      else
        this.#reportInclude(
          frame.rule.read ? "error" : "warning",
          "include-unreadable",
          frame.from,
          `can't read ${path}: ${whyUnreadable(bytes.error)}`,
          "only regular files without execute permission are included",
        );
    }
  }

  #reportInclude(severity: Severity, code: string, span: Span, message: string, hint: string): void {
    this.#findings.add({ severity, code, span, message, hint });
  }

  // --- findings

  #error(code: string, at: LinePart, message: string, hint?: string): number {
    return this.#findings.add({
      severity: "error",
      code,
      span: partSpan(at),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #warn(code: string, at: LinePart, message: string, hint?: string): number {
    return this.#findings.add({
      severity: "warning",
      code,
      span: partSpan(at),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #cut(at: LinePart, what: string): void {
    this.#cutAt(partSpan(at), what);
  }

  /** Ends reading: what a file of this size means can't be judged from a part of it. */
  #cutAt(span: Span, what: string): void {
    if (this.#cutOff) return;
    this.#cutOff = true;
    this.#findings.add({
      severity: "error",
      code: "limit-exceeded",
      span,
      message: `the configuration has more than ${what}`,
    });
  }

  #reportProblem(problem: ReplaceProblem): void {
    switch (problem.kind) {
      case "undefined":
        return this.#reportUnknown(problem.name, problem.at, problem.braced);
      case "needs-braces":
        return this.#reportNeedsBraces(problem.name, problem.at);
      case "unset":
        return this.#reportUnset(problem.name, problem.at);
      case "loop":
        return this.#reportCycle(problem.cycle, problem.at);
      case "limit":
        return this.#cut(problem.at, `the allowed ${problem.what}`);
      case "random":
        return this.#coverLine(
          problem.at,
          this.#error(
            "random-range",
            problem.at,
            `${problem.args.join(" ")} are no bounds of a random number`,
            "write ${_RANDOM MIN MAX} with MIN not above MAX",
          ),
        );
      case "text-behind":
        return this.#coverLine(
          problem.at,
          this.#error(
            "text-after-macro",
            problem.at,
            `text behind $${problem.name}, a macro of several lines`,
            "such a macro must be the last thing on its line",
          ),
        );
    }
  }

  #coverLine(at: LinePart, index: number): void {
    this.#findings.cover(partSpan(at), index);
  }

  /** One finding for each unknown name. Whether it is an error shows when the text turns out to be no value (Findings.merge). */
  #reportUnknown(name: string, at: LinePart, braced: boolean): void {
    const known = this.#unknown.get(name);
    if (known) {
      if (braced && !known.certain) this.#findings.replace(known.index, { severity: "error" });
      return this.#coverLine(at, known.index);
    }
    const hint = didYouMean(name, [...this.#macros.names(), ...PREDEFINED])?.replace("mean ", "mean $");
    const value = /(?:^|\s)(?:interface|dev)\s+\S*$/.test(
      at.place.text.slice(lineStart(at.place.text, at.from), at.to),
    );
    const certain = braced || hint !== undefined || value;
    const index = this.#findings.add({
      severity: certain ? "error" : "warning",
      code: "undefined-macro",
      span: partSpan(at),
      message: `macro $${name} is not defined`,
      hint: hint ?? `define it above with $${name}=…`,
    });
    this.#unknown.set(name, { index, certain });
    this.#coverLine(at, index);
  }

  #reportNeedsBraces(name: string, at: LinePart): void {
    const index = this.#warn(
      "macro-needs-braces",
      at,
      `$${name} is not replaced here: its name does not end at a blank`,
      `write \${${name}}`,
    );
    this.#coverLine(at, index);
  }

  #reportUnset(name: string, at: LinePart): void {
    const key = `_ENV ${name}`;
    const known = this.#unknown.get(key);
    if (known) return this.#coverLine(at, known.index);
    const index = this.#warn(
      "unset-variable",
      at,
      `the environment variable ${name || "without a name"} is not set`,
      "it counts as empty text",
    );
    this.#unknown.set(key, { index, certain: false });
    this.#coverLine(at, index);
  }

  #reportCycle(cycle: readonly Macro[], use: LinePart): void {
    const key = cycle
      .map((macro) => macro.order)
      .toSorted()
      .join(" ");
    const known = this.#cycles.get(key);
    if (known !== undefined) return this.#coverLine(use, known);
    const index = this.#addCycle(cycle, "error", { span: partSpan(use), message: "used here" });
    this.#cycles.set(key, index);
    this.#coverLine(use, index);
  }

  #addCycle(cycle: readonly Macro[], severity: Severity, use: { span: Span; message: string } | undefined): number {
    // The last definition closes the circle: without it there was none.
    const [closing, ...others] = cycle.toSorted((a, b) => b.order - a.order);
    if (!closing) throw new Error("macro cycle: empty");
    const names = cycle.map((macro) => `$${macro.name}`).join(", ");
    return this.#findings.add({
      severity,
      code: "macro-loop",
      span: partSpan(closing.definedAt),
      message: others.length === 0 ? `${names} names itself` : `${names} name each other`,
      hint: "a macro can't lead back to itself; keepalived hangs on this",
      related: [
        ...others.map((macro) => ({ span: partSpan(macro.definedAt), message: `$${macro.name} is defined here` })),
        ...(use ? [use] : []),
      ],
    });
  }

  /** What is known only after the last line. */
  #finish(): void {
    const defined = new Map<string, Macro>();
    for (const macro of this.#macros.definitions) if (!defined.has(macro.name)) defined.set(macro.name, macro);
    for (const [name, { index }] of this.#unknown) {
      const later = defined.get(name);
      if (!later) continue;
      const span = partSpan(later.definedAt);
      this.#findings.replace(index, {
        severity: "error",
        hint: `it is defined below its use, in line ${span.line}: move the definition up`,
        related: [{ span, message: `$${name} is defined here` }],
      });
    }
    if (!this.#cutOff) this.#reportUnused();
  }

  #reportUnused(): void {
    for (const macro of this.#macros.definitions) {
      if (macro.used) continue;
      const loop = this.#cycleFrom(macro);
      if (loop) {
        const key = loop
          .map((link) => link.order)
          .toSorted()
          .join(" ");
        if (!this.#cycles.has(key)) this.#cycles.set(key, this.#addCycle(loop, "warning", undefined));
      } else
        this.#findings.add({
          severity: "note",
          code: "unused-macro",
          span: partSpan(macro.definedAt),
          message: `$${macro.name} is never used`,
        });
    }
  }

  /** The circle of definitions that an unused macro stands in. */
  #cycleFrom(start: Macro): Macro[] | undefined {
    const path: Macro[] = [];
    for (let macro: Macro | undefined = start; macro && path.length < MAX_MACRO_DEPTH; ) {
      path.push(macro);
      const text: string = macro.lines.length === 1 && macro.lines[0] ? partText(macro.lines[0]) : "";
      const name: string | undefined = /^[^$]*\$\{?([A-Za-z_][A-Za-z0-9_]*)/.exec(text.slice(0, 1000))?.[1];
      macro = name === undefined ? undefined : this.#macros.get(name);
      if (macro === start) return path;
    }
    return undefined;
  }
}

const CARRIAGE_RETURN = 13;
const BANG = 33;
const QUOTE = 34;
const HASH = 35;
const DOLLAR = 36;
const AT = 64;
const OPEN_BRACE = 123;
const TILDE = 126;
const LETTER_I = 105;

/** The line may be a condition, a definition, a loop or an include. */
function mayBeSpecial(text: string, at: number, code: number): boolean {
  return code === AT || code === DOLLAR || code === TILDE || (code === LETTER_I && text.startsWith("include", at));
}

/** Text that was made rather than written; all of it stands for one place. */
class FixedPlace implements Place {
  readonly text: string;
  readonly #part: LinePart;

  constructor(text: string, part: LinePart) {
    this.text = text;
    this.#part = part;
  }

  span(): Span {
    return partSpan(this.#part);
  }
}

/** The rest of a line from an offset on, without its leading blanks. */
function valueOf(part: LinePart, from: number): LinePart {
  return { ...part, from: skipBlanks(part.place.text, from, part.to) };
}

/** Blocks that the lines open and do not close, quotes apart. */
function openBraces(lines: readonly LinePart[]): number {
  let open = 0;
  for (const line of lines) {
    const text = partText(line).replaceAll(/"[^"]*"|\$\{[^}]*\}/g, "");
    for (const char of text) open += char === "{" ? 1 : char === "}" ? -1 : 0;
  }
  return open;
}

function oddQuotes(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes++;
  return quotes % 2 === 1;
}

function lastWordStart(text: string, from: number, to: number): number {
  let at = to;
  while (at > from && !isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

function lineStart(text: string, at: number): number {
  return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

function whyUnreadable(error: FileError): string {
  switch (error.kind) {
    case "missing":
      return "no such file";
    case "not-a-file":
      return `it is ${error.what}`;
    case "unreadable":
      return error.reason;
    case "too-large":
      return `it is larger than is read (${error.bytes} bytes)`;
  }
}
