// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Conditions and loops: language.md §8 and §9. Rows without a finding were compared with keepalived 2.2.7.
import { describe, expect, test } from "bun:test";
import { read } from "./support.ts";

describe("conditions", () => {
  test.each([
    ["kept for its id", "@main a b", "a·b"],
    ["dropped for another", "@other a b", ""],
    ["the negation", "@^main a\n@^other b", "b"],
    ["indented, with tabs", " \t@main\ta", "a"],
    ["a dropped line may hold anything", '@other } " { $X', ""],
    ["@! is a comment", "@!main a", ""],
    ["only one on a line", "@main @main a", "@main·a"],
    ["an empty id", "@ a\n@^ b", "b"],
    ["in front of a definition", "@main $A=x\n@other $A=y\nk $A", "k·x"],
    ["in front of a definition of several lines", "@main $A=a \\\n @main b \\\n @other c \\\n d\n$A", "a\nb\nd"],
    ["in front of a loop", "@main ~SEQ(N,2) k${N}", "k1\nk2"],
    ["in front of a brace", "global_defs {\n@main router_id a\n@main }", "global_defs {\n  router_id·a"],
  ])("%s", (_why, text, tree) => {
    expect(read(text)).toMatchObject({ tree, findings: [] });
  });

  test("nothing behind it: the next line holds for everybody, with a warning", () => {
    const { tree, findings } = read("@main\n@other\na");
    expect([tree, ...findings]).toEqual(["a", "1:1 warning condition-alone", "2:1 warning condition-alone"]);
  });

  test("an include behind a condition", () => {
    const files = { "a.conf": "a", "b.conf": "b" };
    expect(read("@main include a.conf\n@other include b.conf", { files })).toMatchObject({ tree: "a", findings: [] });
  });
});

describe("loops", () => {
  test.each([
    ["up to an end", "~SEQ(N, 3) k${N} $N", "k1·1\nk2·2\nk3·3"],
    ["down to an end", "~SEQ(N, -2) k${N}", "k-1\nk-2"],
    ["from start to end", "~SEQ(N, 3, 5) k${N}", "k3\nk4\nk5"],
    ["downward", "~SEQ(N, 3, 1) k${N}", "k3\nk2\nk1"],
    ["with a step", "~SEQ(N, 1, 2, 6) k${N}", "k1\nk3\nk5"],
    ["hexadecimal", "~SEQx(N, 9, 0xb) k${N}", "k9\nka\nkb"],
    ["octal bounds", "~SEQ(N, 010, 011) k${N}", "k8\nk9"],
    ["blanks anywhere, none behind", "~SEQ ( N , 1 , 2 )k${N}", "k1\nk2"],
    ["bounds may be macros", "$L=2\n$H=3\n~SEQ(N, $L, ${H}) k${N}", "k2\nk3"],
    ["listed values", "~LST(A, x, y) k${A}", "kx\nky"],
    ["an empty value", "~LST(A,x, ,y) k${A}.", "kx.\nk.\nky."],
    ["tuples", "~LST({A, B}, {1, x}, {2, y}) k${A}${B}", "k1x\nk2y"],
    ["missing values of a tuple are empty", "~LST({A,B},{1,2},{3}) k${A}-${B}", "k1-2\nk3-"],
    ["nested, the left one outermost", "~SEQ(N,2) ~LST(A,x,y) k${N}${A}", "k1x\nk1y\nk2x\nk2y"],
    ["the inner bounds may be the outer variable", "~SEQ(N,2) ~SEQ(K,1,${N}) k${N}${K}", "k11\nk21\nk22"],
    ["the variable keeps its last value", "~SEQ(N,2) k${N}\nl$N", "k1\nk2\nl2"],
    ["nothing to repeat", "~SEQ(N,2)\nl$N", "l2"],
    ["a definition inside", "~SEQ(N,2) $A=v${N}\nk$A", "kv2"],
    ["a condition inside", "~SEQ(N,2) @^other k${N}", "k1\nk2"],
    [
      "a multi-line macro inside",
      "$M= \\\n global_defs { \\\n  router_id r${N} \\\n }\n~SEQ(N,2) $M",
      "global_defs {\n  router_id·r1\nglobal_defs {\n  router_id·r2",
    ],
    ["a multi-line macro with words in front", "$M= \\\n x${N} \\\n y\n~SEQ(N,2) k $M", "k·x1\ny\nk·x2\ny"],
    ["in the middle of a line it is text", "k ~SEQ(N,1,2) ~x", "k·~SEQ(N,1,2)·~x"],
    ["another word with a tilde is text", "~user x", "~user·x"],
  ])("%s", (_why, text, tree) => {
    expect(read(text).tree).toBe(tree);
    expect(read(text).findings.filter((finding) => !finding.includes("unused-macro"))).toEqual([]);
  });

  test("an include inside", () => {
    const files = { "a.conf": "a", "b.conf": "b" };
    expect(read("~LST(F, a, b) include ${F}.conf", { files })).toMatchObject({ tree: "a\nb", findings: [] });
  });

  test.each([
    ["a step of 0", "~SEQ(N, 1, 0, 9) k${N}"],
    ["a step in the wrong direction", "~SEQ(N, 1, -1, 9) k${N}"],
    ["a bound that is no number", "~SEQ(N, a, 9) k${N}"],
    ["a missing comma", "~SEQ(N, 1 9) k${N}"],
    ["too many numbers", "~SEQ(N, 1, 2, 3, 4) k${N}"],
    ["no numbers", "~SEQ(N) k${N}"],
    ["no parenthesis", "~SEQ N, 1, 9 k${N}"],
    ["a parenthesis that is not closed", "~SEQ(N, 1, 9 k${N}"],
    ["no name", "~SEQ(1N, 2) k"],
    ["hexadecimal of a negative number", "~SEQx(N, -1, 2) k${N}"],
    ["no values", "~LST(A) k${A}"],
    ["too many values", "~LST({A,B},{1,2,3}) k${A}"],
    ["a value with blanks", "~LST(A, x y, z) k${A}"],
    ["lower case", "~seq(N, 1, 9) k${N}"],
    ["a misspelt word", "~SEQX(N, 1, 9) k${N}"],
  ])("%s is one error, and the line is left out", (_why, text) => {
    expect(read(`a\n${text}\nb`)).toMatchObject({ tree: "a\nb", findings: ["2:1 error bad-loop"] });
  });

  test("an unknown macro in the bounds is one error", () => {
    expect(read("~SEQ(N, 1, ${LAST}) k${N}").findings).toEqual(["1:12 error undefined-macro"]);
  });

  test("one mistake in many passes is one finding", () => {
    const text = "~SEQ(N, 1, 5) k${N} ${X}";
    expect(read(text).findings).toEqual(["1:21 error undefined-macro"]);
  });

  test("a word of a loop stands in its line, and says which pass it is", () => {
    const [, second] = read("~SEQ(N, 2) k${N}").statements;
    expect(second?.words[0]?.span).toMatchObject({ line: 1, column: 12, endColumn: 17 });
    expect(second?.words[0]?.span.trace?.[0]?.message).toBe("N is 2 in a pass of this loop");
  });
});
