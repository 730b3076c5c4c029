// Config core: one mistake, one finding. Most of it is done where a statement is read: what a block lacks because a line of it
// has a mistake is not missing (`attempted` in keywords/keyword.ts). Here is what shows only when all findings are known:
// a keyword that is missing because it stands elsewhere, a name that is undefined because its block was left out.
import type { Code } from "../findings/codes.ts";
import type { Diagnostic } from "../findings/diagnostic.ts";
import { heldName } from "../keywords/homes.ts";
import type { Span } from "../text/span.ts";
import type { Statement, Tree } from "../text/tree.ts";

/**
 * The findings of binding without those that follow from others.
 * @param earlier what reading and parsing found in the same configuration
 */
export function withoutConsequences(
  all: readonly Diagnostic[],
  earlier: readonly Diagnostic[],
  tree: Tree,
): readonly Diagnostic[] {
  if (all.length === 0 || all.length + earlier.length < 2) return all;
  const left = withoutExcused(all, earlier, tree);
  if (!all.some(isError) || left.some(isError) || earlier.some(isError)) return left;
  // A warning may explain an error, but not hide that there is one: a word too many then is the error.
  if (!left.some(({ code }) => code === "extra-words")) return all;
  return left.map((one) => (one.code === "extra-words" ? { ...one, severity: "error" } : one));
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function withoutExcused(all: readonly Diagnostic[], earlier: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const own = oncePerName(withoutRestOfLines(withoutTwiceWrong(all)));
  const excused = new Set<Diagnostic>([
    ...missingElsewhere(own),
    ...missingBelow(own, earlier, tree),
    ...leftOutNames(own, tree),
    ...unusedForNow(own, earlier),
    ...ofAnotherVersion(own, earlier, tree),
    ...ofUnknownLines(own, tree),
    ...ofWrongWeights(own, tree),
  ]);
  return excused.size === 0 ? own : own.filter((diagnostic) => !excused.has(diagnostic));
}

/** Further findings of each kind are reported, but their consequences are not looked for. */
const MAX_COMPARED = 100;

/** What is said of the value that stands in for a wrong word is not the word's mistake. */
function withoutTwiceWrong(all: readonly Diagnostic[]): readonly Diagnostic[] {
  const wrong = new Set(
    withCode(all, "bad-value").flatMap(({ span }) => (span ? [`${span.line} ${span.file.name}`] : [])),
  );
  if (wrong.size === 0) return all;
  return all.filter(({ code, span }) => code !== "clamped" || !span || !wrong.has(`${span.line} ${span.file.name}`));
}

/** Behind a word that a line does not know the others make no sense either, and what it should have said is missing. */
function withoutRestOfLines(all: readonly Diagnostic[]): readonly Diagnostic[] {
  const strange = new Set<string>();
  const unknown = new Map<string, number>();
  const key = ({ file, line }: Span) => `${line} ${file.name}`;
  for (const { code, span } of all) {
    if (!span || !STRANGE_WORDS.has(code)) continue;
    strange.add(key(span));
    if (code === "unknown-word") unknown.set(key(span), Math.min(unknown.get(key(span)) ?? span.column, span.column));
  }
  if (strange.size === 0) return all;
  return all.filter(({ code, span }) => {
    if (!span || !strange.has(key(span))) return true;
    return STRANGE_WORDS.has(code) ? span.column <= (unknown.get(key(span)) ?? span.column) : !REST_OF_LINE.has(code);
  });
}

const STRANGE_WORDS: ReadonlySet<Code> = new Set(["unknown-word", "extra-words", "duplicate-keyword"]);
const REST_OF_LINE: ReadonlySet<Code> = new Set(["missing-value", "missing-keyword", "undefined-reference"]);

/** A name that is defined nowhere is one mistake, however often it stands. */
function oncePerName(all: readonly Diagnostic[]): readonly Diagnostic[] {
  const undefinedOnes = withCode(all, "undefined-reference");
  if (undefinedOnes.length < 2) return all;
  const first = new Map<string, Diagnostic>();
  const others = new Map<Diagnostic, Diagnostic[]>();
  for (const diagnostic of undefinedOnes) {
    const { about } = diagnostic;
    if (about?.kind !== "undefined") continue;
    const key = `${about.block} ${about.name}`;
    const before = first.get(key);
    if (before) others.set(before, [...(others.get(before) ?? []), diagnostic]);
    else first.set(key, diagnostic);
  }
  const repeated = new Set([...others.values()].flat());
  return all.flatMap((diagnostic) => {
    const also = others.get(diagnostic);
    if (!also) return repeated.has(diagnostic) ? [] : [diagnostic];
    const places = also.flatMap(({ span }) => (span ? [{ span, message: "it is named here too" }] : []));
    const severity = also.some(isError) ? "error" : diagnostic.severity;
    return [{ ...diagnostic, severity, related: [...(diagnostic.related ?? []), ...places] }];
  });
}

/** A block lacks something, or takes a default in its place. */
const LACKS: ReadonlySet<Code> = new Set(["missing-keyword", "no-address", "no-real-server", "port-reset"]);

/** A keyword in a wrong block, or an address outside of every block, is what the nearest block lacks. */
function missingElsewhere(all: readonly Diagnostic[]): readonly Diagnostic[] {
  const lacking = all.filter(({ code }) => LACKS.has(code)).slice(0, MAX_COMPARED);
  if (lacking.length === 0) return [];
  const strays = [...withCode(all, "misplaced-keyword"), ...withCode(all, "unknown-keyword")];
  return strays.flatMap(({ span, code }) => {
    if (!span) return [];
    const text = textOf(span);
    const isAddress = /^[\da-fA-F.:]+(\/\d+)?$/.test(text) && /[.:]/.test(text);
    if (code === "unknown-keyword" && !isAddress) return [];
    const keyword = isAddress ? "virtual_ipaddress" : heldName(text);
    const near = lacking.filter((one) => one.span?.file === span.file && lacks(one, keyword));
    return near.toSorted((a, b) => distance(a, span) - distance(b, span)).slice(0, 1);
  });
}

function distance({ span }: Diagnostic, place: Span): number {
  return span ? Math.abs(span.line - place.line) : Number.POSITIVE_INFINITY;
}

/** A block whose lines could not all be read does not lack what may have stood there. */
function missingBelow(all: readonly Diagnostic[], earlier: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const unread = earlier.filter(({ code }) => UNREAD.has(code)).slice(0, MAX_COMPARED);
  if (unread.length === 0) return [];
  return all
    .filter(({ code }) => LACKS.has(code))
    .slice(0, MAX_COMPARED)
    .filter(({ span }) => {
      const block = span && statementAt(tree.statements, span)?.block;
      return block !== undefined && unread.some((one) => one.span && isInside(one.span, block));
    });
}

/** Findings that stand for lines of which nothing came. */
const UNREAD: ReadonlySet<Code> = new Set([
  "bad-loop",
  "brace-not-expected",
  "condition-in-macro",
  "extra-brace",
  "include-loop",
  "include-missing",
  "include-unreadable",
  "include-without-name",
  "macro-loop",
  "text-after-macro",
  "undefined-macro",
]);

/** Nobody has to be told that there is no vrrp_instance VI_1 when its block is there and was left out for a mistake of its own. */
function leftOutNames(all: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const undefinedOnes = withCode(all, "undefined-reference");
  if (undefinedOnes.length === 0) return [];
  const misspelt = withCode(all, "unknown-keyword").flatMap(({ span }) => (span ? [span] : []));
  const blocks = tree.statements.filter(({ block }) => block);
  return undefinedOnes.filter((diagnostic) => {
    const { about } = diagnostic;
    if (about?.kind !== "undefined") return false;
    const { block: kind, name } = about;
    return blocks.some(({ words }) => {
      const [keyword, ...rest] = words;
      if (keyword.text === kind || keyword.text === `vrrp_${kind}`)
        return rest.length === 0 || rest.some(({ text }) => text === name);
      return words.some(({ text }) => text === name) && misspelt.some((place) => isAt(keyword, place));
    });
  });
}

/** What is used shows only when everything is understood: the line that names it may be the one with the mistake. */
function unusedForNow(all: readonly Diagnostic[], earlier: readonly Diagnostic[]): readonly Diagnostic[] {
  const understood = [...all, ...earlier].every(({ severity, code }) => severity !== "error" && !ODD_NAMES.has(code));
  return understood ? [] : withCode(all, "unused-definition");
}

/** Warnings about names. */
const ODD_NAMES: ReadonlySet<Code> = new Set(["extra-words", "undefined-reference"]);

/** An interval is rounded for version 2 only because `vrrp_version` has a mistake, or the `global_defs` around it. */
function ofAnotherVersion(
  all: readonly Diagnostic[],
  earlier: readonly Diagnostic[],
  tree: Tree,
): readonly Diagnostic[] {
  const rounded = withCode(all, "rounded");
  if (rounded.length === 0) return [];
  const globals = tree.statements.filter(({ words }) => words[0].text === "global_defs");
  const broken = [...all, ...earlier].some(({ code, severity, span, about }) => {
    if (severity !== "error" || !span || code === "rounded") return false;
    if (code === "brace-not-expected" || (about?.kind === "near" && about.keyword === "global_defs")) return true;
    return globals.some(({ block }) => block && isInside(span, block));
  });
  return broken ? rounded : [];
}

/** What a setting needs to have an effect may stand in the very line of its block that was not understood. */
function ofUnknownLines(all: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const unknown = withCode(all, "unknown-keyword").flatMap(({ span }) => (span ? [span] : []));
  if (unknown.length === 0) return [];
  const blocks = tree.statements.flatMap(({ block }) =>
    block && unknown.some((place) => isInside(place, block)) ? [block] : [],
  );
  return withCode(all, "without-effect").filter(({ span }) => span && blocks.some((block) => isInside(span, block)));
}

/** A quorum is too high only because a real server of its block has a wrong weight. */
function ofWrongWeights(all: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const high = [...withCode(all, "quorum-too-high"), ...withCode(all, "hysteresis-too-high")];
  if (high.length === 0) return [];
  const wrong = withCode(all, "bad-value").flatMap(({ span, about }) =>
    span && about?.kind === "value" && about.keyword === "weight" ? [span] : [],
  );
  const blocks = tree.statements.flatMap(({ block }) =>
    block && wrong.some((place) => isInside(place, block)) ? [block] : [],
  );
  return high.filter(({ span }) => span && blocks.some((block) => isInside(span, block)));
}

function withCode(all: readonly Diagnostic[], code: Code): readonly Diagnostic[] {
  return all.filter((diagnostic) => diagnostic.code === code).slice(0, MAX_COMPARED);
}

function textOf({ file, line, column, endColumn }: Span): string {
  const text = [...(file.text.split("\n", line)[line - 1] ?? "")].slice(column - 1, endColumn - 1).join("");
  return text.replaceAll('"', "");
}

function lacks({ about }: Diagnostic, keyword: string): boolean {
  return about?.kind === "lacks" && about.keywords.includes(keyword);
}

/** The statement whose words begin on the line of a span. */
function statementAt(statements: readonly Statement[], span: Span): Statement | undefined {
  for (const statement of statements) {
    const own = statement.words[0].span;
    if (own.line === span.line && own.file === span.file) return statement;
    const inner = statement.block && statementAt(statement.block.statements, span);
    if (inner) return inner;
  }
  return undefined;
}

function isInside(place: Span, { open, close }: NonNullable<Statement["block"]>): boolean {
  return place.file === open.file && place.line >= open.line && (close === undefined || place.line <= close.line);
}

function isAt({ span }: { readonly span: Span }, place: Span): boolean {
  return span.file === place.file && span.line === place.line && span.column === place.column;
}
