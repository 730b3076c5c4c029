// Config core: the kinds of values of the language (language.md §6) as schemas for one word, and the readers that the tables
// name. A reader's grammar is what the manual prints, its schema is what decides. Times come out in milliseconds.
import * as v from "valibot";
import { canonicalIp, familyOf, type IpText } from "../../base/ip.ts";
import { didYouMean } from "../findings/suggest.ts";
import type { Command } from "../model/command.ts";
import type { Word } from "../text/tree.ts";
import { splitEscaped } from "../text/words.ts";
import type { Value } from "./keyword.ts";
import { RANGE, type Reader, type WordSchema } from "./reader.ts";

export const UINT32_MAX = 4_294_967_295;
export const INT32_MAX = 2_147_483_647;
/** Upper bound of times that have none of their own: what 32 bits of seconds hold. */
const SECONDS_MAX = UINT32_MAX;

// --- schemas of one word

type Transformed<T> = { readonly ok: T } | { readonly bad: string } | { readonly range: string };

/** A schema from a function that gives the value, or says what would be accepted. */
export function wordSchema<T>(read: (text: string) => Transformed<T>): WordSchema<T> {
  let lastText: string | undefined;
  let lastValue: T | undefined;
  return {
    plain: (text) => {
      // A large file says the same number again and again.
      if (text !== lastText) {
        const result = read(text);
        lastText = text;
        lastValue = "ok" in result ? result.ok : undefined;
      }
      return lastValue;
    },
    // Made only for wrong words: there are hundreds of kinds, and most processes never see one.
    schema: () =>
      v.pipe(
        v.string(),
        v.rawTransform(({ dataset, addIssue, NEVER }) => {
          const result = read(dataset.value);
          if ("ok" in result) return result.ok;
          if ("range" in result) addIssue({ message: result.range, expected: RANGE });
          else addIssue({ message: result.bad });
          return NEVER;
        }),
      ),
  };
}

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

/** One of some exact words; `anyCase` for the few that keepalived folds. */
export function wordsSchema<const W extends string>(
  accepted: readonly W[],
  options?: { anyCase: true },
): WordSchema<W> {
  const byText = new Map(accepted.map((word) => [options ? word.toLowerCase() : word, word]));
  const expected = accepted.join(", ").replace(/, ([^,]*)$/, " or $1");
  return wordSchema((text) => {
    const word = byText.get(options ? text.toLowerCase() : text);
    if (word !== undefined) return { ok: word };
    const near = didYouMean(text, accepted);
    return { bad: near === undefined ? expected : `${expected}; ${near}` };
  });
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["on", true],
  ["true", true],
  ["yes", true],
  ["off", false],
  ["false", false],
  ["no", false],
]);

/** What an exact boolean word means; undefined for all other words. */
export function booleanOf(text: string): boolean | undefined {
  return BOOLEANS.get(text);
}

const boolSchema = wordSchema((text) => {
  const value = BOOLEANS.get(text);
  return value === undefined ? { bad: "on, off, true, false, yes or no, in lower case" } : { ok: value };
});

export const ipSchema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined ? { bad: "an IPv4 or IPv6 address without prefix length and zone" } : { ok: ip };
});

export const ip4Schema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined || familyOf(ip) === 6 ? { bad: "an IPv4 address" } : { ok: ip };
});

export const ip6Schema: WordSchema<IpText> = wordSchema((text) => {
  const ip = canonicalIp(text);
  return ip === undefined || familyOf(ip) === 4 ? { bad: "an IPv6 address" } : { ok: ip };
});

