// Config core: findings about macros. A name that nobody defined is told once, wherever it stands; a circle of macros is told
// at the definition that closed it. Some things are known only when the last line was read.
import { unreachable } from "../../base/never.ts";
import type { Severity } from "../findings/diagnostic.ts";
import { didYouMean } from "../findings/suggest.ts";
import { MAX_MACRO_DEPTH } from "../text/limits.ts";
import { type LinePart, lineStart, partSpan, partText } from "../text/source.ts";
import type { Span } from "../text/span.ts";
import { type Macro, type MacroTable, PREDEFINED } from "./macros.ts";
import type { Findings } from "./reading.ts";
import type { ReplaceProblem } from "./replace.ts";

export class MacroFindings {
  readonly #findings: Findings;
  readonly #macros: MacroTable;
  /** Index of the finding for each unknown macro or variable: one mistake is told once. */
  readonly #unknown = new Map<string, number>();
  readonly #cycles = new Map<string, number>();

  constructor(findings: Findings, macros: MacroTable) {
    this.#findings = findings;
    this.#macros = macros;
  }

  /** Reports what replacing the macros of a line met. */
  report(problem: Exclude<ReplaceProblem, { kind: "limit" }>): void {
    const { at } = problem;
    switch (problem.kind) {
      case "undefined":
        this.#reportUnknown(problem.name, at, problem.braced);
        break;
      case "needs-braces":
        this.#reportNeedsBraces(problem.name, at, problem.braced ? "error" : "warning");
        break;
      case "not-closed": {
        const message = `\${${problem.name} lacks its closing brace`;
        const index = this.#findings.error("macro-not-closed", at, message, `write \${${problem.name}}`);
        this.#findings.coverLine(at, index);
        break;
      }
      case "unset":
        this.#reportUnset(problem.name, at);
        break;
      case "loop":
        this.#reportCycle(problem.cycle, at);
        break;
      case "random": {
        const message = `${problem.args.join(" ")} are no bounds of a random number`;
        // biome-ignore lint/suspicious/noTemplateCurlyInString: the language's own macro.
        const hint = "write ${_RANDOM MIN MAX} with MIN not above MAX";
        this.#findings.coverLine(at, this.#findings.error("random-range", at, message, hint));
        break;
      }
      case "text-behind": {
        const message = `text behind $${problem.name}, a macro of several lines`;
        const hint = "such a macro must be the last thing on its line";
        this.#findings.coverLine(at, this.#findings.error("text-after-macro", at, message, hint));
        break;
      }
      default:
        unreachable(problem);
    }
  }

