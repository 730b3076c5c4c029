// BFD core, its surface: all sessions of a director. It is handed datagrams, configurations and the time, and gives back actions in the
// order in which they are to be done. No socket, no timer, no clock: roles/bfd has those. Before timer() the sockets are read.
import type { MonoMs } from "../base/clock.ts";
import { formatIp } from "../base/ip.ts";
import type { LogLine } from "../base/log.ts";
import type { BfdInstance } from "../config/model/bfd.ts";
import { type Change, configure, expire, hear, leave, NOT_SET, type Outcome } from "./machine.ts";
import { decodeControl } from "./packet.ts";
import { type RefusalReason, refusalLimit, refusalText } from "./refusals.ts";
import { createSchedule } from "./schedule.ts";
import { forgetRemote, isSameSession, newSession, packetOf, type Session, sendIntervalMs } from "./session.ts";

/**
 * Packets outside the rhythm are at least this far apart, and answers to polls as well: a neighbour that flaps can't make us flood, nor who
 * speaks in its name have us flood the neighbour. One that got no answer polls again (RFC 5880 §6.5).
 */
const WORD_SPACING_MS = 10;
/** RFC 5880 §6.8.7: an interval is shortened by up to a quarter, and by a tenth at least where one lost packet is the end. */
const JITTER = { least: 0.75, most: 1, mostAlone: 0.9 } as const;
/** `max_hops` that switches the test off. */
const ANY_HOPS = 255;
const AREA = "bfd";

export interface BfdDatagram {
  readonly bytes: Uint8Array;
  readonly source: Uint8Array;
  /** Address that it was sent to; undefined when the kernel did not say. */
  readonly destination: Uint8Array | undefined;
  /** TTL or hop limit that it came with; undefined when the kernel did not say. */
  readonly hops: number | undefined;
  /** By the port that it came to. */
  readonly multihop: boolean;
  readonly truncated: boolean;
}

export type BfdAction =
  /** By the socket of the session with this discriminator. `bytes` are good until the next call. */
  | { readonly kind: "send"; readonly local: number; readonly bytes: Uint8Array }
  | ({ readonly kind: "change"; readonly session: Session } & Change)
  /** The session with this discriminator is no more: its socket can go. */
  | { readonly kind: "ended"; readonly local: number }
  | { readonly kind: "log"; readonly line: LogLine };

/** Randomness of the machine's own. */
export interface BfdChance {
  /** In [0, 1). */
  share(): number;
  /** 32 bits from the kernel's source: nobody shall guess discriminators. */
  word(): number;
}

export interface BfdSpeaker {
  start(now: MonoMs): readonly BfdAction[];
  receive(datagram: BfdDatagram, now: MonoMs): readonly BfdAction[];
  /**
   * What is due. `deafMs`: so long packets may have been lost because this process stood still and the kernel's buffer was full; silence
   * of that time is not the neighbours'.
   */
  timer(now: MonoMs, deafMs?: number): readonly BfdAction[];
  /** timer() would take a neighbour for lost now: all that waits in the sockets is to be read before it. */
  isLossDue(now: MonoMs): boolean;
  /** When timer() is to be called; may turn out too early. */
  deadline(): MonoMs;
  /** Same name, neighbour, source and hop mode: the same session, with its state, discriminator and port. */
  reload(next: readonly BfdInstance[], now: MonoMs): readonly BfdAction[];
  /** Every session says that it is down; nothing is done afterwards. */
  stop(now: MonoMs): readonly BfdAction[];
  sessions(): readonly Session[];
  /** Refused datagrams that are for no session, by reason. */
  refused(): ReadonlyMap<RefusalReason, number>;
}

const NO_ACTIONS: readonly BfdAction[] = [];

interface SpeakerState {
  readonly chance: BfdChance;
  readonly byLocal: Map<number, Session>;
  /** By neighbour, hop mode and what `source_ip` says. */
  readonly byNeighbor: Map<string, Session[]>;
  readonly schedule: ReturnType<typeof createSchedule<Session>>;
  readonly refused: Map<RefusalReason, number>;
  readonly limit: ReturnType<typeof refusalLimit>;
}

export function createBfdSpeaker(instances: readonly BfdInstance[], chance: BfdChance, now: MonoMs): BfdSpeaker {
  const state: SpeakerState = {
    chance,
    byLocal: new Map(),
    byNeighbor: new Map(),
    schedule: createSchedule<Session>(),
    refused: new Map(),
    limit: refusalLimit(),
  };
  for (const config of instances) add(state, make(state, config, now));
  return {
    start(at) {
      for (const session of state.byLocal.values()) begin(state, session, at);
      return timer(state, at, 0);
    },
    receive: (datagram, at) => receive(state, datagram, at),
    timer: (at, deafMs = 0) => timer(state, at, deafMs),
    isLossDue: (at) => state.schedule.someDue(at, ({ detectAt }) => detectAt <= at),
    deadline: () => state.schedule.first()?.dueAt ?? Number.POSITIVE_INFINITY,
    reload: (next, at) => reload(state, next, at),
    stop: (at) => [...state.byLocal.values()].flatMap((session) => end(state, session, "lbd stops", at)),
    sessions: () => [...state.byLocal.values()],
    refused: () => state.refused,
  };
}

