// Config core: findings as text with a caret under the word, and as JSON. Text from files is made safe for a terminal.

import { MAX_DIAGNOSTICS } from "../text/limits.ts";
import { lineText } from "../text/source-lines.ts";
import type { Span, TraceStep } from "../text/span.ts";
import type { Diagnostic, Severity } from "./diagnostic.ts";
import { withoutSecrets } from "./secrets.ts";

/** One finding as `lbd check --json` prints it; lines and columns from 1, columns in characters, `endColumn` behind the last. */
export interface JsonDiagnostic {
  readonly severity: Severity;
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly message: string;
  readonly hint: string | null;
  /** Further places: the first definition of a duplicate, then how the place came to be read: macros, loops and includes. */
  readonly related: readonly JsonPlace[];
}

export interface JsonPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Sorts by place in the order the files were read, drops repetitions (loops make many), and bounds the number. */
export function arrange(diagnostics: readonly Diagnostic[], files: readonly { readonly name: string }[]): Diagnostic[] {
  const order = new Map<string, number>();
  for (const [index, file] of files.entries()) if (!order.has(file.name)) order.set(file.name, index + 1);
  const rank = (diagnostic: Diagnostic) => (diagnostic.span ? (order.get(diagnostic.span.file.name) ?? 0) : 0);
  const distinct = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) {
    const { span } = diagnostic;
    // A loop repeats one mistake with other values; elsewhere another message is another mistake.
    const place = span && `${span.line}:${span.column}-${span.endColumn} ${span.file.name}`;
    const key = `${diagnostic.code} ${place ?? ""} ${span?.trace ? "" : diagnostic.message}`;
    const before = distinct.get(key);
    // An error must not get lost behind a warning of its kind.
    if (!before || SEVERITIES.indexOf(diagnostic.severity) < SEVERITIES.indexOf(before.severity))
      distinct.set(key, diagnostic);
  }
  const sorted = [...distinct.values()].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.span?.line ?? 0) - (b.span?.line ?? 0) ||
      (a.span?.column ?? 0) - (b.span?.column ?? 0) ||
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  );
  if (sorted.length <= MAX_DIAGNOSTICS) return sorted;
  const left = sorted.slice(MAX_DIAGNOSTICS);
  const worst = SEVERITIES.find((severity) => left.some((diagnostic) => diagnostic.severity === severity)) ?? "note";
  return [
    ...sorted.slice(0, MAX_DIAGNOSTICS),
    { severity: worst, code: "more-findings", message: `${left.length} more findings are not shown` },
  ];
}

const SEVERITIES: readonly Severity[] = ["error", "warning", "note"];

/** `mainFile` stands for findings that have no place. */
export function toJson(diagnostic: Diagnostic, mainFile: string): JsonDiagnostic {
  const { span } = diagnostic;
  return {
    severity: diagnostic.severity,
    code: diagnostic.code,
    file: span?.file.name ?? mainFile,
    line: span?.line ?? 1,
    column: span?.column ?? 1,
    endLine: span?.endLine ?? 1,
    endColumn: span?.endColumn ?? 1,
    message: diagnostic.message,
    hint: diagnostic.hint ?? null,
    related: [...(diagnostic.related ?? []), ...(span ? steps(span) : [])].map(toPlace),
  };
}

function toPlace({ span, message }: TraceStep): JsonPlace {
  return { file: span.file.name, line: span.line, column: span.column, message };
}

export interface RenderOptions {
  /** Escape sequences for a terminal. */
  readonly color: boolean;
}

/** One finding as lines of text, without a line end at the end. */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions): string {
  const { severity, code, span, message, hint, related } = diagnostic;
  const paint = painter(options.color);
  const where = span ? `${spanName(span)}: ` : "";
  const lines = [`${where}${paint(severity, `${severity}[${code}]`)}: ${printable(message)}`];
  if (span) lines.push(...excerpt(span, (text) => paint(severity, text)));
  if (hint !== undefined) lines.push(`  ${paint("hint", "hint")}: ${printable(hint)}`);
  for (const other of (related ?? []).slice(0, MAX_STEPS))
    lines.push(
      `  ${spanName(other.span)}: ${printable(other.message)}`,
      ...excerpt(other.span, (text) => paint("note", text)),
    );
  for (const step of span ? steps(span) : []) lines.push(`  ${spanName(step.span)}: ${printable(step.message)}`);
  return lines.join("\n");
}

