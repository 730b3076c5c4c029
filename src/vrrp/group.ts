// VRRP core: what moves together. A unit is one instance, or all members of a sync group as one machine: its members are never partly
// master after a step. The members' own machines say what they want; here it is decided, and every change names the member it is for.
import type { MonoMs } from "../base/clock.ts";
import { takeoverCause } from "./machine/backup.ts";
import { type Action, type Cause, type Event, type MachineConfig, type State, stateName } from "./machine/state.ts";
import { deadline, step } from "./machine/step.ts";

export interface Member {
  readonly name: string;
  readonly cfg: MachineConfig;
  readonly state: State;
}

export interface Unit {
  /** Name of the sync group; absent for an instance by itself. Members of a group have `cfg.grouped`. */
  readonly group?: string;
  readonly members: readonly Member[];
}

export type GroupStateName = "INIT" | "BACKUP" | "MASTER" | "FAULT" | "STOP";

export type UnitOutput =
  | { readonly kind: "instance"; readonly name: string; readonly action: Action }
  /** The group as a whole changed: notify. */
  | {
      readonly kind: "group";
      readonly name: string;
      readonly from: GroupStateName;
      readonly to: GroupStateName;
      readonly cause: Cause;
    };

export interface UnitStep {
  readonly unit: Unit;
  readonly outputs: readonly UnitOutput[];
}

/** State of a sync group; a unit of one instance has that instance's. */
export function unitState(unit: Unit): GroupStateName {
  const states = unit.members.map((member) => stateName(member.state));
  if (states.every((state) => state === "STOP")) return "STOP";
  if (states.includes("FAULT")) return "FAULT";
  if (states.includes("INIT")) return "INIT";
  return states.every((state) => state === "MASTER" || state === "STOP") ? "MASTER" : "BACKUP";
}

/** When the next timer event is due for any member. */
export function unitDeadline(unit: Unit): MonoMs {
  let earliest = Number.POSITIVE_INFINITY;
  for (const member of unit.members) earliest = Math.min(earliest, deadline(member.state));
  return earliest;
}

/** One event for one member, then the group settles. An unknown member changes nothing. */
export function stepMember(unit: Unit, name: string, event: Event, now: MonoMs): UnitStep {
  return run(unit, [name], () => event, now);
}

/** An event for each of several members, then the group settles once: start, stop, new tracking results. */
export function stepMembers(
  unit: Unit,
  names: readonly string[],
  event: (name: string) => Event,
  now: MonoMs,
): UnitStep {
  return run(unit, names, event, now);
}

/** An event for every member: start, stop. */
export function stepAll(unit: Unit, event: (member: Member) => Event, now: MonoMs): UnitStep {
  const byName = new Map(unit.members.map((member) => [member.name, member]));
  const eventOf = (name: string): Event => {
    const member = byName.get(name);
    return member ? event(member) : { kind: "timer" };
  };
  return run(unit, [...byName.keys()], eventOf, now);
}

/** The end: all members resign and clean up. */
export function stepStop(unit: Unit, now: MonoMs): UnitStep {
  return stepAll(unit, () => ({ kind: "stop", deleted: false }), now);
}

/** The timers of all members that are due, the longest overdue first. */
export function stepTimers(unit: Unit, now: MonoMs): UnitStep {
  const due = unit.members
    .filter((member) => deadline(member.state) <= now)
    .toSorted((a, b) => deadline(a.state) - deadline(b.state));
  return run(
    unit,
    due.map((member) => member.name),
    () => ({ kind: "timer" }),
    now,
  );
}

/**
 * After a reload changed who belongs together: first each member's own events, then one agreement. Members in `joined` are new and
 * follow a group that is master; any other mixture makes the masters step back. `before` is the state the group was last reported in.
 */
export function regroup(
  unit: Unit,
  events: ReadonlyMap<string, readonly Event[]>,
  joined: ReadonlySet<string>,
  before: GroupStateName,
  now: MonoMs,
): UnitStep {
  const draft = newDraft(unit, [], now);
  for (const member of unit.members)
    for (const event of events.get(member.name) ?? []) apply(draft, member.name, event);
  settle(draft, joined);
  return finish(unit, draft, before);
}

/** Work in progress: members as they are now, outputs so far. */
interface Draft {
  readonly group: string | undefined;
  members: readonly Member[];
  readonly outputs: UnitOutput[];
  /** Who the event was for, the last one first: leads the others. */
  readonly leaders: readonly string[];
  readonly now: MonoMs;
}

function newDraft(unit: Unit, leaders: readonly string[], now: MonoMs): Draft {
  return { group: unit.group, members: unit.members, outputs: [], leaders, now };
}

function run(unit: Unit, names: readonly string[], event: (name: string) => Event, now: MonoMs): UnitStep {
  const draft = newDraft(unit, names.toReversed(), now);
  for (const name of names) {
    if (draft.members.some((member) => member.name === name)) apply(draft, name, event(name));
  }
  settle(draft, new Set());
  return finish(unit, draft, unitState(unit));
}

