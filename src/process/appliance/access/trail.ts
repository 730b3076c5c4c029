// Process layer, appliance: one call that changed something or was refused becomes an entry of the audit, a line of the log and an event of the
// director. Anybody can be refused as often as he likes: log and events have the first ones of a window and how many there were; what was done
// is told each time.
import { type Audit, type AuditEntry, auditText } from "../../../appliance/access/audit.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Log, LogLine } from "../../../base/log.ts";
import { limitLog } from "../../../base/log-limit.ts";
import type { StatusEvent } from "../../../status/schema.ts";

/** Refusals that are told in a window; the audit has each. */
const REFUSED_BURST = 20;
/** Of the events, of which a director keeps a thousand of all kinds: what strangers do shall not push out how it failed over yesterday. */
const EVENTS_WINDOW_MS = 600_000;

export interface TrailPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
  /** To the director, which keeps it with what else happened. */
  happened(event: StatusEvent): void;
}

export interface Trail {
  record(call: Omit<AuditEntry, "id" | "at">): void;
}

export function createTrail({ clock, log, audit, happened }: TrailPorts): Trail {
  const now = () => new Date(clock.wallMs()).toISOString();
  const tellEvent = (line: LogLine) => {
    const { call, status } = line.fields ?? {};
    happened({
      at: now(),
      kind: "audit",
      subject: `${call}`,
      to: `${status}`,
      reason: line.message.replace(/^audit: /, ""),
    });
  };
  const limitedLog = limitLog(log, clock, { burst: REFUSED_BURST });
  const limitedEvents = limitLog(tellEvent, clock, { burst: REFUSED_BURST, windowMs: EVENTS_WINDOW_MS });
  return {
    record(call) {
      const entry = audit.add({ ...call, at: now() });
      const { who, status } = entry;
      const line = { area: "api", message: auditText(entry), fields: { call: entry.call, status } };
      if (status < 400) {
        log({ ...line, level: "info" });
        tellEvent({ ...line, level: "info" });
        return;
      }
      const kind = who === null ? "stranger" : "refused";
      limitedLog(kind, { ...line, level: "warning" });
      limitedEvents(kind, { ...line, level: "warning" });
    },
  };
}
