// Process layer: what waits in order, bounded in number and in bytes; the oldest go first, and are counted.

export interface Queue<T> {
  push(item: T): void;
  isEmpty(): boolean;
  /** What waits, oldest first; it waits no more. */
  take(): { readonly items: readonly T[]; readonly dropped: number };
  /** As take(), and it goes on waiting. */
  items(): readonly T[];
}

/** What has the same key has so many places at most. */
export interface Share<T> {
  keyOf(item: T): string;
  readonly maxItems: number;
}

/** The newest `maxItems` that have no more than `maxBytes` as JSON, the newest of them at any size; what had to go for them is counted. */
export function createQueue<T>(maxItems: number, maxBytes: number, share?: Share<T>): Queue<T> {
  let waiting: { readonly item: T; readonly bytes: number; readonly key: string | undefined }[] = [];
  let total = 0;
  let dropped = 0;
  const counts = new Map<string, number>();

  function count(key: string | undefined, change: number): number {
    if (key === undefined) return 0;
    const left = (counts.get(key) ?? 0) + change;
    if (left > 0) counts.set(key, left);
    else counts.delete(key);
    return left;
  }

  function drop(at: number): void {
    const [gone] = waiting.splice(at, 1);
    total -= gone?.bytes ?? 0;
    count(gone?.key, -1);
    dropped++;
  }
  const items = () => waiting.map(({ item }) => item);
  return {
    push(item) {
      const bytes = bytesOf(item);
      const key = share?.keyOf(item);
      waiting.push({ item, bytes, key });
      total += bytes;
      if (count(key, 1) > (share?.maxItems ?? 0)) drop(waiting.findIndex((one) => one.key === key));
      while (waiting.length > 1 && (waiting.length > maxItems || total > maxBytes)) drop(0);
    },
    isEmpty: () => waiting.length === 0,
    items,
    take() {
      const taken = { items: items(), dropped };
      waiting = [];
      counts.clear();
      total = dropped = 0;
      return taken;
    },
  };
}

/** As JSON in UTF-8. */
export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value), "utf8");
}
