// Process layer: signal handlers, installed when this module is read, before anything else of the program runs. A signal that
// comes before its taker is remembered, so a TERM in the first millisecond still ends the director, and no signal has its default
// action: Bun would end on USR1, SIGIO kills a process that has no handler (runtime.md §1).

export type SignalName = "SIGHUP" | "SIGTERM" | "SIGINT" | "SIGUSR1" | "SIGUSR2" | "SIGWINCH";

const TAKEN = ["SIGHUP", "SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
/** These only must not have their default action; kernel/ adds its own listeners to SIGIO and SIGALRM. */
const SWALLOWED = ["SIGPIPE", "SIGCHLD", "SIGIO", "SIGALRM"] as const;

const takers = new Map<SignalName, () => void>();
const pending = new Set<SignalName>();

for (const name of TAKEN)
  process.on(name, () => {
    const taker = takers.get(name);
    if (taker) taker();
    else pending.add(name);
  });
for (const name of SWALLOWED) process.on(name, () => {});

/** From now on `taker` gets the signal, also one that came before. A later taker replaces it. */
export function takeSignal(name: SignalName, taker: () => void): void {
  takers.set(name, taker);
  if (pending.delete(name)) queueMicrotask(taker);
}

/** For commands that are no director: an interrupt ends them at once, with the status a shell expects. */
export function endOnInterrupt(): void {
  takeSignal("SIGINT", () => process.exit(130));
  takeSignal("SIGTERM", () => process.exit(143));
  takeSignal("SIGHUP", () => process.exit(129));
}
