// VRRP core: when an instance announces its addresses: bursts, delayed bursts, refresh. Timers belong to a mastership and end with it.
// What packets from outside can draw is bounded: a bucket of rounds refills at one round a second.
import type { MonoMs } from "../../base/clock.ts";
import type { AnnounceSettings } from "../../config/model/vrrp.ts";
import type { AnnounceReason } from "../machine/state.ts";

/** Rounds that may be sent now; refills at one a second. */
interface Bucket {
  readonly rounds: number;
  readonly at: MonoMs;
}

/** Announcement timers of one instance. Only a master has any running. */
export interface AnnounceTimers {
  readonly delayedAt?: MonoMs | undefined;
  readonly lowerDelayedAt?: MonoMs | undefined;
  readonly refreshAt?: MonoMs | undefined;
  readonly extraAt?: MonoMs | undefined;
  /** A round that had to wait for the bucket. */
  readonly soonAt?: MonoMs | undefined;
  /** When anything was announced last. */
  readonly lastAt: MonoMs;
  readonly main: Bucket;
  readonly lower: Bucket;
  readonly lowerDelayed: Bucket;
}

/** Left for takeovers that follow close on others: one round each, as neighbours must hear of every one at once. */
const TAKEOVER_ROUNDS = 5;

/** The main bucket when full: three whole bursts, and what is left for takeovers. */
function mainRounds(repeat: number): number {
  return 3 * repeat + TAKEOVER_ROUNDS;
}

const FULL: Bucket = { rounds: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY };

export const NO_TIMERS: AnnounceTimers = {
  lastAt: Number.NEGATIVE_INFINITY,
  main: FULL,
  lower: FULL,
  lowerDelayed: FULL,
};

export interface Rounds {
  readonly timers: AnnounceTimers;
  /** Rounds over all addresses to send now. */
  readonly rounds: number;
  /** The extra interfaces are due. */
  readonly extra: boolean;
}

/** A reason to announce has come up. */
export function announceFor(
  settings: AnnounceSettings,
  timers: AnnounceTimers,
  why: AnnounceReason,
  now: MonoMs,
): Rounds {
  const { repeat, delayMs, refreshMs } = settings;
  switch (why) {
    case "master": {
      const begun: AnnounceTimers = {
        ...stopTimers(timers),
        delayedAt: delayMs > 0 ? now + delayMs : undefined,
        refreshAt: refreshMs > 0 ? now + delayMs + refreshMs : undefined,
        extraAt: settings.extraIf && settings.extraIf.everyMs > 0 ? now + settings.extraIf.everyMs : undefined,
      };
      const spare = Math.floor(filled(timers.main, mainRounds(repeat), now)) - TAKEOVER_ROUNDS;
      return fromMain(begun, repeat, Math.max(1, Math.min(repeat, spare)), now);
    }
    case "link":
    case "mac":
      return fromMain({ ...timers, delayedAt: delayMs > 0 ? now + delayMs : timers.delayedAt }, repeat, repeat, now);
    case "reload-added":
      return fromMain({ ...timers, delayedAt: delayMs > 0 ? now + delayMs : timers.delayedAt }, repeat, repeat, now);
    case "reload":
      return refreshMs > 0 ? fromMain(timers, repeat, repeat, now) : none(timers);
    case "thaw":
      return fromMain(timers, repeat, repeat, now);
    case "restored":
      return fromMain(timers, repeat, 1, now);
    case "lower-priority": {
      const want = settings.lowerPrioRepeat;
      if (want === 0) return none(timers);
      const { bucket, rounds } = take(timers.lower, want, want, now);
      // Counted from the last such packet: the second burst comes when the other one has fallen silent.
      const lowerDelayedAt = settings.lowerPrioDelayMs > 0 ? now + settings.lowerPrioDelayMs : undefined;
      return send({ ...timers, lower: bucket, lowerDelayedAt }, rounds, now);
    }
    case "intruder-left": {
      const { bucket, rounds } = take(timers.lower, Math.max(1, settings.lowerPrioRepeat), 1, now);
      return send({ ...timers, lower: bucket }, rounds, now);
    }
  }
}

