// BFD core: what is kept of one session (RFC 5880 §6.8.1), and what follows from it: intervals, detection time, the packet it says.
import type { MonoMs } from "../base/clock.ts";
import { ipBytes } from "../base/ip.ts";
import type { BfdInstance } from "../config/model/bfd.ts";
import { DIAGNOSTIC } from "./diagnostic.ts";
import { CONTROL_BYTES, encodeControl, type SessionState } from "./packet.ts";
import type { Scheduled } from "./schedule.ts";

/** RFC 5880 §6.8.1: before the neighbour has said anything. */
const REMOTE_MIN_RX_US = 1;

/** Of the neighbour, as it last said. */
interface Remote {
  /** 0: it is not known, or was silent for a detection time. */
  discriminator: number;
  state: SessionState;
  diagnostic: number;
  /** 0: it wants no periodic packets. */
  minRxUs: number;
  desiredMinTxUs: number;
  multiplier: number;
  /** It asks for demand mode: periodic packets of ours stop while both are up. */
  demand: boolean;
}

export interface SessionCounters {
  sent: number;
  received: number;
  ups: number;
  downs: number;
}

export interface Session extends Scheduled {
  config: BfdInstance;
  readonly neighbor: Uint8Array;
  /** Own discriminator, for the life of the session; also what names it to sockets. */
  readonly local: number;
  state: SessionState;
  diagnostic: number;
  readonly remote: Remote;
  /** What is in force: the neighbour has acknowledged it, or need not. */
  agreedTxUs: number;
  agreedRxUs: number;
  /** Poll goes out until Final comes (§6.5). */
  polling: boolean;
  /** Announced once more while a poll was under way: the Final that comes may be for what was before. */
  pollStale: boolean;
  /** What trackers and checks are told; an AdminDown of the neighbour changes nothing about it (RFC 5882 §3.2). */
  reportedUp: boolean;
  /** Up ended with AdminDown of the neighbour, and it has not been up since. */
  heldUp: boolean;
  sendAt: MonoMs;
  detectAt: MonoMs;
  lastSentAt: MonoMs;
  /** Of the last packet outside the rhythm. */
  lastWordAt: MonoMs;
  /** A poll was answered the last time. */
  lastFinalAt: MonoMs;
  lastHeardAt: MonoMs | undefined;
  since: MonoMs;
  lastChange:
    | { readonly at: MonoMs; readonly from: SessionState; readonly to: SessionState; readonly reason: string }
    | undefined;
  readonly counters: SessionCounters;
  readonly refused: Map<string, number>;
  readonly wire: Uint8Array;
  /** Of its own: both may be sent in one turn. */
  readonly finalWire: Uint8Array;
}

export function newSession(config: BfdInstance, local: number, now: MonoMs): Session {
  return {
    config,
    neighbor: ipBytes(config.neighborIp),
    local,
    state: "Down",
    diagnostic: DIAGNOSTIC.none,
    remote: unknownRemote(),
    agreedTxUs: config.idleTxUs,
    agreedRxUs: config.minRxUs,
    polling: false,
    pollStale: false,
    reportedUp: false,
    heldUp: false,
    sendAt: Number.POSITIVE_INFINITY,
    detectAt: Number.POSITIVE_INFINITY,
    lastSentAt: Number.NEGATIVE_INFINITY,
    lastWordAt: Number.NEGATIVE_INFINITY,
    lastFinalAt: Number.NEGATIVE_INFINITY,
    lastHeardAt: undefined,
    since: now,
    lastChange: undefined,
    counters: { sent: 0, received: 0, ups: 0, downs: 0 },
    refused: new Map(),
    wire: new Uint8Array(new ArrayBuffer(CONTROL_BYTES)),
    finalWire: new Uint8Array(new ArrayBuffer(CONTROL_BYTES)),
    dueAt: Number.POSITIVE_INFINITY,
    place: -1,
  };
}

function unknownRemote(): Remote {
  return {
    discriminator: 0,
    state: "Down",
    diagnostic: DIAGNOSTIC.none,
    minRxUs: REMOTE_MIN_RX_US,
    desiredMinTxUs: 0,
    multiplier: 0,
    demand: false,
  };
}

/** RFC 5880 §6.8.1: a neighbour that was silent for a detection time is a stranger again. Its last diagnostic stays for the status. */
export function forgetRemote({ remote }: Session): void {
  const { diagnostic } = remote;
  Object.assign(remote, unknownRemote(), { diagnostic });
}

/** Another session, not this one with other settings: who speaks with whom, and over which port. */
export function isSameSession(a: BfdInstance, b: BfdInstance): boolean {
  return a.neighborIp === b.neighborIp && a.sourceIp === b.sourceIp && a.multihop === b.multihop;
}

/** Desired Min TX Interval as announced: §6.8.3 wants a second or more while the session is not up, which `idle_tx` is. */
export function announcedTxUs({ state, config }: Session): number {
  return state === "Up" ? config.minTxUs : config.idleTxUs;
}

/** Between two periodic packets, before jitter; infinite: none are sent. In ms. */
export function sendIntervalMs(session: Session): number {
  const { remote, config, polling, agreedTxUs } = session;
  if (config.passive && remote.discriminator === 0) return Number.POSITIVE_INFINITY;
  if (remote.minRxUs === 0) return Number.POSITIVE_INFINITY;
  if (isSilenced(session) && !polling) return Number.POSITIVE_INFINITY;
  const announced = announcedTxUs(session);
  // §6.8.3: a longer one only when the neighbour knows of it.
  const own = polling ? Math.min(agreedTxUs, announced) : announced;
  return Math.max(own, remote.minRxUs) / 1000;
}

/** §6.6: the neighbour is in demand mode. */
function isSilenced({ state, remote }: Session): boolean {
  return remote.demand && state === "Up" && remote.state === "Up";
}

/** Silence of the neighbour that is taken for its end, in ms (§6.8.4); 0 before it has said anything. */
export function detectionMs({ remote, config, polling, agreedRxUs }: Session): number {
  // §6.8.3: a shorter one only when the neighbour knows of it.
  const own = polling ? Math.max(agreedRxUs, config.minRxUs) : config.minRxUs;
  return (remote.multiplier * Math.max(own, remote.desiredMinTxUs)) / 1000;
}

/** The packet that the session says now; good until the next one of its kind. */
export function packetOf(session: Session, final: boolean): Uint8Array {
  const { state, diagnostic, config, local, remote, polling } = session;
  const bytes = final ? session.finalWire : session.wire;
  encodeControl(
    {
      state,
      diagnostic,
      // §6.5: an answer to a poll never polls.
      poll: polling && !final,
      final,
      multiplier: config.multiplier,
      my: local,
      your: remote.discriminator,
      desiredMinTxUs: announcedTxUs(session),
      requiredMinRxUs: config.minRxUs,
    },
    bytes,
  );
  return bytes;
}
