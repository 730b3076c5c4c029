// Lines out of pieces: wherever the pieces end, and however long a line is.
import { describe, expect, test } from "bun:test";
import { createLineCutter } from "../../../src/base/line-cutter.ts";

function cut(pieces: readonly string[], maxChars: number) {
  const lines: [string, boolean][] = [];
  const cutter = createLineCutter(maxChars, (line, isCut) => lines.push([line, isCut]));
  for (const piece of pieces) cutter.push(piece);
  cutter.end();
  return lines;
}

describe.each([
  ["as one", (text: string) => [text]],
  ["char by char", (text: string) => [...text]],
])("pieces %s", (_name, split) => {
  test.each([
    ["", []],
    [
      "a\nb\n",
      [
        ["a", false],
        ["b", false],
      ],
    ],
    [
      "a\r\nb",
      [
        ["a", false],
        ["b", false],
      ],
    ],
    [
      "\n\n",
      [
        ["", false],
        ["", false],
      ],
    ],
    // As long as may be, one more, and a good one behind it.
    ["1234\n", [["1234", false]]],
    [
      "12345\n6\n",
      [
        ["1234", true],
        ["6", false],
      ],
    ],
    ["123456789", [["1234", true]]],
  ] as [string, [string, boolean][]][])("%j", (text, lines) => expect(cut(split(text), 4)).toEqual(lines));
});

test("an endless line is given once, as soon as it is too long", () => {
  const lines: string[] = [];
  const cutter = createLineCutter(4096, (line) => lines.push(line));
  for (let i = 0; i < 1000; i++) cutter.push("x".repeat(65_536));
  expect(lines).toEqual(["x".repeat(4096)]);
});