  /** One finding for each unknown name. Whether it is an error shows when the text turns out to be no value (Findings.merge). */
  #reportUnknown(name: string, at: LinePart, braced: boolean): void {
    const known = this.#unknown.get(name);
    if (known !== undefined) {
      if (braced) this.#findings.replace(known, { severity: "error" });
      this.#findings.coverLine(at, known);
      return;
    }
    const hint = didYouMean(name, [...this.#macros.names(), ...PREDEFINED])?.replace("mean ", "mean $");
    // Any text passes for the name of an interface, but no interface is called $IF.
    const device = /\b(?:interface|dev)\s+\S*$/.test(textBefore(at));
    const index = this.#findings.add({
      severity: braced || hint !== undefined || device ? "error" : "warning",
      code: "undefined-macro",
      span: partSpan(at),
      message: `macro $${name} is not defined`,
      hint: hint ?? `define it above with $${name}=…`,
    });
    this.#unknown.set(name, index);
    this.#findings.coverLine(at, index);
  }

  #reportNeedsBraces(name: string, at: LinePart, severity: Severity): void {
    const index = this.#findings.add({
      severity,
      code: "macro-needs-braces",
      span: partSpan(at),
      message: `$${name} is not replaced here: its name does not end at a blank`,
      hint: `write \${${name}}`,
    });
    this.#findings.coverLine(at, index);
  }

  #reportUnset(name: string, at: LinePart): void {
    const key = `_ENV ${name}`;
    const known = this.#unknown.get(key);
    if (known !== undefined) {
      this.#findings.coverLine(at, known);
      return;
    }
    const index = this.#findings.warn(
      "unset-variable",
      at,
      `the environment variable ${name || "without a name"} is not set`,
      "it counts as empty text",
    );
    this.#unknown.set(key, index);
    this.#findings.coverLine(at, index);
    // Without its word router_id is the host name, which is what ${_ENV HOSTNAME} wanted to say.
    if (/^\s*router_id\s/.test(textBefore(at))) this.#findings.settle(index);
  }

  #reportCycle(cycle: readonly Macro[], use: LinePart): void {
    const key = cycle
      .map((macro) => macro.order)
      .toSorted()
      .join(" ");
    const known = this.#cycles.get(key);
    if (known !== undefined) {
      this.#findings.coverLine(use, known);
      return;
    }
    const index = this.#addCycle(cycle, "error", { span: partSpan(use), message: "used here" });
    this.#cycles.set(key, index);
    this.#findings.coverLine(use, index);
  }

  #addCycle(cycle: readonly Macro[], severity: Severity, use: { span: Span; message: string } | undefined): number {
    // The last definition closes the circle: without it there was none.
    const [closing, ...others] = cycle.toSorted((a, b) => b.order - a.order);
    if (!closing) throw new Error("macro cycle: empty");
    const names = cycle.map((macro) => `$${macro.name}`).join(", ");
    return this.#findings.add({
      severity,
      code: "macro-loop",
      span: partSpan(closing.definedAt),
      message: others.length === 0 ? `${names} names itself` : `${names} name each other`,
      hint: "a macro can't lead back to itself",
      related: [
        ...others.map((macro) => ({ span: partSpan(macro.definedAt), message: `$${macro.name} is defined here` })),
        ...(use ? [use] : []),
      ],
    });
  }

  /** What is known only after the last line. */
  finish(): void {
    const defined = new Map<string, Macro>();
    for (const macro of this.#macros.definitions) if (!defined.has(macro.name)) defined.set(macro.name, macro);
    for (const [name, index] of this.#unknown) {
      const later = defined.get(name);
      if (!later) continue;
      const span = partSpan(later.definedAt);
      this.#findings.replace(index, {
        severity: "error",
        hint: `it is defined below its use, in line ${span.line}: move the definition up`,
        related: [{ span, message: `$${name} is defined here` }],
      });
    }
    this.#reportUnused();
  }

  #reportUnused(): void {
    for (const macro of this.#macros.definitions) {
      if (macro.used) continue;
      const loop = this.#cycleFrom(macro);
      if (loop) {
        const key = loop
          .map((link) => link.order)
          .toSorted()
          .join(" ");
        if (!this.#cycles.has(key)) this.#cycles.set(key, this.#addCycle(loop, "warning", undefined));
      } else
        this.#findings.add({
          severity: "note",
          code: "unused-macro",
          span: partSpan(macro.definedAt),
          message: `$${macro.name} is never used`,
        });
    }
  }

  /** The circle of definitions that an unused macro stands in. */
  #cycleFrom(start: Macro): Macro[] | undefined {
    const path: Macro[] = [];
    for (let macro: Macro | undefined = start; macro && path.length < MAX_MACRO_DEPTH; ) {
      path.push(macro);
      const text: string = macro.lines.length === 1 && macro.lines[0] ? partText(macro.lines[0]) : "";
      const name: string | undefined = /^[^$]*\$\{?([A-Za-z_][A-Za-z0-9_]*)/.exec(text.slice(0, 1000))?.[1];
      macro = name === undefined ? undefined : this.#macros.get(name);
      if (macro === start) return path;
    }
    return undefined;
  }
}

/** The line up to the part. */
function textBefore(at: LinePart): string {
  const { text } = at.place;
  return text.slice(lineStart(text, at.from), at.from);
}
