import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { SearchResult } from "../../../src/pattern/automaton.ts";
import { compilePattern, type Pattern } from "../../../src/pattern/pattern.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function compiled(text: string, options: readonly string[] = []): Pattern {
  const result = compilePattern(text, options);
  if (!result.ok) throw new Error(`${result.error.message} at ${result.error.at}`);
  return result.value;
}

function search(text: string, options: string, subject: string, min = 0, max?: number): SearchResult {
  return compiled(text, options === "" ? [] : options.split(" ")).search(bytes(subject), min, max);
}

describe("what occurs", () => {
  test.each([
    ["literal", "status: ok", "", "x status: ok y", "found"],
    ["literal missing", "status: ok", "", "status: bad", "absent"],
    ["empty pattern", "", "", "", "found"],
    ["case counts", "OK", "", "ok", "absent"],
    ["caseless", "OK", "caseless", "ok", "found"],
    ["caseless class", "^[a-c]+$", "caseless", "AbC", "found"],
    ["inline caseless", "a(?i)b", "", "aB", "found"],
    ["inline caseless ends with its group", "(?i:a)b", "", "AB", "absent"],
    ["dot stops at a line end", "a.b", "", "a\nb", "absent"],
    ["dotall", "a.b", "dotall", "a\nb", "found"],
    ["start", "^b", "", "ab", "absent"],
    ["start of line", "^b", "multiline", "a\nb", "found"],
    ["start of line, not without the option", "^b", "", "a\nb", "absent"],
    ["no line begins behind the last line end", "^$", "multiline", "a\n", "absent"],
    ["alt_circumflex: one does", "^$", "multiline alt_circumflex", "a\n", "found"],
    ["end", "a$", "", "a", "found"],
    ["end before a last line end", "a$", "", "a\n", "found"],
    ["dollar_endonly", "a$", "dollar_endonly", "a\n", "absent"],
    ["end before another line end", "a$", "", "a\nb", "absent"],
    ["end of line", "a$", "multiline", "a\nb", "found"],
    ["\\A", "\\Ab", "multiline", "a\nb", "absent"],
    ["\\z", "a\\z", "", "a\n", "absent"],
    ["\\Z", "a\\Z", "", "a\n", "found"],
    ["word boundary", "\\bok\\b", "", "so ok.", "found"],
    ["no word boundary", "\\bok\\b", "", "book", "absent"],
    ["not a boundary", "\\Bok", "", "book", "found"],
    ["choice", "^(up|running)$", "", "running", "found"],
    ["empty choice", "^a(|b)$", "", "a", "found"],
    ["repetition", "^a{2,3}$", "", "aaaa", "absent"],
    ["repetition without end", "^a{2,}$", "", "aaaa", "found"],
    ["repetition from nothing", "^a{,2}$", "", "", "found"],
    ["braces that are text", "a{b}", "", "a{b}", "found"],
    ["lazy", "a+?b", "", "aab", "found"],
    ["repeated empty", "^(a*)*$", "", "aab", "absent"],
    ["digits", "^\\d+$", "", "2026", "found"],
    ["class with range and hyphen", "^[a-z-]+$", "", "a-z", "found"],
    ["class with a bracket first", "^[]a]+$", "", "a]", "found"],
    ["negated class takes a line end", "a[^b]c", "", "a\nc", "found"],
    ["POSIX class", "^[[:alpha:][:digit:]_]+$", "", "aZ_9", "found"],
    ["negated POSIX class", "^[[:^digit:]]$", "", "7", "absent"],
    ["class escape in a class", "^[\\d.]+$", "", "1.2", "found"],
    ["empty class", "a[]b", "allow_empty_class", "a]b", "absent"],
    ["hexadecimal", "\\x41\\x{42}", "", "AB", "found"],
    ["octal", "\\101\\0", "alt_bsux", "A", "refused"],
    ["octal zero", "a\\0b", "", "a\0b", "found"],
    ["quoted", "\\Qa.b\\E+", "", "a.bbb", "found"],
    ["quoted means itself", "\\Qa.b\\E", "", "axb", "absent"],
    ["extended", "a b # c\n c", "extended", "abc", "found"],
    ["extended keeps escaped blanks", "a\\ b", "extended", "a b", "found"],
    ["comment", "a(?#no)b", "", "ab", "found"],
    ["named group", "(?<n>a)(?P<m>b)(?'o'c)", "", "abc", "found"],
    ["line break", "a\\Rb", "", "a\r\nb", "found"],
    ["firstline", "b", "firstline", "a\nb", "absent"],
    ["firstline may end later", "a\\nb", "firstline", "a\nb", "found"],
    ["alt_bsux", "\\u0041\\x4", "alt_bsux", "Ax4", "found"],
    ["bytes of a literal", "grün", "", "grün", "found"],
    ["a byte is a character without utf", "^gr..n$", "", "grün", "found"],
    ["utf: one character", "^gr.n$", "utf", "grün", "found"],
    ["utf, caseless", "GRÜN", "utf caseless", "grün", "found"],
    ["utf class", "^[ä-ü]$", "utf", "ö", "found"],
    [
      "speed and captures don't matter",
      "a",
      "ungreedy no_auto_capture no_start_optimize use_offset_limit",
      "a",
      "found",
    ],
  ] as const)("%s", (_why, pattern, options, subject, expected) => {
    if (expected === "refused") expect(compilePattern(pattern, options.split(" ")).ok).toBe(false);
    else expect(search(pattern, options, subject)).toBe(expected);
  });

  test.each([
    ["from the minimum on", "a", "abca", 1, undefined, "found"],
    ["not before the minimum", "ab", "abc", 1, undefined, "absent"],
    ["the maximum is where it begins", "bc", "abc", 0, 1, "found"],
    ["not behind the maximum", "bc", "abc", 0, 0, "absent"],
    ["a minimum behind the end", "a", "a", 9, undefined, "absent"],
    ["the start stays the start", "^b", "ab", 1, undefined, "absent"],
    ["a boundary sees what is before the minimum", "\\bb", "ab", 1, undefined, "absent"],
    ["empty at the maximum", "$", "abc", 0, 2, "absent"],
  ] as const)("offsets: %s", (_why, pattern, subject, min, max, expected) => {
    expect(search(pattern, "", subject, min, max)).toBe(expected);
  });

  test("offsets count bytes with utf, too", () => {
    expect(search("n", "utf", "ün", 2, 2)).toBe("found");
    expect(search("n", "utf", "ün", 0, 1)).toBe("absent");
    expect(search("n", "utf", "ün", 3)).toBe("absent");
  });

  test("bytes that are no UTF-8", () => {
    expect(compiled("a", ["utf"]).search(new Uint8Array([97, 0xff, 98]))).toBe("not-utf8");
    expect(compiled("a", ["utf"]).search(new Uint8Array([97, 0xc3]))).toBe("found");
  });
});

