// Config core: values of checks.
import type { Value } from "../../bind/keyword.ts";
import { wordSchema } from "../../bind/values/shapes.ts";
import { uint32Schema } from "./server-names.ts";

/** Inclusive ranges of `status_code`. */
export const statusCodes: Value<readonly (readonly [number, number])[]> = {
  grammar: "INT(100..599) | INT-INT ...",
  read: (words) => {
    if (!words.peek()) return void words.need("codes from 100 to 599, such as 200-299 301");
    const ranges: (readonly [number, number])[] = [];
    for (const word of words.takeAll()) {
      const range = words.convert(word, statusSchema);
      if (range) ranges.push(range);
    }
    return ranges.length > 0 ? ranges : undefined;
  },
};

const statusSchema = wordSchema<readonly [number, number]>((text) => {
  const expected = "a code from 100 to 599, or a range such as 200-299";
  const parts = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text);
  if (!parts) return { bad: expected };
  const low = Number(parts[1]);
  const high = parts[2] === undefined ? low : Number(parts[2]);
  return low < 100 || high > 599 || low > high ? { range: expected } : { ok: [low, high] };
});

/** Names of `regex_options`, as PCRE2 has them. */
const REGEX_OPTIONS = [
  "allow_empty_class",
  "alt_bsux",
  "auto_callout",
  "caseless",
  "dollar_endonly",
  "dotall",
  "dupnames",
  "extended",
  "firstline",
  "match_unset_backref",
  "multiline",
  "never_ucp",
  "never_utf",
  "no_auto_capture",
  "no_auto_possess",
  "no_dotstar_anchor",
  "no_start_optimize",
  "ucp",
  "ungreedy",
  "utf",
  "never_backslash_c",
  "alt_circumflex",
  "alt_verbnames",
  "use_offset_limit",
] as const;

/** `regex_options`: keepalived ignores words it does not know, which are warnings here. */
export const regexOptions: Value<readonly string[]> = {
  grammar: `ENUM(${REGEX_OPTIONS.join("|")}) ...`,
  read: (words) => {
    if (!words.peek()) return void words.need("names of matching options");
    const options: string[] = [];
    for (const word of words.takeAll()) {
      if (REGEX_OPTIONS.some((option) => option === word.text)) options.push(word.text);
      else
        words.warn(
          word,
          "unknown-word",
          `regex_options does not know ${word.text}`,
          `expected ${REGEX_OPTIONS.join(", ")}`,
        );
    }
    return options;
  },
};

/** `regex_stack`: first and largest size in bytes. */
export const stackSizes: Value<readonly [number, number]> = {
  grammar: "INT INT",
  read: (words) => {
    const first = words.value(uint32Schema, "two sizes in bytes");
    const largest = words.value(uint32Schema, "two sizes in bytes");
    return first === undefined || largest === undefined ? undefined : [first, largest];
  },
};

/** `sni_name`: a bare word only switches `enable_sni` on. */
export const sniName: Value<string | true> = {
  grammar: "[STRING]",
  read: (words) => words.next()?.text ?? true,
};
