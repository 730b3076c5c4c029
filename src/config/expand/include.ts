// Config core: includes (language.md §10): which file names a pattern stands for, and which gaps each word forgives.
// Files are seen through a port, so that reading stays pure.
import type { Decoded } from "../../base/result.ts";
import { nearest } from "../findings/suggest.ts";
import { MAX_ALTERNATIVES } from "../text/limits.ts";

export type FileError =
  | { readonly kind: "missing" }
  /** `what`: a directory, a FIFO, a device, an executable file … */
  | { readonly kind: "not-a-file"; readonly what: string }
  | { readonly kind: "unreadable"; readonly reason: string }
  | { readonly kind: "too-large"; readonly bytes: number };

/** The files that a configuration may be read from. Nothing here may block. */
export interface ConfigFiles {
  /** Content of a regular, not executable file of at most `maxBytes`. */
  read(path: string, maxBytes: number): Decoded<Uint8Array, FileError>;
  /** Names in a directory, unsorted, without `.` and `..`; undefined when it can't be listed. */
  list(directory: string): readonly string[] | undefined;
  /** Something is there, of any kind. */
  exists(path: string): boolean;
  /** The absolute path without symbolic links, which makes two names of one file equal; `path` itself when it is not there. */
  resolve(path: string): string;
}

