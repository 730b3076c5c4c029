// Config core: times of which keepalived takes something even where they are none.

import type { Value } from "../bind/keyword.ts";
import type { Reader } from "../bind/reader.ts";
import { seconds, timeSchema } from "../bind/values/numbers.ts";

const EXPECTED = "a time in seconds, such as 2 or 0.5";
const ANY_TIME = timeSchema(0, Number.POSITIVE_INFINITY, "s", 1000);

/** Seconds before a check or between its tries, as milliseconds. A word in place of a number is 0; a number with letters behind it is ignored. */
export function pauseSeconds(): Value<number> {
  const plain = seconds(0);
  return {
    grammar: plain.grammar,
    read: (words) => (/^[^\s\d.+-]/.test(words.peekText() ?? "") ? takeInstead(words, 0) : plain.read(words)),
  };
}

/** Seconds of a script, as milliseconds. Of a word that is no time the whole number counts that it begins with, else 1. */
export function scriptSeconds(max: number): Value<number> {
  const plain = seconds(0, max, "1ms");
  return {
    grammar: plain.grammar,
    read: (words) => {
      const text = words.peekText();
      const ahead = Number.parseInt(text ?? "", 10) || 0;
      const isOdd = text !== undefined && ANY_TIME.plain(text) === undefined && ahead >= 0 && ahead <= max;
      return isOdd ? takeInstead(words, Math.max(ahead, 1)) * 1000 : plain.read(words);
    },
  };
}

function takeInstead(words: Reader, value: number): number {
  const word = words.next();
  if (word)
    words.error(
      word,
      "bad-value",
      `${words.keyword.text} has a value it can't take (${word.text === "" ? '""' : word.text}): ${value} is taken`,
      `expected ${EXPECTED}`,
    );
  return value;
}
