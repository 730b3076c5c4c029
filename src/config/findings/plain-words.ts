// Config core: findings in the words of whoever made the mistake. A line of another language (a merge marker, a template, a comment of C,
// another program's file) is one finding that says so, in place of what its words and braces give; a wrong word with a semicolon,
// a colon, a unit or an invisible character gets a hint that names it. Nothing is found here that was not found before.

import { lineText } from "../text/source-lines.ts";
import type { SourceFile, Span } from "../text/span.ts";
import type { Code } from "./codes.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** A word that begins with one of the quotes of typesetting: keepalived takes them for letters. */
const SET_QUOTE = /(?<=^|\s)[\u201c\u201d\u201e\u2018\u00ab](?=\S)/u;

/** `all`, and a warning for each line with a typographic quote where any text may stand, so that nothing names it there. */
export function withQuotesOfTypesetting(
  files: readonly SourceFile[],
  all: readonly Diagnostic[],
): readonly Diagnostic[] {
  const quotes = files.flatMap((file) => quotesIn(file, all));
  if (quotes.length === 0) return all;
  // That the quotes make a password too long is no second mistake.
  const isLonger = ({ code, span }: Diagnostic) =>
    code === "cut" && quotes.some((quote) => quote.span?.file === span?.file && quote.span?.line === span?.line);
  return [...all.filter((one) => !isLonger(one)), ...quotes];
}

