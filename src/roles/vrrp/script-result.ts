// Role vrrp: how a tracking script ended, as the tracker takes it.
import { unreachable } from "../../base/never.ts";
import type { LastWords, ScriptOutcome } from "../../kernel/script-runner.ts";
import type { ScriptRunResult } from "../../probe/track-script.ts";

export function scriptResult(outcome: ScriptOutcome): ScriptRunResult {
  switch (outcome.kind) {
    case "exit":
      return {
        ok: outcome.status === 0,
        detail: withNote(`exit status ${outcome.status}`, outcome.note),
        ...wordsOf(outcome),
      };
    case "signal":
      return { ok: false, detail: `ended by ${outcome.signal}`, ...wordsOf(outcome) };
    case "timeout":
      return { ok: false, detail: `took longer than ${outcome.limitMs} ms`, ...wordsOf(outcome) };
    case "cannot-start":
      return { ok: false, detail: `can't be run: ${outcome.reason}` };
    default:
      return unreachable(outcome);
  }
}

function wordsOf({ output }: LastWords): LastWords {
  return output === undefined ? {} : { output };
}

function withNote(text: string, note: string | undefined): string {
  return note === undefined ? text : `${text}: ${note}`;
}
