// Adapter notify: one line of work per object. While a program of an object runs, at most one newer state waits: a state that a
// still newer one has overtaken is of no use to anybody. (keepalived starts them all at once, in no order.)

export interface SerialQueues<T> {
  /** Runs `work` for `key` after what runs now; replaces what waits there, which is then reported as overtaken. */
  push(key: string, work: T): void;
  /** What waits starts now, beside what runs. */
  hurry(): void;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
}

export function createSerialQueues<T>(run: (work: T) => Promise<void>, overtaken: (work: T) => void): SerialQueues<T> {
  const lines = new Map<string, { next?: T }>();
  let idleWaiters: (() => void)[] = [];
  let beside = 0;

  async function work(key: string, line: { next?: T }): Promise<void> {
    while (line.next !== undefined) {
      const current = line.next;
      delete line.next;
      await run(current);
    }
    lines.delete(key);
    lookWhetherIdle();
  }

  async function workBeside(item: T): Promise<void> {
    beside++;
    await run(item);
    beside--;
    lookWhetherIdle();
  }

  function isIdle(): boolean {
    return lines.size === 0 && beside === 0;
  }

  function lookWhetherIdle(): void {
    if (isIdle()) for (const resolve of idleWaiters.splice(0)) resolve();
  }

  return {
    push(key, item) {
      const line = lines.get(key);
      if (line) {
        if (line.next !== undefined) overtaken(line.next);
        line.next = item;
        return;
      }
      const fresh = { next: item };
      lines.set(key, fresh);
      void work(key, fresh);
    },
    hurry() {
      for (const line of lines.values()) {
        if (line.next === undefined) continue;
        void workBeside(line.next);
        delete line.next;
      }
    },
    idle() {
      if (isIdle()) return Promise.resolve();
      return new Promise((resolve) => {
        idleWaiters = [...idleWaiters, resolve];
      });
    },
  };
}
