// Adapter: MISC_CHECK. The program is run by a port (own process group, time limit for the group, bounds: script-runner.ts); here
// only: one run at a time per check, also when an earlier one was given up and its program still ends.
import type { Cancel } from "../base/clock.ts";
import { judgeProgram, type ProgramEnd } from "../check/misc.ts";
import type { Outcome } from "../check/outcome.ts";
import type { MiscCheck } from "../config/model/check.ts";
import type { Command } from "../config/model/command.ts";

export type RunProgram = (command: Command, extraArgs: readonly string[], limitMs: number) => Promise<ProgramEnd>;

export interface Executor {
  start(check: MiscCheck, done: (outcome: Outcome) => void): Cancel;
}

export function createExecutor(run: RunProgram): Executor {
  const running = new WeakMap<Command, Promise<unknown>>();
  return {
    start(check, done) {
      let wanted = true;
      const limitMs = check.timeoutMs > 0 ? check.timeoutMs : check.timing.delayLoopMs;
      const begin = async () => {
        await running.get(check.command);
        if (!wanted) return;
        const end = run(check.command, [], limitMs);
        running.set(check.command, end);
        const outcome = judgeProgram(await end, check.dynamic);
        if (wanted) done(outcome);
      };
      void begin();
      return () => {
        wanted = false;
      };
    },
  };
}
