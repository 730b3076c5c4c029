// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Definitions, references and predefined names: language.md §7. Rows without a finding were compared with keepalived 2.2.7.
import { describe, expect, test } from "bun:test";
import { read, spanned } from "./support.ts";

describe("definitions", () => {
  test.each([
    ["one line", "$A=x y\nk $A", "k·x·y"],
    ["blanks behind = are dropped", "$A=   x\nk $A", "k·x"],
    ["the comment goes", "$A=x # y\nk $A", "k·x"],
    ["quotes stay", '$A="x # y"\nk $A', 'k·"x # y"'],
    ["empty", "$A=\nk ${A}y", "k·y"],
    ["indented, inside a block", "global_defs {\n  $A=x\n  router_id $A\n}", "global_defs {\n  router_id·x"],
    ["a later one wins from there on", "$A=x\nk $A\n$A=y\nk $A", "k·x\nk·y"],
    ["not visible before", "k1 $Bee\nk2 x", "k1·$Bee\nk2·x"],
    ["a second = belongs to the text", "$A==x\nk $A", "k·=x"],
    ["several lines", "$A= \\\n  a b \\\n  c\nk $A", "k·a·b\nc"],
    ["several lines from the first on", "$A=a \\\n  b\n$A", "a\nb"],
    ["the backslash needs no blank before it", "$A=a\\\nb\n$A", "a\nb"],
    ["a line of only a backslash is dropped", "$A=a \\\n \\\n b\n$A", "a\nb"],
    ["an empty line ends it", "$A=a \\\n\nb", "b"],
    ["one line with a backslash and an empty one", "$A= \\\n  a \\\n\nk ${A}b", "k·ab"],
    ["a comment behind the backslash", "$A= \\ # 1\n  a \\ # 2\n  b # 3\n$A", "a\nb"],
    ["a comment that ends in a backslash", "$A= # 1 \\\n  a # 2 \\\n  # 3 \\\n  b # 4\n$A", "a\nb"],
    ["blanks behind the backslash", "$A=a \\  \n b\t\n$A", "a\nb"],
    ["text in front of a multi-line macro is kept", "$A=a \\\n b\nk l $A", "k·l·a\nb"],
    ["a definition in a definition", "$A= \\\n $B=5 \\\n k $B\n$A", "k·5"],
    ["a macro that gives a definition", "$A=$B=5\n$A\nk $B", "k·5"],
    ["a macro that gives a loop", "$A=~SEQ(N,1,2) k${N}\n$A", "k1\nk2"],
    ["a macro that gives blocks", "$A=global_defs {\n$A\n router_id x\n}", "global_defs {\n  router_id·x"],
    [
      "blocks over several lines",
      "$A= \\\n global_defs { \\\n  router_id $R \\\n }\n$R=x\n$A",
      "global_defs {\n  router_id·x",
    ],
  ])("%s", (_why, text, tree) => {
    expect(read(text).tree).toBe(tree);
  });

  test.each([
    ["a blank before =", "$A = x\nk $A", ["1:1 error bad-definition"], "k·x"],
    ["a name that begins with a digit", "$1A=x", ["1:1 error bad-definition"], ""],
    ["a name with another character", "$A-B=x", ["1:1 error bad-definition"], ""],
    ["never used", "$A=x\n$A=y\nk $A", ["1:1 note unused-macro"], "k·y"],
    ["a quote that is not closed", '$A="x\nk $A', ["1:4 error quote-not-closed"], 'k·"x"'],
    [
      "still open at the end of the file",
      "k\n$A= \\\n  x \\\n",
      ["2:1 error definition-not-ended", "2:1 note unused-macro"],
      "k",
    ],
    [
      "a comment alone on a line with a block open",
      "$A= \\\n real_server 192.0.2.1 80 { \\\n # c\n weight 1 \\\n }\n$A",
      ["3:2 error comment-in-definition"],
      "real_server·192.0.2.1·80 {\n  weight·1",
    ],
    ["a comment alone on a line ends it elsewhere", "$A= \\\n a \\\n# c\nb\n$A", [], "b\na"],
    [
      "a line that lost its backslash",
      "$A= \\\n real_server 192.0.2.1 80 { \\\n  weight 1\n  TCP_CHECK { \\\n  } \\\n }\n$A",
      ["3:10 error definition-cut-short"],
      "real_server·192.0.2.1·80 {\n  weight·1\n  TCP_CHECK {",
    ],
    [
      "the last line but one lost its backslash",
      "$A= \\\n real_server 192.0.2.1 80 { \\\n  weight 1\n }\n$A",
      ["3:10 error definition-cut-short"],
      "real_server·192.0.2.1·80 {\n  weight·1",
    ],
  ])("%s", (_why, text, findings, tree) => {
    expect(read(text)).toMatchObject({ tree, findings });
  });

  test("a macro may open a block that other text closes", () => {
    expect(read("$A=x \\\nglobal_defs {\nk\n$A\n}")).toMatchObject({ findings: [], tree: "k\nx\nglobal_defs {" });
  });
});

