// Process layer, parent: what roles report and what the parent knows itself, on its way to the api process. An api process that is not
// there misses nothing: it gets everything when it comes.
import type { RoleName } from "../roles/role.ts";
import type { ProcessStatus, StatusEvent, StatusUpdate } from "../status/schema.ts";
import { eventSubject, MAX_EVENTS_OF_SUBJECT } from "../status/store.ts";
import { createQueue } from "./bounded-queue.ts";
import { createOutbox, MAX_QUEUE_BYTES } from "./channel.ts";
import { clip } from "./conduct.ts";

/** Events kept for an api process that starts, and for readers that come back. */
const MAX_KEPT_EVENTS = 1000;
/** An instance that others have change its state all the time takes no more of these places, as in the api process. */
const SHARE = { keyOf: subjectOf, maxItems: MAX_EVENTS_OF_SUBJECT };
/** Reports that may wait for the api process; above half of it roles have to wait with more. A hundred thousand real servers have 50 MB. */
export const MAX_WAITING_BYTES = 64_000_000;

export interface RelayPorts {
  /** Hands a batch to the api process, which acknowledges it. */
  send(updates: readonly StatusUpdate[]): void;
  /** The api process runs and takes what it is sent. */
  isApiUp(): boolean;
  /** It took so little that reports were dropped: what it shows is no longer whole. */
  overrun(): void;
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
  /** Runs `then` once there is room for more reports: at once in ordinary life. */
  whenRoom(role: RoleName, then: () => void): void;
}

export function createRelay({ send, isApiUp, overrun, now }: RelayPorts): Relay {
  const processes = new Map<string, ProcessStatus>();
  const events = createQueue<StatusUpdate & { kind: "event" }>(MAX_KEPT_EVENTS, MAX_QUEUE_BYTES, SHARE);
  let eventId = 0;
  const bound = { maxWaitingBytes: MAX_WAITING_BYTES, lost: overrun };
  const outbox = createOutbox(({ updates }) => {
    send(updates);
    letIn();
  }, bound);
  /** A role waits with one batch at a time. */
  const waiters = new Map<RoleName, () => void>();

  function hasRoom(): boolean {
    return !isApiUp() || outbox.waitingBytes() <= MAX_WAITING_BYTES / 2;
  }

  function letIn(): void {
    if (!hasRoom()) return;
    const ready = [...waiters.values()];
    waiters.clear();
    for (const then of ready) then();
  }

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
      for (const event of events.items()) outbox.update(event);
    },
    acknowledged: outbox.acknowledged,
    whenEmpty: outbox.whenEmpty,
    whenRoom(role, then) {
      if (hasRoom()) then();
      else waiters.set(role, then);
    },
  };
}

function subjectOf({ value }: StatusUpdate & { kind: "event" }): string {
  return eventSubject(value);
}

/** Events are kept, so their texts have a bound. */
function clipped({ at, kind, subject, from, to, reason }: StatusEvent): StatusEvent {
  const short = { at: clip(at), kind: clip(kind), subject: clip(subject), to: clip(to), reason: clip(reason) };
  return from === undefined ? short : { ...short, from: clip(from) };
}
