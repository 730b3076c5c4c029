// VRRP core: all instances and groups of one director as one object without I/O. It is handed packets, facts, the time and
// configurations, and gives back actions in the order in which they are to be done. docs/vrrp.md describes the surface; the parts are
// accept.ts (packets), machine/ and group.ts (states), track.ts (weights), announce/ (neighbours), sightings.ts (why).
import type { MonoMs } from "../base/clock.ts";
import { type IpText, ipBytes } from "../base/ip.ts";
import { sameItems } from "../base/same-items.ts";
import type { VrrpConfig, VrrpInstance } from "../config/model/vrrp.ts";
import type { SyncGroupStatus, VrrpStatus } from "../status/schema.ts";
import { type AcceptedAdvert, accept } from "./accept.ts";
import { type DirectorAction, groupNotification, notification, transitionLine } from "./actions.ts";
import { silenceText, tellAccepted, tellLeft, tellRefused, tellSecond } from "./agreement.ts";
import { announceDeadline, announceDue, announceFor, stopTimers } from "./announce/bursts.ts";
import { type Announcement, type Pacing, pace, paceCancel, paceDue, pacingDeadline } from "./announce/pacing.ts";
import { type Datagram, describeDatagram, vridOf } from "./datagram.ts";
import {
  type Member,
  regroup,
  stepAll,
  stepMember,
  stepMembers,
  stepTimers,
  type UnitOutput,
  type UnitStep,
  unitDeadline,
  unitState,
} from "./group.ts";
import { logLimiter } from "./limiter.ts";
import {
  type Action,
  type AnnounceReason,
  type Event,
  initialState,
  RESIGN_PRIORITY,
  type State,
  type Tracked,
} from "./machine/state.ts";
import { isListening } from "./machine/step.ts";
import type { Refusal } from "./refusals.ts";
import { fitting, isRecent, rehearsalAt, rehearsedAt, takeoverAt, togetherWithFirst } from "./rehearsal.ts";
import { planReload } from "./reload.ts";
import {
  definitionsOf,
  groupOfInstance,
  newRuntime,
  type Runtime,
  settingsOf,
  type UnitRuntime,
  understudyOf,
  unitsOf,
  withoutPeer,
} from "./runtime.ts";
import { peerOf, type SocketRows, type SocketSpec, socketSpecsOf, socketTableOf } from "./sockets.ts";
import { type PlaceOf, statusOf } from "./status.ts";
import {
  changesOf,
  evaluate,
  type Fact,
  type Facts,
  sameTracked,
  type TrackDefinition,
  type TrackKind,
} from "./track.ts";
import type { InstanceView, Instant } from "./view.ts";
import { encodeAdvertisement, wireSkipped } from "./wire.ts";

export interface Director {
  /** Once. `notBefore` holds everything back longer than `vrrp_startup_delay` does (`vrrp_delay_after_boot`). */
  start(at: Instant, notBefore?: MonoMs): readonly DirectorAction[];
  /** A datagram of the socket with this key. Its bytes are not kept. */
  receive(socket: string, datagram: Datagram, at: Instant): readonly DirectorAction[];
  /** At or after deadline(). Read the sockets before: what came in during a pause comes first. */
  timer(at: Instant): readonly DirectorAction[];
  deadline(): MonoMs;
  /** What a takeover will be, to rehearse it; empty when nobody waits for one. Leaves no trace. */
  takeover(at: Instant): readonly DirectorAction[];
  /** One is so near that it is being rehearsed. */
  takeoverLooms(): boolean;
  /** Results of trackers and states of links, several at once so that a batch makes one decision. */
  setFacts(
    facts: readonly (Fact & { readonly kind: TrackKind; readonly name: string })[],
    at: Instant,
  ): readonly DirectorAction[];
  /** The address that the instance sends from; undefined: there is none, which is a fault. Without a call an instance has none. */
  setSource(instance: string, ip: IpText | undefined, at: Instant): readonly DirectorAction[];
  /** A fault that only the driver knows of (duplicate VRID, address refused by the kernel …); `text` undefined clears it. */
  setFault(instance: string, code: string, text: string | undefined, at: Instant): readonly DirectorAction[];
  /** Somebody else removed an address, route or rule of a master; `by`: who it was, as far as known. */
  removed(instance: string, what: string, at: Instant, by?: string): readonly DirectorAction[];
  /** The link came back or changed its MAC: masters with addresses on it announce them again. */
  reannounce(link: string, why: "link" | "mac", at: Instant): readonly DirectorAction[];
  /** The instances that another configuration leaves out resign, while the driver still has what they send by. reload() follows. */
  retire(next: VrrpConfig, at: Instant): readonly DirectorAction[];
  /** Takes another configuration. `arrivals`: what new instances find, so that they need not begin in FAULT. */
  reload(
    config: VrrpConfig,
    bfd: readonly TrackDefinition[],
    at: Instant,
    arrivals?: ReadonlyMap<string, Arrival>,
  ): readonly DirectorAction[];
  /** Resigns and cleans up everything. */
  stop(at: Instant): readonly DirectorAction[];
  sockets(): readonly SocketSpec[];
  instances(): readonly InstanceView[];
  instance(name: string): InstanceView | undefined;
  /** Without `placeOf`, masters are believed to have their addresses. */
  status(name: string, at: Instant, placeOf?: PlaceOf): VrrpStatus | undefined;
  groupStatus(name: string, at: Instant): SyncGroupStatus | undefined;
  /** Datagrams nobody here is configured for. */
  strangers(): { readonly tooShort: number; readonly unknownVrids: ReadonlyMap<string, readonly number[]> };
}