describe("what is refused", () => {
  test.each([
    ["(?=a)", "lookahead", 0],
    ["a(?!b)", "negative lookahead", 1],
    ["(?<=a)b", "lookbehind", 0],
    ["(?<!a)b", "negative lookbehind", 0],
    ["(a)\\1", "backreference", 3],
    ["\\k<n>", "\\k", 0],
    ["(?>a)", "atomic", 0],
    ["a++", "possessive", 1],
    ["(?R)", "recursion", 0],
    ["\\p{L}", "\\p", 0],
    ["a)", "closing parenthesis", 1],
    ["(a", "never closed", 0],
    ["[a", "never closed", 0],
    ["[z-a]", "wrong way round", 2],
    ["a{3,2}", "wrong way round", 1],
    ["*a", "nothing to repeat", 0],
    ["a\\", "backslash at the end", 1],
    ["\\x{100}", "character above ff", 0],
    ["(a{1000}){1000}", "too large", 0],
    ["a{70000}", "repetitions", 1],
    ["\\y", "unknown escape", 0],
    ["[[:nope:]]", "unknown class", 1],
  ] as const)("%s", (pattern, words, at) => {
    const result = compilePattern(pattern, []);
    expect(result.ok).toBe(false);
    if (!result.ok) expect([result.error.message.includes(words), result.error.at]).toEqual([true, at]);
  });

  test("an unknown option", () => {
    expect(compilePattern("a", ["caseles"])).toEqual({
      ok: false,
      error: { message: "unknown option caseles", at: 0 },
    });
  });

  test("groups without end", () => {
    expect(compilePattern("(".repeat(100_000), []).ok).toBe(false);
  });
});

describe("linear time", () => {
  test.each([
    ["nested quantifiers", "^(a+)+$", `${"a".repeat(100_000)}b`],
    ["alternatives that overlap", "(a|aa)+c", "a".repeat(250_000)],
    ["optional many times", `${"a?".repeat(200)}${"a".repeat(200)}b`, "a".repeat(250_000)],
    ["a state for every subset", "[ab]*a[ab]{60}c", "ab".repeat(125_000)],
  ])("%s ends", (_why, pattern, subject) => {
    const started = performance.now();
    expect(["absent", "too-costly"]).toContain(search(pattern, "", subject));
    // Generous for a loaded machine; a backtracking engine needs longer than the universe is old.
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

// The same answers as a backtracking engine, on patterns and texts small enough for one.
const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\n", "\\b", "\\w", "^", "$");
const pattern: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(?:${a}|${b})`),
    fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "*?")).map(([a, q]) => `(?:${a})${q}`),
  ),
})).node;
const subject = fc.array(fc.constantFrom("a", "b", "\n", " "), { maxLength: 12 }).map((cs) => cs.join(""));

test("agrees with a backtracking engine", () => {
  fc.assert(
    fc.property(pattern, subject, fc.boolean(), (text, subjectText, dotall) => {
      // JavaScript's $ is PCRE2's with dollar_endonly.
      const options = dotall ? ["dollar_endonly", "dotall"] : ["dollar_endonly"];
      const expected = new RegExp(text, dotall ? "s" : "").test(subjectText.replaceAll("\r", ""));
      expect(compiled(text, options).search(bytes(subjectText))).toBe(expected ? "found" : "absent");
    }),
    { numRuns: 5000 },
  );
});

test("any text is a pattern or an error with a place in it", () => {
  const pieces = fc.constantFrom(..."()[]{}|*+?\\^$.-:=!<>#&,019adwxQEpk\n é", "(?", "[[:", "{2,", "\\x{");
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 30 }),
      fc.boolean(),
      fc.uint8Array({ maxLength: 40 }),
      (parts, utf, body) => {
        const text = parts.join("");
        const result = compilePattern(text, utf ? ["utf", "extended"] : []);
        if (result.ok) expect(["found", "absent", "not-utf8"]).toContain(result.value.search(body));
        else expect(result.error.at <= [...text].length).toBe(true);
      },
    ),
    { numRuns: 20_000 },
  );
});
