// VRRP core: an instance as the API shows it, and the words for it.
import type { MonoMs } from "../base/clock.ts";
import type { Address } from "../config/model/net.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import type { VrrpStatus, VrrpTraffic } from "../status/schema.ts";
import { stateName } from "./machine/state.ts";
import { adviceFor, isListed } from "./senders.ts";
import type { InstanceView, Instant } from "./view.ts";

/** Where an address belongs, and whether it is there. */
export type PlaceOf = (address: Address) => { readonly interface: string; readonly present: boolean };

/** The public shape of an instance. Without `placeOf`, masters are believed to have their addresses. */
export function statusOf(view: InstanceView, at: Instant, placeOf?: PlaceOf): VrrpStatus {
  const { config, state, evaluation, sightings } = view;
  const iso = (mono: MonoMs) => isoOf(mono, at);
  const isMaster = state.kind === "master";
  const link = config.interface ?? "";
  const last = view.lastTransition;
  const refused = sightings.lastRefused();
  const senders = view.senders.list();
  const foreign = isMaster ? sightings.foreign(config) : undefined;
  return {
    name: view.name,
    interface: link,
    vrid: config.vrid,
    version: config.version,
    family: config.family,
    state: stateName(state),
    since: iso(state.since),
    lastTransition: last ? { at: iso(last.at), from: last.from, to: last.to, cause: last.cause.text } : null,
    master: masterOf(view, iso),
    priority: {
      base: config.priority,
      effective: state.kind === "init" ? evaluation.priority : state.priority,
      trackers: evaluation.shares.map((share) => ({ ...share, since: iso(share.since) })),
    },
    advertMs: {
      own: config.advertMs,
      learned: state.kind === "backup" && config.version === 3 && state.master ? state.masterAdvertMs : null,
    },
    faults: [...state.faults.map((fault) => fault.text), ...(state.groupFault ? [state.groupFault.text] : [])],
    addresses: [...config.virtualAddresses, ...config.excludedAddresses].map((address, index) => ({
      address: address.ip,
      prefixLength: address.prefix,
      excluded: index >= config.virtualAddresses.length,
      ...(placeOf?.(address) ?? { interface: address.device ?? link, present: isMaster }),
    })),
    announceDelayMs: config.announce.delayMs,
    group: view.group ?? null,
    counters: { ...view.counters },
    refused: { ...view.refused },
    lastRefused: refused ? { ...refused, at: iso(refused.at) } : null,
    foreignMaster: foreign
      ? {
          address: foreign.last.address,
          priority: foreign.last.priority,
          at: iso(foreign.last.at),
          likelyCause: foreign.last.likelyCause,
        }
      : null,
    refusedMasters: sightings.refusedMasters(config).map(({ at: last, packets: _, since, ...other }) => ({
      ...other,
      own: view.source ?? null,
      since: iso(since),
      lastAt: iso(last),
    })),
    senders: senders.map(({ address, hops }) => ({ address, listed: isListed(config, address), hops })),
    transmission: { sendErrors: 0, lastSendError: null, receiveDrops: 0 },
    advice: adviceFor(config, senders),
  };
}

/** What of it changes with every advertisement; counters of zero are left out. */
export function trafficOf(view: InstanceView, at: Instant): VrrpTraffic {
  const counters = Object.fromEntries(Object.entries(view.counters).filter(([, value]) => value > 0));
  return { lastAdvertAt: masterOf(view, (mono) => isoOf(mono, at))?.lastAdvertAt ?? null, counters };
}

/** What a status is made of, but for the traffic: as long as these are the same, it is. */
export function marksOf(view: InstanceView) {
  const { config, source, state, evaluation, lastTransition, sightings, senders, refused } = view;
  const { kind, since, priority, faults, groupFault } = state;
  const master = kind === "backup" ? (state.preempting ?? state.master) : undefined;
  const learnedMs = kind === "backup" ? state.masterAdvertMs : undefined;
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  const own = [config, source, kind, since, priority, faults, groupFault, evaluation, lastTransition];
  const seen = sightings.mark();
  const shown = [refusals, seen, seen > 0 ? linesOf(config) : 0, senders.mark()];
  return [...own, master?.address, master?.priority, learnedMs, ...shown] as const;
}

/** Of what is said to be changed, which follows the file while `config` stays the very same. */
function linesOf({ origin, origins = {} }: VrrpInstance): string {
  return [origin, ...Object.values(origins)].map((place) => place && `${place.file}:${place.line}`).join();
}

function isoOf(mono: MonoMs, at: Instant): string {
  return new Date(Math.round(at.wallMs - (at.now - mono))).toISOString();
}

function masterOf(view: InstanceView, iso: (mono: MonoMs) => string): VrrpStatus["master"] {
  const { state } = view;
  if (state.kind === "master" && view.source !== undefined)
    return { address: view.source, priority: state.priority, lastAdvertAt: iso(state.lastAdvertAt) };
  if (state.kind !== "backup") return null;
  const master = state.preempting ?? state.master;
  return master ? { address: master.address, priority: master.priority, lastAdvertAt: iso(master.at) } : null;
}
