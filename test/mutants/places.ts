// Where a file can be changed so that it still compiles and says something else: one rule for each kind of fault. Texts for people don't
// count, nor does what a thrown error says or what can't be reached.
import { type Node, NodeFlags, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import * as is from "typescript/unstable/ast/is";

export interface Mutation {
  readonly file: string;
  readonly line: number;
  /** Kind of fault, as OPERATORS has them. */
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** What a rule may do with a node: `[from, to, text instead]`, each of them a mutant. */
type Change = readonly [start: number, end: number, replacement: string];

/** Properties that hold texts for people. */
const TEXTS = new Set(["message", "hint", "doc", "title", "detail", "summary", "description", "help", "usage"]);

/** An operator and what it is turned into. */
const BOUNDARY: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const TURNED: Readonly<Record<string, string>> = {
  ...{ "<": ">=", "<=": ">", ">": "<=", ">=": "<", "===": "!==", "!==": "===" },
};
const ARITHMETIC: Readonly<Record<string, string>> = {
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "<<": ">>", ">>": "<<", ">>>": "<<", "&": "|", "|": "&" },
  ...{ "+=": "-=", "-=": "+=", "|=": "&=" },
};
const LOGIC: Readonly<Record<string, string>> = { "&&": "||", "||": "&&" };

/** The kinds of faults. What a rule proposes is tried by the type checker before it counts. */
const OPERATORS: Readonly<Record<string, (node: Node) => readonly Change[]>> = {
  boundary: (node) => operatorChange(node, BOUNDARY),
  comparison: (node) => operatorChange(node, TURNED),
  arithmetic: (node) => operatorChange(node, ARITHMETIC),
  "and/or": (node) => operatorChange(node, LOGIC),
  fallback(node) {
    if (!is.isBinaryExpression(node) || node.operatorToken.kind !== SyntaxKind.QuestionQuestionToken) return [];
    // Behind a place in a list: the compiler wants it (noUncheckedIndexedAccess), where the length is known it means nothing.
    if (/\[(at|i|\d+|[^[\]]+ [+*-] [^[\]]+)\]$/.test(node.left.getText())) return [];
    return [[node.getStart(), node.end, `(${node.left.getText()})!`]];
  },
  condition(node) {
    if (is.isIfStatement(node) || is.isWhileStatement(node)) return [negated(node.expression)];
    return is.isConditionalExpression(node) ? [negated(node.condition)] : [];
  },
  number(node) {
    if (!is.isNumericLiteral(node)) return [];
    const value = Number(node.text);
    const instead = Number.isInteger(value) ? [value + 1, value - 1, 0] : [value * 2, 0];
    const others = [...new Set(instead)].filter((other) => other !== value);
    return others.map((other) => whole(node, other < 0 ? `(${other})` : String(other)));
  },
  boolean(node) {
    if (node.kind === SyntaxKind.TrueKeyword) return [whole(node, "false")];
    return node.kind === SyntaxKind.FalseKeyword ? [whole(node, "true")] : [];
  },
  word(node) {
    // A name for machines: what holds a blank is a text.
    if (!is.isStringLiteral(node) || !/^[\w.:/-]+$/.test(node.text)) return [];
    return [whole(node, JSON.stringify(`${node.text}x`))];
  },
  call(node) {
    if (!is.isExpressionStatement(node) || !isCall(node.expression)) return [];
    return [whole(node, ";")];
  },
  assignment(node) {
    if (!is.isExpressionStatement(node) || !isAssignment(node.expression)) return [];
    return [whole(node, ";")];
  },
  exit(node) {
    // Early: something follows it, so it stands in a branch.
    if (!isExit(node) || !isInBranch(node)) return [];
    return [whole(node, ";")];
  },
  order(node) {
    if (!is.isCallExpression(node) && !is.isNewExpression(node)) return [];
    if (/^Math\.(min|max)$/.test(node.expression.getText())) return [];
    const given = node.arguments ?? [];
    return given.slice(1).flatMap((second, at): readonly Change[] => {
      const first = given[at] as Node;
      if (first.getText() === second.getText()) return [];
      return [[first.getStart(), second.end, `${second.getText()}, ${first.getText()}`]];
    });
  },
  element(node) {
    if (is.isArrayLiteralExpression(node)) return node.elements.map((element) => dropped(element));
    if (!is.isObjectLiteralExpression(node)) return [];
    return node.properties.map((property) => dropped(property));
  },
};

/** All that can be changed in a file, in its order. `file` is the name it goes by in the report. */
export function mutationsOf(file: string, source: SourceFile): readonly Mutation[] {
  const found: Mutation[] = [];
  const lineAt = lines(source.text);
  const visit = (node: Node): void => {
    if (isBeyondCount(node)) return;
    for (const [operator, rule] of Object.entries(OPERATORS))
      for (const [start, end, replacement] of rule(node))
        found.push({ file, line: lineAt(start), operator, start, end, replacement });
    node.forEachChild(visit);
  };
  source.forEachChild(visit);
  return found;
}

/** The source with the fault in it. */
export function mutated(text: string, { start, end, replacement }: Mutation): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** `a < b → a <= b` on one line. */
export function changeText(text: string, { start, end, replacement }: Mutation): string {
  const flat = (part: string) => {
    const line = part.replaceAll(/\s+/g, " ");
    return line.length > 50 ? `${line.slice(0, 32)} … ${line.slice(-15)}` : line;
  };
  return replacement === "" || replacement === ";"
    ? `without ${flat(text.slice(start, end))}`
    : `${flat(text.slice(start, end))} → ${flat(replacement)}`;
}

function isBeyondCount(node: Node): boolean {
  if (is.isTypeNode(node) || is.isImportDeclaration(node) || is.isExportDeclaration(node)) return true;
  if (is.isTypeAliasDeclaration(node) || is.isInterfaceDeclaration(node) || is.isTemplateExpression(node)) return true;
  if ((node.flags & NodeFlags.Ambient) !== 0) return true;
  if (is.isPropertyAssignment(node) && TEXTS.has(node.name.getText())) return true;
  // What an error says; that it is thrown counts (`exit`).
  if (is.isNewExpression(node) && /Error$/.test(node.expression.getText())) return true;
  if (is.isDefaultClause(node) || is.isReturnStatement(node) || is.isExpressionStatement(node))
    return /^(default:\s*)?(return )?unreachable\(/.test(node.getText());
  return false;
}

function operatorChange(node: Node, table: Readonly<Record<string, string>>): readonly Change[] {
  if (!is.isBinaryExpression(node)) return [];
  const instead = table[node.operatorToken.getText()];
  if (instead === undefined) return [];
  const { left, right } = node;
  const text = (side: Node) => side.getText();
  // In brackets, for && and || bind differently: the fault meant is this operator's, not that of its neighbours.
  return [whole(node, `(${text(left)} ${instead} ${text(right)})`)];
}

function whole(node: Node, replacement: string): Change {
  return [node.getStart(), node.end, replacement];
}

function negated(condition: Node): Change {
  return whole(condition, `!(${condition.getText()})`);
}

/** Without an element of a list, and without the comma behind it. */
function dropped(element: Node): Change {
  const text = element.getSourceFile().text;
  const comma = /^\s*,/.exec(text.slice(element.end))?.[0].length ?? 0;
  return [element.getStart(), element.end + comma, ""];
}

function isCall(expression: Node): boolean {
  if (is.isAwaitExpression(expression) || is.isVoidExpression(expression)) return isCall(expression.expression);
  return is.isCallExpression(expression) || is.isDeleteExpression(expression);
}

function isAssignment(expression: Node): boolean {
  if (is.isPostfixUnaryExpression(expression) || is.isPrefixUnaryExpression(expression)) return true;
  return is.isBinaryExpression(expression) && expression.operatorToken.getText().endsWith("=");
}

function isExit(node: Node): boolean {
  return (
    is.isReturnStatement(node) || is.isThrowStatement(node) || is.isContinueStatement(node) || is.isBreakStatement(node)
  );
}

function isInBranch(node: Node): boolean {
  const parent = node.parent;
  return is.isIfStatement(parent) || (is.isBlock(parent) && is.isIfStatement(parent.parent));
}

/** Line numbers, from 1, of places in a text. */
function lines(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => starts.findLastIndex((start) => start <= at) + 1;
}
