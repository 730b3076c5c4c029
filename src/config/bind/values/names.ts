// Config core: names and other text: of interfaces and blocks, with escapes, in hexadecimal digits.
import { splitEscaped } from "../../text/words.ts";
import type { Value } from "../keyword.ts";
import type { WordSchema } from "../reader.ts";
import { one, wordSchema } from "./shapes.ts";

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
      // Bytes in quotes are one word.
      const all = words
        .takeAll()
        .flatMap((word) => (word.text.match(/\S+/g) ?? []).map((text) => ({ word, text: text.toLowerCase() })));
      if (all.length === 0 && kind === "pattern") return "";
      if (all.length === 0) return void words.need("hexadecimal bytes such as 01 02 ab");
      const bad = all.find(({ text }) => !accepted.test(text));
      const digits = all.map(({ text }) => wholeBytes(text)).join("");
      if (bad) {
        words.error(
          bad.word,
          "bad-value",
          `${words.keyword.text}: ${bad.word.text} is not hexadecimal`,
          "expected bytes such as 01 02 ab",
        );
        return undefined;
      }
      const odd = all.find(({ text }) => text.length % 2 !== 0);
      if (odd)
        words.warn(
          odd.word,
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