/** A multicast address; `family` narrows it. */
export function multicastSchema(family?: 4 | 6): WordSchema<IpText> {
  const expected =
    family === 4 ? "an address from 224.0.0.0/4" : family === 6 ? "an address from ff00::/8" : "a multicast address";
  return wordSchema((text) => {
    // As with addresses of hosts, keepalived looks no further than a slash.
    const ip = canonicalIp(text.split("/", 1)[0] ?? "");
    const multicast =
      ip !== undefined && (familyOf(ip) === 6 ? ip.startsWith("ff") && ip.indexOf(":") === 4 : isMulticast4(ip));
    return ip === undefined || !multicast || (family !== undefined && family !== familyOf(ip))
      ? { bad: expected }
      : { ok: ip };
  });
}

function isMulticast4(ip: IpText): boolean {
  const first = Number.parseInt(ip, 10);
  return first >= 224 && first <= 239;
}

const INTERFACE_BYTES = 15;

export const interfaceSchema: WordSchema<string> = wordSchema((text) =>
  text === "" || new TextEncoder().encode(text).byteLength > INTERFACE_BYTES
    ? { bad: `an interface name of 1 to ${INTERFACE_BYTES} bytes` }
    : { ok: text },
);

/** Text of 1 to `max` bytes. */
export function textSchema(max: number | undefined): WordSchema<string> {
  if (max === undefined) return wordSchema((text) => ({ ok: text }));
  return wordSchema((text) =>
    text === "" || new TextEncoder().encode(text).byteLength > max ? { bad: `1 to ${max} bytes` } : { ok: text },
  );
}

export const nonEmptySchema: WordSchema<string> = wordSchema((text) =>
  text === "" ? { bad: "a word that is not empty" } : { ok: text },
);

// --- readers

/** One word that must be there. */
export function one<T>(grammar: string, schema: WordSchema<T>, expected: string = grammar): Value<T> {
  return { grammar, read: (words) => words.value(schema, expected) };
}

/** One word that may be left out. */
export function maybe<T, I>(grammar: string, schema: WordSchema<T>, without: I): Value<T | I> {
  return {
    grammar,
    read: (words) => {
      const word = words.next();
      return word ? words.convert(word, schema) : without;
    },
  };
}

/**
 * No argument. keepalived ignores what follows, so that `alpha off` switches on; here a boolean behind a flag means what
 * it says, and a warning tells of the difference (language.md §16.7).
 */
export const flag: Value<boolean> = {
  grammar: "FLAG",
  read: (words) => {
    const word = words.peek();
    const meant = word && booleanOf(word.text);
    if (!word || meant === undefined) return true;
    words.next();
    if (!meant) warnOfIntention(words, word);
    else words.warn(word, "extra-words", `${words.keyword.text} takes no value: ${word.text} is superfluous`);
    return meant;
  },
};

/** `[BOOL]` where keepalived takes any valid word, even `false`, as «on». */
export const flagWithIntention: Value<boolean> = {
  grammar: "[BOOL]",
  read: (words) => {
    const word = words.next();
    if (!word) return true;
    const meant = words.convert(word, boolSchema);
    if (meant === false) warnOfIntention(words, word);
    return meant;
  },
};

function warnOfIntention(words: Reader, word: Word): void {
  words.warn(
    word,
    "intention-wins",
    `${words.keyword.text} ${word.text} stays off here; keepalived would switch it on`,
    `leave ${words.keyword.text} out to say the same to both`,
  );
}

/** `[BOOL]`: left out means true. */
export const bool: Value<boolean> = maybe("[BOOL]", boolSchema, true);

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
  words.error(
    word,
    "bad-value",
    `${what} has a value it can't take (${word.text === "" ? '""' : word.text}): ${ahead} is taken`,
    `expected ${expected}`,
  );
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

export function choice<const W extends string>(...accepted: W[]): Value<W> {
  return one(`ENUM(${accepted.join("|")})`, wordsSchema(accepted));
}

export const ip: Value<IpText> = { grammar: "IP", read: (words) => readHost(words, "an IPv4 or IPv6 address") };

