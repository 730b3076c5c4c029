// Adapter: raises this process by one real-time step each time that its timers run too late, up to a limit (`max_auto_priority`,
// `min_auto_priority_delay`): a machine that is too busy for its director should find out once, not at every advertisement.

import { SCHED_RESET_ON_FORK, SCHED_RR, setScheduler } from "../../ffi/process.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { GlobalConfig } from "../config/model/global.ts";

export interface AutoPriority {
  /** Takes another configuration; `configured` is the real-time priority that the process has by it, 0 for none. A raised one stays. */
  configure(wish: GlobalConfig["autoPriority"], configured: number): void;
  /** A timer ran this late. */
  late(lateMs: number): void;
}

/** `raise` sets a real-time priority; it may throw, which ends the raising. */
export function createAutoPriority(
  area: string,
  log: Log,
  raise: (priority: number) => void = setRealtime,
): AutoPriority {
  let most = 0;
  let minDelayMs = Number.POSITIVE_INFINITY;
  let priority = 0;

  function set(next: number, why: string): void {
    try {
      raise(next);
      priority = next;
      log({ level: "warning", area, message: `${why}: real-time priority is now ${next}` });
    } catch (error) {
      most = 0;
      const reason = messageOf(error);
      log({
        level: "warning",
        area,
        message: `max_auto_priority: real-time priority ${next} is not allowed here: ${reason}`,
      });
    }
  }

  return {
    configure(wish, configured) {
      most = Math.max(0, wish?.max ?? 0);
      minDelayMs = (wish?.minDelayUs ?? Number.POSITIVE_INFINITY) / 1000;
      const raised = Math.min(priority, most);
      priority = configured;
      // The configuration has just been applied, and knows nothing of what was raised before.
      if (raised > configured) set(raised, "raised before");
    },
    late(lateMs) {
      if (lateMs <= minDelayMs || priority >= most) return;
      set(priority + 1, `timers ran ${Math.round(lateMs)} ms late`);
    },
  };
}

function setRealtime(priority: number): void {
  // Children must not inherit it: a runaway script at real-time priority would take the CPU for good.
  setScheduler(SCHED_RR | SCHED_RESET_ON_FORK, priority);
}
