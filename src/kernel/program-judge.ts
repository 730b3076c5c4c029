// Adapter: may the programs of a configuration be run here, as the runner would run them? Programs that many checks share are looked at once.
import type { Command } from "../config/model/command.ts";
import type { ScriptSecurity } from "../config/model/global.ts";
import type { JudgeProgram, ProgramVerdict } from "../config/semantics/programs.ts";
import { prepare } from "./script-runner.ts";
import { judgeScript } from "./script-security.ts";

/** For one reading of a configuration: what was found is kept. */
export function programJudge(security: ScriptSecurity): JudgeProgram {
  const known = new Map<string, ProgramVerdict | undefined>();
  return (command) => {
    const key = JSON.stringify([command.argv[0], command.user, command.group]);
    if (!known.has(key)) known.set(key, judge(command, security));
    return known.get(key);
  };
}

function judge(command: Command, security: ScriptSecurity): ProgramVerdict | undefined {
  const ready = prepare(command, security);
  if ("reason" in ready) return ready;
  const verdict = judgeScript(ready.program, ready.account.uid, security);
  return verdict.kind === "unsafe" ? { kind: "open", reason: verdict.reason } : undefined;
}
