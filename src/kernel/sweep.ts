// Adapter: once a second everything is looked at that a lost signal would leave undone (the queue of a changing owner, a debugger): by one
// timer of the runtime for the whole process, so that a process at rest wakes up for all of it once.
const SWEEP_MS = 1000;

const looks = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `look` once a second, with all others. What it gives ends that. */
export function sweep(look: () => void): () => void {
  looks.add(look);
  timer ??= setInterval(() => {
    for (const one of looks) one();
  }, SWEEP_MS);
  return () => {
    looks.delete(look);
    if (looks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}
