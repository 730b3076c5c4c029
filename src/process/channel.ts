// Process layer: what waits to be sent to another process. One batch is on its way at a time and the reader acknowledges it, so a
// slow reader costs the writer nothing but memory, and that is bounded: newer status replaces older of the same object, newer topics
// older ones, and of events and log lines the oldest are dropped and counted.
import type { LogLine } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { StatusUpdate } from "../status/schema.ts";
import type { Batch } from "./messages.ts";

export const MAX_WAITING_EVENTS = 1000;
export const MAX_WAITING_LOG_LINES = 1000;
/** Objects of one batch: about a megabyte of text when they are virtual servers of ten servers each. */
export const MAX_BATCH_UPDATES = 200;
/** Objects that may wait; a director has fewer, so reaching it means a broken reporter, and the oldest go. */
export const MAX_WAITING_UPDATES = 200_000;
export const MAX_TOPICS = 100;

interface Waiting {
  readonly update: StatusUpdate;
  /** How often a role had ended or come back when it was put here. */
  readonly life: number;
}

type EventUpdate = StatusUpdate & { readonly kind: "event" };

export interface Outbox {
  log(line: LogLine): void;
  update(update: StatusUpdate): void;
  /** @throws RangeError above MAX_TOPICS different topics: a mistake of the program */
  topic(topic: string, value: unknown): void;
  /** The reader took the last batch. */
  acknowledged(): void;
  /** Runs `then` once everything that waits now has been acknowledged; at once when nothing does. */
  whenEmpty(then: () => void): void;
  /** Forgets what waits and what was sent: the reader is a new one. */
  reset(): void;
}

/** @param send hands a batch to the channel; called at once when nothing is on its way, else after the acknowledgement */
export function createOutbox(send: (batch: Batch) => void): Outbox {
  let logs: LogLine[] = [];
  let droppedLogs = 0;
  let events: EventUpdate[] = [];
  let droppedEvents = 0;
  // Insertion order is the order of sending. Replacing keeps the old place, so that what changes all the time is not put off, but
  // only behind the last end or return of a role: what stands before it is about the role's life before.
  const updates = new Map<string, Waiting>();
  let life = 0;
  let topics: Record<string, unknown> = {};
  let topicCount = 0;
  let onItsWay = false;
  let scheduled = false;
  let waiters: (() => void)[] = [];

  function empty(): boolean {
    return logs.length === 0 && events.length === 0 && updates.size === 0 && topicCount === 0 && droppedLogs === 0;
  }

  /** Gathers what one turn of the loop says into one batch. */
  function schedule(): void {
    if (onItsWay || scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      if (!onItsWay && !empty()) sendBatch();
    });
  }

  function sendBatch(): void {
    if (droppedLogs > 0)
      logs.push({ level: "warning", area: "process", message: `${droppedLogs} log lines dropped: they came too fast` });
    if (droppedEvents > 0)
      logs.push({ level: "warning", area: "process", message: `${droppedEvents} events dropped: they came too fast` });
    const objects: StatusUpdate[] = [];
    for (const [key, { update }] of updates) {
      if (objects.length >= MAX_BATCH_UPDATES) break;
      objects.push(update);
      updates.delete(key);
    }
    // Objects before events: who hears that a server went down can read it as down.
    const batch: Batch = { kind: "batch", logs, updates: [...objects, ...events], topics };
    [logs, events, topics] = [[], [], {}];
    droppedLogs = droppedEvents = topicCount = 0;
    onItsWay = true;
    send(batch);
  }

  function put(key: string, update: Exclude<StatusUpdate, EventUpdate>): void {
    const before = updates.get(key);
    const isTurn = update.kind === "role-gone" || update.kind === "role-current";
    if (isTurn) life++;
    if (isTurn || before?.life !== life) {
      updates.delete(key);
      updates.set(key, { update, life });
    } else updates.set(key, { update: merge(before.update, update), life });
  }

  return {
    log(line) {
      logs.push(line);
      if (logs.length > MAX_WAITING_LOG_LINES) {
        logs.shift();
        droppedLogs++;
      }
      schedule();
    },
    update(update) {
      if (update.kind === "event") {
        events.push(update);
        if (events.length > MAX_WAITING_EVENTS) {
          events.shift();
          droppedEvents++;
        }
      } else {
        put(updateKey(update), update);
        if (updates.size > MAX_WAITING_UPDATES) updates.delete(updates.keys().next().value ?? "");
      }
      schedule();
    },
    topic(topic, value) {
      if (!(topic in topics) && ++topicCount > MAX_TOPICS)
        throw new RangeError(`topics: at most ${MAX_TOPICS} (${topic})`);
      topics[topic] = value;
      schedule();
    },
    acknowledged() {
      onItsWay = false;
      if (!empty()) return schedule();
      const ready = waiters;
      waiters = [];
      for (const then of ready) then();
    },
    whenEmpty(then) {
      if (!onItsWay && empty()) then();
      else waiters.push(then);
    },
    reset() {
      logs = [];
      events = [];
      updates.clear();
      topics = {};
      droppedLogs = droppedEvents = topicCount = 0;
      onItsWay = false;
      waiters = [];
    },
  };
}

/** What an update is about: a later one with the same key makes it needless. */
export function updateKey(update: Exclude<StatusUpdate, EventUpdate>): string {
  switch (update.kind) {
    case "virtual-server":
      return `virtual-server ${update.value.id}`;
    case "virtual-server-gone":
      return `virtual-server ${update.id}`;
    case "vrrp":
    case "sync-group":
      return `${update.kind} ${update.value.name}`;
    case "vrrp-gone":
      return `vrrp ${update.name}`;
    case "sync-group-gone":
      return `sync-group ${update.name}`;
    case "director":
    case "vrrp-traffic":
      return update.kind;
    case "process":
      return `process ${update.value.role}`;
    case "process-gone":
      return `process ${update.role}`;
    case "role-gone":
    case "role-current":
    case "metrics":
    case "facts":
      return `${update.kind} ${update.role}`;
    default:
      return unreachable(update);
  }
}

/** Counters come in parts: parts of one role add up, everything else is replaced. */
function merge(waiting: StatusUpdate, update: StatusUpdate): StatusUpdate {
  if (waiting.kind === "metrics" && update.kind === "metrics")
    return { ...update, values: { ...waiting.values, ...update.values } };
  if (waiting.kind === "vrrp-traffic" && update.kind === "vrrp-traffic")
    return { ...update, values: { ...waiting.values, ...update.values } };
  if (waiting.kind === "facts" && update.kind === "facts")
    return { ...update, values: { ...waiting.values, ...update.values } };
  return update;
}
