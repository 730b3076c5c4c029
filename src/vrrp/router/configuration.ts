// VRRP core: the router's beginning and end.
import type { MonoMs } from "../../base/clock.ts";
import type { VrrpAction } from "../actions.ts";
import { type Member, stepAll, stepStop } from "../group.ts";
import type { Event } from "../machine/state.ts";
import type { Instant } from "../view.ts";
import { takeStep } from "./perform.ts";
import type { RouterState } from "./state.ts";
import { retrack, trackedOf } from "./tracking.ts";

/** Every instance leaves INIT, unless its trackers are not known yet. */
export function start(state: RouterState, at: Instant, notBefore: MonoMs): readonly VrrpAction[] {
  const startAt = Math.max(notBefore, at.now + state.config.global.startupDelayMs);
  const event = ({ name }: Member): Event => ({ kind: "start", tracked: trackedOf(state, name), startAt });
  const out: VrrpAction[] = [];
  state.started = true;
  for (const runtime of state.runtimes.values()) retrack(state, runtime);
  for (const unit of state.units) takeStep(state, unit, stepAll(unit.unit, event, at.now), at, out);
  return out;
}

/** All resign and clean up. */
export function stop(state: RouterState, at: Instant): readonly VrrpAction[] {
  const out: VrrpAction[] = [];
  // keepalived: groups are reported behind all instances.
  const groups: VrrpAction[] = [];
  state.stopped = true;
  for (const unit of state.units) {
    takeStep(state, unit, stepStop(unit.unit, at.now), at, out);
    const last = out.at(-1);
    if (last?.kind === "notify" && last.notification.kind === "group") groups.push(...out.splice(-1));
  }
  return [...out, ...groups];
}
