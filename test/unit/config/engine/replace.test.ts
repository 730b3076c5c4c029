// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Two ways to replace the macros of a line, the quick one and the thorough one, give the same text from the same places.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { MacroTable } from "../../../../src/config/expand/macros.ts";
import { type Replaced, replaceByOne, replaceInOneGo } from "../../../../src/config/expand/replace.ts";
import type { Chain } from "../../../../src/config/expand/segments.ts";
import { type LinePart, SourceText } from "../../../../src/config/text/source.ts";

function partOf(name: string, text: string): LinePart {
  return { place: new SourceText(name, text), from: 0, to: text.length, line: 1 };
}

function shown({ part, more, problems }: Replaced) {
  const { place, from, to } = part;
  const text = place.text.slice(from, to);
  return {
    text,
    spans: Array.from(text, (_, at) => place.span(at, at + 1, 1)),
    // Of an empty line nobody asks where it is.
    whole: text === "" ? undefined : place.span(from, to, 1),
    more: more.map((use) => {
      const lines = [];
      while (!use.isRead) lines.push(use.next());
      return { chain: namesOf(use.chain), lines: lines.map((line) => line?.place.text.slice(line.from, line.to)) };
    }),
    problems: problems.map(({ kind }) => kind),
  };
}

function namesOf(chain: Chain | undefined): string[] {
  return chain ? [chain.macro.name, ...namesOf(chain.outer)] : [];
}

const word = (name: string) => [`$${name}`, `\${${name}}`];
const piece = fc.constantFrom(...["A", "B", "M"].flatMap(word), "$C", "$N", "$", "}", "{", "${", " ", "x", "10.0.0.");
const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
const bodies = fc.record({
  A: fc.constantFrom("", "7", "a b", "x$"),
  B: fc.oneof(fc.constantFrom("80", "", "${A}"), text),
  C: text,
  M: fc.array(
    text.filter((line) => line !== ""),
    { minLength: 2, maxLength: 3 },
  ),
});

test("the quick way gives what the thorough one does, wherever it gives anything", () => {
  let quick = 0;
  fc.assert(
    fc.property(text, bodies, (line, macros) => {
      const replaced = (replace: typeof replaceByOne | typeof replaceInOneGo) => {
        const table = new MacroTable();
        for (const [name, body] of Object.entries(macros)) {
          const lines = [body].flat().filter((one) => one !== "");
          table.define(
            name,
            lines.map((one, at) => partOf(`${name}${at}`, one)),
            partOf("definition", `$${name}=`),
          );
        }
        const budget = { movedChars: 0, expandedChars: 0 };
        const context = { macros: table, predefined: () => undefined, chain: undefined, budget };
        const result = replace(partOf("main.conf", line), context);
        return result && { ...shown(result), used: table.definitions.map(({ used }) => used) };
      };
      const first = replaced(replaceInOneGo);
      if (!first) return;
      quick++;
      expect(first).toEqual(replaced(replaceByOne) as typeof first);
    }),
    { numRuns: 3000 },
  );
  expect(quick).toBeGreaterThan(300);
});
