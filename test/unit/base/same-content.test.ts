import { describe, expect, test } from "bun:test";
import { sameContent } from "../../../src/base/same-content.ts";

const VALUE = { a: 1, b: ["x", { c: null, d: Number.NaN }], e: { f: true } };

describe("sameContent", () => {
  test.each([
    ["a copy", structuredClone(VALUE), true],
    ["names in another order", { e: { f: true }, b: ["x", { d: Number.NaN, c: null }], a: 1 }, true],
    ["an undefined property is none", { ...VALUE, g: undefined }, true],
    ["one more", { ...VALUE, g: 0 }, false],
    ["one less", { a: 1, b: VALUE.b }, false],
    ["another number", { ...VALUE, a: 2 }, false],
    ["number and text", { ...VALUE, a: "1" }, false],
    ["null and an object", { ...VALUE, e: null }, false],
    ["deep inside", { ...VALUE, b: ["x", { c: null, d: 0 }] }, false],
    ["a longer list", { ...VALUE, b: [...VALUE.b, undefined] }, false],
    ["a list and an object", { ...VALUE, b: { 0: "x", 1: VALUE.b[1] } }, false],
    ["an object and a list", [], false],
  ] as const)("%s", (_why, other, same) => {
    expect(sameContent(VALUE, other)).toBe(same);
    expect(sameContent(other, VALUE)).toBe(same);
  });

  test("names that do not count, however deep", () => {
    const but = new Set(["origin"]);
    const one = { list: [{ v: 1, origin: { line: 1 } }], origin: 1 };
    expect(sameContent(one, { list: [{ v: 1, origin: { line: 2 } }] }, but)).toBe(true);
    expect(sameContent({ list: [{ v: 1 }] }, one, but)).toBe(true);
    expect(sameContent(one, { list: [{ v: 2, origin: { line: 1 } }], origin: 1 }, but)).toBe(false);
    expect(sameContent(one, { list: [{ v: 1, origin: { line: 2 } }], origin: 1 })).toBe(false);
  });
});
