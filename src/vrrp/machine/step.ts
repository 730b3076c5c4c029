// VRRP core: the state machine of one instance (RFC 9568 §6.4 with keepalived's additions), pure and total. Events and `now` go in,
// the next state and actions in the order of their execution come out; `deadline` says when the next timer event is due.
//
// Standing rules: every change of state carries a cause; only accepted advertisements come here, and what they can make us send is
// bounded (one advertisement an interval); timers that fire much too late are taken as a pause of the machine, so the driver reads its
// sockets before it hands over a timer event. An instance of a sync group (`grouped`) never becomes master by itself: it says
// `wantsMaster`, and group.ts moves all members. Announcement timing is announce/'s matter, tracking is track.ts'.
import type { MonoMs } from "../../base/clock.ts";
import { unreachable } from "../../base/never.ts";
import { backupHears, backupTimer } from "./backup.ts";
import { configure, followGroup, start, stop, track } from "./changes.ts";
import { masterHears, masterTimer, restore, speak } from "./master.ts";
import { stay } from "./moves.ts";
import type { Event, MachineConfig, State, Step } from "./state.ts";

/** The machine: one event at one time. Never throws; an event that means nothing in a state changes nothing. */
export function step(cfg: MachineConfig, state: State, event: Event, now: MonoMs): Step {
  if (state.kind === "stopped") return stay(state);
  switch (event.kind) {
    case "start":
      return start(cfg, state, event, now);
    case "stop":
      return stop(state, event.deleted, now);
    case "tracked":
      return track(cfg, state, event.tracked, now);
    case "configure":
      return configure(cfg, state, event, now);
    case "group":
      return followGroup(cfg, state, event.to, event.cause, now);
    case "timer":
      if (state.kind === "backup") return backupTimer(cfg, state, now);
      return state.kind === "master" ? masterTimer(cfg, state, now) : stay(state);
    case "advert":
      if (!isListening(state, now)) return stay(state);
      if (state.kind === "backup") return backupHears(cfg, state, event.advert, now);
      return state.kind === "master" ? masterHears(cfg, state, event.advert, now) : stay(state);
    case "removed":
      return state.kind === "master" ? restore(state, event, now) : stay(state);
    case "speak":
      return state.kind === "master" ? speak(cfg, state, now) : stay(state);
    case "reannounce":
      return state.kind === "master" ? stay(state, { kind: "announce", why: event.why }) : stay(state);
    default:
      return unreachable(event);
  }
}

/** When the next timer event is due; Infinity when none is. */
export function deadline(state: State): MonoMs {
  switch (state.kind) {
    case "backup":
      return state.wantsMaster ? Number.POSITIVE_INFINITY : state.masterDownAt;
    case "master":
      return Math.min(state.advertAt, state.restore?.at ?? Number.POSITIVE_INFINITY);
    case "init":
    case "fault":
    case "stopped":
      return Number.POSITIVE_INFINITY;
    default:
      return unreachable(state);
  }
}

/** Are packets looked at? Not in INIT, FAULT and the start-up delay. */
export function isListening(state: State, now: MonoMs): boolean {
  return state.kind === "master" || (state.kind === "backup" && now >= state.deafUntil);
}
