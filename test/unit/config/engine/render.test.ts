// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Findings as text and as JSON.
import { describe, expect, test } from "bun:test";
import type { Diagnostic } from "../../../../src/config/findings/diagnostic.ts";
import { arrange, renderDiagnostic, toJson } from "../../../../src/config/findings/render.ts";
import { MAX_DIAGNOSTICS } from "../../../../src/config/text/limits.ts";
import { SourceText } from "../../../../src/config/text/source.ts";
import { read } from "./support.ts";

const plain = { color: false };

function at(text: string, line: number, from: string, name = "k.conf"): Diagnostic {
  const lines = text.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const offset = text.indexOf(from, start);
  const span = new SourceText(name, text).span(offset, offset + from.length, line);
  return { severity: "error", code: "bad-value", span, message: "what is wrong" };
}

describe("text", () => {
  test("place, code, message, line, caret and hint", () => {
    const finding = { ...at("virtual_server x {\n\tqourum 2\n}", 2, "qourum"), hint: "did you mean quorum?" };
    expect(renderDiagnostic(finding, plain)).toBe(
      [
        "k.conf:2:2: error[bad-value]: what is wrong",
        "2 | \tqourum 2",
        "  | \t^^^^^^",
        "  hint: did you mean quorum?",
      ].join("\n"),
    );
  });

  test.each([
    ["wide characters take two columns", "路由 größe x", "x", "      ^".length],
    ["combining marks take none", "e\u0301e\u0301 x", "x", "   ^".length],
    ["the caret is as wide as its word", "a 路由", "路由", "  ^^^^".length],
    ["at the end of the line", "ab", "b", 2],
  ])("%s", (_why, line, word, width) => {
    const [, shown, carets] = renderDiagnostic(at(line, 1, word), plain).split("\n");
    expect(shown).toBe(`1 | ${line}`);
    expect(carets?.slice(4)).toHaveLength(width + (/路由 größe/.test(line) ? 5 : 0));
  });

  test("control characters and direction marks are shown, not obeyed", () => {
    const text = renderDiagnostic(at("a\u001b[31m\u202eb x", 1, "x"), plain);
    expect(text).toContain("a\\x1b[31m\\u202eb x");
    expect(text).not.toContain("\u001b");
  });

  test("a message from outside can't write to the terminal", () => {
    expect(renderDiagnostic({ severity: "note", code: "file-missing", message: "a\u001b]0;b\u0007\nc" }, plain)).toBe(
      "note[file-missing]: a\\x1b]0;b\\x07\\x0ac",
    );
  });

  test("a long line is cut around the word", () => {
    const text = `${"a ".repeat(50_000)}HERE${" b".repeat(50_000)}`;
    const [, shown, carets] = renderDiagnostic(at(text, 1, "HERE"), plain).split("\n");
    expect(shown?.length).toBeLessThan(200);
    expect(shown?.slice(carets?.indexOf("^"), (carets?.lastIndexOf("^") ?? 0) + 1)).toBe("HERE");
  });

  test("related places, macros and includes follow", () => {
    const main = "$V=300\ninclude a.conf\n$M= \\\n router_id ${NOPE} \\\n x\n";
    const finding = read(`${main}global_defs {\n$M\n}\n`, { files: { "a.conf": "global_defs {\n" } });
    const undefinedMacro = finding.diagnostics.find(({ code }) => code === "undefined-macro");
    expect(undefinedMacro && renderDiagnostic(undefinedMacro, plain).split("\n")).toContain(
      "  main.conf:7:1: in $M, used here",
    );
    const open = finding.diagnostics.find(({ code }) => code === "block-not-closed");
    const text = (open && renderDiagnostic(open, plain).split("\n")) ?? [];
    expect(text[0]).toBe("a.conf:1:13: error[block-not-closed]: the block of global_defs is never closed");
    expect(text.at(-1)).toBe("  main.conf:2:9: included from here");
  });

  test("colors only when asked for", () => {
    expect(renderDiagnostic(at("x", 1, "x"), { color: true })).toContain("\u001b[1;31m");
    expect(renderDiagnostic(at("x", 1, "x"), plain)).not.toContain("\u001b");
  });
});

describe("order", () => {
  test("by file as read, line and column; repetitions once", () => {
    const one = at("a b\nc", 2, "c");
    const two = at("a b\nc", 1, "b");
    const three = at("z", 1, "z", "z.conf");
    const files = [{ name: "z.conf" }, { name: "k.conf" }];
    expect(arrange([one, two, three, { ...one }], files)).toEqual([three, two, one]);
  });

  test("another message is another mistake, but not where a loop repeats one with other values", () => {
    const one = at("a", 1, "a");
    const other = { ...one, message: "another" };
    expect(arrange([one, other], [])).toHaveLength(2);
    const span = one.span && { ...one.span, trace: [{ message: "N is 1 in a pass of this loop", span: one.span }] };
    if (!span) throw new Error("no span");
    expect(
      arrange(
        [
          { ...one, span },
          { ...other, span },
        ],
        [],
      ),
    ).toHaveLength(1);
  });

  test("a finding without a place comes first", () => {
    const placeless: Diagnostic = { severity: "error", code: "file-missing", message: "no such file (x)" };
    expect(arrange([at("x", 1, "x"), placeless], [{ name: "k.conf" }])[0]).toBe(placeless);
  });

  test("their number is bounded, and the rest is counted with its worst severity", () => {
    const text = "x\n".repeat(MAX_DIAGNOSTICS + 5);
    const source = new SourceText("k.conf", text);
    const many = Array.from({ length: MAX_DIAGNOSTICS + 5 }, (_, i): Diagnostic => {
      return { severity: "warning", code: "file-missing", span: source.span(2 * i, 2 * i + 1, i + 1), message: "m" };
    });
    const shown = arrange(many, [source]);
    expect(shown).toHaveLength(MAX_DIAGNOSTICS + 1);
    expect(shown.at(-1)).toMatchObject({
      severity: "warning",
      code: "more-findings",
      message: "5 more findings are not shown",
    });
  });
});

describe("JSON", () => {
  test("has every field, lines and columns from 1, columns in characters", () => {
    expect(toJson({ ...at("a\n😀 bad", 2, "bad"), hint: "h" }, "main")).toEqual({
      severity: "error",
      code: "bad-value",
      file: "k.conf",
      line: 2,
      column: 3,
      endLine: 2,
      endColumn: 6,
      message: "what is wrong",
      hint: "h",
      related: [],
    });
  });

  test("without a place and a hint", () => {
    expect(toJson({ severity: "error", code: "file-missing", message: "m" }, "gone.conf")).toMatchObject({
      file: "gone.conf",
      line: 1,
      column: 1,
      hint: null,
    });
  });
});
