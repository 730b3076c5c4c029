// VRRP core: the router's beginning and end.
import type { MonoMs } from "../../base/clock.ts";
import type { VrrpAction } from "../actions.ts";
import { type Member, stepAll, stepStop } from "../group.ts";
import type { Event } from "../machine/state.ts";
import type { Instant } from "../view.ts";
import { takeStep } from "./perform.ts";
import type { RouterState } from "./state.ts";
import { retrack, trackedOf } from "./tracking.ts";

/** What a process hands over to the one that takes its place. */
export interface Handover {
  /** Names of the instances that were master. */
  readonly masters: ReadonlySet<string>;
  /** When they advertised for the last time, on the clock that both read. */
  readonly spokeAt: MonoMs;
}

/** Of Master_Down_Interval this is what every backup waits at least (RFC 9568 §6.1): before that nobody has taken over. */
const UNMISSED_ADVERTS = 3;

/** Every instance leaves INIT, unless its trackers are not known yet. Masters of a handover go on, all of a sync group or none. */
export function start(state: RouterState, at: Instant, notBefore: MonoMs, handover?: Handover): readonly VrrpAction[] {
  const startAt = Math.max(notBefore, at.now + state.config.global.startupDelayMs);
  const out: VrrpAction[] = [];
  state.started = true;
  for (const runtime of state.runtimes.values()) retrack(state, runtime);
  for (const unit of state.units) {
    const resumes = handover !== undefined && unit.unit.members.every((member) => goesOn(state, member, handover, at));
    const event = ({ name }: Member): Event => {
      const tracked = trackedOf(state, name);
      return resumes ? { kind: "start", tracked, startAt: at.now, resumes } : { kind: "start", tracked, startAt };
    };
    takeStep(state, unit, stepAll(unit.unit, event, at.now), at, out);
  }
  return out;
}

function goesOn(state: RouterState, { name, cfg }: Member, { masters, spokeAt }: Handover, { now }: Instant): boolean {
  const isUnmissed = now - spokeAt < UNMISSED_ADVERTS * cfg.advertMs;
  return masters.has(name) && isUnmissed && !state.held && trackedOf(state, name).faults.length === 0;
}

/** Masters advertise once more, so that nobody misses them while another process takes this one's place. */
export function handOver(state: RouterState, at: Instant): readonly VrrpAction[] {
  const out: VrrpAction[] = [];
  for (const unit of state.units)
    takeStep(
      state,
      unit,
      stepAll(unit.unit, () => ({ kind: "speak" }), at.now),
      at,
      out,
    );
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
