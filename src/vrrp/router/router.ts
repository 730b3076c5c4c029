// VRRP core: the router, all instances and groups of a director as one object without I/O. It is handed packets, facts, the time and
// configurations, and gives back actions in the order in which they are to be done. This file is its surface; what it keeps is in
// state.ts, and each call is a function over that record: packets.ts, timer.ts, tracking.ts, configuration.ts, rehearse.ts.
import type { MonoMs } from "../../base/clock.ts";
import type { IpText } from "../../base/ip.ts";
import type { Steps } from "../../base/steps.ts";
import type { VrrpConfig, VrrpInstance } from "../../config/model/vrrp.ts";
import type { SyncGroupStatus, VrrpStatus } from "../../status/schema.ts";
import type { VrrpAction } from "../actions.ts";
import type { Datagram } from "../datagram.ts";
import { stepMember, unitState } from "../group.ts";
import type { ReloadPiece } from "../reload-pieces.ts";
import { type Runtime, ZERO_COUNTERS } from "../runtime.ts";
import { type SocketSpec, socketSpecOf, socketSpecsOf } from "../sockets.ts";
import { type PlaceOf, statusOf } from "../status.ts";
import type { TrackDefinition } from "../track.ts";
import type { InstanceView, Instant } from "../view.ts";
import { type Handover, handOver, start, stop } from "./configuration.ts";
import { deadline } from "./deadline.ts";
import { receive } from "./packets.ts";
import { takeStep } from "./perform.ts";
import { farewell, isTakeoverDue, takeover, takeoverLooms } from "./rehearse.ts";
import { type Arrival, begin, end, retire, take } from "./reload.ts";
import { NOTHING, newRouterState, type RouterState, stateOf } from "./state.ts";
import { timer } from "./timer.ts";
import { type NamedFact, setDrained, setFacts, setFault, setHeld, setSource } from "./tracking.ts";

/**
 * The calls are of four kinds:
 * - *facts*: setFacts, setSource, setFault, removed, reannounce. At any time; before start() they are kept and decide nothing.
 * - *events*: receive, timer.
 * - *the life*: start, beginReload, retire, take, endReload, then stop or handOver.
 * - *questions*: the others. They change nothing and may be asked at any time.
 *
 * In this order:
 * 1. Facts and sources that are known, then start(), once: what is missing by then holds instances in INIT or FAULT.
 * 2. Behind every call its actions are done in their order, and one timer is armed for deadline(), which may be earlier than before.
 * 3. At the deadline what waits in sockets goes through receive() first, then timer(): an advertisement that came while the machine was
 *    busy or stood still comes before the timer that it would have put off. All of it when isTakeoverDue(); where only advertisements are
 *    due, a flood need not be read to its end. An instant of receive() is that of the arrival and may lie a little before the last call;
 *    those of the other calls never go back.
 * 4. For another configuration: setFacts() says what it newly tracks, then beginReload(next), then for each piece that it gives: retire(piece),
 *    while the sockets of those that leave are open; then the sockets and links of the piece are made those of `next`; then take(piece). No call
 *    between these two but facts; between two pieces any call. endReload() behind the last one.
 * 5. sockets() and socketOf() are asked again after start(), take() and setSource().
 * 6. stop(), once; no call of the first two kinds behind it does anything but say who fell silent.
 */
