import { expect, test } from "bun:test";
import { jsonPieces, ofLength } from "../../../src/base/json-pieces.ts";

const many = <T>(item: (i: number) => T) => Array.from({ length: 2000 }, (_, i) => item(i));

test.each([
  ["a number", 5],
  ["text", 'a "b" \\ \n ü 😀'],
  ["null", null],
  ["nothing", { a: undefined, b: [undefined], c: () => {} }],
  ["an empty list", []],
  ["an empty object", {}],
  ["a long list", many((i) => i)],
  ["a long list of objects", many((i) => ({ id: `${i}`, left: undefined, list: [i, { deep: [null, i] }] }))],
  ["a wide object", Object.fromEntries(many((i) => [`key "${i}"`, i % 3 === 0 ? undefined : { i }]))],
  ["lists in lists", many((i) => (i % 500 === 0 ? many((k) => [k]) : [i, undefined]))],
  ["a large object of nothing", Object.fromEntries(many((i) => [`${i}`, undefined]))],
  ["long text inside", { list: ["x".repeat(100_000), { y: "y".repeat(50_000) }] }],
])("%s: the pieces are the text of JSON.stringify", (_what, value) => {
  expect([...jsonPieces(value)].join("")).toBe(JSON.stringify(value));
});

test("an iterable stands for a list, and is walked as far as the text is taken", () => {
  let made = 0;
  const value = {
    before: 1,
    items: (function* () {
      for (; made < 100; made++) yield { made };
    })(),
    after: 2,
  };
  const parts = jsonPieces(value);
  for (let text = ""; !text.includes('{"made":3}'); ) text += parts.next().value ?? "";
  expect(made).toBeLessThanOrEqual(4);
  const rest = JSON.parse([...jsonPieces({ items: new Set([1, [2]]) })].join(""));
  expect(rest).toEqual({ items: [1, [2]] });
});

test("a large value is made in small pieces", () => {
  const lengths = [...jsonPieces(many((i) => ({ id: i, text: "abc" })))].map((part) => part.length);
  expect(Math.max(...lengths)).toBeLessThan(20_000);
});

test.each([1, 2, 3, 7, 1000])("pieces of %d characters cut no character in two", (chars) => {
  const texts = ["a😀", "", "😀😀b", "ü", "x".repeat(20)];
  const parts = [...ofLength(texts, chars)];
  expect(parts.join("")).toBe(texts.join(""));
  // A piece of one unit can't hold a character of two.
  if (chars > 1) for (const part of parts) expect(Buffer.from(part).toString()).toBe(part);
  if (chars > 1) expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(chars);
});
