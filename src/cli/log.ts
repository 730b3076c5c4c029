// CLI: `lbd log`: which lines the running director writes to its log, for all areas or for one, without a restart.
import { defineCommand } from "citty";
import { messageOf } from "../base/errors.ts";
import { LEVELS, type LevelWords, levelsText, readLevels } from "../base/log-levels.ts";
import { takenLevels, writeLevels } from "../process/host/level-word.ts";
import { runningDirector } from "../process/host/pidfile.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { print } from "./output.ts";
import { complain, complainUsage } from "./terminal.ts";
import { RUN_DIR_HELP, withRunDir } from "./which-director.ts";

export const logCommand = defineCommand({
  meta: {
    name: "lbd log",
    description: `Set the level of the log of the running director (${LEVELS.join(", ")}), for one area such as vrrp, or for all; without a level: show it, if it was set. A log file that was moved away is opened anew`,
  },
  args: {
    level: { type: "positional", required: false, valueHint: "LEVEL", description: LEVELS.join(", ") },
    area: {
      type: "positional",
      required: false,
      valueHint: "AREA",
      description: "As it stands behind the level in a line of the log",
    },
    "run-dir": { type: "string", valueHint: "DIR", description: RUN_DIR_HELP },
  },
  run({ args: { level, area, "run-dir": given } }) {
    const asked = level === undefined ? undefined : readLevels(area === undefined ? level : `${area}=${level}`);
    if (level !== undefined && !asked)
      return complainUsage(
        `${[level, area].filter(Boolean).join(" ")}: expected ${LEVELS.join(", ")}, and perhaps an area`,
        ASK_EXIT.usage,
        [],
        "lbd log",
      );
    return withRunDir(given, (runDir) => setLevels(runDir, asked));
  },
});

async function setLevels(runDir: string, asked: LevelWords | undefined): Promise<void> {
  try {
    const pid = runningDirector(runDir);
    if (pid === undefined) return complain(`no director runs with the run directory ${runDir}`, ASK_EXIT.none);
    const before = takenLevels(runDir);
    // A level for all is for all: what was said of single areas is over.
    const next = asked && (asked.all ? asked : { ...before, areas: { ...before?.areas, ...asked.areas } });
    if (next) writeLevels(runDir, next);
    process.kill(pid, "SIGWINCH");
    const now = next ?? before;
    print(now ? levelsText(now) : "as at the start");
  } catch (error) {
    return complain(`${runDir}: ${messageOf(error)}`, ASK_EXIT.failed);
  }
}
