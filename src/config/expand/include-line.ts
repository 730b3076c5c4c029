// Config core: lines that include files (language.md §10), and what `include_check` makes of those that follow.
import { isBlank } from "../text/blanks.ts";
import { type LinePart, partSpan, partText, restOf } from "../text/source.ts";
import { ALL, INCLUDE_RULES, type IncludeRule, includeCheck } from "./include.ts";
import { nameEnd } from "./macros.ts";
import type { Findings } from "./reading.ts";
import type { SourceReader } from "./source-reader.ts";

/** The files that a line includes, maybe none. */
export interface Included {
  readonly paths: readonly string[];
  /** The name or pattern on the line. */
  readonly name: LinePart;
  readonly rule: IncludeRule;
}

const NOTHING: readonly string[] = [];

export class IncludeLines {
  readonly #findings: Findings;
  readonly #reader: SourceReader;
  readonly #allConfig: boolean;
  #rule: IncludeRule = INCLUDE_RULES.include ?? ALL;

  /** @param allConfig every include problem is an error */
  constructor(findings: Findings, reader: SourceReader, allConfig: boolean) {
    this.#findings = findings;
    this.#reader = reader;
    this.#allConfig = allConfig;
  }

  /** What a line that begins with `include` includes, seen from `directory`; undefined when it is no include after all. */
  read(part: LinePart, directory: string): Included | undefined {
    const { text } = part.place;
    const end = nameEnd(text, part.from);
    const word = text.slice(part.from, end);
    if (word === "include_check") this.#readCheck(part, end);
    const ownRule = Object.hasOwn(INCLUDE_RULES, word) ? INCLUDE_RULES[word] : undefined;
    const next = text.charCodeAt(end);
    if (!ownRule || (end < part.to && !isBlank(next) && next !== QUOTE)) return undefined;
    const name = restOf(part, end);
    const rule = this.#allConfig ? ALL : word === "include" ? this.#rule : ownRule;
    if (name.from >= name.to) {
      const hint = `write ${word} FILE, a name or pattern without quotes`;
      this.#findings.error("include-without-name", { ...part, to: end }, `${word} names no file`, hint);
      return { paths: NOTHING, name, rule };
    }
    // A macro that was not replaced has its finding; that there is no such file follows from it.
    if (partText(name).includes("$") && this.#findings.isCovered(partSpan(name))) return { paths: NOTHING, name, rule };
    return { paths: this.#reader.match(name, directory, rule), name, rule };
  }

  #readCheck(part: LinePart, end: number): void {
    const words = part.place.text.slice(end, part.to).split(/[{}]/)[0]?.split(/\s+/).filter(Boolean) ?? [];
    this.#rule = includeCheck(this.#rule, words);
  }
}

const QUOTE = 34;
