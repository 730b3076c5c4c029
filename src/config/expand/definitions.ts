// Config core: macro definitions (language.md §7): `$NAME=text`, over several lines when they end in a backslash.
import { isBlank, trimEnd } from "../text/blanks.ts";
import { MAX_DEFINITION_LINES } from "../text/limits.ts";
import { FixedPlace, type LinePart, partText, restOf } from "../text/source.ts";
import { type MacroTable, nameEnd } from "./macros.ts";
import type { Findings } from "./reading.ts";

interface OpenDefinition {
  readonly name: string;
  readonly definedAt: LinePart;
  readonly lines: LinePart[];
}

export interface DefinitionLine {
  readonly part: LinePart;
  /** There was a comment on it. */
  readonly commented: boolean;
  /** The comment ends in a backslash, which then joins the lines as one in front of it would. */
  readonly continued: boolean;
  /** The line of the file behind it; "" when there is none to see. */
  nextLine(): string;
}

/** Reads definitions into the table; at most one is open, and takes every line until it ends. */
export class Definitions {
  readonly #macros: MacroTable;
  readonly #findings: Findings;
  readonly #cut: (at: LinePart, what: string) => void;
  #open: OpenDefinition | undefined;

  /** @param cut ends the reading because a limit is passed */
  constructor(macros: MacroTable, findings: Findings, cut: (at: LinePart, what: string) => void) {
    this.#macros = macros;
    this.#findings = findings;
    this.#cut = cut;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /**
   * Reads a line that begins with `$`; false when it is no definition, and was not meant to be one.
   * @param continued its comment ends in a backslash
   * @param nextLine the line of the file behind it
   */
  read(part: LinePart, continued: boolean, nextLine: () => string): boolean {
    const { text } = part.place;
    const end = nameEnd(text, part.from + 1);
    if (end > part.from + 1 && end < part.to && text.charAt(end) === "=") {
      this.#start(text.slice(part.from + 1, end), { ...part, to: end + 1 }, restOf(part, end + 1), {
        continued,
        nextLine,
      });
      return true;
    }
    const meant = /^\$([^\s={}"]*)[ \t]*=/.exec(text.slice(part.from, Math.min(part.to, part.from + 200)));
    if (!meant) return false;
    const at = { ...part, to: part.from + meant[0].length };
    const spaced = nameEnd(meant[1] ?? "", 0) === meant[1]?.length && meant[1] !== "";
    const index = this.#findings.error(
      "bad-definition",
      at,
      spaced ? `a blank stands before the = of $${meant[1]}` : `$${meant[1]} is no name for a macro`,
      spaced
        ? `write $${meant[1]}=`
        : "a name is made of letters, digits and underscores, and does not begin with a digit",
    );
    this.#findings.coverLine(part, index);
    const name = meant[1] ?? "";
    if (spaced) {
      this.#macros.define(name, [restOf(part, at.to)], at);
      this.#macros.use(name);
    }
    return true;
  }

  /** The next line of the open definition, without its comment. */
  readNext(line: DefinitionLine): void {
    const open = this.#open;
    if (!open) return;
    const { part, commented, continued } = line;
    if (part.from >= part.to && !continued) this.#readEmpty(open, part, commented);
    else if (endsInBackslash(part)) this.#add(open, { ...part, to: part.to - 1 });
    else {
      this.#add(open, part);
      if (continued) return;
      if (openBraces(open.lines) > 0 && looksLikeMore(line.nextLine())) this.#reportCutShort(open, part);
      else this.#end(open);
    }
  }

  /** An empty line ends the definition. */
  end(): void {
    if (this.#open) this.#end(this.#open);
  }

  /** The file ends inside of the definition. */
  endOfFile(): void {
    const open = this.#open;
    if (!open) return;
    const last = open.lines[open.lines.length - 1];
    this.#findings.error(
      "definition-not-ended",
      open.definedAt,
      `the definition of $${open.name} goes on to the end of the file`,
      last ? `line ${last.line} still ends in a backslash` : "take the backslash away",
    );
    this.#end(open);
  }

  #start(
    name: string,
    definedAt: LinePart,
    value: LinePart,
    { continued, nextLine }: Pick<DefinitionLine, "continued" | "nextLine">,
  ): void {
    const joined = endsInBackslash(value);
    if (!joined && !continued && value.from < value.to && !partText(value).includes('"')) {
      this.#macros.define(name, [value], definedAt);
      return;
    }
    const open = { name, definedAt, lines: [] };
    this.#open = open;
    this.#add(open, joined ? { ...value, to: value.to - 1 } : value);
    if (joined || continued) return;
    if (value.from >= value.to && goesOn(nextLine())) this.#reportCutShort(open, definedAt);
    else this.#end(open);
  }

  #readEmpty(open: OpenDefinition, part: LinePart, commented: boolean): void {
    if (!commented || openBraces(open.lines) <= 0) {
      this.#end(open);
      return;
    }
    // keepalived's parent goes on here and its workers do not; with a block open going on is what was meant.
    this.#findings.error(
      "comment-in-definition",
      { ...part, to: part.from + 1 },
      `a line of only a comment ends the definition of $${open.name} in keepalived`,
      "put the comment behind the backslash of another line",
    );
  }

  #reportCutShort(open: OpenDefinition, part: LinePart): void {
    const index = this.#findings.error(
      "definition-cut-short",
      { ...part, from: lastWordStart(part.place.text, part.from, part.to) },
      `the definition of $${open.name} ends here ${part === open.definedAt ? "without a value" : "with a block open"}`,
      "write a backslash at the end of this line if the definition goes on",
    );
    this.#findings.coverLine(part, index);
  }

  #add(open: OpenDefinition, part: LinePart): void {
    const to = trimEnd(part.place.text, part.from, part.to);
    if (to > part.from) open.lines.push({ ...part, to });
    if (open.lines.length > MAX_DEFINITION_LINES) this.#cut(part, `${MAX_DEFINITION_LINES} lines in a definition`);
  }

  #end(open: OpenDefinition): void {
    this.#open = undefined;
    for (const [index, line] of open.lines.entries()) {
      const text = partText(line);
      if (!oddQuotes(text)) continue;
      const quote = { ...line, from: line.from + text.lastIndexOf('"') };
      this.#findings.error("quote-not-closed", quote, "the quoted word does not end on its line", CLOSE_QUOTE);
      open.lines[index] = { place: new FixedPlace(`${text}"`, line), from: 0, to: text.length + 1, line: line.line };
    }
    this.#macros.define(open.name, open.lines, open.definedAt);
  }
}

/** What to do about a quote that is not closed. */
export const CLOSE_QUOTE = 'write " where it should end';

function endsInBackslash(part: LinePart): boolean {
  return part.to > part.from && part.place.text.charAt(part.to - 1) === "\\";
}

/** The next line of a file that makes a line without a backslash look like a slip. */
function looksLikeMore(nextLine: string): boolean {
  const line = nextLine.trim();
  return line.endsWith("\\") || line.startsWith("}");
}

/** The next line is joined to another one, and is no definition itself. */
function goesOn(nextLine: string): boolean {
  const line = nextLine.trim();
  return line.endsWith("\\") && !line.startsWith("$");
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
