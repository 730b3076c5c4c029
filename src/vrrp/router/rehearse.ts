// VRRP core: the actions of a takeover before it comes, so that the driver can go through them (docs/decisions/007-takeover-in-time.md).
// When and how many at once is rehearsal.ts' matter. Nothing here leaves a trace in the protocol.

import type { MonoMs } from "../../base/clock.ts";
import { sameItems } from "../../base/same-items.ts";
import type { VrrpAction } from "../actions.ts";
import { stepStop, stepTimers, type Unit, type UnitStep } from "../group.ts";
import { fitting, isRecent, rehearsalAt, rehearsedAt, togetherWithFirst } from "../rehearsal.ts";
import { timesOf, type UnitRuntime, understudyOf } from "../runtime.ts";
import type { Instant } from "../view.ts";
import { perform } from "./perform.ts";
import { NOTHING, type RouterState } from "./state.ts";

/** A wall clock that went on otherwise by so much was set: time stamps that were foreseen don't hold. */
const WALL_STEP_MS = 10;

/** Gives the rehearsals that are due, and behind the last one what the takeover will be. */
export function rehearseDue(state: RouterState, at: Instant, out: VrrpAction[]): void {
  const due = state.units.filter((unit) => rehearsalAt(timesOf(unit), unit.rehearsed) <= at.now);
  const together = togetherWithFirst(due, takeoverAt);
  const [first] = together;
  if (!first) return;
  const downAt = takeoverAt(first);
  const chosen = fitting(together, (unit) => addressCount(state, unit), downAt - at.now);
  // A part of them would take the place of what was prepared for all.
  const partAgain = chosen.length < together.length && first.rehearsed?.downAt === downAt;
  const needless = partAgain || isRecent(state.lastRehearsalAt, downAt, at.now);
  const then = { now: downAt, wallMs: at.wallMs + downAt - at.now };
  if (!needless) {
    state.lastRehearsalAt = at.now;
    const actions = actionsAt(state, chosen, then);
    state.foreseen = { actions, due: then, units: chosen, of: dependencies(state, chosen) };
    if (actions.length > 0) out.push({ kind: "rehearse", actions });
  }
  for (const unit of due) unit.rehearsed = rehearsedAt(takeoverAt(unit), at.now);
  if (first.rehearsed?.nextAt === Number.POSITIVE_INFINITY) out.push({ kind: "imminent", ...foreseenFor(state, then) });
}

/** What the takeover of the first unit that waits for one will be; empty when none does. */
export function takeover(state: RouterState, at: Instant): readonly VrrpAction[] {
  const unit = state.units.find((one) => takeoverAt(one) < Number.POSITIVE_INFINITY);
  if (!unit) return NOTHING;
  const downAt = takeoverAt(unit);
  return actionsAt(state, [unit], { now: downAt, wallMs: at.wallMs + downAt - at.now });
}

/** The advertisements of the good-bye of the first unit that has something to resign from; empty when none has. */
export function farewell(state: RouterState, at: Instant): readonly VrrpAction[] {
  const unit = state.units.find((one) => one.unit.members.some((member) => member.state.kind === "master"));
  if (!unit) return NOTHING;
  return actionsOf(state, [unit], at, stepStop).filter(({ kind }) => kind === "send");
}

/** Some instance takes its master for dead now. */
export function isTakeoverDue({ units }: RouterState, now: MonoMs): boolean {
  return units.some((unit) => takeoverAt(unit) <= now);
}

/** A takeover is so near that it is being rehearsed. */
export function takeoverLooms({ units }: RouterState): boolean {
  return units.some((unit) => unit.rehearsed?.downAt === takeoverAt(unit));
}

/** What a rehearsal has found for a takeover at this time, when nothing that it depends on is another thing by now. */
function foreseenFor(
  state: RouterState,
  then: Instant,
): { readonly actions: readonly VrrpAction[]; readonly due: Instant } {
  const known = state.foreseen;
  if (
    known?.due.now === then.now &&
    Math.abs(known.due.wallMs - then.wallMs) < WALL_STEP_MS &&
    sameItems(known.of, dependencies(state, known.units))
  )
    return { actions: known.actions, due: known.due };
  return { actions: NOTHING, due: then };
}

/** All that actionsAt() looks at; each of these is replaced when it changes. */
function dependencies(state: RouterState, some: readonly UnitRuntime[]): readonly unknown[] {
  const own = some.flatMap(({ unit }) =>
    unit.members.flatMap(({ name }) => {
      const { wire, source, timers } = state.runtimes.get(name) ?? {};
      return [wire, source, timers];
    }),
  );
  return [state.units, state.pacing, ...some.map(({ unit }) => unit), ...own];
}

function addressCount({ runtimes }: RouterState, { unit }: UnitRuntime): number {
  return unit.members.reduce((sum, { name }) => sum + (runtimes.get(name)?.targets.length ?? 0), 0);
}

/** What timer(then) would give for these units; leaves no trace. */
function actionsAt(state: RouterState, some: readonly UnitRuntime[], then: Instant): readonly VrrpAction[] {
  return actionsOf(state, some, then, stepTimers);
}

function actionsOf(
  state: RouterState,
  some: readonly UnitRuntime[],
  then: Instant,
  step: (unit: Unit, now: MonoMs) => UnitStep,
): readonly VrrpAction[] {
  const { pacing, dueAt } = state;
  const out: VrrpAction[] = [];
  for (const { unit } of some)
    for (const output of step(unit, then.now).outputs) {
      if (output.kind !== "instance") continue;
      const runtime = state.runtimes.get(output.name);
      if (runtime) perform(state, understudyOf(runtime, state.understudy), output.action, then, out);
    }
  state.pacing = pacing;
  state.dueAt = dueAt;
  return out;
}

/** Infinity when it waits for no master. */
function takeoverAt(unit: UnitRuntime): MonoMs {
  return timesOf(unit).downAt;
}