/** What is due at `now`. */
export function announceDue(settings: AnnounceSettings, timers: AnnounceTimers, now: MonoMs): Rounds {
  let next = timers;
  let rounds = 0;
  let extra = false;
  if (isDue(next.soonAt, now)) {
    const taken = take(next.main, mainRounds(settings.repeat), 1, now);
    next = { ...next, soonAt: undefined, main: taken.bucket };
    rounds += Math.max(1, taken.rounds);
  }
  if (isDue(next.delayedAt, now)) {
    next = { ...next, delayedAt: undefined };
    rounds += settings.repeat;
  }
  if (isDue(next.lowerDelayedAt, now)) {
    const taken = take(next.lowerDelayed, settings.lowerPrioRepeat, settings.lowerPrioRepeat, now);
    next = { ...next, lowerDelayedAt: undefined, lowerDelayed: taken.bucket };
    rounds += taken.rounds;
  }
  if (next.refreshAt !== undefined && isDue(next.refreshAt, now)) {
    // On the beat; beats missed in a pause are not made up for.
    const missed = Math.floor((now - next.refreshAt) / Math.max(1, settings.refreshMs));
    next = {
      ...next,
      refreshAt: settings.refreshMs > 0 ? next.refreshAt + (missed + 1) * settings.refreshMs : undefined,
    };
    rounds += settings.refreshRepeat;
  }
  if (next.extraAt !== undefined && isDue(next.extraAt, now)) {
    const everyMs = settings.extraIf?.everyMs ?? 0;
    next = { ...next, extraAt: everyMs > 0 ? now + everyMs : undefined };
    extra = true;
  }
  return { ...send(next, rounds, now), extra };
}

/** When announceDue has something to do. */
export function announceDeadline(timers: AnnounceTimers): MonoMs {
  return Math.min(
    timers.delayedAt ?? Number.POSITIVE_INFINITY,
    timers.lowerDelayedAt ?? Number.POSITIVE_INFINITY,
    timers.refreshAt ?? Number.POSITIVE_INFINITY,
    timers.extraAt ?? Number.POSITIVE_INFINITY,
    timers.soonAt ?? Number.POSITIVE_INFINITY,
  );
}

/** The mastership is over: nothing of it is left but how much was announced lately. */
export function stopTimers(timers: AnnounceTimers): AnnounceTimers {
  const { lastAt, main, lower, lowerDelayed } = timers;
  return { lastAt, main, lower, lowerDelayed };
}

function isDue(at: MonoMs | undefined, now: MonoMs): boolean {
  return at !== undefined && at <= now;
}

function none(timers: AnnounceTimers): Rounds {
  return { timers, rounds: 0, extra: false };
}

function send(timers: AnnounceTimers, rounds: number, now: MonoMs): Rounds {
  return { timers: rounds > 0 ? { ...timers, lastAt: now } : timers, rounds, extra: false };
}

/** Rounds out of the main bucket; when it is empty, one round as soon as it is not. */
function fromMain(timers: AnnounceTimers, repeat: number, want: number, now: MonoMs): Rounds {
  if (repeat === 0) return none(timers);
  const { bucket, rounds } = take(timers.main, mainRounds(repeat), want, now);
  const soonAt = rounds > 0 ? timers.soonAt : now + (1 - bucket.rounds) * 1000;
  return send({ ...timers, main: bucket, soonAt }, rounds, now);
}

function take(bucket: Bucket, most: number, want: number, now: MonoMs): { bucket: Bucket; rounds: number } {
  const there = filled(bucket, most, now);
  const rounds = Math.min(want, Math.floor(there));
  return { bucket: { rounds: there - rounds, at: now }, rounds };
}

function filled(bucket: Bucket, most: number, now: MonoMs): number {
  if (bucket.at === Number.NEGATIVE_INFINITY) return most;
  return Math.min(most, bucket.rounds + (now - bucket.at) / 1000);
}
