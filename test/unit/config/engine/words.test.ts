// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Words, quotes, comments and line ends: language.md §1–§3.
import { describe, expect, test } from "bun:test";
import { read, spanned } from "./support.ts";

describe("words", () => {
  test.each([
    ["blanks of all four kinds end a word", "a b\tc\fd\ve", "a·b·c·d·e"],
    ["U+00A0 is no blank", "a\u00a0b", "a\u00a0b"],
    ["a carriage return inside a line is no blank", "a\rb c", "a\rb·c"],
    ["text in other scripts passes", "router_id größe 路由", "router_id·größe·路由"],
    ["a quoted word holds blanks", 'a "b c" d', 'a·"b c"·d'],
    ["a quote ends the word before it", 'e"f g"h', 'e·"f g"·h'],
    ["an empty quoted word is a word", 'a ""', 'a·""'],
    ["quotes know no escapes", 'a "b\\" c', 'a·"b\\"·c'],
    ["single quotes are text", "a 'b c'", "a·'b·c'"],
    ["braces inside quotes are text", 'a "{" "}"', 'a·"{"·"}"'],
    ["# begins a comment anywhere", "a b# c", "a·b"],
    ["! begins a comment anywhere", "eth0!x y", "eth0"],
    ["comment signs inside quotes are text", 'a "#b" "c!"', 'a·"#b"·"c!"'],
    ["single quotes do not protect a comment sign", "a '#b'", "a·'"],
    ["// and ; are text", "a // b ; c", "a·//·b·;·c"],
    ["empty and comment lines are nothing", "\n  \n# x\n\t! y\na", "a"],
    ["a carriage return in front of the line end goes", "a b\r\nc\r\n", "a·b\nc"],
    ["the last line needs no line end", "a\nb", "a\nb"],
    ["a carriage return at the very end goes", "a b\r", "a·b"],
  ])("%s", (_why, text, tree) => {
    expect(read(text)).toMatchObject({ tree, findings: [] });
  });

  test.each([
    ["a quote that is not closed", 'a "b c', "1:3 error quote-not-closed", 'a·"b c"'],
    ["it does not swallow the brace of its block", 'a "b {\n c\n}', "1:3 error quote-not-closed", 'a·"b" {\n  c'],
    ["a comment sign behind it belongs to the word", 'a "b # c', "1:3 error quote-not-closed", 'a·"b # c"'],
    [
      "a backslash does not protect a comment sign",
      "auth_pass a\\#b",
      "1:12 warning escaped-comment-sign",
      "auth_pass·a",
    ],
    ["a backslash at the end joins no lines", "priority 100 \\\nc", "1:14 warning stray-backslash", "priority·100\nc"],
    ["a line of only a backslash", "\\\na", "1:1 warning stray-backslash", "a"],
  ])("%s", (_why, text, finding, tree) => {
    expect(read(text)).toMatchObject({ tree, findings: [finding] });
  });
});

describe("spans", () => {
  test.each([
    ["a b c", 1, "b"],
    ['a "b c"', 1, '"b c"'],
    ["\ta b", 1, "b"],
    ["größe 路由 x", 2, "x"],
    ["😀😀 ab", 1, "ab"],
  ])("of %p, word %d", (text, index, covered) => {
    const word = read(text).statements[0]?.words[index];
    expect(word && spanned(text, word.span)).toBe(covered);
  });

  test("columns count characters, not bytes and not code units", () => {
    const span = read("# 😀\nä😀 😀b").statements[0]?.words[1]?.span;
    expect(span).toMatchObject({ line: 2, column: 4, endLine: 2, endColumn: 6 });
  });

  test("lines count over every line end", () => {
    expect(read("a\r\n\r\n  b").statements[1]?.words[0]?.span).toMatchObject({ line: 3, column: 3 });
  });
});

describe("the rest of a line", () => {
  test.each([
    ["keeps quotes and blanks", "notify  \"/bin/x  a\" 'b c'  root", "\"/bin/x  a\" 'b c'  root"],
    ["ends before the comment", "script /bin/x # why", "/bin/x"],
    ["ends before the brace", 'vrrp_script "a b" {\n}', '"a b"'],
    ["is empty without words", "alpha", ""],
    ["has its macros replaced", "$P=/opt/bin\nscript ${P}/x y", "/opt/bin/x y"],
  ])("%s", (_why, text, rest) => {
    expect(read(text).statements.at(-1)?.rest).toBe(rest);
  });
});

describe("encodings", () => {
  const bytes = (...values: number[]) => new Uint8Array(values);
  const ascii = (text: string) => [...new TextEncoder().encode(text)];

  test("a byte order mark is left out with a warning", () => {
    expect(read(bytes(0xef, 0xbb, 0xbf, ...ascii("a b\n")))).toMatchObject({
      tree: "a·b",
      findings: ["1:1 warning byte-order-mark"],
    });
  });

  test.each([
    ["little endian with a mark", bytes(0xff, 0xfe, 0x61, 0, 0x0a, 0)],
    ["big endian with a mark", bytes(0xfe, 0xff, 0, 0x61, 0, 0x0a)],
    ["UTF-32", bytes(0xff, 0xfe, 0, 0, 0x61, 0, 0, 0)],
    ["little endian without a mark", new Uint8Array(Buffer.from("global_defs {\n}\n", "utf16le"))],
    ["big endian without a mark", new Uint8Array(Buffer.from("global_defs {\n}\n", "utf16le").swap16())],
  ])("UTF-16 is one error: %s", (_why, content) => {
    expect(read(content)).toMatchObject({ tree: "", findings: ["1:1 error utf-16-file"] });
  });

  test("a NUL byte is one error on its line, and is left out", () => {
    expect(read("a\nprio\0rity 1\0\nb")).toMatchObject({ tree: "a\npriority·1\nb", findings: ["2:5 error nul-byte"] });
  });

  // Counting lines anew at each of them took minutes.
  test("a damaged file of nothing but NUL bytes is one finding", () => {
    expect(read("\0".repeat(4_000_000)).findings).toEqual(["1:1 error nul-byte"]);
  });

  test("bytes that are no UTF-8 are a warning where they matter", () => {
    expect(read(bytes(...ascii("a\nb c"), 0xe9, 0x0a)).findings).toEqual(["2:4 warning invalid-utf-8"]);
    expect(read(bytes(...ascii("a # caf"), 0xe9, 0x0a)).findings).toEqual([]);
  });

  test("the replacement character itself is text", () => {
    expect(read("a \ufffd")).toMatchObject({ tree: "a·\ufffd", findings: [] });
  });
});
