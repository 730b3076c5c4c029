// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Includes: language.md §10, the table of what is forgiven included.
import { describe, expect, test } from "bun:test";
import {
  braceAlternatives,
  INCLUDE_RULES,
  includeCheck,
  matchesWildcard,
} from "../../../../src/config/expand/include.ts";
import { type MemoryFile, read } from "./support.ts";

const FILES: Readonly<Record<string, MemoryFile>> = {
  "one.conf": "one",
  "two.conf": "two",
  ".hidden.conf": "hidden",
  "d/a.conf": "a",
  "d/b.conf": "b",
  "d/deep.conf": "include b.conf\ninclude sub/c.conf",
  "d/sub/c.conf": "c",
  "/etc/x.conf": "x",
  "half.conf": "router_id x\n}",
  "run.conf": { what: "executable" },
  "fifo.conf": { what: "a FIFO" },
  "secret.conf": { denied: "no permission (EACCES)" },
};

describe("finding files", () => {
  test.each([
    ["a name", "include one.conf", "one"],
    ["an absolute name", "include /etc/x.conf", "x"],
    ["a wildcard, sorted", "include d/[a-b].conf", "a\nb"],
    ["a question mark", "include d/?.conf", "a\nb"],
    ["a star does not find hidden files", "include *e*n.conf", ""],
    ["alternatives in their order", "include {two,one}.conf", "two\none"],
    ["relative to the including file, and its own includes to it", "include d/deep.conf", "b\nc"],
    ["a wildcard without a match", "include d/z*.conf\nk", "k"],
    ["with a comment", "include one.conf # why", "one"],
    ["behind a tab", "\tinclude\tone.conf", "one"],
    ["inside a block, which the file closes", "global_defs {\ninclude half.conf\nk", "global_defs {\n  router_id·x\nk"],
    ["the same file twice", "include one.conf\ninclude one.conf", "one\none"],
    ["includex and include_y are words", "includex a\ninclude_y b", "includex·a\ninclude_y·b"],
    ["a macro gives the name", "$N=one\ninclude ${N}.conf", "one"],
    ["a macro gives the include", "$I=include one.conf\n$I", "one"],
  ])("%s", (_why, text, tree) => {
    expect(read(text, { files: FILES })).toMatchObject({ tree, findings: [] });
  });

  test("_PWD is the directory of the included file, and of the outer one behind it", () => {
    const files = { "d/p.conf": "k ${_PWD}" };
    expect(read("include d/p.conf\nk ${_PWD}", { files }).tree).toBe("k·/cwd/d\nk·/cwd");
  });

  test("words of an included file know the include line", () => {
    const [statement] = read("k\n include d/a.conf", { files: FILES }).statements.slice(1);
    const span = statement?.words[0]?.span;
    expect(span?.file.name).toBe("d/a.conf");
    expect(span?.file.includedFrom).toMatchObject({ line: 2, column: 10 });
  });
});

describe("what is missing", () => {
  const MISSING = { plain: "gone.conf", wildcard: "d/z*.conf", directory: "gone/*.conf", brace: "{one,gone}.conf" };
  const BAD = { executable: "run.conf", directory: "d", fifo: "fifo.conf", unreadable: "secret.conf" };

  test.each([
    ["include", "warning", "", "warning", "warning", "warning"],
    ["includer", "warning", "", "warning", "warning", "error"],
    ["includem", "error", "", "warning", "warning", "error"],
    ["includew", "error", "error", "error", "warning", "error"],
    ["includeb", "warning", "", "warning", "error", "error"],
    ["includea", "error", "error", "error", "error", "error"],
  ] as const)("%s", (word, plain, wildcard, directory, brace, bad) => {
    const severity = (pattern: string) => read(`${word} ${pattern}`, { files: FILES }).findings[0]?.split(" ")[1] ?? "";
    expect(Object.values(MISSING).map(severity)).toEqual([plain, wildcard, directory, brace]);
    expect(Object.values(BAD).map(severity)).toEqual([bad, bad, bad, bad]);
  });

  test.each([
    ["gone.conf", "include-missing"],
    ["d/z*.conf", "include-missing"],
    ["{one,gone}.conf", "include-missing"],
    ["fifo.conf", "include-unreadable"],
  ])("-e makes %s an error", (pattern, code) => {
    expect(read(`include ${pattern}`, { files: FILES, allConfig: true }).findings).toEqual([`1:9 error ${code}`]);
  });

  test.each([
    ["include_check", "error"],
    ["include_check read", "warning"],
    ["include_check match", "error"],
    ["include_check read +match", "error"],
    ["include_check match -match", "warning"],
  ])("%s changes plain include from there on", (line, severity) => {
    const text = `include gone.conf\nglobal_defs {\n ${line}\n}\ninclude gone.conf`;
    expect(read(text, { files: FILES }).findings).toEqual([
      "1:9 warning include-missing",
      `5:9 ${severity} include-missing`,
    ]);
  });

  test.each([
    ["quotes are part of the name", 'include "one.conf"', "write one.conf"],
    ["a near name", "include onee.conf", "did you mean one.conf?"],
    ["a near name in the directory of the file", "include d/deep2.conf", "did you mean d/deep.conf?"],
  ])("hint: %s", (_why, text, hint) => {
    const [finding] = read(text, { files: FILES }).diagnostics;
    expect(finding?.hint).toContain(hint);
  });

  test("an include without a name", () => {
    expect(read("include\ninclude # x\nk")).toMatchObject({
      tree: "k",
      findings: ["1:1 error include-without-name", "2:1 error include-without-name"],
    });
  });
});