/** An address; behind one a prefix length does no harm, as in keepalived. */
export function readHost(words: Reader, expected: string, of?: string): IpText | undefined {
  const plain = words.plain(ipSchema);
  const word = words.peek();
  if (plain !== undefined || !word) return plain ?? words.value(ipSchema, expected, of);
  const [host = "", length] = word.text.split("/", 2);
  const read = /^\d+$/.test(length ?? "") ? canonicalIp(host) : undefined;
  if (read === undefined) return words.value(ipSchema, expected, of);
  words.next();
  words.warn(
    word,
    "prefix-ignored",
    `${of ?? words.keyword.text} takes an address: /${length} is ignored`,
    `write ${host}`,
  );
  return read;
}

const portSchema = integerSchema(1, 65535);
export const port: Value<number> = {
  grammar: "PORT(1..65535)",
  read: (words) => readNumber(words, portSchema, "a port from 1 to 65535", 1, 65535),
};
export const ifname: Value<string> = one("IFNAME(1..15)", interfaceSchema, "an interface name");
export const iface: Value<string> = one("IFNAME", interfaceSchema, "an interface name");

/** One word of text. `grammar` names what it is: STRING, PATH, DIR, NAME. */
export function text(grammar = "STRING", max?: number): Value<string> {
  const shape = max === undefined ? grammar : `${grammar}(1..${max})`;
  return one(
    shape,
    textSchema(max),
    max === undefined ? "a word, or text in double quotes" : `1 to ${max} bytes of text`,
  );
}

/** Text that keepalived cuts to `max` bytes with an error. */
export function cutText(max: number): Value<string> {
  return {
    grammar: `STRING(1..${max})`,
    read: (words) => {
      const word = words.need(`1 to ${max} bytes of text`);
      if (!word) return undefined;
      const bytes = new TextEncoder().encode(word.text);
      if (bytes.byteLength <= max) return word.text;
      const cut = new TextDecoder().decode(bytes.subarray(0, max));
      words.error(
        word,
        "too-long",
        `${words.keyword.text} is longer than ${max} bytes (${word.text})`,
        `it is cut to ${cut}`,
      );
      return cut;
    },
  };
}

/** A name in front of a block. `grammar` as the manual prints it. */
export function blockName(grammar = "NAME BLOCK", max?: number): Value<string> {
  return { grammar, read: (words) => words.value(max === undefined ? nonEmptySchema : textSchema(max), "a name") };
}

/** A value behind which nothing may stand: what has more words is left out, as in keepalived. */
export function alone<T>(value: Value<T>): Value<T> {
  return {
    grammar: value.grammar,
    read: (words) => {
      const read = value.read(words);
      const more = words.leftOver();
      if (read === undefined || !more) return read;
      const { text } = words.keyword;
      words.error(
        more.span,
        "extra-words",
        `a ${text} has one name: it is left out`,
        "put a name with blanks in double quotes",
      );
      words.takeAll();
      return undefined;
    },
  };
}

/** A block without a name. */
export function bare(grammar = "BLOCK"): Value<true> {
  return { grammar, read: () => true };
}

export interface Account {
  readonly user: string;
  readonly group?: string;
}

/** `USER [[:]GROUP]`; a colon alone asks for the user's login group, which is the default. */
export const account: Value<Account> = {
  grammar: "USER [[:]GROUP]",
  read: (words) => {
    const user = words.need("a user name");
    const group = words.next();
    return user && accountOf(words, user, group);
  },
};

/** @param hint what an account that does not exist was perhaps meant to be */
function accountOf(words: Reader, user: Word, group: Word | undefined, hint?: string): Account {
  checkAccount(words, "user", user, user.text, hint);
  const name = group?.text.replace(/^:/, "") ?? "";
  if (!group || name === "") return { user: user.text };
  checkAccount(words, "group", group, name, hint);
  return { user: user.text, group: name };
}

