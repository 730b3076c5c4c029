// Pattern core: from the tree of a pattern to the steps of a nondeterministic automaton.
import { unreachable } from "../base/never.ts";
import type { Assertion, CharSet, PatternNode } from "./tree.ts";

/** Steps of the program after repetitions are written out: a larger pattern is refused. */
export const MAX_STEPS = 5000;

// --- the program

export type Step =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "assert"; readonly assertion: Assertion }
  | { readonly kind: "split"; first: number; second: number }
  | { readonly kind: "jump"; to: number }
  | { readonly kind: "found" };

/** Writes the tree out as steps; each goes on to the next one. undefined when there would be too many. */
export function compile(root: PatternNode): readonly Step[] | undefined {
  const steps: Step[] = [];
  let fits = true;

  function push(step: Step): void {
    if (steps.length >= MAX_STEPS) fits = false;
    else steps.push(step);
  }

  function write(node: PatternNode): void {
    if (!fits) return;
    switch (node.kind) {
      case "set":
      case "assert":
        push(node);
        return;
      case "sequence":
        for (const part of node.parts) write(part);
        return;
      case "choice":
        writeChoice(node.options);
        return;
      case "repeat":
        writeRepeat(node.part, node.min, node.max);
        return;
      default:
        unreachable(node);
    }
  }

  function writeChoice(options: readonly PatternNode[]): void {
    const jumps: { kind: "jump"; to: number }[] = [];
    for (const [index, option] of options.entries()) {
      if (index === options.length - 1) {
        write(option);
        break;
      }
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      push(split);
      write(option);
      const jump = { kind: "jump" as const, to: 0 };
      push(jump);
      jumps.push(jump);
      split.second = steps.length;
    }
    for (const jump of jumps) jump.to = steps.length;
  }

  function writeRepeat(part: PatternNode, min: number, max: number): void {
    for (let i = 0; i < min && fits; i++) write(part);
    if (max === Number.POSITIVE_INFINITY) {
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      const start = steps.length;
      push(split);
      write(part);
      push({ kind: "jump", to: start });
      split.second = steps.length;
      return;
    }
    const splits: { kind: "split"; first: number; second: number }[] = [];
    for (let i = min; i < max && fits; i++) {
      const split = { kind: "split" as const, first: steps.length + 1, second: 0 };
      push(split);
      splits.push(split);
      write(part);
    }
    for (const split of splits) split.second = steps.length;
  }

  write(root);
  push({ kind: "found" });
  return fits ? steps : undefined;
}
