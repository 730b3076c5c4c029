// VRRP core: announcements on their way out: the bursts of an instance meet the pacing of all.
import type { VrrpAction } from "../actions.ts";
import { announceDeadline, announceDue, announceFor, stopTimers } from "../announce/bursts.ts";
import { type Announcement, pace, paceCancel, paceDue, pacingDeadline } from "../announce/pacing.ts";
import type { AnnounceReason } from "../machine/state.ts";
import type { Runtime } from "../runtime.ts";
import type { Instant } from "../view.ts";
import { dueBy } from "./deadline.ts";
import type { RouterState } from "./state.ts";

/** A reason to announce the addresses of an instance. */
export function announceWhy(
  state: RouterState,
  runtime: Runtime,
  why: AnnounceReason,
  at: Instant,
  out: VrrpAction[],
): void {
  const due = announceFor(runtime.config.announce, runtime.timers, why, at.now);
  runtime.timers = due.timers;
  dueBy(state, announceDeadline(due.timers));
  announceRounds(state, runtime, due.rounds, at, out);
}

/** What is due of an instance's delayed and repeated announcements. */
export function announceLater(state: RouterState, runtime: Runtime, at: Instant, out: VrrpAction[]): void {
  if (announceDeadline(runtime.timers) > at.now) return;
  const { config } = runtime;
  const due = announceDue(config.announce, runtime.timers, at.now);
  runtime.timers = due.timers;
  announceRounds(state, runtime, due.rounds, at, out);
  if (!due.extra) return;
  out.push({ kind: "announceExtra", instance: config.name, config, all: config.announce.extraIf?.all ?? false });
}

/** The mastership is over: nothing of it is announced any more. */
export function cancelAnnouncements(state: RouterState, runtime: Runtime): void {
  runtime.timers = stopTimers(runtime.timers);
  state.pacing = paceCancel(state.pacing, runtime.config.name);
}

/** What has had its turn to wait for. */
export function sendPaced(state: RouterState, at: Instant, out: VrrpAction[]): void {
  const due = paceDue(state.pacing, at.now);
  state.pacing = due.pacing;
  for (const one of due.now) pushAnnouncement(state, one, out);
}

function announceRounds(state: RouterState, runtime: Runtime, rounds: number, at: Instant, out: VrrpAction[]): void {
  if (rounds === 0) return;
  const { global, garpGroups } = state.config;
  const paced = pace(state.pacing, { global, groups: garpGroups }, runtime.config, runtime.targets, rounds);
  state.pacing = paced.pacing;
  for (const one of paced.now) pushAnnouncement(state, one, out);
  sendPaced(state, at, out);
  dueBy(state, pacingDeadline(state.pacing));
}

function pushAnnouncement(state: RouterState, { instance, targets, rounds }: Announcement, out: VrrpAction[]): void {
  const runtime = state.runtimes.get(instance);
  if (runtime) out.push({ kind: "announce", instance, config: runtime.config, targets, rounds });
}