// --- sessions come and go

function make({ chance, byLocal }: SpeakerState, config: BfdInstance, now: MonoMs): Session {
  let local = 0;
  // §6.8.1: unique here, and never 0.
  while (local === 0 || byLocal.has(local)) local = chance.word() >>> 0;
  return newSession(config, local, now);
}

function add(state: SpeakerState, session: Session): void {
  state.byLocal.set(session.local, session);
  const key = neighborKey(session.config.neighborIp, session.config.multihop);
  state.byNeighbor.set(key, [...(state.byNeighbor.get(key) ?? []), session]);
}

function drop(state: SpeakerState, session: Session): void {
  state.byLocal.delete(session.local);
  state.schedule.remove(session);
  const key = neighborKey(session.config.neighborIp, session.config.multihop);
  const rest = (state.byNeighbor.get(key) ?? []).filter((one) => one !== session);
  if (rest.length > 0) state.byNeighbor.set(key, rest);
  else state.byNeighbor.delete(key);
}

function neighborKey(ip: string, multihop: boolean): string {
  return multihop ? `${ip} multihop` : ip;
}

/** Its first packet goes out at once. */
function begin(state: SpeakerState, session: Session, now: MonoMs): void {
  session.since = now;
  session.sendAt = NOT_SET;
  settleTimes(state, session, now);
}

function end(state: SpeakerState, session: Session, reason: string, now: MonoMs): readonly BfdAction[] {
  const change = leave(session, reason, now);
  const actions: BfdAction[] = [];
  // One word: keepalived, FRR and BIRD are down with it within milliseconds. Who never spoke to us needs none.
  if (session.remote.discriminator !== 0) actions.push(send(session, false));
  if (change) actions.push({ kind: "change", session, ...change });
  drop(state, session);
  actions.push({ kind: "ended", local: session.local });
  return actions;
}

function reload(state: SpeakerState, next: readonly BfdInstance[], now: MonoMs): readonly BfdAction[] {
  const wanted = new Map(next.map((config) => [config.name, config]));
  const actions: BfdAction[] = [];
  for (const session of state.byLocal.values()) {
    const config = wanted.get(session.config.name);
    if (config && isSameSession(session.config, config)) {
      wanted.delete(config.name);
      if (config !== session.config) follow(state, session, configure(session, config), now, actions);
    } else {
      const why = config
        ? "another neighbour, source or hop mode in the configuration"
        : "no longer in the configuration";
      actions.push(...end(state, session, why, now));
    }
  }
  for (const config of wanted.values()) {
    const session = make(state, config, now);
    add(state, session);
    begin(state, session, now);
  }
  actions.push(...timer(state, now, 0));
  return actions;
}

// --- what comes

function receive(state: SpeakerState, datagram: BfdDatagram, now: MonoMs): readonly BfdAction[] {
  if (datagram.truncated) return refuse(state, "truncated", datagram, undefined, now);
  const decoded = decodeControl(datagram.bytes);
  if (!decoded.ok) return refuse(state, decoded.error, datagram, undefined, now);
  const packet = decoded.value;
  const session = packet.your === 0 ? sessionOfNeighbor(state, datagram) : state.byLocal.get(packet.your);
  if (!session) return refuse(state, "no-session", datagram, undefined, now);
  const reason = packet.your === 0 ? undefined : strangerTo(session, datagram);
  if (reason) return refuse(state, reason, datagram, session, now);
  // RFC 5881 §5: who is farther away than he may be is no neighbour.
  if (isTooFar(session, datagram)) return refuse(state, "ttl", datagram, session, now);
  // §6.8.6: no session of ours uses it.
  if (packet.authentication) return refuse(state, "authentication", datagram, session, now);
  const outcome = hear(session, packet, now);
  // In ordinary life the detection time has moved to later, which the schedule finds out by itself.
  if (!outcome.final && !outcome.news && session.sendAt !== NOT_SET && session.dueAt <= session.detectAt)
    return NO_ACTIONS;
  const actions: BfdAction[] = [];
  follow(state, session, outcome, now, actions);
  return actions;
}

