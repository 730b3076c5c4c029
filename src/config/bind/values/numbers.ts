// Config core: numbers, times and weights, read as keepalived reads them: what C's strtoul and strtod make of the digits.
import type { Value } from "../keyword.ts";
import type { Reader, WordSchema } from "../reader.ts";
import { one, wordSchema } from "./shapes.ts";

export const UINT32_MAX = 4_294_967_295;

export const INT32_MAX = 2_147_483_647;

/** Upper bound of times that have none of their own: what 32 bits of seconds hold. */
const SECONDS_MAX = UINT32_MAX;

const DECIMAL = /^\s*[+-]?\d+$/;

/** A decimal integer: leading zeros, plus sign and blanks (inside quotes) are fine, everything else is not. */
export function integerSchema(min: number, max: number): WordSchema<number> {
  const expected = `an integer from ${min} to ${max}`;
  return wordSchema((text) => {
    if (!DECIMAL.test(text)) return { bad: expected };
    const value = Number(text);
    // keepalived refuses the sign itself, also of -0.
    const negative = min >= 0 && text.includes("-");
    return negative || value < min || value > max ? { range: expected } : { ok: value + 0 };
  });
}

/** An integer in the syntax of C: `0x` hexadecimal, leading `0` octal. */
export function cIntegerSchema(min: number, max: number): WordSchema<number> {
  const expected = `an integer from ${min} to ${max}, also as 0x… or 0… (octal)`;
  return wordSchema((text) => {
    const value = cInteger(text);
    if (value === undefined) return { bad: expected };
    return value < min || value > max ? { range: expected } : { ok: value };
  });
}

/** The number that a text means in C; undefined when it is none. */
export function cInteger(text: string): number | undefined {
  const digits = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);
  const body = digits?.[2];
  if (!digits || body === undefined) return undefined;
  const octal = /^0\d/.test(body);
  if (octal && /[89]/.test(body)) return undefined;
  const value = octal ? Number.parseInt(body, 8) : Number(body);
  return digits[1] === "-" ? -value : value;
}

const DECIMAL_FRACTION = /^\s*\+?(\d+\.?\d*|\.\d+)$/;

/** A time with a fraction of up to six decimals, times `scale`: 1000 for seconds that become milliseconds. */
export function timeSchema(min: number, max: number, unit: "s" | "ms", scale: number): WordSchema<number> {
  const bound = max === Number.POSITIVE_INFINITY ? `at least ${min} ${unit}` : `from ${min} to ${max} ${unit}`;
  const expected = `a time ${bound}, written as a plain number such as 2 or 0.5`;
  return wordSchema((text) => {
    if (!DECIMAL_FRACTION.test(text)) return { bad: expected };
    const value = Number(text);
    if (value < min || value > Math.min(max, SECONDS_MAX)) return { range: expected };
    // Whole microseconds first: 0.1 + 0.2 style dust must not reach a deadline or a comparison.
    return { ok: (Math.round(value * 1_000_000) * scale) / 1_000_000 };
  });
}

export function integer(min: number, max: number): Value<number> {
  const schema = integerSchema(min, max);
  const expected = `an integer from ${min} to ${max}`;
  return { grammar: `INT(${min}..${max})`, read: (words) => readNumber(words, schema, expected, min, max) };
}

/** A whole number of which keepalived takes nothing when it is followed by something. */
export function strictInteger(min: number, max: number): Value<number> {
  return one(`INT(${min}..${max})`, integerSchema(min, max), `an integer from ${min} to ${max}`);
}

/** keepalived: of a word that is no number the one it begins with counts, and that is 0 where there is none. */
export function readNumber(
  words: Reader,
  schema: WordSchema<number>,
  expected: string,
  min: number,
  max: number,
  of?: string,
): number | undefined {
  const plain = words.plain(schema);
  if (plain !== undefined) return plain;
  const word = words.need(expected, of);
  if (!word) return undefined;
  const ahead = Number.parseInt(word.text, 10) || 0;
  const taken = ahead >= min && ahead <= max && !(min >= 0 && /^\s*-/.test(word.text));
  if (!taken || DECIMAL.test(word.text)) return words.convert(word, schema, of);
  const what = of ?? (words.subject ?? words.keyword).text;
  words.report("error", word.span, {
    code: "bad-value",
    message: `${what} has a value it can't take (${word.text === "" ? '""' : word.text}): ${ahead} is taken`,
    hint: `expected ${expected}`,
    about: { kind: "value", keyword: what },
  });
  return ahead;
}

