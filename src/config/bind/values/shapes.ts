// Config core: the shapes that values share: a word read by a schema, one of several words, none at all.
import * as v from "valibot";
import { didYouMean } from "../../findings/suggest.ts";
import type { Value } from "../keyword.ts";
import { RANGE, type WordSchema } from "../reader.ts";

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

export function choice<const W extends string>(...accepted: W[]): Value<W> {
  return one(`ENUM(${accepted.join("|")})`, wordsSchema(accepted));
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
