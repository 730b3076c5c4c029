// VRRP core: what is due at a time: timers of the machines, delayed announcements, intruders that fell silent, paced announcements, and the
// rehearsals of takeovers that loom.
import type { VrrpAction } from "../actions.ts";
import { silenceText, tellLeft } from "../agreement.ts";
import { pacingDeadline } from "../announce/pacing.ts";
import { stepMember, stepTimers } from "../group.ts";
import type { Event } from "../machine/state.ts";
import { type Runtime, timesOf } from "../runtime.ts";
import type { Instant } from "../view.ts";
import { announceLater, sendPaced } from "./announcing.ts";
import { performLog, takeStep } from "./perform.ts";
import { rehearseDue } from "./rehearse.ts";
import { type RouterState, stateOf } from "./state.ts";

export function timer(state: RouterState, at: Instant): readonly VrrpAction[] {
  const out: VrrpAction[] = [];
  state.dueAt = undefined;
  for (const unit of state.units)
    if (timesOf(unit).dueAt <= at.now) takeStep(state, unit, stepTimers(unit.unit, at.now), at, out);
  for (const runtime of state.runtimes.values()) {
    announceLater(state, runtime, at, out);
    if (runtime.sightings.deadline() <= at.now) intruderGone(state, runtime, at, out);
  }
  if (pacingDeadline(state.pacing) <= at.now) sendPaced(state, at, out);
  if (state.rehearses) rehearseDue(state, at, out);
  return out;
}

/** Nothing was heard of other masters for a while: neighbours may still believe them. */
function intruderGone(state: RouterState, runtime: Runtime, at: Instant, out: VrrpAction[]): void {
  const silence = runtime.sightings.expire(at.now, runtime.timers.lastAt);
  out.push(...tellLeft(runtime, silence));
  if (!silence.silent || stateOf(state, runtime).kind !== "master") return;
  const message = silenceText(silence, at);
  performLog(runtime, { kind: "log", level: "info", message, about: "intruder-left" }, at, out);
  const event: Event = { kind: "reannounce", why: "intruder-left" };
  takeStep(state, runtime.unit, stepMember(runtime.unit.unit, runtime.config.name, event, at.now), at, out);
}