/** A number of which keepalived says no bounds. */
export const anyInteger: Value<number> = one("INT", integerSchema(0, UINT32_MAX), `an integer from 0 to ${UINT32_MAX}`);

/** Seconds with a fraction, as milliseconds. `max` left out: no bound of its own; `res`: what keepalived keeps of it. */
export function seconds(min: number, max?: number, res: "1us" | "1ms" = "1us"): Value<number> {
  return time(`SECS(${min}..${max ?? ""},res=${res})`, timeSchema(min, max ?? Number.POSITIVE_INFINITY, "s", 1000));
}

/** Whole seconds, as milliseconds. */
export function wholeSeconds(min: number, max: number): Value<number> {
  const schema = integerSchema(min, max);
  const expected = `whole seconds from ${min} to ${max}`;
  return {
    grammar: `INT(${min}..${max})`,
    read: (words) => {
      const value = readNumber(words, schema, expected, min, max);
      return value === undefined ? undefined : value * 1000;
    },
  };
}

/** Whole seconds of which keepalived takes nothing when they are followed by something. */
export function strictSeconds(min: number, max: number): Value<number> {
  const strict = strictInteger(min, max);
  return {
    grammar: strict.grammar,
    read: (words) => {
      const value = strict.read(words);
      return value === undefined ? undefined : value * 1000;
    },
  };
}

/** Milliseconds with a fraction, as microseconds. */
export function milliseconds(min: number, max: number): Value<number> {
  return time(`MS(${min}..${max},res=1us)`, timeSchema(min, max, "ms", 1000));
}

function time(grammar: string, schema: WordSchema<number>): Value<number> {
  return {
    grammar,
    read: (words) => {
      const text = words.peekText();
      const value = words.value(schema, "a time, such as 2 or 0.5");
      if (value !== undefined && text !== undefined) checkDecimals(words, text);
      return value;
    },
  };
}

/** keepalived: read_timer() reports more than six decimals and rounds them. */
function checkDecimals(words: Reader, text: string): void {
  const point = text.indexOf(".");
  if (point < 0 || text.length - point <= 7) return;
  words.error(
    words.here,
    "bad-value",
    `${words.keyword.text} has more than six decimals (${text})`,
    "it is rounded to microseconds",
  );
}

const portSchema = integerSchema(1, 65535);

export const port: Value<number> = {
  grammar: "PORT(1..65535)",
  read: (words) => readNumber(words, portSchema, "a port from 1 to 65535", 1, 65535),
};

/** A weight with `reverse` or `noreverse` behind it. */
export interface WeightValue {
  readonly weight: number;
  readonly reverse?: boolean;
}

/** @param beyond a script's weight that is out of bounds is kept by keepalived: the priority has bounds of its own */
export function weight(
  limit: number,
  words: readonly ("reverse" | "noreverse")[] = ["reverse"],
  beyond: "default" | "kept" = "default",
): Value<WeightValue> {
  const schema = integerSchema(-limit, limit);
  return {
    grammar: `INT(-${limit}..${limit}) [ENUM(${words.join("|")})]`,
    read: (reader) => {
      const text = reader.peekText() ?? "";
      const read = readNumber(reader, schema, `an integer from -${limit} to ${limit}`, -limit, limit);
      const value = read ?? (beyond === "kept" && /^[+-]?\d{1,4}$/.test(text) ? Number(text) : undefined);
      const sense = reader.peek();
      const known = words.find((word) => word === sense?.text);
      if (known) reader.next();
      if (value !== undefined) reader.refuseRest("weight", `expected ${words.join(" or ")}`);
      if (value === undefined) return undefined;
      return known ? { weight: value, reverse: known === "reverse" } : { weight: value };
    },
  };
}
