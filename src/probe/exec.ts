// Adapter: MISC_CHECK. The program is run by a port (own process group, time limit for the group, bounds: script-runner.ts); here
// only: one run at a time per check. One that is given up has its program ended, and the next begins when it is gone: a reload waits for no old limit.
import type { Cancel } from "../base/clock.ts";
import { judgeProgram, type ProgramEnd } from "../check/misc.ts";
import type { Outcome } from "../check/outcome.ts";
import type { MiscCheck } from "../config/model/check.ts";
import type { Command } from "../config/model/command.ts";

/** `end`: once it is aborted the program is ended, as at its limit. */
export type RunProgram = (
  command: Command,
  extraArgs: readonly string[],
  limitMs: number,
  end: AbortSignal,
) => Promise<ProgramEnd>;

export interface Executor {
  start(check: MiscCheck, done: (outcome: Outcome) => void): Cancel;
}

export function createExecutor(run: RunProgram): Executor {
  const running = new WeakMap<Command, Promise<unknown>>();
  return {
    start(check, done) {
      const given = new AbortController();
      const limitMs = check.timeoutMs > 0 ? check.timeoutMs : check.timing.delayLoopMs;
      const begin = async () => {
        await running.get(check.command);
        if (given.signal.aborted) return;
        const end = run(check.command, [], limitMs, given.signal);
        running.set(check.command, end);
        const outcome = judgeProgram(await end, check.dynamic);
        if (!given.signal.aborted) done(outcome);
      };
      void begin();
      return () => given.abort();
    },
  };
}