/** What setSource() and setFault() would say of an instance. */
export interface Arrival {
  readonly source: IpText | undefined;
  readonly faults: Readonly<Record<string, string | undefined>>;
}

/** Nothing to do; shared, so that a refused packet allocates no list. */
const NOTHING: readonly DirectorAction[] = Object.freeze([]);

/** A wall clock that went on otherwise by so much was set: time stamps that were foreseen don't hold. */
const WALL_STEP_MS = 10;

/** What the last rehearsal found for a takeover of these units. */
interface Foreseen {
  readonly actions: readonly DirectorAction[];
  readonly due: Instant;
  readonly units: readonly UnitRuntime[];
  /** What it was found from. */
  readonly of: readonly unknown[];
}

/** Sockets for which VRIDs of others are counted. */
const MAX_SOCKETS_WATCHED = 256;

/**
 * Makes a director from a configuration. `bfd`: names and weights of the BFD sessions. `rehearse`: give "rehearse" actions. Nothing
 * happens before start().
 */
export function createDirector(
  first: VrrpConfig,
  firstBfd: readonly TrackDefinition[],
  created: MonoMs,
  { rehearse = false } = {},
): Director {
  let config = first;
  let definitions = definitionsOf(first, firstBfd);
  let runtimes = new Map<string, Runtime>();
  let units: UnitRuntime[] = [];
  let pacing: Pacing = new Map();
  /** By socket key and VRID; undefined: instances or sources have changed. */
  let table: ReadonlyMap<string, SocketRows> | undefined;
  /** The next deadline, as far as known; undefined: work it out. */
  let dueAt: MonoMs | undefined;
  let lastRehearsalAt: MonoMs = Number.NEGATIVE_INFINITY;
  let foreseen: Foreseen | undefined;
  let started = false;
  let stopped = false;
  let tooShort = 0;
  const unknownVrids = new Map<string, number[]>();
  const strangerLog = logLimiter();
  const facts: Record<TrackKind, Map<string, Fact>> = {
    interface: new Map(),
    script: new Map(),
    file: new Map(),
    process: new Map(),
    bfd: new Map(),
  };

  function build(): void {
    const grouped = groupOfInstance(config);
    for (const instance of config.instances) runtimes.set(instance.name, newRuntime(instance, created));
    units = unitsOf(config, grouped, () => initialState(created), created);
    attachUnits();
  }

  function attachUnits(): void {
    for (const unit of units)
      for (const member of unit.unit.members) {
        const runtime = runtimes.get(member.name);
        if (runtime) runtime.unit = unit;
      }
  }

  function stateOf(runtime: Runtime): State {
    const member = runtime.unit.unit.members.find((one) => one.name === runtime.config.name);
    return member?.state ?? initialState(created);
  }

  /** Works out tracking anew; true when the machine has to hear of it. */
  function retrack(runtime: Runtime): boolean {
    runtime.evaluatedBefore = runtime.evaluation;
    runtime.evaluation = evaluate(runtime.config, runtime.unit.config, definitions, facts as Facts);
    const extra = [...runtime.extraFaults].map(([code, text]) => ({ code, text }));
    const source = runtime.source
      ? []
      : [{ code: "source", text: `no source address on ${runtime.config.interface ?? "any interface"}` }];
    const tracked: Tracked = {
      priority: runtime.evaluation.priority,
      pending: runtime.evaluation.pending,
      faults: [...runtime.evaluation.faults, ...source, ...withoutPeer(runtime.config), ...extra],
    };
    const changed = !sameTracked(tracked, runtime.tracked);
    runtime.tracked = tracked;
    return changed;
  }

  function retrackAll(at: Instant, which: Iterable<Runtime> = runtimes.values()): readonly DirectorAction[] {
    // start() does it once for all that is known by then.
    if (!started) return NOTHING;
    const changed = new Map<UnitRuntime, string[]>();
    for (const runtime of which)
      if (retrack(runtime)) changed.set(runtime.unit, [...(changed.get(runtime.unit) ?? []), runtime.config.name]);
    if (changed.size === 0) return NOTHING;
    dueAt = undefined;
    const out: DirectorAction[] = [];
    for (const [unit, names] of changed) take(unit, stepMembers(unit.unit, names, trackedEvent, at.now), at, out);
    return out;
  }

  function trackedEvent(name: string): Event {
    const tracked = runtimes.get(name)?.tracked ?? { priority: 0, faults: [], pending: [] };
    return { kind: "tracked", tracked };
  }

  /** Takes a step's outcome over and turns its outputs into actions. */
  function take(unit: UnitRuntime, result: UnitStep, at: Instant, out: DirectorAction[]): void {
    const before = unitState(unit.unit);
    const changed = unit.unit !== result.unit;
    unit.unit = result.unit;
    if (changed) sooner(wakeAt(unit));
    if (unitState(unit.unit) !== before) unit.since = at.now;
    for (const output of result.outputs) perform(unit, output, at, out);
  }

  function perform(unit: UnitRuntime, output: UnitOutput, at: Instant, out: DirectorAction[]): void {
    if (output.kind === "group") {
      const { name, from, to, cause } = output;
      out.push({ kind: "transition", subject: "group", name, from, to, cause });
      out.push({ kind: "log", line: transitionLine(`sync group ${name}`, from, to, cause) });
      if (to !== "INIT") out.push(groupNotification(unit.config, name, to));
      return;
    }
    const runtime = runtimes.get(output.name);
    if (runtime) act(runtime, output.action, at, out);
  }

  function act(runtime: Runtime, action: Action, at: Instant, out: DirectorAction[]): void {
    const { config: instance } = runtime;
    const { name } = instance;
    switch (action.kind) {
      case "transition": {
        const { from, to, cause } = action;
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
        if (to === "MASTER") out.push(...tellSecond(runtime, stateOf(runtime).priority, at));
        return;
      }
      case "sendAdvert": {
        if (!runtime.source) return;
        const { priority } = action;
        const sent = encodeAdvertisement(instance, runtime.wire, runtime.source.bytes, priority, at.wallMs);
        runtime.wire = sent.wire;
        runtime.counters.advert_sent++;
        if (priority === RESIGN_PRIORITY) runtime.counters.pri_zero_sent++;
        out.push({ kind: "send", instance: name, config: instance, priority, datagrams: sent.datagrams });
        return;
      }
      case "addAddresses":
      case "removeAddresses":
        out.push({ kind: action.kind, instance: name, config: instance });
        return;
      case "syncAddresses":
        out.push({ kind: "syncAddresses", instance: name, config: instance, previous: runtime.previous });
        return;
      case "restoreAddresses":
        out.push({ kind: "restoreAddresses", instance: name, config: instance, what: action.what });
        return;
      case "announce": {
        const due = announceFor(runtime.config.announce, runtime.timers, action.why, at.now);
        runtime.timers = due.timers;
        sooner(announceDeadline(due.timers));
        announce(runtime, due.rounds, at, out);
        return;
      }
      case "announceSource":
        if (runtime.source)
          out.push({ kind: "announceSource", instance: name, config: instance, ip: runtime.source.ip });
        return;
      case "cancelAnnouncements":
        runtime.timers = stopTimers(runtime.timers);
        pacing = paceCancel(pacing, name);
        return;
      case "notify": {
        // keepalived: without notify_deleted, an instance that a reload removes is reported as in FAULT.
        const unheard = action.state === "DELETED" && instance.notify.deleted === undefined;
        out.push(notification("instance", name, unheard ? "FAULT" : action.state, action.priority, instance));
        return;
      }
      case "priority": {
        const { from, to } = action;
        const reason = changesOf(runtime.evaluatedBefore, runtime.evaluation);
        out.push({ kind: "event", event: "priority", instance: name, from: `${from}`, to: `${to}`, reason });
        return;
      }
      case "log":
        logFrom(runtime, action, at, out);
        return;
    }
  }

  function announce(runtime: Runtime, rounds: number, at: Instant, out: DirectorAction[]): void {
    if (rounds === 0) return;
    const paced = pace(
      pacing,
      { global: config.global, groups: config.garpGroups },
      runtime.config,
      runtime.targets,
      rounds,
    );
    pacing = paced.pacing;
    for (const one of paced.now) pushAnnouncement(one, out);
    sendPaced(at, out);
    sooner(pacingDeadline(pacing));
  }

  function sendPaced(at: Instant, out: DirectorAction[]): void {
    const due = paceDue(pacing, at.now);
    pacing = due.pacing;
    for (const one of due.now) pushAnnouncement(one, out);
  }

  function pushAnnouncement(one: Announcement, out: DirectorAction[]): void {
    const runtime = runtimes.get(one.instance);
    if (!runtime) return;
    out.push({
      kind: "announce",
      instance: one.instance,
      config: runtime.config,
      targets: one.targets,
      rounds: one.rounds,
    });
  }

  function logFrom(runtime: Runtime, action: Action & { kind: "log" }, at: Instant, out: DirectorAction[]): void {
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

  // --- packets

  function receive(socket: string, datagram: Datagram, at: Instant): readonly DirectorAction[] {
    const byVrid = socketTable().get(socket);
    if (!byVrid || stopped) return NOTHING;
    const vrid = vridOf(datagram);
    if (vrid < 0) {
      tooShort++;
      return NOTHING;
    }
    const candidates = byVrid[vrid];
    if (!candidates) return unknownVrid(socket, vrid, at);
    const runtime = candidates.length === 1 ? candidates[0] : peerOf(candidates, datagram);
    if (!runtime) return NOTHING;
    const state = stateOf(runtime);
    const verdict = accept(
      runtime.receiver,
      datagram,
      {
        listening: isListening(state, at.now),
        own: runtime.source?.bytes,
        wire: runtime.wire,
        masterAddress: state.kind === "backup" ? state.master?.address : undefined,
      },
      at.wallMs,
    );
    return verdict.ok ? heard(runtime, state, datagram, verdict, at) : refuse(runtime, state, datagram, verdict, at);
  }

  function unknownVrid(socket: string, vrid: number, at: Instant): readonly DirectorAction[] {
    let seen = unknownVrids.get(socket);
    if (!seen) {
      if (unknownVrids.size >= MAX_SOCKETS_WATCHED) return NOTHING;
      seen = new Array<number>(256).fill(0);
      unknownVrids.set(socket, seen);
    }
    seen[vrid] = (seen[vrid] ?? 0) + 1;
    if (!config.global.logUnknownVrids || strangerLog.allow(`vrid ${vrid % 32}`, at.now) === undefined) return NOTHING;
    const message = `advertisement for VRID ${vrid}, which is not configured here (${socket})`;
    return [{ kind: "log", line: { level: "info", area: "vrrp", message } }];
  }

  function refuse(
    runtime: Runtime,
    state: State,
    datagram: Datagram,
    refusal: Refusal,
    at: Instant,
  ): readonly DirectorAction[] {
    const { reason, counter } = refusal;
    runtime.refused[reason] = (runtime.refused[reason] ?? 0) + 1;
    if (counter) runtime.counters[counter]++;
    if (reason === "auth-ah-collision") runtime.wire = wireSkipped(runtime.wire);
    if (reason === "not-listening") return NOTHING;
    const sighting = runtime.sightings.refused(datagram, reason, at.now);
    // A refused packet moves no timer but the one that forgets those who sent it.
    sooner(runtime.sightings.deadline());
    const suppressed = runtime.limiter.allow(`refused ${reason}`, at.now);
    const told = sighting.refusedAt === undefined ? NOTHING : tellRefused(runtime, sighting, at);
    const second = sighting.isSecond && state.kind === "master" ? tellSecond(runtime, state.priority, at) : NOTHING;
    const named = [...told, ...second];
    if (suppressed === undefined) return named.length > 0 ? named : NOTHING;
    const refused = runtime.sightings.lastRefused();
    const more = suppressed > 0 ? ` (and ${suppressed} more like this before)` : "";
    const message = `${runtime.config.name}: refused packet from ${refused?.from}: ${refusal.text} (${describeDatagram(datagram)})${more}`;
    const fields = { instance: runtime.config.name, reason };
    return [{ kind: "log", line: { level: "warning", area: "vrrp", message, fields } }, ...named];
  }

  function heard(
    runtime: Runtime,
    state: State,
    datagram: Datagram,
    advert: AcceptedAdvert,
    at: Instant,
  ): readonly DirectorAction[] {
    const weaker = state.kind === "master" && advert.priority < state.priority && advert.priority !== RESIGN_PRIORITY;
    // keepalived: a master that hears a weaker one goes on from its AH sequence, so that the others take ours again.
    runtime.wire = weaker ? wireSkipped(advert.wire) : advert.wire;
    runtime.counters.advert_rcvd++;
    if (advert.priority === RESIGN_PRIORITY) runtime.counters.pri_zero_rcvd++;
    const listDiffers = advert.differences.includes("address-list");
    if (listDiffers) runtime.counters.addr_list_err++;
    const beside = state.kind === "master" && advert.priority !== RESIGN_PRIORITY && advert.priority <= state.priority;
    const isSecond = beside && noteWeaker(runtime, datagram, listDiffers, at);
    if (state.kind === "backup" && state.master?.address !== advert.sender) runtime.limiter.changed();
    const out: DirectorAction[] = [];
    logDifferences(runtime, advert, at, out);
    const event: Event = { kind: "advert", advert };
    take(runtime.unit, stepMember(runtime.unit.unit, runtime.config.name, event, at.now), at, out);
    if (isSecond) out.push(...tellSecond(runtime, stateOf(runtime).priority, at));
    out.push(...tellAccepted(runtime, datagram, advert, at));
    return out;
  }

  function noteWeaker(runtime: Runtime, datagram: Datagram, addressesDiffer: boolean, at: Instant): boolean {
    const isSecond = runtime.sightings.weaker(datagram, addressesDiffer, at.now);
    sooner(runtime.sightings.deadline());
    return isSecond;
  }

  function logDifferences(runtime: Runtime, advert: AcceptedAdvert, at: Instant, out: DirectorAction[]): void {
    for (const difference of advert.differences) {
      const message =
        difference === "interval"
          ? `${advert.sender} advertises every ${advert.advertMs} ms, we every ${runtime.config.advertMs} ms`
          : `${advert.sender} advertises another list of addresses than ours`;
      logFrom(runtime, { kind: "log", level: "warning", message, about: difference }, at, out);
    }
  }

  // --- time

  function timer(at: Instant): readonly DirectorAction[] {
    const out: DirectorAction[] = [];
    dueAt = undefined;
    for (const unit of units) if (unitDeadline(unit.unit) <= at.now) take(unit, stepTimers(unit.unit, at.now), at, out);
    for (const runtime of runtimes.values()) {
      if (announceDeadline(runtime.timers) <= at.now) {
        const due = announceDue(runtime.config.announce, runtime.timers, at.now);
        runtime.timers = due.timers;
        announce(runtime, due.rounds, at, out);
        if (due.extra) {
          const all = runtime.config.announce.extraIf?.all ?? false;
          out.push({ kind: "announceExtra", instance: runtime.config.name, config: runtime.config, all });
        }
      }
      if (runtime.sightings.deadline() <= at.now) intruderGone(runtime, at, out);
    }
    if (pacingDeadline(pacing) <= at.now) sendPaced(at, out);
    if (rehearse) rehearseDue(at, out);
    return out;
  }

  function rehearseDue(at: Instant, out: DirectorAction[]): void {
    const due = units.filter((unit) => rehearsalAt(unit.unit, unit.rehearsed) <= at.now);
    const together = togetherWithFirst(due);
    const [first] = together;
    if (!first) return;
    const downAt = takeoverAt(first.unit);
    const chosen = fitting(together, addressCount, downAt - at.now);
    // A part of them would take the place of what was prepared for all.
    const partAgain = chosen.length < together.length && first.rehearsed?.downAt === downAt;
    const needless = partAgain || isRecent(lastRehearsalAt, downAt, at.now);
    const then = { now: downAt, wallMs: at.wallMs + downAt - at.now };
    if (!needless) {
      lastRehearsalAt = at.now;
      foreseen = { actions: actionsAt(chosen, then), due: then, units: chosen, of: dependencies(chosen) };
      if (foreseen.actions.length > 0) out.push({ kind: "rehearse", actions: foreseen.actions });
    }
    for (const unit of due) unit.rehearsed = rehearsedAt(takeoverAt(unit.unit), at.now);
    if (first.rehearsed?.nextAt === Number.POSITIVE_INFINITY) out.push({ kind: "imminent", ...foreseenFor(then) });
  }

  /** What a rehearsal has found for a takeover at this time, when nothing that it depends on is another thing by now. */
  function foreseenFor(then: Instant): { readonly actions: readonly DirectorAction[]; readonly due: Instant } {
    const known = foreseen;
    if (
      known?.due.now === then.now &&
      Math.abs(known.due.wallMs - then.wallMs) < WALL_STEP_MS &&
      sameItems(known.of, dependencies(known.units))
    )
      return { actions: known.actions, due: known.due };
    return { actions: NOTHING, due: then };
  }

  /** All that actionsAt() looks at; each of these is replaced when it changes. */
  function dependencies(some: readonly UnitRuntime[]): readonly unknown[] {
    const own = some.flatMap(({ unit }) =>
      unit.members.flatMap(({ name }) => {
        const { wire, source, timers } = runtimes.get(name) ?? {};
        return [wire, source, timers];
      }),
    );
    return [units, pacing, ...some.map(({ unit }) => unit), ...own];
  }

  function addressCount({ unit }: UnitRuntime): number {
    return unit.members.reduce((sum, { name }) => sum + (runtimes.get(name)?.targets.length ?? 0), 0);
  }

  /** What timer(then) would give for these units; leaves no trace. */
  function actionsAt(some: readonly UnitRuntime[], then: Instant): readonly DirectorAction[] {
    const kept = { pacing, dueAt };
    const out: DirectorAction[] = [];
    for (const { unit } of some)
      for (const output of stepTimers(unit, then.now).outputs) {
        if (output.kind !== "instance") continue;
        const runtime = runtimes.get(output.name);
        if (runtime) act(understudyOf(runtime), output.action, then, out);
      }
    ({ pacing, dueAt } = kept);
    return out;
  }

  function wakeAt(unit: UnitRuntime): MonoMs {
    const at = unitDeadline(unit.unit);
    return rehearse ? Math.min(at, rehearsalAt(unit.unit, unit.rehearsed)) : at;
  }

  function intruderGone(runtime: Runtime, at: Instant, out: DirectorAction[]): void {
    const silence = runtime.sightings.expire(at.now, runtime.timers.lastAt);
    out.push(...tellLeft(runtime, silence));
    if (!silence.silent || stateOf(runtime).kind !== "master") return;
    const message = silenceText(silence, at);
    logFrom(runtime, { kind: "log", level: "info", message, about: "intruder-left" }, at, out);
    const event: Event = { kind: "reannounce", why: "intruder-left" };
    take(runtime.unit, stepMember(runtime.unit.unit, runtime.config.name, event, at.now), at, out);
  }

  /** Something is due at `when`. A deadline that has moved back is only noticed when it comes: a timer event too early does no harm. */
  function sooner(when: MonoMs): void {
    if (dueAt !== undefined) dueAt = Math.min(dueAt, when);
  }

  /** Asked after every packet, so it is only worked out anew after a timer event. */
  function nextDeadline(): MonoMs {
    if (dueAt !== undefined) return dueAt;
    let earliest = pacingDeadline(pacing);
    for (const unit of units) earliest = Math.min(earliest, wakeAt(unit));
    for (const runtime of runtimes.values())
      earliest = Math.min(earliest, announceDeadline(runtime.timers), runtime.sightings.deadline());
    dueAt = earliest;
    return earliest;
  }

  // --- sockets

  function socketTable(): ReadonlyMap<string, SocketRows> {
    if (table) return table;
    const built = socketTableOf(runtimes);
    table = built;
    return built;
  }

  // --- reload

  function retire(next: VrrpConfig, at: Instant): DirectorAction[] {
    const out: DirectorAction[] = [];
    for (const { name } of planReload(config.instances, next.instances).remove) {
      const runtime = runtimes.get(name);
      if (!runtime || stateOf(runtime).kind === "stopped") continue;
      const event: Event = { kind: "stop", deleted: true };
      take(runtime.unit, stepMember(runtime.unit.unit, name, event, at.now), at, out);
    }
    return out;
  }

  function reload(
    next: VrrpConfig,
    bfd: readonly TrackDefinition[],
    at: Instant,
    arrivals: ReadonlyMap<string, Arrival> = new Map(),
  ): readonly DirectorAction[] {
    dueAt = undefined;
    const out = retire(next, at);
    const plan = planReload(config.instances, next.instances);
    const reported = new Map(
      units.map((unit) => [unit.unit.group, { state: unitState(unit.unit), since: unit.since }]),
    );
    const states = new Map<string, State>();
    const wasGrouped = new Map<string, boolean>();
    const survivors = new Map<string, Runtime>();
    for (const match of [...plan.keep, ...plan.change]) {
      const runtime = runtimes.get(match.old.name);
      if (!runtime) continue;
      states.set(match.next.name, stateOf(runtime));
      wasGrouped.set(match.next.name, runtime.unit.unit.group !== undefined);
      if (match.old.name !== match.next.name) pacing = paceCancel(pacing, match.old.name);
      Object.assign(runtime, settingsOf(match.next), { previous: match.old });
      survivors.set(match.next.name, runtime);
    }
    for (const instance of plan.add) {
      const runtime = newRuntime(instance, at.now);
      const { source, faults = {} } = arrivals.get(instance.name) ?? {};
      if (source !== undefined) runtime.source = { ip: source, bytes: ipBytes(source) };
      for (const [code, text] of Object.entries(faults)) if (text !== undefined) runtime.extraFaults.set(code, text);
      survivors.set(instance.name, runtime);
    }
    config = next;
    definitions = definitionsOf(next, bfd);
    // In the order of the file, as at the start.
    runtimes = new Map();
    for (const { name } of next.instances) {
      const runtime = survivors.get(name);
      if (runtime) runtimes.set(name, runtime);
    }
    const grouped = groupOfInstance(config);
    units = unitsOf(config, grouped, (name) => states.get(name) ?? initialState(at.now), at.now);
    attachUnits();
    const changes = new Map(plan.change.map((change) => [change.next.name, change.addressesAdded]));
    const added = new Set(plan.add.map((instance) => instance.name));
    for (const unit of units) {
      const events = new Map<string, readonly Event[]>();
      for (const { name } of unit.unit.members) {
        const runtime = runtimes.get(name);
        if (!runtime) continue;
        const retracked = retrack(runtime);
        const { tracked } = runtime;
        const moved = wasGrouped.has(name) && wasGrouped.get(name) !== (unit.unit.group !== undefined);
        if (added.has(name)) events.set(name, [{ kind: "start", tracked, startAt: at.now }]);
        else if (changes.has(name) || moved)
          events.set(name, [{ kind: "configure", tracked, added: changes.get(name) ?? false }]);
        else if (retracked) events.set(name, [{ kind: "tracked", tracked }]);
      }
      const before = reported.get(unit.unit.group);
      if (before && unit.unit.group !== undefined) unit.since = before.since;
      const reportedState = unit.unit.group === undefined ? unitState(unit.unit) : (before?.state ?? "INIT");
      take(unit, regroup(unit.unit, events, added, reportedState, at.now), at, out);
    }
    for (const runtime of runtimes.values()) runtime.previous = runtime.config;
    table = undefined;
    return out;
  }

  function view(runtime: Runtime): InstanceView {
    const { config: instance, counters, refused, evaluation, lastTransition } = runtime;
    return {
      name: instance.name,
      config: instance,
      state: stateOf(runtime),
      source: runtime.source?.ip,
      counters,
      refused,
      evaluation,
      lastTransition,
      sightings: runtime.sightings,
      senders: runtime.senders,
      group: runtime.unit.unit.group,
    };
  }

  build();
  return {
    start(at, notBefore = at.now) {
      const startAt = Math.max(notBefore, at.now + config.global.startupDelayMs);
      const out: DirectorAction[] = [];
      started = true;
      for (const runtime of runtimes.values()) retrack(runtime);
      for (const unit of units) {
        const event = ({ name }: Member): Event => ({
          kind: "start",
          tracked: runtimes.get(name)?.tracked ?? { priority: 0, faults: [], pending: [] },
          startAt,
        });
        take(unit, stepAll(unit.unit, event, at.now), at, out);
      }
      return out;
    },
    receive,
    timer,
    deadline: nextDeadline,
    takeover(at) {
      const unit = units.find((one) => takeoverAt(one.unit) < Number.POSITIVE_INFINITY);
      if (!unit) return NOTHING;
      const downAt = takeoverAt(unit.unit);
      return actionsAt([unit], { now: downAt, wallMs: at.wallMs + downAt - at.now });
    },
    takeoverLooms: () => units.some(({ unit, rehearsed }) => rehearsed?.downAt === takeoverAt(unit)),
    setFacts(batch, at) {
      for (const { kind, name, ...fact } of batch) facts[kind].set(name, fact);
      return retrackAll(at);
    },
    setSource(name, ip, at) {
      const runtime = runtimes.get(name);
      if (!runtime || runtime.source?.ip === ip) return NOTHING;
      runtime.source = ip === undefined ? undefined : { ip, bytes: ipBytes(ip) };
      table = undefined;
      return retrackAll(at, [runtime]);
    },
    setFault(name, code, text, at) {
      const runtime = runtimes.get(name);
      if (!runtime || runtime.extraFaults.get(code) === text) return NOTHING;
      if (text === undefined) runtime.extraFaults.delete(code);
      else runtime.extraFaults.set(code, text);
      return retrackAll(at, [runtime]);
    },
    removed(name, what, at, by) {
      const runtime = runtimes.get(name);
      if (!runtime) return NOTHING;
      const out: DirectorAction[] = [];
      take(runtime.unit, stepMember(runtime.unit.unit, name, { kind: "removed", what, by }, at.now), at, out);
      return out;
    },
    reannounce(link, why, at) {
      const out: DirectorAction[] = [];
      for (const runtime of runtimes.values()) {
        if (!usesLink(runtime.config, link)) continue;
        const event: Event = { kind: "reannounce", why: why satisfies AnnounceReason };
        take(runtime.unit, stepMember(runtime.unit.unit, runtime.config.name, event, at.now), at, out);
      }
      return out;
    },
    retire,
    reload,
    stop(at) {
      const out: DirectorAction[] = [];
      // keepalived: groups are reported behind all instances.
      const groups: DirectorAction[] = [];
      stopped = true;
      for (const unit of units) {
        const names = unit.unit.members.map((member) => member.name);
        take(
          unit,
          stepMembers(unit.unit, names, () => ({ kind: "stop", deleted: false }), at.now),
          at,
          out,
        );
        const last = out.at(-1);
        if (last?.kind === "notify" && last.notification.kind === "group") groups.push(...out.splice(-1));
      }
      return [...out, ...groups];
    },
    sockets: () => socketSpecsOf(runtimes.values()),
    instances: () => [...runtimes.values()].map(view),
    instance(name) {
      const runtime = runtimes.get(name);
      return runtime && view(runtime);
    },
    status(name, at, placeOf) {
      const runtime = runtimes.get(name);
      return runtime && statusOf(view(runtime), at, placeOf);
    },
    groupStatus(name, at) {
      const unit = units.find((one) => one.unit.group === name);
      if (!unit) return undefined;
      return {
        name,
        state: unitState(unit.unit),
        since: new Date(Math.round(at.wallMs - (at.now - unit.since))).toISOString(),
        instances: unit.unit.members.map((member) => member.name),
      };
    },
    strangers: () => ({ tooShort, unknownVrids }),
  };
}

function usesLink(instance: VrrpInstance, link: string): boolean {
  if (instance.interface === link || instance.vmac?.interface === link) return true;
  return [...instance.virtualAddresses, ...instance.excludedAddresses].some((address) => address.device === link);
}