describe("references", () => {
  test.each([
    ["a blank, a comma and a parenthesis end the name", "$A=x\nk$A,$A)$A $A", "kx,x)x·x"],
    ["inside double quotes with braces", '$A=x\nk "a${A}b"', 'k·"axb"'],
    ["again and again", "$A=$B\n$B=$C\n$C=x\nk $A", "k·x"],
    ["the value decides with what follows it", "$B=eth0\n$A=$B\nk ${A}_x", "k·$B_x"],
    ["names made of macros", "$N=1\n$A1=x\nk ${A${N}}", "k·x"],
    ["a dollar in front of a value in braces", "$A=x\n$N={A}\nk $${N}", "k·x"],
    ["a value may hold several words", "$A=b c\na $A d", "a·b·c·d"],
    ["a value may hold braces", "$A=a { b }\n$A", "a {\n  b"],
    ["a comment sign from a macro begins a comment", "$A=x\nk ${A}${_HASH}y", "k·x"],
    ["a lone dollar is text", "k $ $$ $-x ${} $1 a$", "k·$·$$·$-x·$ {\n$1·a$"],
  ])("%s", (_why, text, tree) => {
    expect(read(text).tree).toBe(tree);
  });

  test.each([
    ["unknown, where text may stand", "k $NOPE", "1:3 warning undefined-macro", "k·$NOPE"],
    ["unknown with braces: they open no block", "router_id ${NOPE}", "1:11 error undefined-macro", "router_id·${NOPE}"],
    ["unknown with braces inside quotes", 'k "${NOPE}"', "1:4 warning undefined-macro", 'k·"${NOPE}"'],
    ["misspelt", "$PRIORITY=1\npriority $PRIORITY\npriority $PRIORTY", "3:10 error undefined-macro", undefined],
    ["used twice, told once", "k $NOPE\nl $NOPE", "1:3 warning undefined-macro", "k·$NOPE\nl·$NOPE"],
    ["used above its definition", "k $A\n$A=1\nk $A", "1:3 error undefined-macro", "k·$A\nk·1"],
    ["as the name of an interface", "interface $IF", "1:11 error undefined-macro", undefined],
    [
      "without the braces it needs",
      "$A=192.0.2.1\nk $A/24\nl $A",
      "2:3 warning macro-needs-braces",
      "k·$A/24\nl·192.0.2.1",
    ],
    ["without the braces it needs in quotes", '$A=x\nk "$A"\nl $A', "2:4 warning macro-needs-braces", 'k·"$A"\nl·x'],
    ["text behind a multi-line macro", "$A=a \\\n b\nk $A c", "3:5 error text-after-macro", "k·a\nb"],
    ["a condition in a macro", "$A=@main x\n$A", "2:1 error condition-in-macro", "x"],
  ])("%s", (_why, text, finding, tree) => {
    const got = read(text);
    expect(got.findings).toEqual([finding]);
    if (tree !== undefined) expect(got.tree).toBe(tree);
  });

  test("the hint names the near macro, or where it is defined", () => {
    expect(read("$VIP=x\nk $VIPP\nl $VIP").diagnostics[0]?.hint).toBe("did you mean $VIP?");
    expect(read("k $A\n$A=1\nk $A").diagnostics[0]?.hint).toContain("line 2");
  });
});

