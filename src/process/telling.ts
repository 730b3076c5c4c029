// Process layer: what a process tells of itself and its role. Events and log lines always; the picture that the API shows only while
// somebody looks at it: nobody else reads it, and a process at rest should not wake up for nobody.
import type { Cancel, Clock } from "../base/clock.ts";
import type { StatusUpdate } from "../status/schema.ts";

/** How often a process tells what it takes of the machine. */
export const SELF_EVERY_MS = 5000;

type Facts = (StatusUpdate & { readonly kind: "facts" })["values"];

export interface Telling {
  report(update: StatusUpdate): void;
  isWatched(): boolean;
  /** Somebody looks from now on: what the role does not say again is told. */
  watch(): void;
  unwatch(): void;
}

export interface TellingPorts {
  readonly clock: Clock;
  send(update: StatusUpdate): void;
  /** Counters of the process itself, by metric name and labels. */
  self(): Readonly<Record<string, number>>;
}

export function createTelling(role: string, { clock, send, self }: TellingPorts): Telling {
  let watched = false;
  let cancelSelf: Cancel = () => {};
  /** Facts are told when they change: kept for who looks later. */
  let facts: Facts = {};

  function tellSelf(): void {
    send({ kind: "metrics", role, values: self() });
    cancelSelf = clock.at(clock.now() + SELF_EVERY_MS, tellSelf);
  }

  return {
    report(update) {
      if (update.kind === "facts") facts = { ...facts, ...update.values };
      if (watched || update.kind === "event") send(update);
    },
    isWatched: () => watched,
    watch() {
      watched = true;
      cancelSelf();
      if (Object.keys(facts).length > 0) send({ kind: "facts", role, values: facts });
      tellSelf();
    },
    unwatch() {
      watched = false;
      cancelSelf();
    },
  };
}
