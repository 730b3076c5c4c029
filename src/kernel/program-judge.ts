// Adapter: may the programs of a configuration be run here, as the runner would run them? Programs that many checks share are looked at once.
import type { Command } from "../config/model/command.ts";
import type { ScriptSecurity } from "../config/model/global.ts";
import type { JudgeProgram, ProgramVerdict } from "../config/semantics/programs.ts";
import { prepare } from "./script-runner.ts";
import { judgeScript } from "./script-security.ts";

type Program = Pick<Command, "argv" | "user" | "group">;

/** For one reading of a configuration: what was found is kept. Arguments don't matter. */
export function programJudge(
  security: ScriptSecurity,
  judge: (program: Program, security: ScriptSecurity) => ProgramVerdict | undefined = judgeProgram,
): JudgeProgram {
  const known = new Map<string, ProgramVerdict | undefined>();
  return ({ argv, user, group }) => {
    const program = {
      argv: argv.slice(0, 1),
      ...(user !== undefined && { user }),
      ...(group !== undefined && { group }),
    };
    const key = JSON.stringify(program);
    if (!known.has(key)) known.set(key, judge(program, security));
    return known.get(key);
  };
}

export function judgeProgram(command: Program, security: ScriptSecurity): ProgramVerdict | undefined {
  const ready = prepare(command, security);
  if ("reason" in ready) return ready;
  const verdict = judgeScript(ready.program, ready.account.uid, security);
  return verdict.kind === "unsafe" ? { kind: "open", reason: verdict.reason } : undefined;
}
