// VRRP core: what a step of the machine asks for becomes actions of the router, with the counters, timers and log limits that go with it.
import { groupNotification, notification, transitionLine, type VrrpAction } from "../actions.ts";
import { tellSecond } from "../agreement.ts";
import { type UnitOutput, type UnitStep, unitState } from "../group.ts";
import { type Action, RESIGN_PRIORITY } from "../machine/state.ts";
import type { Runtime, UnitRuntime } from "../runtime.ts";
import { changesOf } from "../track.ts";
import type { Instant } from "../view.ts";
import { encodeAdvertisement } from "../wire.ts";
import { announceWhy, cancelAnnouncements } from "./announcing.ts";
import { dueBy, unitDueAt } from "./deadline.ts";
import { type RouterState, stateOf } from "./state.ts";

/** Takes a step's outcome over: the unit's next state, then all that it asks for, in order. */
export function takeStep(
  state: RouterState,
  unit: UnitRuntime,
  result: UnitStep,
  at: Instant,
  out: VrrpAction[],
): void {
  const before = unitState(unit.unit);
  const changed = unit.unit !== result.unit;
  unit.unit = result.unit;
  if (changed) dueBy(state, unitDueAt(state, unit));
  if (unitState(unit.unit) !== before) unit.since = at.now;
  for (const output of result.outputs) performOutput(state, unit, output, at, out);
}

function performOutput(
  state: RouterState,
  unit: UnitRuntime,
  output: UnitOutput,
  at: Instant,
  out: VrrpAction[],
): void {
  if (output.kind === "group") {
    const { name, from, to, cause } = output;
    out.push({ kind: "transition", subject: "group", name, from, to, cause });
    out.push({ kind: "log", line: transitionLine(`sync group ${name}`, from, to, cause) });
    if (to !== "INIT") out.push(groupNotification(unit.config, name, to));
    return;
  }
  const runtime = state.runtimes.get(output.name);
  if (runtime) perform(state, runtime, output.action, at, out);
}

/** One action of an instance's machine. */
export function perform(state: RouterState, runtime: Runtime, action: Action, at: Instant, out: VrrpAction[]): void {
  const { config } = runtime;
  const { name } = config;
  switch (action.kind) {
    case "transition":
      performTransition(state, runtime, action, at, out);
      return;
    case "sendAdvert":
      sendAdvert(runtime, action.priority, at, out);
      return;
    case "addAddresses":
    case "removeAddresses":
      out.push({ kind: action.kind, instance: name, config });
      return;
    case "syncAddresses":
      out.push({ kind: "syncAddresses", instance: name, config, previous: runtime.previous });
      return;
    case "restoreAddresses":
      out.push({ kind: "restoreAddresses", instance: name, config, what: action.what });
      return;
    case "announce":
      announceWhy(state, runtime, action.why, at, out);
      return;
    case "announceSource":
      if (runtime.source) out.push({ kind: "announceSource", instance: name, config, ip: runtime.source.ip });
      return;
    case "cancelAnnouncements":
      cancelAnnouncements(state, runtime);
      return;
    case "notify": {
      // keepalived: without notify_deleted, an instance that a reload removes is reported as in FAULT.
      const unheard = action.state === "DELETED" && config.notify.deleted === undefined;
      out.push(notification("instance", name, unheard ? "FAULT" : action.state, action.priority, config));
      return;
    }
    case "priority": {
      const { from, to } = action;
      const reason = changesOf(runtime.evaluatedBefore, runtime.evaluation);
      out.push({ kind: "event", event: "priority", instance: name, from: `${from}`, to: `${to}`, reason });
      return;
    }
    case "log":
      performLog(runtime, action, at, out);
      return;
  }
}

function performTransition(
  state: RouterState,
  runtime: Runtime,
  { from, to, cause }: Action & { kind: "transition" },
  at: Instant,
  out: VrrpAction[],
): void {
  const { name } = runtime.config;
  if (to === "MASTER") runtime.counters.become_master++;
  if (from === "MASTER") {
    runtime.counters.release_master++;
    runtime.sightings.clear();
  }
  runtime.lastTransition = { at: at.now, from, to, cause };
  runtime.limiter.changed();
  out.push({ kind: "transition", subject: "instance", name, from, to, cause });
  out.push({ kind: "log", line: transitionLine(name, from, to, cause) });
  // One that we refuse was no second master as long as we were none.
  if (to === "MASTER") out.push(...tellSecond(runtime, stateOf(state, runtime).priority, at));
}

function sendAdvert(runtime: Runtime, priority: number, at: Instant, out: VrrpAction[]): void {
  if (!runtime.source) return;
  const { config } = runtime;
  const sent = encodeAdvertisement(config, runtime.wire, runtime.source.bytes, priority, at.wallMs);
  runtime.wire = sent.wire;
  runtime.counters.advert_sent++;
  if (priority === RESIGN_PRIORITY) runtime.counters.pri_zero_sent++;
  out.push({ kind: "send", instance: config.name, config, priority, datagrams: sent.datagrams });
}

/** A line of the log; one that packets from outside cause only as often as the limiter lets it. */
export function performLog(runtime: Runtime, action: Action & { kind: "log" }, at: Instant, out: VrrpAction[]): void {
  let more = "";
  if (action.about !== undefined) {
    const suppressed = runtime.limiter.allow(action.about, at.now);
    if (suppressed === undefined) return;
    if (suppressed > 0) more = ` (and ${suppressed} more like this before)`;
  }
  const fields = { instance: runtime.config.name };
  const message = `${runtime.config.name}: ${action.message}${more}`;
  out.push({ kind: "log", line: { level: action.level, area: "vrrp", message, fields } });
}
