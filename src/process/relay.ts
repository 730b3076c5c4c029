// Process layer, parent: what roles report and what the parent knows itself, on its way to the api process. An api process that is not
// there misses nothing: it gets everything when it comes.
import type { RoleName } from "../roles/role.ts";
import type { ProcessStatus, StatusEvent, StatusUpdate } from "../status/schema.ts";
import { createOutbox } from "./channel.ts";
import { clip } from "./conduct.ts";

/** Events kept for an api process that starts, and for readers that come back. */
export const MAX_KEPT_EVENTS = 1000;

export interface RelayPorts {
  /** Hands a batch to the api process, which acknowledges it. */
  send(updates: readonly StatusUpdate[]): void;
  /** The api process runs and takes what it is sent. */
  isApiUp(): boolean;
  /** ISO 8601. */
  now(): string;
}

export interface Relay {
  take(update: StatusUpdate): void;
  event(kind: string, subject: string, from: string, to: string, reason: string): void;
  /** As they were last told. */
  processes(): readonly ProcessStatus[];
  /** The role has no process any more, and should have none. */
  forget(role: RoleName): void;
  /** The api process is a new one: all that is known goes to it, `first` before the rest. */
  begin(first: StatusUpdate): void;
  acknowledged(): void;
  /** Runs `then` once the api process has taken all that waits now. */
  whenEmpty(then: () => void): void;
}

export function createRelay({ send, isApiUp, now }: RelayPorts): Relay {
  const processes = new Map<string, ProcessStatus>();
  const events: (StatusUpdate & { kind: "event" })[] = [];
  let eventId = 0;
  const outbox = createOutbox(({ updates }) => send(updates));

  function tell(update: StatusUpdate): void {
    if (isApiUp()) outbox.update(update);
  }

  function take(update: StatusUpdate): void {
    if (update.kind === "process") processes.set(update.value.role, update.value);
    if (update.kind !== "event") {
      tell(update);
      return;
    }
    const kept = { ...update, value: clipped(update.value), id: ++eventId };
    events.push(kept);
    if (events.length > MAX_KEPT_EVENTS) events.shift();
    tell(kept);
  }

  return {
    take,
    event: (kind, subject, from, to, reason) =>
      take({ kind: "event", value: { at: now(), kind, subject, from, to, reason } }),
    processes: () => [...processes.values()],
    forget(role) {
      processes.delete(role);
      tell({ kind: "process-gone", role });
    },
    begin(first) {
      outbox.reset();
      outbox.update(first);
      for (const value of processes.values()) outbox.update({ kind: "process", value });
      for (const event of events) outbox.update(event);
    },
    acknowledged: outbox.acknowledged,
    whenEmpty: outbox.whenEmpty,
  };
}

/** Events are kept, so their texts have a bound. */
function clipped({ at, kind, subject, from, to, reason }: StatusEvent): StatusEvent {
  const short = { at: clip(at), kind: clip(kind), subject: clip(subject), to: clip(to), reason: clip(reason) };
  return from === undefined ? short : { ...short, from: clip(from) };
}
