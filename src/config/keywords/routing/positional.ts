// Config core: values of rows that stand for a place in a line rather than for a word of their own: `<ip>`, `<action>`.
// The line's own reader reads them; the row is there for the manual.
import { canonicalIp } from "../../../base/ip.ts";
import type { Value } from "../../bind/keyword.ts";

export function positional(grammar: string): Value<true> {
  return { grammar, read: () => true };
}

/**
 * `inet` and `inet6` as free words. keepalived swallows the next word with them, so that the manual's own form of an IPv6
 * default route fails; here they only say the family, and a word that could mean nothing else is swallowed with a warning.
 */
export function familyWord(isWord: (text: string) => boolean): Value<true> {
  return {
    grammar: "FLAG",
    read: (words) => {
      const next = words.peek();
      if (!next || isWord(next.text) || canonicalIp(next.text.split("/")[0] ?? "") !== undefined) return true;
      words.next();
      words.warn(next, "extra-words", `${next.text} behind ${words.subject?.text ?? "the family"} is ignored`);
      return true;
    },
  };
}

/** Words that are recognised and always refused. */
export const refused: Value<true> = {
  grammar: "[to] ...",
  read: (words) => {
    const word = words.subject ?? words.keyword;
    words.takeAll();
    words.error(word, "bad-value", `${word.text} can't be used in routes`, "use via, or encap for tunnels");
    return undefined;
  },
};