function finish(unit: Unit, draft: Draft, before: GroupStateName): UnitStep {
  const next: Unit = { ...unit, members: draft.members };
  const after = unitState(next);
  if (unit.group === undefined || after === before) return { unit: next, outputs: draft.outputs };
  const change: UnitOutput = {
    kind: "group",
    name: unit.group,
    from: before,
    to: after,
    cause: leadingCause(draft, after),
  };
  // keepalived: at the start the group is reported before its members, later after them.
  const starts = unit.members.some((member) => member.state.kind === "init" && !member.state.started);
  const outputs = starts ? [change, ...draft.outputs] : [...draft.outputs, change];
  return { unit: next, outputs };
}

/** The cause of the member that led, or of the one that brought the group here. */
function leadingCause(draft: Draft, after: GroupStateName): Cause {
  const inState = draft.members.filter((member) => stateName(member.state) === after);
  const own = inState.find((member) => member.state.cause.code !== "group") ?? inState[0] ?? draft.members[0];
  return own?.state.cause ?? { code: "group", text: "no members" };
}

function apply(draft: Draft, name: string, event: Event): void {
  draft.members = draft.members.map((member) => {
    if (member.name !== name) return member;
    const result = step(member.cfg, member.state, event, draft.now);
    for (const action of result.actions) draft.outputs.push({ kind: "instance", name, action });
    return result.state === member.state ? member : { ...member, state: result.state };
  });
}

function settle(draft: Draft, joined: ReadonlySet<string>): void {
  if (draft.group === undefined) return;
  shareLowerPriority(draft);
  const alive = draft.members.filter((member) => member.state.kind !== "stopped");
  if (alive.length === 0 || alive.some((m) => m.state.kind === "init" && !m.state.started)) return;
  const broken = alive.find((member) => member.state.faults.length > 0);
  if (broken) {
    holdInFault(draft, alive, broken);
    return;
  }
  if (!enterElection(draft, alive)) return;
  agreeOnMastership(draft, joined);
}

/** Neighbours of the other members may have been misled as well. */
function shareLowerPriority(draft: Draft): void {
  const heard = draft.outputs.find(
    (output) =>
      output.kind === "instance" && output.action.kind === "announce" && output.action.why === "lower-priority",
  );
  if (heard?.kind !== "instance") return;
  for (const member of draft.members)
    if (member.name !== heard.name && member.state.kind === "master")
      draft.outputs.push({ kind: "instance", name: member.name, action: { kind: "announce", why: "lower-priority" } });
}

function holdInFault(draft: Draft, alive: readonly Member[], broken: Member): void {
  const text = `sync group ${draft.group}: ${broken.name} is in FAULT: ${broken.state.faults.map((f) => f.text).join("; ")}`;
  const cause: Cause = { code: "group", text };
  for (const member of alive) {
    if (member.state.faults.length > 0) continue;
    if (member.state.groupFault?.text === text) continue;
    apply(draft, member.name, { kind: "group", to: "fault", cause });
  }
}

/** Everyone is sound: those in FAULT and INIT go on, unless trackers are still unknown and nobody runs yet. */
function enterElection(draft: Draft, alive: readonly Member[]): boolean {
  const waiting = alive.filter((member) => member.state.kind === "init" || member.state.kind === "fault");
  if (waiting.length === 0) return true;
  const unknown = waiting.some((member) => member.state.pending.length > 0);
  if (unknown && waiting.length === alive.length) return false;
  for (const member of waiting) {
    const cause: Cause =
      member.state.kind === "init"
        ? { code: "start", text: "started" }
        : { code: "fault-cleared", text: `all faults of sync group ${draft.group} cleared` };
    apply(draft, member.name, { kind: "group", to: "enter", cause });
  }
  return true;
}

function agreeOnMastership(draft: Draft, joined: ReadonlySet<string>): void {
  const alive = draft.members.filter((member) => member.state.kind !== "stopped");
  const masters = alive.filter((member) => member.state.kind === "master");
  const backups = alive.filter((member) => member.state.kind === "backup");
  if (backups.length === 0) return;
  if (masters.length > 0) {
    if (backups.every((member) => joined.has(member.name))) {
      const cause: Cause = { code: "group", text: `joined sync group ${draft.group}, which is MASTER` };
      for (const member of backups) apply(draft, member.name, { kind: "group", to: "master", cause });
      return;
    }
    const first = draft.leaders.find((name) => backups.some((member) => member.name === name));
    const lost = backups.find((member) => member.name === first) ?? backups[0];
    const text = `sync group ${draft.group}: ${lost?.name} is BACKUP: ${lost?.state.cause.text}`;
    for (const member of masters)
      apply(draft, member.name, { kind: "group", to: "backup", cause: { code: "group", text } });
    return;
  }
  if (!backups.every((member) => member.state.kind === "backup" && member.state.wantsMaster)) return;
  promoteAll(draft, backups);
}

function promoteAll(draft: Draft, members: readonly Member[]): void {
  const leaderName = draft.leaders.find((name) => members.some((member) => member.name === name));
  const leader = members.find((member) => member.name === leaderName) ?? members[0];
  if (leader?.state.kind !== "backup") return;
  const cause = takeoverCause(leader.cfg, leader.state, draft.now);
  apply(draft, leader.name, { kind: "group", to: "master", cause });
  const text = `sync group ${draft.group} goes to MASTER with ${leader.name}: ${cause.text}`;
  for (const member of members)
    if (member !== leader) apply(draft, member.name, { kind: "group", to: "master", cause: { code: "group", text } });
}
