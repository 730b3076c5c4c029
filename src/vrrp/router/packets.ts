// VRRP core: from a datagram to what it moves: whose it is, whether accept.ts takes it, and what is said, counted and done then.

import { type AcceptedAdvert, accept } from "../accept.ts";
import type { VrrpAction } from "../actions.ts";
import { tellAccepted, tellRefused, tellSecond } from "../agreement.ts";
import { type Datagram, describeDatagram, vridOf } from "../datagram.ts";
import { stepMember } from "../group.ts";
import { type Event, RESIGN_PRIORITY, type State } from "../machine/state.ts";
import { isListening } from "../machine/step.ts";
import type { Refusal } from "../refusals.ts";
import type { Runtime } from "../runtime.ts";
import { peerOf } from "../sockets.ts";
import type { Instant } from "../view.ts";
import { wireSkipped } from "../wire.ts";
import { dueBy } from "./deadline.ts";
import { performLog, takeStep } from "./perform.ts";
import { NOTHING, type RouterState, socketTable, stateOf } from "./state.ts";

/** A datagram of the socket with this key. */
export function receive(router: RouterState, socket: string, datagram: Datagram, at: Instant): readonly VrrpAction[] {
  const byVrid = socketTable(router).get(socket);
  if (!byVrid || router.stopped) return NOTHING;
  const vrid = vridOf(datagram);
  if (vrid < 0) return NOTHING;
  const candidates = byVrid[vrid];
  if (!candidates) return unknownVrid(router, socket, vrid, at);
  const runtime = candidates.length === 1 ? candidates[0] : peerOf(candidates, datagram);
  if (!runtime) return NOTHING;
  const state = stateOf(router, runtime);
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
  if (verdict.ok) return hear(router, runtime, state, datagram, verdict, at);
  return refuse(router, runtime, state, datagram, verdict, at);
}

function unknownVrid(router: RouterState, socket: string, vrid: number, at: Instant): readonly VrrpAction[] {
  if (!router.config.global.logUnknownVrids) return NOTHING;
  if (router.strangerLog.allow(`vrid ${vrid % 32}`, at.now) === undefined) return NOTHING;
  const message = `advertisement for VRID ${vrid}, which is not configured here (${socket})`;
  return [{ kind: "log", line: { level: "info", area: "vrrp", message } }];
}

/** A refused packet moves no state and no timer but the one that forgets those who sent it. */
function refuse(
  router: RouterState,
  runtime: Runtime,
  state: State,
  datagram: Datagram,
  refusal: Refusal,
  at: Instant,
): readonly VrrpAction[] {
  const { reason, counter } = refusal;
  runtime.refused[reason] = (runtime.refused[reason] ?? 0) + 1;
  if (counter) runtime.counters[counter]++;
  if (reason === "auth-ah-collision") runtime.wire = wireSkipped(runtime.wire);
  if (reason === "not-listening") return NOTHING;
  const sighting = runtime.sightings.refused(datagram, reason, at.now);
  dueBy(router, runtime.sightings.deadline());
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

function hear(
  router: RouterState,
  runtime: Runtime,
  state: State,
  datagram: Datagram,
  advert: AcceptedAdvert,
  at: Instant,
): readonly VrrpAction[] {
  const weaker = state.kind === "master" && advert.priority < state.priority && advert.priority !== RESIGN_PRIORITY;
  // keepalived: a master that hears a weaker one goes on from its AH sequence, so that the others take ours again.
  runtime.wire = weaker ? wireSkipped(advert.wire) : advert.wire;
  runtime.counters.advert_rcvd++;
  if (advert.priority === RESIGN_PRIORITY) runtime.counters.pri_zero_rcvd++;
  const listDiffers = advert.differences.includes("address-list");
  if (listDiffers) runtime.counters.addr_list_err++;
  const beside = state.kind === "master" && advert.priority !== RESIGN_PRIORITY && advert.priority <= state.priority;
  const isSecond = beside && noteWeaker(router, runtime, datagram, listDiffers, at);
  if (state.kind === "backup" && state.master?.address !== advert.sender) runtime.limiter.changed();
  const out: VrrpAction[] = [];
  logDifferences(runtime, advert, at, out);
  const event: Event = { kind: "advert", advert };
  takeStep(router, runtime.unit, stepMember(runtime.unit.unit, runtime.config.name, event, at.now), at, out);
  if (isSecond) out.push(...tellSecond(runtime, stateOf(router, runtime).priority, at));
  out.push(...tellAccepted(runtime, datagram, advert, at));
  return out;
}

function noteWeaker(
  router: RouterState,
  runtime: Runtime,
  datagram: Datagram,
  addressesDiffer: boolean,
  at: Instant,
): boolean {
  const isSecond = runtime.sightings.weaker(datagram, addressesDiffer, at.now);
  dueBy(router, runtime.sightings.deadline());
  return isSecond;
}

function logDifferences(runtime: Runtime, advert: AcceptedAdvert, at: Instant, out: VrrpAction[]): void {
  for (const difference of advert.differences) {
    const message =
      difference === "interval"
        ? `${advert.sender} advertises every ${advert.advertMs} ms, we every ${runtime.config.advertMs} ms`
        : `${advert.sender} advertises another list of addresses than ours`;
    performLog(runtime, { kind: "log", level: "warning", message, about: difference }, at, out);
  }
}