export interface VrrpRouter {
  /**
   * Once. `notBefore` holds everything back longer than `vrrp_startup_delay` does (`vrrp_delay_after_boot`). `handover`: masters of a process
   * that this one takes the place of go on as such, if nobody can have missed them yet.
   */
  start(at: Instant, notBefore?: MonoMs, handover?: Handover): readonly VrrpAction[];
  /** Masters say once more that they are there; the last call of a process whose place another takes. */
  handOver(at: Instant): readonly VrrpAction[];
  /** A datagram of the socket with this key. Its bytes are not kept. */
  receive(socket: string, datagram: Datagram, at: Instant): readonly VrrpAction[];
  /** At or after deadline(). Read the sockets before: what came in during a pause comes first. */
  timer(at: Instant): readonly VrrpAction[];
  deadline(): MonoMs;
  /** What a takeover will be, to rehearse it; empty when nobody waits for one. Leaves no trace. */
  takeover(at: Instant): readonly VrrpAction[];
  /** What a master sends first when it stops, to rehearse it; empty when there is none. Leaves no trace. */
  farewell(at: Instant): readonly VrrpAction[];
  /** Some instance takes its master for dead in timer(now). */
  isTakeoverDue(now: MonoMs): boolean;
  /** One is so near that it is being rehearsed. */
  takeoverLooms(): boolean;
  /** Results of trackers and states of links, several at once so that a batch makes one decision. */
  setFacts(facts: readonly NamedFact[], at: Instant): readonly VrrpAction[];
  /** The address that the instance sends from; undefined: there is none, which is a fault. Without a call an instance has none. */
  setSource(instance: string, ip: IpText | undefined, at: Instant): readonly VrrpAction[];
  /** A fault that only the driver knows of (duplicate VRID, address refused by the kernel …); `text` undefined clears it. */
  setFault(instance: string, code: string, text: string | undefined, at: Instant): readonly VrrpAction[];
  /** Holds instances that are not in the election yet, or lets them go; may be called before start(). */
  setHeld(held: boolean, at: Instant): readonly VrrpAction[];
  /** Puts every instance into FAULT, masters resign; or ends that. May be called before start(). */
  setDrained(drained: boolean, at: Instant): readonly VrrpAction[];
  /** Somebody else removed an address, route or rule of a master; `by`: who it was, as far as known. */
  removed(instance: string, what: string, at: Instant, by?: string): readonly VrrpAction[];
  /** The link came back or changed its MAC: masters with addresses on it announce them again. */
  reannounce(link: string, why: "link" | "mac", at: Instant): readonly VrrpAction[];
  /**
   * Another configuration, in pieces. Any call may come between two steps; behind the last one what is of no instance is in force. Empty: all
   * instances are what they were.
   */
  beginReload(next: VrrpConfig, bfd: readonly TrackDefinition[]): Steps<readonly ReloadPiece[]>;
  /** The instances that leave with this piece resign, while the driver still has what they send by. take() follows. */
  retire(piece: ReloadPiece, at: Instant): readonly VrrpAction[];
  /** The piece is in force. `arrivals`: what new instances find, so that they need not begin in FAULT. */
  take(piece: ReloadPiece, at: Instant, arrivals?: ReadonlyMap<string, Arrival>): readonly VrrpAction[];
  /** Any call may come between two steps. */
  endReload(): Steps;
  /** Resigns and cleans up everything. */
  stop(at: Instant): readonly VrrpAction[];
  sockets(): readonly SocketSpec[];
  /** Of sockets() the key of an instance's; undefined while it has none. */
  socketOf(instance: string): string | undefined;
  instances(): readonly InstanceView[];
  instance(name: string): InstanceView | undefined;
  /** Without `placeOf`, masters are believed to have their addresses. */
  status(name: string, at: Instant, placeOf?: PlaceOf): VrrpStatus | undefined;
  groupStatus(name: string, at: Instant): SyncGroupStatus | undefined;
  /** Its statistics begin at zero again. */
  clearCounters(name: string): void;
}

/**
 * Makes a router from a configuration. `bfd`: names and weights of the BFD sessions. `rehearse`: give "rehearse" and "imminent" actions.
 * Nothing happens before start().
 */
