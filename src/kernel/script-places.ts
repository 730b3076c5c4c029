// Adapter: how many of the operator's programs run at once, and who waits. Some places are kept for programs that end in time, so that
// they never wait for those that hang.

/** Programs that run at one time. */
export const MAX_RUNNING = 16;
/** Of these places, so many are never taken by programs that ran into their time limit the last time. */
export const KEPT_FOR_QUICK = 4;
/** For programs of notifications, whose own bound (notify/places.ts) is below: no state waits here. FIFO readers and slow ones are besides. */
export const NOTIFY_PLACES = 1024;
/** A program that waits for a place longer than this many others is refused: something is very wrong. */
export const MAX_WAITING = 1024;

export interface ScriptPlaces {
  /** Takes a place, at once or when it is free; false when too many wait already. */
  enter(isSlow: boolean): Promise<boolean>;
  leave(isSlow: boolean): void;
  /** Lets in whoever waits: everything ends now. */
  letAllIn(): void;
}

interface Waiting {
  readonly isSlow: boolean;
  readonly resume: (entered: true) => void;
}

/** `maxRunning`: all places, those that are kept among them. */
export function createScriptPlaces(maxRunning: number = MAX_RUNNING): ScriptPlaces {
  const waiting: Waiting[] = [];
  let taken = 0;
  let takenBySlow = 0;

  function isFree(isSlow: boolean): boolean {
    return taken < maxRunning && (!isSlow || takenBySlow < maxRunning - KEPT_FOR_QUICK);
  }

  function take(isSlow: boolean): void {
    taken++;
    if (isSlow) takenBySlow++;
  }

  function letIn(one: Waiting): void {
    waiting.splice(waiting.indexOf(one), 1);
    take(one.isSlow);
    one.resume(true);
  }

  return {
    async enter(isSlow) {
      if (isFree(isSlow)) {
        take(isSlow);
        return true;
      }
      if (waiting.length >= MAX_WAITING) return false;
      return new Promise((resume) => waiting.push({ isSlow, resume }));
    },
    leave(isSlow) {
      taken--;
      if (isSlow) takenBySlow--;
      const next = waiting.find((one) => isFree(one.isSlow));
      if (next) letIn(next);
    },
    letAllIn() {
      for (const one of [...waiting]) letIn(one);
    },
  };
}