function quotesIn(file: SourceFile, all: readonly Diagnostic[]): readonly Diagnostic[] {
  if (!SET_QUOTE.test(file.text)) return [];
  const named = new Set(
    all.flatMap(({ code, span }) => (span?.file === file && PLAIN_CODES.has(code) ? span.line : [])),
  );
  return file.text.split("\n").flatMap((text, i): readonly Diagnostic[] => {
    const at = SET_QUOTE.exec(text);
    const line = i + 1;
    if (!at || named.has(line) || /[#!]/.test(text.slice(0, at.index))) return [];
    const column = [...text.slice(0, at.index)].length + 1;
    const span = { file, line, column, endLine: line, endColumn: column + 1 };
    const message = "a typographic quote is part of the word, and quotes nothing";
    return [{ severity: "warning", code: "typographic-quote", span, message, hint: 'write a plain "' }];
  });
}

/** `all`, with findings of foreign lines replaced and hints made plain. Looks only at lines that have a finding. */
export function inPlainWords(all: readonly Diagnostic[]): readonly Diagnostic[] {
  if (all.length === 0) return all;
  const files = new Map<SourceFile, Diagnostic[]>();
  for (const one of all)
    if (one.span) {
      const list = files.get(one.span.file);
      if (list) list.push(one);
      else files.set(one.span.file, [one]);
    }
  const replaced = new Map<Diagnostic, Diagnostic | undefined>();
  for (const [file, list] of files) replaceForeign(file, list, replaced);
  return all.flatMap((one) => {
    if (replaced.has(one)) return replaced.get(one) ?? [];
    const hint = plainHint(one);
    return hint === undefined ? one : { ...one, hint };
  });
}

// --- lines of another language

interface Foreign {
  readonly code: Code;
  readonly message: string;
  readonly hint: string;
  /** A line of this kind. */
  readonly line: RegExp;
  /** Codes of findings that such a line may have on its own account; absent: all. */
  readonly codes?: ReadonlySet<Code>;
  /** One such line makes what is said of braces worthless in the whole file. */
  readonly braces?: true;
}

const BRACE_CODES: ReadonlySet<Code> = new Set([
  "brace-not-expected",
  "extra-brace",
  "block-not-closed",
  "block-not-opened",
]);

const COMMENT_SIGNS = "a comment begins with # or !";

const FOREIGN: readonly Foreign[] = [
  {
    code: "merge-conflict",
    message: "a merge conflict that nobody has resolved",
    hint: "keep one side, and take the lines with <<<<<<<, ======= and >>>>>>> away",
    line: /^(?:<{7}|={7}|>{7}|\|{7})(?:\s|$)/,
  },
  {
    code: "template-left",
    message: "a template (as of Jinja or ERB) that nobody has filled in",
    hint: "this file is what a program makes the configuration of: give lbd what comes out of it",
    line: /\{\{.*\}\}|\{%.*%\}|<%.*%>/,
    braces: true,
  },
  {
    code: "foreign-comment",
    message: "a comment of another language",
    hint: COMMENT_SIGNS,
    line: /^\s*(?:\/\/|\/\*|\*\/|--(?:\s|$)|;)/,
    codes: new Set(["unknown-keyword", "misplaced-keyword", "bad-value", "unknown-word"]),
  },
];

function replaceForeign(
  file: SourceFile,
  found: readonly Diagnostic[],
  replaced: Map<Diagnostic, Diagnostic | undefined>,
): void {
  const other = otherProgram(file, found);
  if (other !== undefined) {
    const message = `this is no keepalived.conf: it looks like ${other}`;
    putOne(
      found.filter(({ severity }) => severity !== "note"),
      { code: "foreign-file", message, hint: "give lbd the configuration of keepalived" },
      replaced,
    );
    return;
  }
  for (const foreign of FOREIGN) {
    const { line, codes, braces } = foreign;
    const own = found.filter(
      ({ code, span }) => span && !(codes && !codes.has(code)) && line.test(lineOf(span)) && !BRACE_CODES.has(code),
    );
    const ofBraces = found.filter(({ code, span }) => span && BRACE_CODES.has(code) && line.test(lineOf(span)));
    const all = [...own, ...ofBraces].filter((one) => !replaced.has(one));
    if (all.length === 0) continue;
    // What is said of the braces elsewhere follows from these.
    if (braces) for (const one of found) if (BRACE_CODES.has(one.code)) replaced.set(one, undefined);
    putOne(all, foreign, replaced);
  }
}

/** The first of `found` becomes the finding, as bad as the worst; the others go. */
function putOne(
  found: readonly Diagnostic[],
  { code, message, hint }: { readonly code: Code; readonly message: string; readonly hint: string },
  replaced: Map<Diagnostic, Diagnostic | undefined>,
): void {
  const sorted = found.toSorted((a, b) => (a.span?.line ?? 0) - (b.span?.line ?? 0));
  const first = sorted[0];
  if (!first?.span) return;
  const severity = found.some((one) => one.severity === "error") ? "error" : first.severity;
  const lines = new Set(found.map(({ span }) => span?.line)).size;
  const said = lines > 1 ? `${message} (${lines} lines)` : message;
  for (const one of found) replaced.set(one, undefined);
  replaced.set(first, { severity, code, span: wholeLine(first.span), message: said, hint });
}

/** Other programs by words that begin their lines and no keyword of ours does. */
const PROGRAMS: readonly { readonly name: string; readonly words: ReadonlySet<string> }[] = [
  {
    name: "an haproxy.cfg",
    words: new Set(["global", "defaults", "frontend", "backend", "listen", "maxconn", "bind"]),
  },
  {
    name: "an nginx.conf",
    words: new Set(["http", "server", "upstream", "events", "worker_processes", "location", "proxy_pass"]),
  },
  { name: "a BIRD configuration", words: new Set(["router", "protocol", "filter", "template", "log"]) },
  { name: "ldirectord's", words: new Set(["checktimeout", "checkinterval", "autoreload", "quiescent", "virtual"]) },
];

const WORDS_TO_KNOW_A_PROGRAM = 2;

/** What the file is, when its top level begins with words of another program or another language. */
function otherProgram(file: SourceFile, found: readonly Diagnostic[]): string | undefined {
  const unknown = found.filter(({ code }) => code === "unknown-keyword" || code === "misplaced-keyword");
  if (unknown.length < WORDS_TO_KNOW_A_PROGRAM) return undefined;
  const start = file.text.slice(0, 200).trimStart();
  if (/^(?:---\s|[\w-]+:\s*\n\s+[-\w])/.test(start) && unknown.some(({ span }) => span && /:\s*$/.test(lineOf(span))))
    return "YAML";
  if (/^[{[]\s*"/.test(start)) return "JSON";
  if (/^<\?xml/.test(start)) return "XML";
  const first = new Set(unknown.flatMap(({ span }) => (span ? [/^\s*(\S+)/.exec(lineOf(span))?.[1] ?? ""] : [])));
  return PROGRAMS.find(({ words }) => [...first].filter((word) => words.has(word)).length >= WORDS_TO_KNOW_A_PROGRAM)
    ?.name;
}

// --- hints

const PLAIN_CODES: ReadonlySet<Code> = new Set([
  "bad-value",
  "out-of-range",
  "unknown-keyword",
  "misplaced-keyword",
  "unknown-word",
  "extra-words",
  "missing-value",
  "unknown-account",
  "undefined-reference",
]);

/** A hint that names what is odd about the word or its line; undefined when nothing is. */
function plainHint({ code, span, message }: Diagnostic): string | undefined {
  if (!span || !PLAIN_CODES.has(code)) return undefined;
  const line = lineOf(span);
  const odd = oddCharacter(line);
  if (odd !== undefined) return odd;
  const word = wordOf(line, span);
  // A finding that does not show its word has to do with a secret.
  const write = (text: string) => (message.includes(word) ? `; write ${text}` : "");
  const assignment = /^\s*[^\s=]+\s*=\s*\S/.test(line) && (word.includes("=") || code === "extra-words");
  if (assignment) return "no = stands between keyword and value: put a blank in its place";
  if (code === "extra-words" && /^(?:\/\/|\/\*|--$|;$)/.test(word.split(" ", 1)[0] ?? "")) return COMMENT_SIGNS;
  if (/.;$/.test(word)) return `no semicolons: a statement ends with its line${write(word.slice(0, -1))}`;
  if (/^[\w-]+:$/.test(word)) return `no colon stands behind a keyword${write(word.slice(0, -1))}`;
  if (/.,$/.test(word)) return `no commas: blanks stand between words${write(word.slice(0, -1))}`;
  const socket = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(word) ?? /^\[([0-9a-fA-F:.]+)\]:(\d+)$/.exec(word);
  if (socket) return `a blank stands between address and port: write ${socket[1]} ${socket[2]}`;
  const [, masked = "", mask = ""] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+\.\d+\.\d+\.\d+)$/.exec(word) ?? [];
  const length = prefixOfMask(mask);
  if (length !== undefined) return `a prefix length stands behind the slash, and no mask: write ${masked}/${length}`;
  if (code === "unknown-word" && /^\/\d+$/.test(word))
    return `no blank stands before the prefix length: write ADDRESS${word}`;
  if (code === "bad-value" && /^\d+\.\d+\.\d+\.\d+-[\d.]+$/.test(word))
    return "ranges stand in real_server and virtual_server_group only: write each address on a line of its own";
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|sec|m|min|h|d)$/.exec(word) ?? [];
  if (code !== "bad-value" || digits === undefined) return undefined;
  const seconds = Number((Number(digits) * (SECONDS[unit] ?? 1)).toFixed(6));
  return `units are not written, times are seconds${write(`${seconds}`)}`;
}

/** The length of a netmask of ones before zeros; undefined for any other text. */
function prefixOfMask(mask: string): number | undefined {
  const parts = mask.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => part > 255)) return undefined;
  const [, ones = ""] = /^(1*)0*$/.exec(parts.map((part) => part.toString(2).padStart(8, "0")).join("")) ?? [];
  return ones === "" ? undefined : ones.length;
}

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400 };

