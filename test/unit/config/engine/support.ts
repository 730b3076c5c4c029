// Helpers for tests of the language's engine: files in memory, and trees and findings as short lines of text.
import { type ExpandOptions, readConfig } from "../../../../src/config/expand/expand.ts";
import type { ConfigFiles } from "../../../../src/config/expand/include.ts";
import { arrange } from "../../../../src/config/findings/render.ts";
import { VOCABULARY } from "../../../../src/config/keywords/homes.ts";
import { parseConfig } from "../../../../src/config/parse/parser.ts";
import type { Statement } from "../../../../src/config/text/tree.ts";

/** What a name stands for: its content, or what it is instead of a file. */
export type MemoryFile = string | Uint8Array | { readonly what: string } | { readonly denied: string };

/** Files by absolute or relative name; directories are there by what stands in them. */
export function memoryFiles(content: Readonly<Record<string, MemoryFile>>): ConfigFiles {
  const names = Object.keys(content);
  const inside = (directory: string) => {
    const prefix = directory === "." ? "" : directory.endsWith("/") ? directory : `${directory}/`;
    const below = names.filter((name) => name.startsWith(prefix) && (prefix !== "" || !name.startsWith("/")));
    return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))];
  };
  return {
    read(path, maxBytes) {
      const file = Object.hasOwn(content, path) ? content[path] : undefined;
      if (file === undefined) {
        if (inside(path).length > 0) return { ok: false, error: { kind: "not-a-file", what: "a directory" } };
        return { ok: false, error: { kind: "missing" } };
      }
      if (typeof file === "object" && "what" in file)
        return { ok: false, error: { kind: "not-a-file", what: file.what } };
      if (typeof file === "object" && "denied" in file)
        return { ok: false, error: { kind: "unreadable", reason: file.denied } };
      const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
      if (bytes.byteLength > maxBytes) return { ok: false, error: { kind: "too-large", bytes: bytes.byteLength } };
      return { ok: true, value: bytes };
    },
    list: (directory) => (inside(directory).length > 0 ? inside(directory) : undefined),
    exists: (path) => Object.hasOwn(content, path) || inside(path).length > 0,
    resolve: (path) => (path.startsWith("/") ? path : path === "." ? "/cwd" : `/cwd/${path}`),
  };
}

export interface Read {
  /** Statements, one a line, words joined by `·`, quoted words in quotes, blocks indented. */
  readonly tree: string;
  /** `LINE:COLUMN severity code`, in order; lines of included files have the file's name in front. */
  readonly findings: readonly string[];
  readonly statements: readonly Statement[];
  readonly diagnostics: ReturnType<typeof arrange>;
}

export interface ReadOptions extends Partial<ExpandOptions> {
  readonly files?: Readonly<Record<string, MemoryFile>>;
}

/** Reads and parses a text as `main.conf`. */
export function read(text: MemoryFile, options: ReadOptions = {}): Read {
  const { files, ...rest } = options;
  const reading = readConfig(["main.conf"], memoryFiles({ ...files, "main.conf": text }), {
    configId: "main",
    env: {},
    random: () => 0,
    allConfig: false,
    ...rest,
  });
  const { statements } = parseConfig(reading, VOCABULARY);
  const diagnostics = arrange(reading.findings.list, reading.files);
  const findings = diagnostics.map(({ span, severity, code }) => {
    if (!span) return `${severity} ${code}`;
    const file = span.file.name === "main.conf" ? "" : `${span.file.name}:`;
    return `${file}${span.line}:${span.column} ${severity} ${code}`;
  });
  return { tree: treeText(statements), findings, statements, diagnostics };
}

export function treeText(statements: readonly Statement[], indent = ""): string {
  return statements
    .map((statement) => {
      const words = statement.words.map((word) => (word.quoted ? `"${word.text}"` : word.text)).join("·");
      const { block } = statement;
      if (!block) return `${indent}${words}`;
      const inner = treeText(block.statements, `${indent}  `);
      return `${indent}${words} {${inner === "" ? "" : `\n${inner}`}`;
    })
    .join("\n");
}

/** The part of the source that a span covers. */
export function spanned(text: string, span: { line: number; column: number; endColumn: number }): string {
  return [...(text.split("\n")[span.line - 1] ?? "")].slice(span.column - 1, span.endColumn - 1).join("");
}
