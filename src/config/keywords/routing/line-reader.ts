// Config core: reads lines of options in any order, such as addresses, routes, rules and lvs_sync_daemon (language.md §14),
// along a table like those of the blocks. Unknown words are reported; whether the line stays is its reader's to say.

import { compileTable } from "../../bind/binder.ts";
import type { REPEAT, Table } from "../../bind/keyword.ts";
import type { Reader } from "../../bind/reader.ts";
import { didYouMean } from "../../findings/suggest.ts";
import type { Word } from "../../text/tree.ts";

/** One option of a line. */
export interface Option<T> {
  readonly value: T;
  readonly word: Word;
}

type OptionOf<R> = R extends { readonly value: { read(words: Reader): infer T } }
  ? Option<Exclude<T, undefined>>
  : never;
type ListRepeat = { [K in keyof typeof REPEAT]: (typeof REPEAT)[K] extends "list" ? K : never }[keyof typeof REPEAT];

/** What one line holds: for each option its value and the word that named it. */
export type Options<T> = {
  readonly [K in keyof T]?: T[K] extends { readonly repeat: ListRepeat } ? readonly OptionOf<T[K]>[] : OptionOf<T[K]>;
};

export interface OptionsResult<T> {
  readonly options: Options<T>;
  /** An option's value was wrong, or one that may stand once stood twice: keepalived then drops the line for some of them. */
  readonly failed: readonly string[];
  /** Some word was none of the line's. */
  readonly strange: boolean;
}

/**
 * Reads options up to the end of the line.
 * @param other handles a word that is no option and says whether it took it
 * @param end a word to stop before, when it is no option
 * @param without what becomes of a line with a word that it does not know
 */
export function readOptions<T extends Table>(
  words: Reader,
  table: T,
  what: string,
  other?: (word: Word) => boolean,
  end?: string,
  without = "the word is ignored",
): OptionsResult<T> {
  const rows = compileTable(table);
  const options: Record<string, unknown> = {};
  const failed: string[] = [];
  // After a mistake the words up to the next option belong to it.
  let lost = false;
  let strange = false;
  for (let word = words.peek(); word; word = words.peek()) {
    const found = rows.rows.get(word.text);
    if (!found && word.text === end) break;
    if (!found) {
      if (other?.(word)) continue;
      words.next();
      const hint = didYouMean(word.text, rows.keywords);
      if (!lost) words.error(word, "unknown-word", `${what} does not know ${word.text}: ${without}`, hint);
      lost = true;
      strange = true;
      continue;
    }
    words.next();
    if (found.row.status === "deprecated")
      words.warn(
        word,
        "deprecated",
        `${word.text} is an old word`,
        found.row.successor && `use ${found.row.successor}`,
      );
    words.subject = word;
    const value = found.row.value.read(words);
    words.subject = undefined;
    const before = options[found.held];
    lost = value === undefined;
    if (value === undefined) {
      failed.push(found.held);
    } else if (found.repeat === "list") {
      if (Array.isArray(before)) before.push({ value, word });
      else options[found.held] = [{ value, word }];
    } else if (before !== undefined && found.repeat === "once") {
      words.error(word, "duplicate-keyword", `${word.text} is given twice on this line`);
      failed.push(found.held);
    } else {
      if (before !== undefined && found.row.repeat === "last")
        words.warn(word, "duplicate-keyword", `${word.text} is given twice on this line: the last one counts`);
      options[found.held] = { value, word };
    }
  }
  // The table builder's one cast: the loop above fills `options` by the very rows that T describes.
  return { options: options as Options<T>, failed, strange };
}