/** Why a file is not read, for a message. */
export function whyUnreadable(error: FileError): string {
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

/** Gaps that are errors. */
export interface IncludeRule {
  readonly read: boolean;
  readonly match: boolean;
  readonly wildcardMatch: boolean;
  readonly braceMatch: boolean;
}

const NONE: IncludeRule = { read: false, match: false, wildcardMatch: false, braceMatch: false };
export const ALL: IncludeRule = { read: true, match: true, wildcardMatch: true, braceMatch: true };

/** What each word demands; plain `include` demands what `include_check` said last. */
export const INCLUDE_RULES: Readonly<Record<string, IncludeRule>> = {
  include: NONE,
  includer: { ...NONE, read: true },
  includem: { ...NONE, read: true, match: true },
  includew: { ...NONE, read: true, match: true, wildcardMatch: true },
  includeb: { ...NONE, read: true, braceMatch: true },
  includea: ALL,
};

const CHECK_WORDS: Readonly<Record<string, keyof IncludeRule>> = {
  read: "read",
  match: "match",
  wildcard_match: "wildcardMatch",
  brace_match: "braceMatch",
};

/** The rule after `include_check WORD …`. Wrong words are left out here; binding reports them. */
export function includeCheck(before: IncludeRule, words: readonly string[]): IncludeRule {
  if (words.length === 0) return ALL;
  let rule: IncludeRule = before;
  for (const [index, word] of words.entries()) {
    const sign = /^[+-]/.test(word) ? word.charAt(0) : "";
    const name = CHECK_WORDS[sign ? word.slice(1) : word];
    if (!name || (!sign && index > 0)) continue;
    if (sign === "") rule = { ...NONE, read: true, [name]: true };
    else rule = { ...rule, [name]: sign === "+" };
  }
  return rule;
}

export type IncludeGap =
  | { readonly kind: "plain" | "wildcard"; readonly name: string }
  | { readonly kind: "directory"; readonly name: string }
  | { readonly kind: "brace"; readonly name: string };

export interface IncludeMatch {
  /** Paths in the order they are read. */
  readonly paths: readonly string[];
  readonly gaps: readonly IncludeGap[];
  /** More alternatives than are looked at. */
  readonly tooMany: boolean;
}

/** The files of a pattern. @param directory the including file's, as its name was given; "" for the current one */
export function matchInclude(pattern: string, directory: string, files: ConfigFiles): IncludeMatch {
  const alternatives = braceAlternatives(pattern, MAX_ALTERNATIVES);
  const paths: string[] = [];
  const gaps: IncludeGap[] = [];
  for (const name of alternatives.slice(0, MAX_ALTERNATIVES)) {
    const path = joinPath(directory, name);
    const wild = hasWildcard(path);
    const found = wild ? globPaths(path, files) : files.exists(path) ? [path] : [];
    paths.push(...found);
    if (found.length > 0) continue;
    if (alternatives.length > 1) gaps.push({ kind: "brace", name });
    else if (!wild) gaps.push({ kind: "plain", name });
    else gaps.push({ kind: files.exists(plainDirectory(path)) ? "wildcard" : "directory", name });
  }
  return { paths, gaps, tooMany: alternatives.length > MAX_ALTERNATIVES };
}

/** Directory part of a path, "" when it has none. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : slash === 0 ? "/" : path.slice(0, slash);
}

/** A name as seen from a directory. */
export function joinPath(directory: string, name: string): string {
  if (directory === "" || name.startsWith("/")) return name;
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** The name nearest to a missing one in its directory. */
export function nearestFile(path: string, files: ConfigFiles): string | undefined {
  const directory = directoryOf(path);
  const names = files.list(directory === "" ? "." : directory) ?? [];
  const near = nearest(path.slice(path.lastIndexOf("/") + 1), names.slice(0, 10_000));
  return near === undefined ? undefined : joinPath(directory, near);
}

/** `a{b,c}d` gives `abd`, `acd`, in order, nested ones too. Stops soon after `max`. */
export function braceAlternatives(pattern: string, max: number): string[] {
  const done: string[] = [];
  const open = [pattern];
  while (open.length > 0 && done.length <= max) {
    const next = open.pop() ?? "";
    const group = firstBraces(next);
    if (!group) {
      done.push(next);
      continue;
    }
    const before = next.slice(0, group.from);
    const after = next.slice(group.to);
    for (const part of group.parts.toReversed()) open.push(before + part + after);
    // Every open pattern becomes at least one name.
    if (open.length > max) break;
  }
  return [...done, ...open.toReversed()];
}

function firstBraces(pattern: string): { from: number; to: number; parts: string[] } | undefined {
  const from = pattern.indexOf("{");
  if (from < 0 || pattern.slice(from, from + 2) === "{}") return undefined;
  const parts: string[] = [];
  let depth = 0;
  let start = from + 1;
  for (let at = from; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "{") depth++;
    else if (char === "," && depth === 1) {
      parts.push(pattern.slice(start, at));
      start = at + 1;
    } else if (char === "}" && --depth === 0) {
      parts.push(pattern.slice(start, at));
      return { from, to: at + 1, parts };
    }
  }
  return undefined;
}

function hasWildcard(path: string): boolean {
  return /[*?[]/.test(path);
}

/** The directory above the first component with a wildcard. */
function plainDirectory(path: string): string {
  const parts = path.split("/");
  const wild = parts.findIndex(hasWildcard);
  const directory = parts.slice(0, wild).join("/");
  return directory === "" ? (path.startsWith("/") ? "/" : ".") : directory;
}

const MAX_MATCHES = 10_000;

/** Paths that match a pattern with `*`, `?` and `[…]`, sorted as glob(3) does in the C locale. */
function globPaths(pattern: string, files: ConfigFiles): string[] {
  let found = [pattern.startsWith("/") ? "/" : ""];
  for (const part of pattern.split("/").filter(Boolean)) {
    const next: string[] = [];
    for (const directory of found) {
      if (!hasWildcard(part)) {
        const path = joinPath(directory, part);
        if (files.exists(path)) next.push(path);
        continue;
      }
      const names = (files.list(directory === "" ? "." : directory) ?? []).filter((name) =>
        matchesWildcard(name, part),
      );
      for (const name of names.toSorted()) if (next.length < MAX_MATCHES) next.push(joinPath(directory, name));
    }
    found = next;
  }
  return found;
}

/** fnmatch(3) for one component: a leading dot is only matched by a dot. Takes time in proportion to name × pattern. */
export function matchesWildcard(name: string, pattern: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  let at = 0;
  let p = 0;
  let starAt = -1;
  let starName = 0;
  while (at < name.length) {
    if (pattern.charAt(p) === "*") {
      starAt = p++;
      starName = at;
      continue;
    }
    const next = matchOne(name.charAt(at), pattern, p);
    if (next !== undefined) {
      at++;
      p = next;
    } else if (starAt >= 0) {
      p = starAt + 1;
      at = ++starName;
    } else return false;
  }
  while (pattern.charAt(p) === "*") p++;
  return p === pattern.length;
}

/** Offset behind the pattern's element when it matches the character. */
function matchOne(char: string, pattern: string, p: number): number | undefined {
  const element = pattern.charAt(p);
  if (element === "?") return p + 1;
  if (element === "[") {
    const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(pattern.slice(p));
    if (set) return inSet(char, set[2] ?? "") !== (set[1] !== "") ? p + set[0].length : undefined;
  }
  if (element === "\\" && p + 1 < pattern.length) return pattern.charAt(p + 1) === char ? p + 2 : undefined;
  return element === char && element !== "" ? p + 1 : undefined;
}

function inSet(char: string, set: string): boolean {
  for (let i = 0; i < set.length; i++) {
    if (set.charAt(i + 1) === "-" && i + 2 < set.length) {
      if (char >= set.charAt(i) && char <= set.charAt(i + 2)) return true;
      i += 2;
    } else if (set.charAt(i) === char) return true;
  }
  return false;
}
