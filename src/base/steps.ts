// Base: work that is done step by step, so that whoever has others to think of can let them have their turn in between. Between two steps
// all that others see is whole.

/** `T`: what comes of it behind the last step. */
export type Steps<T = void> = Generator<undefined, T, undefined>;

export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Lists of so many of them. */
export function* portions<T>(all: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

/** `take` with so many of them in each step. */
export function* inPortions<T>(all: readonly T[], size: number, take: (some: readonly T[]) => void): Steps {
  for (const some of portions(all, size)) {
    take(some);
    yield;
  }
}
