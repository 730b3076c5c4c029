// BFD core: which of many sessions is due first: a binary heap. One that has moved to later may stay where it is until it comes up.
import type { MonoMs } from "../base/clock.ts";

export interface Scheduled {
  /** Where it stands by; set by the schedule. */
  dueAt: MonoMs;
  /** Place in the heap; -1: not in it. */
  place: number;
}

export interface Schedule<T extends Scheduled> {
  /** The earliest; undefined when there is none. */
  first(): T | undefined;
  /** Puts it in, or where it belongs now. */
  set(item: T, dueAt: MonoMs): void;
  remove(item: T): void;
  /** Whether this holds for one that stands by `now` or earlier. */
  someDue(now: MonoMs, holds: (item: T) => boolean): boolean;
}

export function createSchedule<T extends Scheduled>(): Schedule<T> {
  const heap: T[] = [];

  function put(item: T, place: number): void {
    heap[place] = item;
    item.place = place;
  }

  function rise(item: T): void {
    while (item.place > 0) {
      const above = (item.place - 1) >> 1;
      const parent = heap[above];
      if (!parent || parent.dueAt <= item.dueAt) return;
      put(parent, item.place);
      put(item, above);
    }
  }

  function sink(item: T): void {
    for (;;) {
      const left = 2 * item.place + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      const child = one && other && other.dueAt < one.dueAt ? other : one;
      if (!child || child.dueAt >= item.dueAt) return;
      const { place } = child;
      put(child, item.place);
      put(item, place);
    }
  }

  function someDueFrom(place: number, now: MonoMs, holds: (item: T) => boolean): boolean {
    const item = heap[place];
    // Below one that is not due nothing is.
    if (!item || item.dueAt > now) return false;
    return holds(item) || someDueFrom(2 * place + 1, now, holds) || someDueFrom(2 * place + 2, now, holds);
  }

  return {
    someDue: (now, holds) => someDueFrom(0, now, holds),
    first: () => heap[0],
    set(item, dueAt) {
      item.dueAt = dueAt;
      if (item.place < 0) put(item, heap.length);
      rise(item);
      sink(item);
    },
    remove(item) {
      if (item.place < 0) return;
      const last = heap.pop();
      if (last && last !== item) {
        put(last, item.place);
        rise(last);
        sink(last);
      }
      item.place = -1;
    },
  };
}
