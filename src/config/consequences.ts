// Config core: one mistake, one finding: what is missing only because its name is misspelt is not reported as missing.
import type { Diagnostic } from "./diagnostic.ts";
import type { Span } from "./span.ts";
import type { Statement, Tree } from "./tree.ts";

/**
 * Findings whose keyword stands misspelt in the same block are left out, and references to what a misspelt block defines:
 * the misspelt word has its own finding.
 */
export function withoutConsequences(all: readonly Diagnostic[], tree: Tree): readonly Diagnostic[] {
  const diagnostics = firstUnknownWords(all);
  const misspelt = diagnostics.filter(({ code }) => code === "unknown-keyword").slice(0, MAX_COMPARED);
  if (misspelt.length === 0) return diagnostics;
  const names = namesIn(tree, misspelt);
  return diagnostics.filter((diagnostic) => {
    const { span } = diagnostic;
    if (!span || diagnostic.code === "unknown-keyword") return true;
    if (diagnostic.code === "undefined-reference" && names.has(textOf(span))) return false;
    const meant = misspelt.flatMap((other) => {
      const word = /^did you mean (\S+)\?$/.exec(other.hint ?? "")?.[1];
      return word !== undefined && other.span && speaksOf(diagnostic, word) ? [other.span] : [];
    });
    if (meant.length === 0) return true;
    const block = statementAt(tree.statements, span)?.block;
    return !block?.statements.some((statement) => meant.some((place) => isAt(statement, place)));
  });
}

/** Behind a misspelt option its value is an unknown word too: only the first one of a line is told. */
function firstUnknownWords(all: readonly Diagnostic[]): readonly Diagnostic[] {
  const first = new Map<string, number>();
  const unknown = all.flatMap(({ code, span }) => (code === "unknown-word" && span ? [span] : []));
  if (unknown.length < 2) return all;
  const key = ({ file, line }: Span) => `${line} ${file.name}`;
  for (const span of unknown) first.set(key(span), Math.min(first.get(key(span)) ?? span.column, span.column));
  return all.filter(({ code, span }) => code !== "unknown-word" || !span || first.get(key(span)) === span.column);
}

/** Further misspelt words are reported, but their consequences are not looked for. */
const MAX_COMPARED = 100;

/** Names that stand behind misspelt words of the top level. */
function namesIn(tree: Tree, misspelt: readonly Diagnostic[]): ReadonlySet<string> {
  const places = misspelt.flatMap(({ span }) => (span ? [span] : []));
  const own = tree.statements.filter((statement) => statement.block && places.some((place) => isAt(statement, place)));
  return new Set(own.flatMap(({ words }) => (words[1] ? [words[1].text] : [])));
}

function textOf({ file, line, column, endColumn }: Span): string {
  const text = [...(file.text.split("\n", line)[line - 1] ?? "")].slice(column - 1, endColumn - 1).join("");
  return text.replaceAll('"', "");
}

function speaksOf({ message, hint }: Diagnostic, word: string): boolean {
  return `${message} ${hint ?? ""}`.split(/[^A-Za-z0-9_]+/).includes(word);
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

function isAt(statement: Statement, place: Span): boolean {
  const { file, line, column } = statement.words[0].span;
  return file === place.file && line === place.line && column === place.column;
}