export function createVrrpRouter(
  config: VrrpConfig,
  bfd: readonly TrackDefinition[],
  created: MonoMs,
  { rehearse = false } = {},
): VrrpRouter {
  const state = newRouterState(config, bfd, created, rehearse);
  return {
    start: (at, notBefore = at.now, handover) => start(state, at, notBefore, handover),
    handOver: (at) => handOver(state, at),
    receive: (socket, datagram, at) => receive(state, socket, datagram, at),
    timer: (at) => timer(state, at),
    deadline: () => deadline(state),
    takeover: (at) => takeover(state, at),
    farewell: (at) => farewell(state, at),
    isTakeoverDue: (now) => isTakeoverDue(state, now),
    takeoverLooms: () => takeoverLooms(state),
    setFacts: (facts, at) => setFacts(state, facts, at),
    setSource: (name, ip, at) => setSource(state, name, ip, at),
    setFault: (name, code, text, at) => setFault(state, name, code, text, at),
    setHeld: (held, at) => setHeld(state, held, at),
    setDrained: (drained, at) => setDrained(state, drained, at),
    removed: (name, what, at, by) => removed(state, name, what, at, by),
    reannounce: (link, why, at) => reannounce(state, link, why, at),
    beginReload: (next, nextBfd) => begin(state, next, nextBfd),
    retire: (piece, at) => retire(state, piece, at),
    take: (piece, at, arrivals = new Map()) => take(state, piece, at, arrivals),
    endReload: () => end(state),
    stop: (at) => stop(state, at),
    sockets: () => socketSpecsOf(state.runtimes.values()),
    socketOf(name) {
      const runtime = state.runtimes.get(name);
      return runtime && socketSpecOf(runtime.config, runtime.source?.ip)?.key;
    },
    instances: () => Array.from(state.runtimes.values(), (runtime) => viewOf(state, runtime)),
    instance(name) {
      const runtime = state.runtimes.get(name);
      return runtime && viewOf(state, runtime);
    },
    status(name, at, placeOf) {
      const runtime = state.runtimes.get(name);
      return runtime && statusOf(viewOf(state, runtime), at, placeOf);
    },
    clearCounters(name) {
      const counters = state.runtimes.get(name)?.counters;
      if (counters) Object.assign(counters, ZERO_COUNTERS);
    },
    groupStatus: (name, at) => groupStatus(state, name, at),
  };
}

function removed(
  state: RouterState,
  name: string,
  what: string,
  at: Instant,
  by: string | undefined,
): readonly VrrpAction[] {
  const runtime = state.runtimes.get(name);
  if (!runtime) return NOTHING;
  const out: VrrpAction[] = [];
  takeStep(state, runtime.unit, stepMember(runtime.unit.unit, name, { kind: "removed", what, by }, at.now), at, out);
  return out;
}

function reannounce(state: RouterState, link: string, why: "link" | "mac", at: Instant): readonly VrrpAction[] {
  const out: VrrpAction[] = [];
  for (const { unit, config } of state.runtimes.values())
    if (usesLink(config, link))
      takeStep(state, unit, stepMember(unit.unit, config.name, { kind: "reannounce", why }, at.now), at, out);
  return out;
}

function usesLink(instance: VrrpInstance, link: string): boolean {
  if (instance.interface === link || instance.vmac?.interface === link) return true;
  return [...instance.virtualAddresses, ...instance.excludedAddresses].some((address) => address.device === link);
}

function viewOf(state: RouterState, runtime: Runtime): InstanceView {
  const { config, source, counters, refused, evaluation, lastTransition, sightings, senders, unit } = runtime;
  return {
    name: config.name,
    config,
    state: stateOf(state, runtime),
    source: source?.ip,
    counters,
    refused,
    evaluation,
    lastTransition,
    sightings,
    senders,
    group: unit.unit.group,
  };
}

function groupStatus({ units }: RouterState, name: string, at: Instant): SyncGroupStatus | undefined {
  const unit = units.find((one) => one.unit.group === name);
  if (!unit) return undefined;
  return {
    name,
    state: unitState(unit.unit),
    since: new Date(Math.round(at.wallMs - (at.now - unit.since))).toISOString(),
    instances: unit.unit.members.map((member) => member.name),
  };
}