const NAMED: Readonly<Record<string, string>> = {
  "\u00a0": "a no-break space",
  "\u2007": "a figure space",
  "\u202f": "a narrow no-break space",
  "\u3000": "an ideographic space",
  "\u200b": "a zero-width space",
  "\ufeff": "a byte order mark",
  "\u201c": "a typographic quote",
  "\u201d": "a typographic quote",
  "\u201e": "a typographic quote",
  "\u2018": "a typographic quote",
  "\u2019": "a typographic quote",
  "\u00ab": "a typographic quote",
  "\u00bb": "a typographic quote",
};

function oddCharacter(line: string): string | undefined {
  for (const char of line) {
    const name = NAMED[char];
    if (name === undefined) continue;
    const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `${name} (U+${code}) stands in this line: write ${name.endsWith("quote") ? 'a plain "' : "a plain blank"}`;
  }
  return undefined;
}

// --- text of places

function lineOf({ file, line }: Span): string {
  return lineText(file, line).slice(0, MAX_LINE_CHARS);
}

const MAX_LINE_CHARS = 2000;

function wordOf(line: string, { column, endColumn, endLine, line: at }: Span): string {
  return [...line].slice(column - 1, endLine === at ? endColumn - 1 : undefined).join("");
}

function wholeLine(span: Span): Span {
  return { ...span, column: 1, endColumn: [...lineOf(span)].length + 1, endLine: span.line };
}
