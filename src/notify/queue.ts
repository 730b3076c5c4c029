// Adapter notify: one line of work per object, for `notify_serial`: states are told one after the other, each of them, in the order in
// which they came. Without the word all run at once, as under keepalived, and nothing is queued here.

/** States of one object that wait; beyond that the oldest of them is left out. */
export const MAX_SERIAL_WAITING = 64;

export interface SerialQueues<T> {
  /** Runs `work` for `key` after all that was pushed before for it. */
  push(key: string, work: T): void;
  /** What waits starts now, beside what runs. */
  hurry(): void;
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>;
}

/** `leftOut` hears of work that never ran. */
export function createSerialQueues<T>(run: (work: T) => Promise<void>, leftOut: (work: T) => void): SerialQueues<T> {
  const lines = new Map<string, T[]>();
  let idleWaiters: (() => void)[] = [];
  let beside = 0;

  async function work(key: string, line: T[]): Promise<void> {
    for (let item = line.shift(); item !== undefined; item = line.shift()) await run(item);
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
      if (!line) {
        const fresh = [item];
        lines.set(key, fresh);
        void work(key, fresh);
        return;
      }
      line.push(item);
      if (line.length <= MAX_SERIAL_WAITING) return;
      const oldest = line.shift();
      if (oldest !== undefined) leftOut(oldest);
    },
    hurry() {
      for (const line of lines.values()) for (const item of line.splice(0)) void workBeside(item);
    },
    idle() {
      if (isIdle()) return Promise.resolve();
      return new Promise((resolve) => {
        idleWaiters = [...idleWaiters, resolve];
      });
    },
  };
}
