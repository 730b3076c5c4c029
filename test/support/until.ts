// Waiting for a state: tests never sleep for a guessed time, they ask again until it holds or a generous limit is over.

/** Resolves with the first value of `probe` that is neither undefined nor false. @throws Error naming `what` after `limitMs` */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const askedAt = performance.now();
    const value = await probe();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    const now = performance.now();
    if (now > end) throw new Error(`still not so after ${limitMs} ms: ${what}`);
    // A probe that starts programs must not take the machine away from what it waits for.
    await new Promise((resolve) => setTimeout(resolve, Math.max(5, now - askedAt)));
  }
}
