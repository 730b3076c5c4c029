// Process layer: children of a director that was killed. They notice by themselves and stop in order; a new director waits for that,
// so that no two write to the same kernel table, and kills what does not end.
import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { readPidFile, removePidFile } from "./host/pidfile.ts";
import { runsOurProgram } from "./host/process-facts.ts";
import { ROLE_WORD } from "./options.ts";

/** As long as an orphan takes at most to stop (child.ts), and a little more. */
const WAIT_MS = 7000;
const LOOK_EVERY_MS = 50;

/** Waits until the processes named in `pidFiles` are gone, and removes the files. */
export async function awaitLeftovers(pidFiles: readonly string[], clock: Clock, log: Log): Promise<void> {
  const deadline = clock.now() + WAIT_MS;
  for (const file of pidFiles) {
    const pid = readPidFile(file);
    if (pid !== undefined && isOurChild(pid)) {
      log({ level: "warning", area: "process", message: `waiting for pid ${pid} of a director that was killed` });
      while (isOurChild(pid) && clock.now() < deadline) await later(clock, LOOK_EVERY_MS);
      if (isOurChild(pid)) {
        log({ level: "error", area: "process", message: `pid ${pid} does not end, killing it` });
        process.kill(pid, "SIGKILL");
        while (isOurChild(pid) && clock.now() < deadline + LOOK_EVERY_MS * 20) await later(clock, LOOK_EVERY_MS);
      }
    }
    removePidFile(file);
  }
}

/** Pids are used again: it counts only if it runs this program, as a child. */
function isOurChild(pid: number): boolean {
  try {
    return runsOurProgram(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(ROLE_WORD);
  } catch {
    return false;
  }
}

function later(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.at(clock.now() + ms, resolve));
}
