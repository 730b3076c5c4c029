// Layer 0: an act that takes its time, asked for again and again: one at a time, and behind it one that waits for all who ask meanwhile.

/** `act` never rejects. What this gives resolves when an act is over that began after the call. */
export function oneWaiting(act: () => Promise<void>): () => Promise<void> {
  let running = Promise.resolve();
  let waiting: Promise<void> | undefined;
  return () => {
    waiting ??= running.then(() => {
      waiting = undefined;
      return act();
    });
    running = waiting;
    return waiting;
  };
}
