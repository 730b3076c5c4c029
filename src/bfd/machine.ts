// BFD core: one session: what a packet, silence, other settings and its end do to it (RFC 5880 §6.2, §6.8.3–6.8.6). No I/O, no clock.
import type { MonoMs } from "../base/clock.ts";
import type { BfdInstance } from "../config/model/bfd.ts";
import { DIAGNOSTIC, diagnosticText } from "./diagnostic.ts";
import type { ControlPacket, SessionState } from "./packet.ts";
import { announcedTxUs, detectionMs, type Session, sendIntervalMs } from "./session.ts";

/** What an input comes to. One object for what nothing follows from. */
export interface Outcome {
  /** The neighbour polled: it is answered at once. */
  readonly final: boolean;
  /** What this side says has changed, so that it says it outside its rhythm (§6.8.7). */
  readonly news: boolean;
  readonly change?: Change;
}

export interface Change {
  readonly from: SessionState;
  readonly to: SessionState;
  /** Why, in words. */
  readonly reason: string;
  /** Trackers and checks hear of it. */
  readonly told: boolean;
}

const NOTHING: Outcome = { final: false, news: false };
const ANSWER: Outcome = { final: true, news: false };

/** An accepted packet of its neighbour, which came at `now`. */
export function hear(session: Session, packet: ControlPacket, now: MonoMs): Outcome {
  const { remote } = session;
  const before = sendIntervalMs(session);
  const isNewName = remote.discriminator !== packet.my;
  remote.discriminator = packet.my;
  remote.state = packet.state;
  remote.diagnostic = packet.diagnostic;
  remote.demand = packet.demand;
  remote.minRxUs = packet.requiredMinRxUs;
  remote.desiredMinTxUs = packet.desiredMinTxUs;
  remote.multiplier = packet.multiplier;
  session.counters.received++;
  session.lastHeardAt = now;
  if (packet.final) pollAnswered(session);
  const change = moveBy(session, packet, now);
  session.detectAt = now + detectionMs(session);
  if (!change && !isNewName) {
    if (sendIntervalMs(session) !== before) session.sendAt = NOT_SET;
    return packet.poll ? ANSWER : NOTHING;
  }
  session.sendAt = NOT_SET;
  return { final: packet.poll, news: true, ...(change && { change }) };
}

/** `sendAt` of a session whose rhythm has changed: the speaker sets it anew from the last packet that was sent. */
export const NOT_SET = Number.NEGATIVE_INFINITY;

function moveBy(session: Session, packet: ControlPacket, now: MonoMs): Change | undefined {
  const { state } = session;
  switch (packet.state) {
    case "AdminDown": {
      if (state === "Down") return;
      const reason = `neighbour is administratively down (${diagnosticText(packet.diagnostic)})`;
      // keepalived: no event. RFC 5882 §3.2: no failure of the path, and nobody is to act on it.
      return down(session, DIAGNOSTIC.signalled, reason, now, false);
    }
    case "Down":
      if (state === "Down") return move(session, "Init", DIAGNOSTIC.none, "neighbour is down and speaks", now);
      if (state === "Init") return;
      return down(
        session,
        DIAGNOSTIC.signalled,
        `neighbour says down (${diagnosticText(packet.diagnostic)})`,
        now,
        true,
      );
    case "Init":
      return state === "Up" ? undefined : up(session, "neighbour hears us", now);
    case "Up":
      return state === "Init" ? up(session, "neighbour is up", now) : undefined;
  }
}

/** Its detection time is over at `now`; the neighbour is forgotten when that has been said. */
export function expire(session: Session, now: MonoMs): Outcome {
  const silentMs = detectionMs(session);
  const { multiplier } = session.remote;
  session.detectAt = Number.POSITIVE_INFINITY;
  if (session.state === "Down") return NOTHING;
  const each = Math.round((silentMs / Math.max(1, multiplier)) * 1000) / 1000;
  const reason = `nothing heard for ${Math.round(silentMs * 1000) / 1000} ms (${multiplier} × ${each} ms)`;
  return { final: false, news: true, change: down(session, DIAGNOSTIC.expired, reason, now, true) };
}

/** Other settings for the same session: what the neighbour has to know of is polled for. */
export function configure(session: Session, next: BfdInstance): Outcome {
  const { config: before, state } = session;
  const intervalMs = sendIntervalMs(session);
  session.config = next;
  const isPolled = before.minTxUs !== next.minTxUs || before.minRxUs !== next.minRxUs;
  if (state !== "Up") settle(session);
  else if (isPolled) {
    session.pollStale = session.polling;
    session.polling = true;
  }
  if (sendIntervalMs(session) !== intervalMs) session.sendAt = NOT_SET;
  const isSaid = state === "Up" ? isPolled : before.minRxUs !== next.minRxUs || before.idleTxUs !== next.idleTxUs;
  return isSaid || before.multiplier !== next.multiplier ? { final: false, news: true } : NOTHING;
}

/** The end of the session: what it says last. Down and not AdminDown: keepalived's trackers would stay up with that. */
export function leave(session: Session, reason: string, now: MonoMs): Change | undefined {
  if (session.state !== "Down") return down(session, DIAGNOSTIC.administrative, reason, now, true);
  session.diagnostic = DIAGNOSTIC.administrative;
  return undefined;
}

function up(session: Session, reason: string, now: MonoMs): Change {
  session.counters.ups++;
  session.reportedUp = true;
  session.heldUp = false;
  const change = move(session, "Up", DIAGNOSTIC.none, reason, now);
  // §6.8.3: the interval that is announced while up is another one.
  session.polling = announcedTxUs(session) !== session.agreedTxUs;
  return change;
}

function down(session: Session, diagnostic: number, reason: string, now: MonoMs, told: boolean): Change {
  const wasUp = session.state === "Up";
  if (wasUp) {
    session.counters.downs++;
    session.heldUp = !told;
    if (told) session.reportedUp = false;
  }
  const change = move(session, "Down", diagnostic, reason, now, told && wasUp);
  settle(session);
  return change;
}

function move(
  session: Session,
  to: SessionState,
  diagnostic: number,
  reason: string,
  now: MonoMs,
  told = to === "Up",
): Change {
  const from = session.state;
  session.state = to;
  session.diagnostic = diagnostic;
  session.since = now;
  session.lastChange = { at: now, from, to, reason };
  return { from, to, reason, told };
}

/** What is announced is in force without a poll: no session is up by it. */
function settle(session: Session): void {
  session.polling = false;
  session.pollStale = false;
  session.agreedTxUs = announcedTxUs(session);
  session.agreedRxUs = session.config.minRxUs;
}

function pollAnswered(session: Session): void {
  if (!session.polling) return;
  if (session.pollStale) {
    session.pollStale = false;
    return;
  }
  session.polling = false;
  session.agreedTxUs = announcedTxUs(session);
  session.agreedRxUs = session.config.minRxUs;
}