describe("circles", () => {
  test.each([
    ["two macros that name each other", "$A=$B\n$B=$A\nk $A", ["2:1 error macro-loop"]],
    ["three", "$A=$B\n$B=x ${C} y\n$C=$A\nk $B\nk $A", ["3:1 error macro-loop"]],
    ["one that names itself", "$A=x$A\nk ${A}", ["1:1 error macro-loop"]],
    ["over several lines", "$A= \\\n a \\\n $B\n$B= \\\n b \\\n $A\n$A", ["4:1 error macro-loop"]],
    ["never used", "$A=$B\n$B=$A", ["2:1 warning macro-loop"]],
    ["a circle that a later definition opened", "$A=$B\n$B=$A\n$A=x\nk $B", ["1:1 note unused-macro"]],
    ["the same macro twice on a line is none", "$A=x\n$B=$A $A\nk $B $B", []],
  ])("%s", (_why, text, findings) => {
    expect(read(text).findings).toEqual(findings);
  });

  test("the finding shows the other definitions and the use", () => {
    const [finding] = read("$A=$B\n$B=$A\nk $A").diagnostics;
    expect(finding?.related?.map(({ span }) => span.line)).toEqual([1, 3]);
  });
});

describe("predefined names", () => {
  test.each([
    ["_HASH and _BANG inside quotes", 'k "a${_HASH}b${_BANG}"', 'k·"a#b!"'],
    ["_INSTANCE is the configuration id", "k ${_INSTANCE}", "k·main"],
    ["_PWD is the directory of the file", "k ${_PWD} $_PWD", "k·/cwd·/cwd"],
    ["_ENV is split into words", "k ${_ENV TWO}", "k·a·b"],
    ["_RANDOM is 0 to 32767", "k ${_RANDOM}", "k·0"],
    ["_RANDOM from a minimum", "k ${_RANDOM 7}", "k·7"],
    ["_RANDOM between bounds", "k ${_RANDOM 100 110}", "k·100"],
    ["a definition overrides one", "$_PWD=/x\nk ${_PWD}", "k·/x"],
  ])("%s", (_why, text, tree) => {
    expect(read(text, { env: { TWO: "a b" } })).toMatchObject({ tree, findings: [] });
  });

  test("_RANDOM reaches both bounds and nothing beyond", () => {
    expect(read("k ${_RANDOM 5 6}", { random: () => 0.9999999 }).tree).toBe("k·6");
    expect(read("k ${_RANDOM}", { random: () => 0.9999999 }).tree).toBe("k·32767");
  });

  test("random_seed: the macros behind it are the same each time, those before it are not", () => {
    const text = (seed: number) => `a \${_RANDOM}\nglobal_defs {\n  random_seed ${seed}\n}\nb \${_RANDOM} \${_RANDOM}`;
    const last = (seed: number, chance: number) => read(text(seed), { random: () => chance }).tree.split("\n");
    expect(last(42, 0)[0]).toBe("a·0");
    expect(last(42, 0.5)[0]).toBe("a·16384");
    expect(last(42, 0).at(-1)).toBe(last(42, 0.5).at(-1) ?? "");
    expect(last(42, 0).at(-1)).not.toBe(last(43, 0).at(-1) ?? "");
    const [, one, two] = last(42, 0).at(-1)?.split("·") ?? [];
    expect(one).not.toBe(two ?? "");
  });

  test.each([
    ["an unset variable is empty", "k a${_ENV NOPE}b", "1:4 warning unset-variable", "k·ab"],
    ["bounds the wrong way round give the first", "k ${_RANDOM 9 3}", "1:3 error random-range", "k·9"],
    ["bounds that are no numbers", "k ${_RANDOM a}", "1:3 error random-range", "k·0"],
  ])("%s", (_why, text, finding, tree) => {
    expect(read(text)).toMatchObject({ tree, findings: [finding] });
  });

  test("names of Object.prototype are no variables", () => {
    expect(read("k a${_ENV constructor}").findings).toEqual(["1:4 warning unset-variable"]);
  });
});

describe("places", () => {
  test("a word made by a macro stands at its use, and says where the macro is defined", () => {
    const text = "$V=192.0.2.1\nk ${V}/24 $V x";
    const words = read(text).statements[0]?.words ?? [];
    expect(words.map((word) => spanned(text, word.span))).toEqual(["k", "${V}/24", "$V", "x"]);
    expect(words[1]?.span.trace?.map(({ span }) => `${span.line}:${span.column}`)).toEqual(["1:1"]);
  });

  test("a word of a multi-line macro stands in the definition, and says where it is used", () => {
    const text = "$M= \\\n  a b \\\n  c\n\nk $M";
    const [first, second] = read(text).statements;
    expect(first?.words.map(({ span }) => span.line)).toEqual([5, 2, 2]);
    expect(spanned(text, second?.words[0]?.span ?? { line: 1, column: 1, endColumn: 1 })).toBe("c");
    expect(second?.words[0]?.span.trace?.map(({ span }) => span.line)).toEqual([5]);
  });
});
