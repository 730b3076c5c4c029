// Role starter: `startup_script` and `shutdown_script`, which the parent asks for: the one before any role starts, the other after all have
// ended. keepalived: how they end is told and changes nothing.
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Command } from "../../config/model/command.ts";
import type { GlobalConfig } from "../../config/model/global.ts";
import { createScriptRunner, type ScriptRunner, type SpawnProgram } from "../../kernel/script-runner.ts";
import { describeOutcome } from "../../notify/outcome.ts";

export interface OwnScripts {
  configure(global: GlobalConfig): void;
  /** Resolves when it has ended, by itself or at its time limit; at once when the configuration has none. */
  run(which: "startup" | "shutdown"): Promise<void>;
  stop(): Promise<void>;
}

export function createOwnScripts(clock: Clock, log: Log, spawn: SpawnProgram): OwnScripts {
  let wanted: GlobalConfig | undefined;
  let runner: ScriptRunner | undefined;

  function say(level: "info" | "warning", message: string): void {
    log({ level, area: "starter", message });
  }

  return {
    configure(global) {
      wanted = global;
      runner?.setSecurity(global.scripts);
    },
    async run(which) {
      const found = wanted && scriptOf(wanted, which);
      if (!wanted || !found) return;
      runner ??= createScriptRunner(clock, wanted.scripts, spawn);
      const { command, limitMs } = found;
      const what = `${which}_script ${command.argv.join(" ")}`;
      say("info", `running ${what}`);
      const outcome = await runner.run(command, [], limitMs);
      const isGood = outcome.kind === "exit" && outcome.status === 0;
      if (!isGood) say("warning", `${what} ${describeOutcome(outcome)}`);
    },
    stop: () => runner?.stop() ?? Promise.resolve(),
  };
}

function scriptOf(global: GlobalConfig, which: "startup" | "shutdown") {
  const { startupScript, startupScriptTimeoutMs, shutdownScript, shutdownScriptTimeoutMs } = global;
  const of = (command: Command | undefined, limitMs: number) => command && { command, limitMs };
  return which === "startup" ? of(startupScript, startupScriptTimeoutMs) : of(shutdownScript, shutdownScriptTimeoutMs);
}
