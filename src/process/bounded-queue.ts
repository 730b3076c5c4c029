// Process layer: what waits in order, bounded in number and in bytes; the oldest go first, and are counted.

export interface Queue<T> {
  push(item: T): void;
  isEmpty(): boolean;
  /** What waits, oldest first; it waits no more. */
  take(): { readonly items: readonly T[]; readonly dropped: number };
  /** As take(), and it goes on waiting. */
  items(): readonly T[];
}

/** The newest `maxItems` that have no more than `maxBytes` as JSON, the newest of them at any size; what had to go for them is counted. */
export function createQueue<T>(maxItems: number, maxBytes: number): Queue<T> {
  let waiting: { readonly item: T; readonly bytes: number }[] = [];
  let total = 0;
  let dropped = 0;
  const items = () => waiting.map(({ item }) => item);
  return {
    push(item) {
      const bytes = bytesOf(item);
      waiting.push({ item, bytes });
      total += bytes;
      while (waiting.length > 1 && (waiting.length > maxItems || total > maxBytes)) {
        total -= waiting.shift()?.bytes ?? 0;
        dropped++;
      }
    },
    isEmpty: () => waiting.length === 0,
    items,
    take() {
      const taken = { items: items(), dropped };
      waiting = [];
      total = dropped = 0;
      return taken;
    },
  };
}

/** As JSON in UTF-8. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value), "utf8");
}
