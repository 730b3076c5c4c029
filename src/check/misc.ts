// Check core: what the end of a MISC_CHECK program says (checkers.md §3.7). Pure.
import { bad, good, type Outcome } from "./outcome.ts";

/** How a program ended. */
export type ProgramEnd =
  | { readonly kind: "exit"; readonly status: number; readonly note?: string; readonly output?: string }
  | { readonly kind: "signal"; readonly signal: string; readonly output?: string }
  | { readonly kind: "timeout"; readonly limitMs: number; readonly output?: string }
  | { readonly kind: "cannot-start"; readonly reason: string; readonly transient?: true };

/** Status 0 is success. With misc_dynamic 2..255 are success, too, with weight status - 2. */
export function judgeProgram(end: ProgramEnd, dynamic: boolean): Outcome {
  switch (end.kind) {
    case "exit":
      if (end.status === 0) return good("exit status 0");
      if (dynamic && end.status >= 2)
        return { ...good(`exit status ${end.status}: weight ${end.status - 2}`), weight: { set: end.status - 2 } };
      return withOutput(bad("exit", `exit status ${end.status}${end.note === undefined ? "" : `: ${end.note}`}`), end);
    case "signal":
      return withOutput(bad("signal", `ended by ${end.signal}`), end);
    case "timeout":
      return withOutput(bad("timeout", `no end within ${end.limitMs} ms`), end);
    case "cannot-start":
      // keepalived: a fork that fails is tried again, and the server stays as it is.
      if (end.transient)
        return { ok: false, code: "local", reason: `could not try: ${end.reason}`, inconclusive: true };
      return bad("exec", `could not be run: ${end.reason}`);
  }
}

function withOutput(outcome: Outcome, { output }: { readonly output?: string }): Outcome {
  return output === undefined ? outcome : { ...outcome, output };
}
