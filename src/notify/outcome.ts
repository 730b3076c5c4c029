// Adapter notify: how a program ended, in words. Pure.
import { whatItWrote } from "../base/last-words.ts";

/** As the script runner says it. */
export type ProgramOutcome =
  | { readonly kind: "exit"; readonly status: number; readonly output?: string }
  | { readonly kind: "signal"; readonly signal: string; readonly output?: string }
  | { readonly kind: "timeout"; readonly limitMs: number; readonly output?: string }
  | { readonly kind: "cannot-start"; readonly reason: string };

/** `ended with status 3: last words`. */
export function describeOutcome(outcome: ProgramOutcome): string {
  switch (outcome.kind) {
    case "exit":
      return `ended with status ${outcome.status}${whatItWrote(outcome.output)}`;
    case "signal":
      return `ended by ${outcome.signal}${whatItWrote(outcome.output)}`;
    case "timeout":
      return `took longer than ${outcome.limitMs} ms and was ended${whatItWrote(outcome.output)}`;
    case "cannot-start":
      return `can't be run: ${outcome.reason}`;
  }
}
