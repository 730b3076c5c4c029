// Config core: the heads of ~SEQ, ~SEQx and ~LST (language.md §9): which variables a loop sets, to which values, pass by pass.
import { type Decoded, err, ok } from "../../base/result.ts";
import { nameEnd } from "./macros.ts";

export interface Loop {
  readonly variables: readonly string[];
  /** Number of passes. */
  readonly count: number;
  /** Values of the variables in pass 0 to count - 1. */
  values(pass: number): readonly string[];
}

export interface LoopHead {
  readonly keyword: "SEQ" | "SEQx" | "LST";
  /** Offsets of the text between the parentheses, and of what stands behind them. */
  readonly inner: { readonly from: number; readonly to: number };
  readonly restFrom: number;
}

/** Finds the head of a loop at `from`, where a `~` stands. An error says what is wrong; undefined: this is no loop at all. */
export function findLoopHead(text: string, from: number, to: number): Decoded<LoopHead, string> | undefined {
  const end = nameEnd(text, from + 1);
  const keyword = text.slice(from + 1, end);
  const open = skip(text, end, to);
  const known = keyword === "SEQ" || keyword === "SEQx" || keyword === "LST";
  if (!known) {
    if (keyword === "" || text.charAt(open) !== "(") return undefined;
    return err(`~${keyword} is no loop (~SEQ, ~SEQx and ~LST are)`);
  }
  if (open >= to || text.charAt(open) !== "(") return err(`~${keyword} lacks its parenthesis`);
  const close = text.indexOf(")", open);
  if (close < 0 || close >= to) return err(`the parenthesis of ~${keyword} is not closed`);
  return ok({ keyword, inner: { from: open + 1, to: close }, restFrom: close + 1 });
}

/** Reads what stands between the parentheses, macros replaced. A loop in a loop is read again and again. */
export function createLoopReader(): typeof readLoop {
  let lastHead: string | undefined;
  let last: Decoded<Loop, string> | undefined;
  return (keyword, inner) => {
    const head = `${keyword}(${inner}`;
    if (head !== lastHead || !last) last = readLoop(keyword, inner);
    lastHead = head;
    return last;
  };
}

function readLoop(keyword: LoopHead["keyword"], inner: string): Decoded<Loop, string> {
  const items = splitItems(inner);
  if (!items.ok) return items;
  const [variables, ...values] = items.value;
  if (!variables || variables.words.length === 0) return err(`~${keyword} names no variable`);
  for (const name of variables.words)
    if (nameEnd(name, 0) !== name.length || name === "") return err(`${name || '""'} is no name for a variable`);
  return keyword === "LST" ? listLoop(variables.words, values) : sequenceLoop(keyword, variables, values);
}

interface Item {
  readonly words: readonly string[];
  readonly tuple: boolean;
}

function listLoop(variables: readonly string[], values: readonly Item[]): Decoded<Loop, string> {
  if (values.length === 0) return err("~LST lists no values");
  for (const value of values) {
    if (value.words.length > variables.length)
      return err(`{${value.words.join(", ")}} has ${value.words.length} values for ${variables.length} variables`);
    const blank = value.words.find((word) => /\s/.test(word));
    if (blank !== undefined) return err(`a value can't hold blanks (${blank})`);
  }
  return ok({
    variables,
    count: values.length,
    values: (pass) => variables.map((_, index) => values[pass]?.words[index] ?? ""),
  });
}

function sequenceLoop(keyword: "SEQ" | "SEQx", variables: Item, bounds: readonly Item[]): Decoded<Loop, string> {
  if (variables.tuple || bounds.some((bound) => bound.tuple)) return err(`~${keyword} takes no tuples`);
  if (bounds.length < 1 || bounds.length > 3)
    return err(`~${keyword} takes an end, start and end, or start, step and end (${bounds.length} numbers given)`);
  const numbers: number[] = [];
  for (const bound of bounds) {
    const number = readInteger(bound.words[0] ?? "");
    if (number === undefined) return err(`${bound.words[0] || '""'} is no whole number`);
    numbers.push(number);
  }
  const end = numbers[numbers.length - 1] ?? 0;
  const start = numbers.length > 1 ? (numbers[0] ?? 0) : end < 0 ? -1 : 1;
  const step = numbers.length > 2 ? (numbers[1] ?? 0) : end < start ? -1 : 1;
  if (step === 0) return err("a step of 0 reaches no end value");
  if ((step > 0 && end < start) || (step < 0 && end > start))
    return err(`a step of ${step} does not lead from ${start} to ${end}`);
  if (keyword === "SEQx" && (start < 0 || end < 0)) return err("~SEQx counts no negative numbers");
  return ok({
    variables: variables.words,
    count: Math.floor((end - start) / step) + 1,
    values: (pass) => [(start + pass * step).toString(keyword === "SEQx" ? 16 : 10)],
  });
}

/** Whole numbers as C writes them: decimal, 0x hexadecimal, 0 octal, with a sign. */
export function readInteger(text: string): number | undefined {
  const match = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (!match) return undefined;
  const [, sign, hex, octal, decimal] = match;
  const value = hex ? Number.parseInt(hex, 16) : octal ? Number.parseInt(octal, 8) : Number(decimal);
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === "-" ? -value : value;
}

/** Splits at the commas outside of `{…}`; blanks around each item go. */
function splitItems(inner: string): Decoded<Item[], string> {
  const items: Item[] = [];
  let at = skip(inner, 0, inner.length);
  for (;;) {
    let item: Item;
    if (inner.charAt(at) === "{") {
      const close = inner.indexOf("}", at);
      if (close < 0) return err("a { is not closed");
      item = {
        words: inner
          .slice(at + 1, close)
          .split(",")
          .map((word) => word.trim()),
        tuple: true,
      };
      at = skip(inner, close + 1, inner.length);
    } else {
      const comma = inner.indexOf(",", at);
      const end = comma < 0 ? inner.length : comma;
      item = { words: [inner.slice(at, end).trim()], tuple: false };
      at = end;
    }
    items.push(item);
    if (at >= inner.length) return ok(items);
    if (inner.charAt(at) !== ",") return err("a comma is missing behind }");
    at = skip(inner, at + 1, inner.length);
  }
}

function skip(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && (text.charAt(at) === " " || text.charAt(at) === "\t")) at++;
  return at;
}