/** keepalived finds out when it wants to run the program. The director may be another machine, so it is no error. */
function checkAccount(words: Reader, kind: "user" | "group", word: Word, name: string, hint?: string): void {
  if (words.complained || words.context.hasAccount?.(kind, name) !== false) return;
  words.warn(word, "unknown-account", `${words.keyword.text}: there is no ${kind} ${name} here`, hint);
}

/** `CMD [USER [[:]GROUP]]`: the rest of the line, split by the rules of script words. */
export const command: Value<Command> = {
  grammar: "CMD [USER [[:]GROUP]]",
  read: (words) => readCommand(words, "with-account"),
};

/** `CMD` alone: what follows an unquoted program is dropped by keepalived, and reported here. */
export const program: Value<Command> = {
  grammar: "CMD (one word, or quoted with arguments)",
  read: (words) => readCommand(words, "alone"),
};

/** As `command`, but the whole may be left out. */
export const maybeCommand: Value<Command | true> = {
  grammar: "[CMD [USER [[:]GROUP]]]",
  read: (words) => (words.peek() ? readCommand(words, "with-account") : true),
};

function readCommand(words: Reader, form: "with-account" | "alone"): Command | undefined {
  const first = words.peek();
  if (!first) return void words.need("a command, in double quotes if it has arguments");
  const line = splitEscaped(words.rest);
  const text = line.ok ? line.value[0] : undefined;
  const argv = text === undefined ? undefined : splitEscaped(text);
  const all = words.takeAll();
  if (!line.ok || !argv?.ok) {
    const reason = !line.ok ? line.error : argv && !argv.ok ? argv.error : "nothing to run";
    words.error(first, "bad-command", `${words.keyword.text}: ${reason}`);
    return undefined;
  }
  if (argv.value.length === 0 || argv.value[0] === "") {
    // keepalived passes it in silence where a program may be left out, and runs nothing.
    const finding = { code: "no-program", message: `${words.keyword.text} names no program: nothing is run` };
    words.report(form === "alone" ? "error" : "warning", first.span, { ...finding, hint: expectedCommand });
    return undefined;
  }
  warnOfCommand(words, first, argv.value);
  const [, user, group, ...rest] = line.value;
  const origin = first.origin;
  if (form === "alone" ? user !== undefined : rest.length > 0) {
    const extra = all[form === "alone" ? 1 : 3] ?? first;
    words.warn(
      extra,
      "extra-words",
      `${words.keyword.text}: ${extra.text} and what follows is not handed to the program`,
      expectedCommand,
    );
  }
  if (form === "alone" || user === undefined) return { argv: argv.value, origin };
  const account = accountOf(
    words,
    all[1] ?? first,
    group === undefined ? undefined : (all[2] ?? first),
    expectedCommand,
  );
  return { argv: argv.value, ...account, origin };
}

const SHELLS: ReadonlySet<string> = new Set(["sh", "bash", "dash", "ash", "ksh", "zsh", "env", "su", "sudo"]);
const SHELL_SIGN = /^(?:\|{1,2}|&{1,2}|;|\d?>{1,2}.*|<.*)$/;

/** Programs are started without a shell, from the directory /. */
function warnOfCommand(words: Reader, first: Word, argv: readonly string[]): void {
  const [program = "", ...rest] = argv;
  // These go to the shell as they are.
  if (program.startsWith("<")) return;
  if (program.includes("/") && !program.startsWith("/"))
    words.warn(first, "relative-path", `${program} is looked for from / on, where lbd runs`, "write the whole path");
  const sign = rest.find((word) => SHELL_SIGN.test(word));
  if (sign === undefined || SHELLS.has(program.slice(program.lastIndexOf("/") + 1))) return;
  words.warn(
    first,
    "shell-words",
    `no shell runs this command: ${sign} is handed to ${program} as an argument`,
    `write "/bin/sh -c '…'" around it`,
  );
}

const expectedCommand = 'put program and arguments together in double quotes: "/path/to/program argument"';

