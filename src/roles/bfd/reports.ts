// Role bfd: what it tells of itself while somebody looks at the status: a session at once when its state changed, all that changed of it
// every two seconds.
import type { Cancel, Clock } from "../../base/clock.ts";
import type { Session } from "../../bfd/session.ts";
import type { BfdStatus, StatusUpdate } from "../../status/schema.ts";
import { statusOf } from "./shown.ts";
import type { WireShown } from "./wire.ts";

const STATUS_MS = 2000;

export interface BfdReportPorts {
  readonly clock: Clock;
  report(update: StatusUpdate): void;
  isWatched(): boolean;
  sessions(): readonly Session[];
  shown(session: Session): WireShown;
  metrics(): Readonly<Record<string, number>>;
}

export interface BfdReports {
  changed(session: Session): void;
  gone(name: string): void;
  /** Any of them may have changed. */
  look(): void;
  /** For a reader who knows nothing; from then on what changes. */
  everything(): void;
  /** Nobody looks any more, until everything(). */
  rest(): void;
}

export function createBfdReports(ports: BfdReportPorts): BfdReports {
  const { clock, report } = ports;
  /** What was told last, as JSON but for the times that only count on. */
  const told = new Map<string, string>();
  let cancel: Cancel = () => {};

  function tell(session: Session): void {
    const value = statusOf(session, ports.shown(session), clock);
    const mark = markOf(value);
    if (told.get(value.name) === mark) return;
    told.set(value.name, mark);
    report({ kind: "bfd", value });
  }

  function look(): void {
    if (!ports.isWatched()) return;
    cancel();
    cancel = clock.at(clock.now() + STATUS_MS, look);
    for (const session of ports.sessions()) tell(session);
    report({ kind: "metrics", role: "bfd", values: ports.metrics() });
  }

  return {
    changed(session) {
      if (ports.isWatched()) tell(session);
    },
    gone(name) {
      told.delete(name);
      report({ kind: "bfd-gone", name });
    },
    look,
    everything() {
      told.clear();
      look();
    },
    rest() {
      cancel();
    },
  };
}

/** Times are worked out from two clocks, and a millisecond of difference between them is no news. */
function markOf({ since: _since, lastChange, ...rest }: BfdStatus): string {
  return JSON.stringify([rest, lastChange?.from, lastChange?.to, lastChange?.reason]);
}