/** How a place came to be read: macros and loops first, then the includes, innermost first. */
function steps(span: Span): TraceStep[] {
  const list: TraceStep[] = [...(span.trace ?? [])].slice(0, MAX_STEPS);
  for (let from = span.file.includedFrom; from && list.length < 2 * MAX_STEPS; from = from.file.includedFrom)
    list.push({ message: "included from here", span: from });
  return list;
}

const MAX_STEPS = 10;

function spanName(span: Span): string {
  return `${printable(span.file.name)}:${span.line}:${span.column}`;
}

/** The source line with carets under the span; a long line is cut around it. */
function excerpt(span: Span, paint: (text: string) => string): string[] {
  const { line, caretFrom, caretTo } = window(
    withoutSecrets(span.file, lineText(span.file, span.line)),
    span.column - 1,
    Math.max(span.endColumn, span.column + 1) - 1,
  );
  const gutter = `${span.line} | `;
  const blank = `${" ".repeat(gutter.length - 2)}| `;
  let shown = "";
  let under = "";
  for (const [index, char] of line.entries()) {
    const text = printableChar(char);
    shown += text;
    if (index < caretFrom) under += char === "\t" ? "\t" : " ".repeat(displayWidth(text));
    else if (index < caretTo) under += char === "\t" ? "^" : "^".repeat(Math.max(1, displayWidth(text)));
  }
  if (caretFrom >= line.length) under += "^";
  const carets = under.trimStart();
  return [`${gutter}${shown}`, `${blank}${under.slice(0, under.length - carets.length)}${paint(carets)}`];
}

const WINDOW_CHARS = 160;

/** Characters of the line around the span, and where the span lies in them. */
function window(text: string, from: number, to: number): { line: string[]; caretFrom: number; caretTo: number } {
  // A line of a megabyte is not turned into characters as a whole: the part before the span is skipped by code units.
  const chars = text.length <= 4 * WINDOW_CHARS ? [...text] : [...cutOut(text, from)];
  const skipped = text.length <= 4 * WINDOW_CHARS ? 0 : Math.max(0, from - WINDOW_CHARS);
  const start = Math.max(0, Math.min(from - skipped - WINDOW_CHARS / 2, chars.length - WINDOW_CHARS));
  if (chars.length <= WINDOW_CHARS) return { line: chars, caretFrom: from - skipped, caretTo: to - skipped };
  const line = chars.slice(start, start + WINDOW_CHARS);
  return { line, caretFrom: from - skipped - start, caretTo: Math.min(to - skipped - start, WINDOW_CHARS) };
}

/** 2 × WINDOW_CHARS characters that begin WINDOW_CHARS before the character `from`. */
function cutOut(text: string, from: number): string {
  let skip = Math.max(0, from - WINDOW_CHARS);
  let at = 0;
  while (skip > 0 && at < text.length) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    skip--;
  }
  return text.slice(at, at + 4 * WINDOW_CHARS);
}

/** Text from a file or a message without anything that a terminal would act on. */
function printable(text: string): string {
  let safe = "";
  for (const char of text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text)
    safe += printableChar(char);
  return safe.replaceAll("\t", " ");
}

const MAX_MESSAGE_CHARS = 500;

function printableChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (char === "\t") return char;
  const unsafe = code < 32 || (code >= 0x7f && code < 0xa0) || isFormatting(code) || (code >= 0xd800 && code <= 0xdfff);
  if (!unsafe) return char;
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Line ends, direction marks, zero-width and other invisible characters: they would hide what the line really says. */
function isFormatting(code: number): boolean {
  return (
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    code === 0xfeff
  );
}

/** Columns that a terminal gives the text: two for East Asian wide characters and emoji, none for combining marks. */
function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x300) width++;
    else if (/\p{Mn}|\p{Me}/u.test(char)) continue;
    else width += isWide(code) ? 2 : 1;
  }
  return width;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf && code !== 0x303f) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

const COLORS: Readonly<Record<Severity | "hint", string>> = { error: "31", warning: "33", note: "36", hint: "32" };

function painter(color: boolean): (kind: Severity | "hint", text: string) => string {
  return color ? (kind, text) => `\x1b[1;${COLORS[kind]}m${text}\x1b[0m` : (_kind, text) => text;
}
