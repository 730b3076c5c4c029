// Adapter notify: how many notify programs run at once. A program starts when its state comes, beside all others; only a crowd is spread
// over turns of the loop, so that adverts go out in between, and a crowd beyond the bound waits. What hangs there makes room.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";

/** Programs that run side by side: two for each of 255 instances. */
export const MAX_NOTIFY_RUNNING = 512;
/** Programs that wait for a place; beyond that the one that has waited longest is given up. */
export const MAX_NOTIFY_WAITING = 1024;
/** While others wait, a program may run this long. Without others it may run for ever, as under keepalived. */
export const CROWDED_LIMIT_MS = 60_000;
/** Starts in one turn of the loop: half a millisecond each. */
const STARTS_A_TURN = 8;

/** One run of a program. */
export interface Work {
  /** Answers when the program is gone; ends it when `makeRoom` says so. */
  run(makeRoom: AbortSignal): Promise<void>;
  /** It never ran: too many wait. */
  givenUp(): void;
  /** It was told to end, because others wait. */
  ended(): void;
}

export interface NotifyPlaces {
  /** Runs it at once, or as soon as there is a place. Answers when it has run or was given up. */
  enter(work: Work): Promise<void>;
  /** What waits starts now, whatever the bound. */
  hurry(): void;
  /** Resolves when nothing that was entered after `since` runs or waits. */
  idle(since: MonoMs): Promise<void>;
}

interface Place {
  readonly work: Work;
  readonly enteredAt: MonoMs;
  readonly gone: () => void;
  startedAt: MonoMs | undefined;
  readonly room: AbortController;
}

export function createNotifyPlaces(clock: Clock): NotifyPlaces {
  const waiting: Place[] = [];
  /** In the order of their starts. */
  const running = new Set<Place>();
  let startsLeft = STARTS_A_TURN;
  let turnDue = false;
  let cancelCrowded: Cancel = () => {};
  let watchers: { readonly since: MonoMs; readonly resolve: () => void }[] = [];

  function fill(): void {
    while (waiting.length > 0 && startsLeft > 0 && running.size < MAX_NOTIFY_RUNNING) startNext();
    if (waiting.length > 0 && running.size >= MAX_NOTIFY_RUNNING) makeRoom();
  }

  function startNext(): void {
    const place = waiting.shift();
    if (!place) return;
    startsLeft--;
    if (!turnDue) clock.at(clock.now(), nextTurn);
    turnDue = true;
    void start(place);
  }

  function nextTurn(): void {
    turnDue = false;
    startsLeft = STARTS_A_TURN;
    fill();
  }

  async function start(place: Place): Promise<void> {
    place.startedAt = clock.now();
    running.add(place);
    await place.work.run(place.room.signal);
    running.delete(place);
    left(place);
    fill();
  }

  /** The one that runs longest ends, now or when it has had its time. */
  function makeRoom(): void {
    cancelCrowded();
    const oldest = [...running].find(({ room }) => !room.signal.aborted);
    if (oldest?.startedAt === undefined) return;
    const endAt = oldest.startedAt + CROWDED_LIMIT_MS;
    if (clock.now() < endAt) {
      cancelCrowded = clock.at(endAt, fill);
      return;
    }
    // One that is on its way out makes room already.
    if ([...running].filter(({ room }) => room.signal.aborted).length >= waiting.length) return;
    oldest.work.ended();
    oldest.room.abort();
    makeRoom();
  }

  function left(place: Place): void {
    place.gone();
    watchers = watchers.filter(({ since, resolve }) => {
      if (!isIdle(since)) return true;
      resolve();
      return false;
    });
  }

  function isIdle(since: MonoMs): boolean {
    return ![...waiting, ...running].some(({ enteredAt }) => enteredAt >= since);
  }

  return {
    enter(work) {
      return new Promise((gone) => {
        waiting.push({ work, enteredAt: clock.now(), gone, startedAt: undefined, room: new AbortController() });
        fill();
        if (waiting.length <= MAX_NOTIFY_WAITING) return;
        const place = waiting.shift();
        if (!place) return;
        place.work.givenUp();
        left(place);
      });
    },
    hurry() {
      for (const place of waiting.splice(0)) void start(place);
    },
    idle(since) {
      if (isIdle(since)) return Promise.resolve();
      return new Promise((resolve) => watchers.push({ since, resolve }));
    },
  };
}