describe("circles", () => {
  test("a file that includes itself", () => {
    expect(read("a\ninclude main.conf\nb")).toMatchObject({ tree: "a\nb", findings: ["2:9 error include-loop"] });
  });

  test("two files that include each other", () => {
    expect(read("include a.conf\nk", { files: { "a.conf": "include main.conf\na" } })).toMatchObject({
      tree: "a\nk",
      findings: ["a.conf:1:9 error include-loop"],
    });
  });

  test("by a wildcard that finds the file itself", () => {
    expect(read("include *.conf", { files: { "a.conf": "a" } })).toMatchObject({
      tree: "a",
      findings: ["1:9 error include-loop"],
    });
  });
});

describe("include_check", () => {
  const { include, includea } = INCLUDE_RULES;
  if (!include || !includea) throw new Error("include rules: a word is missing");

  test.each([
    ["no word is everything", [], { read: true, match: true, wildcardMatch: true, braceMatch: true }],
    [
      "a bare word sets that and read",
      ["wildcard_match"],
      { read: true, match: false, wildcardMatch: true, braceMatch: false },
    ],
    [
      "a bare word behind another one, and one that is none, say nothing",
      ["wildcard_match", "match", "odd", "+odd", "+brace_match"],
      { read: true, match: false, wildcardMatch: true, braceMatch: true },
    ],
    ["signed words add", ["+brace_match"], { read: false, match: false, wildcardMatch: false, braceMatch: true }],
  ])("%s", (_why, words, rule) => {
    expect(includeCheck(include, words)).toEqual(rule);
  });

  test("signed words take away", () => {
    expect(includeCheck(includea, ["-read", "-match"])).toEqual({ ...includea, read: false, match: false });
  });
});

describe("patterns", () => {
  test.each([
    ["a{b,c}d", ["abd", "acd"]],
    ["{a,b}{1,2}", ["a1", "a2", "b1", "b2"]],
    ["{a,{b,c}}", ["a", "b", "c"]],
    ["a{b", ["a{b"]],
    ["{}", ["{}"]],
    ["a{b}", ["ab"]],
    ["a{,b}", ["a", "ab"]],
  ])("%s stands for %p", (pattern, names) => {
    expect(braceAlternatives(pattern, 100)).toEqual(names);
  });

  test("alternatives that multiply are cut off soon", () => {
    expect(braceAlternatives("{a,b}".repeat(60), 100).length).toBeLessThan(300);
  });

  test.each([
    ["a.conf", "*.conf", true],
    ["a.conf", "?.conf", true],
    ["a.conf", "[!b].conf", true],
    ["a.conf", "[^a].conf", false],
    ["b.conf", "[a-c].conf", true],
    ["].conf", "[]].conf", true],
    [".a", "*", false],
    [".a", ".*", true],
    ["ab", "a*b*", true],
    ["a*", "a\\*", true],
    ["ab", "a\\*", false],
    ["a[", "a[", true],
    ["", "*", true],
    ["a", "", false],
  ])("%p matches %p: %p", (name, pattern, matches) => {
    expect(matchesWildcard(name, pattern)).toBe(matches);
  });

  test("a pattern of many stars takes no time", () => {
    const startedAt = performance.now();
    expect(matchesWildcard("a".repeat(200), `${"a*".repeat(60)}b`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
