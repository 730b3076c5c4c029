// Config core: opens the files of a configuration: by name, by include, within the limits, with findings about what can't be
// read. What their lines mean is expand.ts.

import type { Severity } from "../findings/diagnostic.ts";
import { decodeText, type TextFlaw } from "../text/decode.ts";
import { commentStart } from "../text/lexer.ts";
import { MAX_FILE_BYTES, MAX_FILES, MAX_INCLUDE_DEPTH, MAX_TOTAL_BYTES } from "../text/limits.ts";
import { type LinePart, lineStart, partSpan, partText, SourceText } from "../text/source.ts";
import type { Span } from "../text/span.ts";
import {
  type ConfigFiles,
  directoryOf,
  type FileError,
  type IncludeGap,
  type IncludeMatch,
  type IncludeRule,
  joinPath,
  matchInclude,
  nearestFile,
  whyUnreadable,
} from "./include.ts";
import type { Findings } from "./reading.ts";

/** A file that was read. */
export interface OpenedFile {
  readonly source: SourceText;
  /** Absolute and without symbolic links. */
  readonly resolved: string;
  /** As the name was given: what includes in it are relative to. */
  readonly directory: string;
}

export class SourceReader {
  readonly #files: ConfigFiles;
  readonly #findings: Findings;
  readonly #cut: (at: Span, what: string) => void;
  readonly #sources: SourceText[] = [];
  #totalBytes = 0;
  #unreadable = false;

  /** @param cut ends the reading because a limit is passed */
  constructor(files: ConfigFiles, findings: Findings, cut: (at: Span, what: string) => void) {
    this.#files = files;
    this.#findings = findings;
    this.#cut = cut;
  }

  /** All files in the order they were opened. */
  get sources(): readonly SourceText[] {
    return this.#sources;
  }

  /** A file that was asked for by name could not be read. */
  get unreadable(): boolean {
    return this.#unreadable;
  }

  /** The files that a name or pattern of the command line stands for. */
  mainPaths(pattern: string): readonly string[] {
    if (this.#files.exists(pattern)) return [pattern];
    const { paths } = matchInclude(pattern, "", this.#files);
    if (paths.length === 0) this.#refuseMain(pattern, { kind: "missing" });
    return paths;
  }

  openMain(path: string): OpenedFile | undefined {
    const bytes = this.#read(path);
    if (bytes.ok) return this.#open(path, bytes.value, undefined);
    this.#refuseMain(path, bytes.error);
    return undefined;
  }

  /** The files of an include line; gaps that its rule does not forgive silently are reported. */
  match(name: LinePart, directory: string, rule: IncludeRule): readonly string[] {
    const found = matchInclude(partText(name), directory, this.#files);
    if (found.tooMany)
      this.#findings.error("limit-exceeded", name, "the braces of this pattern stand for too many names");
    this.#reportGaps(name, directory, found, rule);
    return found.paths;
  }

  /** @param around the files that are open, outermost first */
  openIncluded(path: string, from: Span, rule: IncludeRule, around: readonly OpenedFile[]): OpenedFile | undefined {
    const resolved = this.#files.resolve(path);
    const again = around.find((other) => other.resolved === resolved);
    if (again) {
      const itself = again === around[around.length - 1];
      const message = itself ? "the file includes itself" : `${path} is open already: the files include each other`;
      this.#findings.add({
        severity: "error",
        code: "include-loop",
        span: from,
        message,
        hint: "take this include away",
      });
    } else if (around.length >= MAX_INCLUDE_DEPTH)
      this.#cut(from, `${MAX_INCLUDE_DEPTH} files that include each other`);
    else if (this.#sources.length >= MAX_FILES) this.#cut(from, `${MAX_FILES} files`);
    else {
      const bytes = this.#read(path);
      if (bytes.ok) return this.#open(path, bytes.value, from);
      if (bytes.error.kind === "too-large") this.#cut(from, `${MAX_TOTAL_BYTES} bytes`);
      else this.#refuseIncluded(path, from, bytes.error, rule.read ? "error" : "warning");
    }
    return undefined;
  }

  #read(path: string): ReturnType<ConfigFiles["read"]> {
    const read = this.#files.read(path, Math.min(MAX_FILE_BYTES, MAX_TOTAL_BYTES - this.#totalBytes));
    if (read.ok) this.#totalBytes += read.value.byteLength;
    return read;
  }

  #open(name: string, bytes: Uint8Array, includedFrom: Span | undefined): OpenedFile {
    const { text, wide, flaws } = decodeText(bytes);
    const source = new SourceText(name, text, includedFrom, wide);
    this.#sources.push(source);
    for (const flaw of flaws) this.#reportFlaw(source, flaw);
    return { source, resolved: this.#files.resolve(name), directory: directoryOf(name) };
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

  #refuseIncluded(path: string, from: Span, error: FileError, severity: Severity): void {
    this.#findings.add({
      severity,
      code: "include-unreadable",
      span: from,
      message: `can't read ${path}: ${whyUnreadable(error)}`,
      hint: "only regular files without execute permission are included",
    });
  }

  #reportFlaw(source: SourceText, flaw: TextFlaw): void {
    const first = { place: source, from: 0, to: 0, line: 1 };
    switch (flaw.kind) {
      case "utf-16":
        this.#findings.error("utf-16-file", first, `the file is ${flaw.encoding}`, "save it as UTF-8");
        return;
      case "byte-order-mark":
        this.#findings.warn("byte-order-mark", first, "the file begins with a byte order mark", "save it without one");
        return;
      case "nul": {
        const at = { place: source, from: flaw.offset, to: flaw.offset, line: flaw.line };
        this.#findings.error("nul-byte", at, "a NUL byte stands in this line", "the file is damaged or no text");
        return;
      }
      case "invalid": {
        const at = { place: source, from: flaw.offset, to: flaw.offset + 1, line: flaw.line };
        const inComment = commentStart(source.text, lineStart(source.text, flaw.offset), flaw.offset).end < flaw.offset;
        if (!inComment)
          this.#findings.warn("invalid-utf-8", at, "bytes that are no UTF-8 text", "save the file as UTF-8");
      }
    }
  }

  #reportGaps(name: LinePart, directory: string, found: IncludeMatch, rule: IncludeRule): void {
    const told = found.gaps.filter((gap) => gap.kind !== "wildcard" || rule.wildcardMatch);
    const first = told[0];
    if (!first) return;
    const strict = {
      plain: rule.match,
      wildcard: rule.wildcardMatch,
      directory: rule.wildcardMatch,
      brace: rule.braceMatch,
    };
    const names = told.slice(0, MAX_NAMES_SHOWN).map((gap) => gap.name);
    const hint = this.#gapHint(partText(name), directory, first);
    this.#findings.add({
      severity: strict[first.kind] ? "error" : "warning",
      code: "include-missing",
      span: partSpan(name),
      message: `${first.kind === "plain" ? "no such file" : "nothing matches"} (${names.join(", ")})`,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #gapHint(pattern: string, directory: string, gap: IncludeGap): string | undefined {
    if (/^["'].*["']$/.test(pattern)) return `the quotes are taken as part of the name: write ${pattern.slice(1, -1)}`;
    if (gap.kind !== "plain") return undefined;
    const path = joinPath(directory, gap.name);
    const near = nearestFile(path, this.#files);
    if (near !== undefined) return `did you mean ${near}?`;
    return `names are relative to the including file (looked for ${path})`;
  }
}

const MAX_NAMES_SHOWN = 5;
