// Config core: values that switch something on or off.
import type { Word } from "../../text/tree.ts";
import type { Value } from "../keyword.ts";
import type { Reader } from "../reader.ts";
import { maybe, wordSchema } from "./shapes.ts";

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["on", true],
  ["true", true],
  ["yes", true],
  ["off", false],
  ["false", false],
  ["no", false],
]);

/** What an exact boolean word means; undefined for all other words. */
function booleanOf(text: string): boolean | undefined {
  return BOOLEANS.get(text);
}

const boolSchema = wordSchema((text) => {
  const value = BOOLEANS.get(text);
  return value === undefined ? { bad: "on, off, true, false, yes or no, in lower case" } : { ok: value };
});

/**
 * No argument. keepalived ignores what follows, so that `alpha off` switches on; here a boolean behind a flag means what
 * it says, and a warning tells of the difference (language.md §16.7).
 */
export const flag: Value<boolean> = {
  grammar: "FLAG",
  read: (words) => switchWord(words) ?? true,
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

/** Takes a boolean that stands where keepalived looks for none, and tells of it: undefined when the next word is another. */
export function switchWord(words: Reader): boolean | undefined {
  const word = words.peek();
  const meant = word && booleanOf(word.text);
  if (!word || meant === undefined) return undefined;
  words.next();
  if (!meant) warnOfIntention(words, word);
  else words.warn(word, "extra-words", `${words.keyword.text} takes no value: ${word.text} is superfluous`);
  return meant;
}

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
