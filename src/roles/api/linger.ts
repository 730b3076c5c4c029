// Role api: when its process goes. Behind the last connection it stays a while; then it takes nobody any more, serves who came in the same
// moment, and says that it is idle.
import type { Cancel, Clock } from "../../base/clock.ts";

export interface LingerPorts {
  readonly clock: Clock;
  /** How many there are now. */
  connections(): number;
  /** Takes no new ones. */
  retire(): void;
  idle(): void;
  /** Runs something in a later turn of the loop. */
  later(run: () => void): void;
}

export interface Linger {
  /** From now on it counts. */
  begin(lingerMs: number): void;
  /** A connection came or went. */
  changed(): void;
  stop(): void;
}

export function createLinger({ clock, connections, retire, idle, later }: LingerPorts): Linger {
  let state: "new" | "serving" | "retiring" | "over" = "new";
  let lingerMs = 0;
  let cancel: Cancel = () => {};

  function wait(): void {
    cancel();
    if (connections() === 0)
      cancel = clock.at(clock.now() + lingerMs, () => {
        state = "retiring";
        retire();
        // Who was accepted in this turn is told in the next.
        later(goIfAlone);
      });
  }

  function goIfAlone(): void {
    if (state !== "retiring" || connections() > 0) return;
    state = "over";
    idle();
  }

  return {
    begin(ms) {
      lingerMs = ms;
      state = "serving";
      wait();
    },
    changed() {
      if (state === "serving") wait();
      else goIfAlone();
    },
    stop() {
      state = "over";
      cancel();
    },
  };
}
