// VRRP core: how long a backup waits (RFC 9568 §6.1), from the kind of its wait, when it began, and the priority and intervals of now.
import { unreachable } from "../../base/never.ts";
import { OWNER_PRIORITY } from "../../base/priority.ts";
import { masterDownMs, skewMs } from "../timers.ts";
import type { BackupState, MachineConfig } from "./state.ts";

/** Sets when the wait is over from its kind, start, and the priority and intervals of now. */
export function arm(cfg: MachineConfig, state: BackupState): BackupState {
  const masterDownAt = state.waitFrom + waitMs(cfg, state);
  // Resignations and claims in turn would have us become master, and say so, with each of them.
  if (state.wait !== "skew") return { ...state, masterDownAt };
  return { ...state, masterDownAt: Math.max(masterDownAt, state.spokeAt + cfg.advertMs) };
}

function waitMs(cfg: MachineConfig, state: BackupState): number {
  switch (state.wait) {
    case "down":
      return masterDownMs(cfg, state.priority, state.masterAdvertMs);
    case "skew":
      return skewMs(cfg.version, state.priority, state.masterAdvertMs);
    case "interval":
      return cfg.advertMs + skewMs(cfg.version, OWNER_PRIORITY, cfg.advertMs);
    case "none":
      return 0;
    default:
      return unreachable(state.wait);
  }
}
