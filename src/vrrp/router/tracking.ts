// VRRP core: what is known of the world (trackers, links, sources, faults of the driver) → priority and faults of each instance. Several
// facts at once make one decision of each unit.
import { type IpText, ipBytes } from "../../base/ip.ts";
import type { VrrpAction } from "../actions.ts";
import { stepMembers } from "../group.ts";
import type { Event, Tracked } from "../machine/state.ts";
import { type Runtime, type UnitRuntime, withoutPeer } from "../runtime.ts";
import { evaluate, type Fact, sameTracked, type TrackKind } from "../track.ts";
import type { Instant } from "../view.ts";
import { takeStep } from "./perform.ts";
import { NOTHING, type RouterState } from "./state.ts";

/** No tracker has such a name: theirs are words of a configuration. */
const HOLD = "--hold-vrrp";
const DRAINED = { code: "drained", text: "drained (--drain-vrrp)" };

export type NamedFact = Fact & { readonly kind: TrackKind; readonly name: string };

export function setFacts(state: RouterState, batch: readonly NamedFact[], at: Instant): readonly VrrpAction[] {
  for (const { kind, name, ...fact } of batch) state.facts[kind].set(name, fact);
  return retrackAll(state, state.runtimes.values(), at);
}

export function setSource(
  state: RouterState,
  name: string,
  ip: IpText | undefined,
  at: Instant,
): readonly VrrpAction[] {
  const runtime = state.runtimes.get(name);
  if (!runtime || runtime.source?.ip === ip) return NOTHING;
  runtime.source = ip === undefined ? undefined : { ip, bytes: ipBytes(ip) };
  state.bySocket = undefined;
  return retrackAll(state, [runtime], at);
}

export function setFault(
  state: RouterState,
  name: string,
  code: string,
  text: string | undefined,
  at: Instant,
): readonly VrrpAction[] {
  const runtime = state.runtimes.get(name);
  if (!runtime || runtime.extraFaults.get(code) === text) return NOTHING;
  if (text === undefined) runtime.extraFaults.delete(code);
  else runtime.extraFaults.set(code, text);
  return retrackAll(state, [runtime], at);
}

/** As a tracker without a result yet: whoever is in the election stays in it. */
export function setHeld(state: RouterState, held: boolean, at: Instant): readonly VrrpAction[] {
  if (state.held === held) return NOTHING;
  state.held = held;
  return retrackAll(state, state.runtimes.values(), at);
}

/** As a fault of each instance: a master resigns at once, and none comes back before the drain is over. */
export function setDrained(state: RouterState, drained: boolean, at: Instant): readonly VrrpAction[] {
  if (state.drained === drained) return NOTHING;
  state.drained = drained;
  return retrackAll(state, state.runtimes.values(), at);
}

function retrackAll(state: RouterState, which: Iterable<Runtime>, at: Instant): readonly VrrpAction[] {
  // start() does it once for all that is known by then.
  if (!state.started) return NOTHING;
  const changed = new Map<UnitRuntime, string[]>();
  for (const runtime of which)
    if (retrack(state, runtime)) changed.set(runtime.unit, [...(changed.get(runtime.unit) ?? []), runtime.config.name]);
  if (changed.size === 0) return NOTHING;
  state.dueAt = undefined;
  const trackedEvent = (name: string): Event => ({ kind: "tracked", tracked: trackedOf(state, name) });
  const out: VrrpAction[] = [];
  for (const [unit, names] of changed)
    takeStep(state, unit, stepMembers(unit.unit, names, trackedEvent, at.now), at, out);
  return out;
}

/** Works out tracking anew; true when the machine has to hear of it. */
export function retrack(state: RouterState, runtime: Runtime): boolean {
  runtime.evaluatedBefore = runtime.evaluation;
  runtime.evaluation = evaluate(runtime.config, runtime.unit.config, runtime.definitions, state.facts);
  const extra = [...runtime.extraFaults].map(([code, text]) => ({ code, text }));
  const source = runtime.source
    ? []
    : [{ code: "source", text: `no source address on ${runtime.config.interface ?? "any interface"}` }];
  const tracked: Tracked = {
    priority: runtime.evaluation.priority,
    pending: state.held ? [HOLD, ...runtime.evaluation.pending] : runtime.evaluation.pending,
    faults: [
      ...(state.drained ? [DRAINED] : []),
      ...runtime.evaluation.faults,
      ...source,
      ...withoutPeer(runtime.config),
      ...extra,
    ],
  };
  const changed = !sameTracked(tracked, runtime.tracked);
  runtime.tracked = tracked;
  return changed;
}

/** What tracking last made of an instance. */
export function trackedOf({ runtimes }: RouterState, name: string): Tracked {
  return runtimes.get(name)?.tracked ?? { priority: 0, faults: [], pending: [] };
}