/** RFC 5881 §3: while it does not know our discriminator, by who sent it. */
function sessionOfNeighbor(
  { byNeighbor }: SpeakerState,
  { source, destination, multihop }: BfdDatagram,
): Session | undefined {
  const candidates = byNeighbor.get(neighborKey(formatIp(source), multihop));
  if (!candidates) return;
  const own = destination && formatIp(destination);
  return (
    candidates.find(({ config }) => config.sourceIp !== undefined && config.sourceIp === own) ??
    candidates.find(({ config }) => config.sourceIp === undefined || own === undefined)
  );
}

function strangerTo({ neighbor, config }: Session, { source, multihop }: BfdDatagram): RefusalReason | undefined {
  if (config.multihop !== multihop) return "hop-mode";
  if (neighbor.byteLength !== source.byteLength) return "stranger";
  for (let i = 0; i < neighbor.byteLength; i++) if (neighbor[i] !== source[i]) return "stranger";
  return undefined;
}

/** keepalived: by the TTL of the session's own, also with multihop. */
function isTooFar({ config: { ttl, maxHops } }: Session, { hops = -1 }: BfdDatagram): boolean {
  return maxHops !== ANY_HOPS && hops < ttl - maxHops;
}

function refuse(
  { limit, refused }: SpeakerState,
  reason: RefusalReason,
  { source }: BfdDatagram,
  session: Session | undefined,
  now: MonoMs,
): readonly BfdAction[] {
  if (session) session.refused.set(reason, (session.refused.get(reason) ?? 0) + 1);
  else refused.set(reason, (refused.get(reason) ?? 0) + 1);
  const held = limit.allow(reason, now);
  if (held === undefined) return NO_ACTIONS;
  const whose = session ? ` for ${session.config.name}` : "";
  const more = held > 0 ? ` (${held} more like it before)` : "";
  const message = `packet of ${formatIp(source)}${whose} refused: ${refusalText(reason)}${more}`;
  return [{ kind: "log", line: { level: "warning", area: AREA, message } }];
}

// --- what is due

function timer(state: SpeakerState, now: MonoMs, deafMs: number): readonly BfdAction[] {
  const { schedule } = state;
  let actions: BfdAction[] | undefined;
  for (let session = schedule.first(); session && session.dueAt <= now; session = schedule.first()) {
    if (now >= session.detectAt && deafMs > 0) session.detectAt = now + deafMs;
    if (now >= session.detectAt) {
      actions ??= [];
      follow(state, session, expire(session, now), now, actions);
      // The word about it named the neighbour as before, for the last time: FRR believes no other Down, BIRD none of a stranger.
      forgetRemote(session);
      session.sendAt = NOT_SET;
      settleTimes(state, session, now);
    }
    if (now >= session.sendAt) {
      actions ??= [];
      actions.push(sendInRhythm(state, session, now));
    }
    settleTimes(state, session, now);
  }
  return actions ?? NO_ACTIONS;
}

/** What the machine wants done, in its order: the answer to a poll, then the word about a change, then those who hear of it here. */
function follow(state: SpeakerState, session: Session, outcome: Outcome, now: MonoMs, actions: BfdAction[]): void {
  const { change, news } = outcome;
  const final = outcome.final && now - session.lastFinalAt >= WORD_SPACING_MS;
  if (final) {
    session.lastFinalAt = now;
    actions.push(send(session, true));
  }
  // The answer to a poll says all of it but the poll of our own.
  if (news && (!final || session.polling) && sendIntervalMs(session) !== Number.POSITIVE_INFINITY) {
    if (now - session.lastWordAt >= WORD_SPACING_MS) {
      session.lastWordAt = now;
      actions.push(sendInRhythm(state, session, now));
    } else session.sendAt = session.lastWordAt + WORD_SPACING_MS;
  }
  if (change) actions.push({ kind: "change", session, ...change });
  settleTimes(state, session, now);
}

/** A packet, after which the interval begins anew. */
function sendInRhythm({ chance }: SpeakerState, session: Session, now: MonoMs): BfdAction {
  session.sendAt = now + jittered(session, chance);
  session.lastSentAt = now;
  return send(session, false);
}

function send(session: Session, final: boolean): BfdAction {
  session.counters.sent++;
  return { kind: "send", local: session.local, bytes: packetOf(session, final) };
}

function settleTimes({ schedule, chance }: SpeakerState, session: Session, now: MonoMs): void {
  if (session.sendAt === NOT_SET) {
    const waitMs = jittered(session, chance);
    session.sendAt = waitMs === Number.POSITIVE_INFINITY ? waitMs : Math.max(now, session.lastSentAt + waitMs);
  }
  schedule.set(session, Math.min(session.sendAt, session.detectAt));
}

function jittered(session: Session, chance: BfdChance): number {
  const { least, most, mostAlone } = JITTER;
  const top = session.config.multiplier === 1 ? mostAlone : most;
  return sendIntervalMs(session) * (least + (top - least) * chance.share());
}
