// Appliance core: YAML as this machine's files use it (the library is `yaml`; docs/decisions/012-yaml.md), read into typed values. Every
// finding has file, line and column, as those of keepalived.conf have. What is wrong is left out and said; the rest is read.
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import type { Finding, Severity } from "../config/findings/diagnostic.ts";
import type { Findings } from "../config/findings/findings.ts";
import { didYouMean } from "../config/findings/suggest.ts";
import type { SourceFile, Span } from "../config/text/span.ts";

/** A value of the file and where it stands. */
export interface Value {
  readonly node: Node | null;
  readonly span: Span;
  readonly file: YamlFile;
}

export interface YamlFile {
  report(severity: Severity, span: Span, finding: Finding): void;
  spanOf(node: Node | null, otherwise: Span): Span;
}

/** Reads one value; undefined when it is not what is wanted, and a finding says so. */
export type Reader<T> = (value: Value) => T | undefined;

/** The file's whole content; undefined when it is empty or can't be read at all. */
export function openYaml(source: SourceFile, findings: Findings): Value | undefined {
  const counter = new LineCounter();
  const document = parseDocument(source.text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    version: "1.2",
  });
  const spanAt = (from: number, to: number): Span => {
    const [start, end] = [counter.linePos(from), counter.linePos(Math.max(from, to))];
    const column = (at: { line: number; col: number }) => {
      const line = source.text.slice(
        counter.lineStarts[at.line - 1],
        (counter.lineStarts[at.line - 1] ?? 0) + at.col - 1,
      );
      return [...line].length + 1;
    };
    const first = column(start);
    const last = end.line === start.line ? column(end) : first + 1;
    return { file: source, line: start.line, column: first, endLine: start.line, endColumn: Math.max(first + 1, last) };
  };
  const file: YamlFile = {
    report: (severity, span, finding) => findings.add(severity, span, finding),
    spanOf: (node, otherwise) => (node?.range ? spanAt(node.range[0], node.range[1]) : otherwise),
  };
  for (const { pos, message, code } of document.errors)
    findings.add("error", spanAt(pos[0], pos[1]), {
      code: code === "DUPLICATE_KEY" ? "duplicate-keyword" : "yaml-syntax",
      message:
        code === "DUPLICATE_KEY"
          ? "this key is given twice: the first one counts"
          : (message.split("\n")[0] ?? message),
    });
  const whole = spanAt(0, 0);
  if (document.contents === null) return undefined;
  return { node: document.contents as Node, span: file.spanOf(document.contents as Node, whole), file };
}

export const text: Reader<string> = (value) => {
  const scalar = plain(value);
  if (scalar === undefined || scalar === "") return wrong(value, "a text");
  return scalar;
};

/** YAML 1.2 has `true` and `false`; netplan's users write the words of YAML 1.1 too. */
export const flag: Reader<boolean> = (value) => {
  const word = plain(value)?.toLowerCase();
  if (word !== undefined && ["true", "yes", "on", "y"].includes(word)) return true;
  if (word !== undefined && ["false", "no", "off", "n"].includes(word)) return false;
  return wrong(value, "true or false");
};

export function whole(min: number, max: number): Reader<number> {
  return (value) => {
    const word = plain(value);
    const number = word !== undefined && /^-?(0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
    return number >= min && number <= max ? number : wrong(value, `a number of ${min} to ${max}`);
  };
}

export function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  return (value) => {
    const word = plain(value);
    const found = words.find((candidate) => candidate === word);
    return (
      found ??
      wrong(value, words.length > 6 ? `one of ${words.join(", ")}` : words.join(" or "), didYouMean(word ?? "", words))
    );
  };
}

/** A text that `read` takes, undefined from it says that it is none. `isSecret`: what it is instead is not said. */
export function parsed<T>(expected: string, read: (word: string) => T | undefined, isSecret = false): Reader<T> {
  return (value) => {
    const word = plain(value);
    const result = word === undefined ? undefined : read(word);
    return result ?? wrong(value, expected, undefined, isSecret);
  };
}

export function listOf<T>(item: Reader<T>): Reader<readonly T[]> {
  return (value) => {
    if (!isSeq(value.node)) return wrong(value, "a list, [a, b] or lines that begin with -");
    return value.node.items.map((node) => item(below(value, node as Node | null))).filter((read) => read !== undefined);
  };
}

/** What readers of a block's keys read; a key that is absent is undefined. */
export type Block<R extends Readonly<Record<string, Reader<unknown>>>> = {
  readonly [K in keyof R]: R[K] extends Reader<infer T>
    ? { readonly value: T; readonly span: Span } | undefined
    : never;
};

/**
 * A mapping with known keys.
 * @param unsupported keys that others know and this machine does nothing for, each with the reason
 */
export function block<R extends Readonly<Record<string, Reader<unknown>>>>(
  readers: R,
  unsupported: Readonly<Record<string, string>> = {},
): Reader<Block<R>> {
  return (value) => {
    if (!isMap(value.node)) return wrong(value, "keys with values");
    const read: Record<string, { value: unknown; span: Span }> = {};
    for (const { key, span, content } of entriesOf(value)) {
      const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
      if (reader === undefined) {
        const reason = Object.hasOwn(unsupported, key) ? unsupported[key] : undefined;
        const known = Object.keys(readers);
        value.file.report("error", span, {
          code: reason === undefined ? "unknown-key" : "unsupported-key",
          message: reason === undefined ? `unknown key ${key}` : `${key} does nothing here: ${reason}`,
          ...(known.length > 0 && {
            hint: didYouMean(key, known) ?? `expected ${known.length > 12 ? "one of " : ""}${known.join(", ")}`,
          }),
        });
        continue;
      }
      const result = reader(content);
      if (result !== undefined) read[key] = { value: result, span };
    }
    return read as Block<R>;
  };
}

/** A mapping whose keys are names, in the order of the file. */
export function namedBlocks<T>(item: (name: string, value: Value, span: Span) => T | undefined): Reader<readonly T[]> {
  return (value) => {
    if (isScalar(value.node) && value.node.value === null) return [];
    if (!isMap(value.node)) return wrong(value, "names with keys below them");
    return entriesOf(value)
      .map(({ key, span, content }) => item(key, content, span))
      .filter((read) => read !== undefined);
  };
}

function entriesOf(value: Value): { key: string; span: Span; content: Value }[] {
  if (!isMap(value.node)) return [];
  const seen = new Set<string>();
  return value.node.items.flatMap((pair: Pair) => {
    const keyNode = pair.key as Node | null;
    const span = value.file.spanOf(keyNode, value.span);
    const key = isScalar(keyNode) ? String(keyNode.value ?? "") : "";
    // Of two the first one counts; the library has reported the second.
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ key, span, content: below({ ...value, span }, pair.value as Node | null) }];
  });
}

function below(parent: Value, node: Node | null): Value {
  return { node, span: parent.file.spanOf(node, parent.span), file: parent.file };
}

/** The text of a scalar as it is written, without quotes. */
function plain({ node }: Value): string | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

function wrong(value: Value, expected: string, hint?: string, isSecret = false): undefined {
  const word = plain(value);
  const got = word === undefined ? (isMap(value.node) ? "keys" : isSeq(value.node) ? "a list" : "nothing") : word;
  value.file.report("error", value.span, {
    code: "bad-value",
    message: isSecret ? `expected ${expected}` : `expected ${expected} (got ${got})`,
    ...(hint === undefined ? {} : { hint }),
  });
  return undefined;
}