/** One word of text out of script words: quotes and escapes as in commands. */
export const escapedText: Value<string> = {
  grammar: "STRING (quotes, escapes)",
  read: (words) => {
    const first = words.peek();
    if (!first) return void words.need("a pattern, in double quotes if it has blanks");
    const line = splitEscaped(words.rest);
    const all = words.takeAll();
    const pattern = line.ok ? line.value[0] : undefined;
    if (!line.ok || pattern === undefined) {
      words.error(first, "bad-value", `${words.keyword.text}: ${line.ok ? "nothing to look for" : line.error}`);
      return undefined;
    }
    if (line.value.length > 1) {
      const extra = all[1] ?? first;
      words.warn(
        extra,
        "extra-words",
        `${words.keyword.text}: ${extra.text} is not part of the pattern`,
        "put it in quotes",
      );
    }
    return pattern;
  },
};

export interface FifoValue {
  readonly path: string;
  readonly user?: string;
  readonly group?: string;
}

export const fifo: Value<FifoValue> = {
  grammar: "PATH [USER [GROUP]]",
  read: (words) => {
    const path = words.value(nonEmptySchema, "a path");
    const user = words.next();
    const group = words.next();
    if (path === undefined) return undefined;
    return user ? { path, ...accountOf(words, user, group) } : { path };
  },
};

/** Hexadecimal digits of one word, a given number of them, in lower case. */
export function hex(digits: number): Value<string> {
  const expected = `${digits} hexadecimal digits`;
  const schema = wordSchema((text) =>
    text.length === digits && /^[0-9a-fA-F]*$/.test(text) ? { ok: text.toLowerCase() } : { bad: expected },
  );
  return one(`HEX(${digits})`, schema, expected);
}

/** Hexadecimal bytes over any number of words; `pattern`: an X stands for any nibble and the whole may be left out. */
export function hexBytes(grammar: string, kind: "bytes" | "pattern"): Value<string> {
  const accepted = kind === "bytes" ? /^[0-9a-f]*$/ : /^[0-9a-fx]*$/;
  return {
    grammar,
    read: (words) => {
      const all = words.takeAll();
      if (all.length === 0 && kind === "pattern") return "";
      if (all.length === 0) return void words.need("hexadecimal bytes such as 01 02 ab");
      const bad = all.find((word) => !accepted.test(word.text.toLowerCase()));
      const digits = all.map((word) => wholeBytes(word.text.toLowerCase())).join("");
      if (bad) {
        words.error(
          bad,
          "bad-value",
          `${words.keyword.text}: ${bad.text} is not hexadecimal`,
          "expected bytes such as 01 02 ab",
        );
        return undefined;
      }
      const odd = all.find((word) => word.text.length % 2 !== 0);
      if (odd)
        words.warn(
          odd,
          "odd-digits",
          `${words.keyword.text}: ${odd.text} has an odd number of digits: ${wholeBytes(odd.text)} is taken`,
          "write two digits for each byte",
        );
      return digits;
    },
  };
}

/** A digit that is left over at the end of a word is a byte of its own. */
function wholeBytes(digits: string): string {
  return digits.length % 2 === 0 ? digits : `${digits.slice(0, -1)}0${digits.slice(-1)}`;
}

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

/** Any number of words of one kind, at least one. */
export function several<T>(grammar: string, schema: WordSchema<T>, expected: string): Value<readonly T[]> {
  return {
    grammar,
    read: (words) => {
      if (!words.peek()) return void words.need(expected);
      const values: T[] = [];
      for (const word of words.takeAll()) {
        const value = words.convert(word, schema);
        if (value !== undefined) values.push(value);
      }
      return values.length > 0 ? values : undefined;
    },
  };
}

/** A whole body line or list word as it stands: names, addresses of mail. */
export function nameEntry(grammar: string): Value<string> {
  return { grammar, read: (words) => words.next()?.text };
}
