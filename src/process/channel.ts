// Process layer: what waits to be sent to another process. One batch is on its way at a time and the reader acknowledges it, so a
// slow reader costs the writer nothing but memory, and that is bounded in bytes: newer status replaces older of the same object, newer
// topics older ones, and of events and log lines the oldest are dropped and counted.
import type { LogLine } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { StatusUpdate } from "../status/schema.ts";
import { bytesOf, createQueue } from "./bounded-queue.ts";
import type { Batch } from "./messages.ts";

export const MAX_WAITING_EVENTS = 1000;
export const MAX_WAITING_LOG_LINES = 1000;
/** Of the events that wait, as JSON in UTF-8; as much again may be log lines. */
export const MAX_QUEUE_BYTES = 1_500_000;
/** Objects of one batch: about a megabyte of text when they are virtual servers of ten servers each. */
export const MAX_BATCH_UPDATES = 200;
/** Objects of one batch in bytes, but for the last of them: with events and lines it stays below what the parent takes at once. */
export const MAX_BATCH_BYTES = 2_000_000;
/** Objects that may wait; a director has fewer, so reaching it means a broken reporter, and the oldest go. */
const MAX_WAITING_UPDATES = 200_000;
export const MAX_TOPICS = 100;

interface Waiting {
  readonly update: StatusUpdate;
  /** As JSON; 0 where nobody counts. */
  readonly bytes: number;
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
  /** Of the objects that wait, where they are counted. */
  waitingBytes(): number;
  /** Forgets what waits and what was sent: the reader is a new one. */
  reset(): void;
}

export interface OutboxBound {
  /** Objects that may wait, as JSON: what is over that goes, the oldest first. */
  readonly maxWaitingBytes: number;
  /** Something of a picture went: what the reader has is not whole. */
  lost(): void;
}

/**
 * @param send hands a batch to the channel; called at once when nothing is on its way, else after the acknowledgement
 * @param bound for what others report; who reports only what is its own has as many objects as its configuration
 */
export function createOutbox(send: (batch: Batch) => void, bound?: OutboxBound): Outbox {
  const logs = createQueue<LogLine>(MAX_WAITING_LOG_LINES, MAX_QUEUE_BYTES);
  const events = createQueue<EventUpdate>(MAX_WAITING_EVENTS, MAX_QUEUE_BYTES);
  // Insertion order is the order of sending. Replacing keeps the old place, so that what changes all the time is not put off, but
  // only behind the last end or return of a role: what stands before it is about the role's life before.
  const updates = new Map<string, Waiting>();
  let waitingBytes = 0;
  let life = 0;
  let topics: Record<string, unknown> = {};
  let topicCount = 0;
  let onItsWay = false;
  let scheduled = false;
  let waiters: (() => void)[] = [];

  function empty(): boolean {
    return logs.isEmpty() && events.isEmpty() && updates.size === 0 && topicCount === 0;
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
    const objects = takeObjects();
    const lines = logs.take();
    const { items: told, dropped } = events.take();
    // Objects before events: who hears that a server went down can read it as down.
    const batch: Batch = {
      kind: "batch",
      logs: [...lines.items, ...lossLine(lines.dropped, "log lines"), ...lossLine(dropped, "events")],
      updates: [...objects, ...told],
      topics,
    };
    topics = {};
    topicCount = 0;
    onItsWay = true;
    send(batch);
  }

  function takeObjects(): readonly StatusUpdate[] {
    const objects: StatusUpdate[] = [];
    let taken = 0;
    for (const [key, { update, bytes }] of updates) {
      const size = bytes > 0 ? bytes : bytesOf(update);
      if (objects.length >= MAX_BATCH_UPDATES || (objects.length > 0 && taken + size > MAX_BATCH_BYTES)) break;
      objects.push(update);
      taken += size;
      remove(key);
    }
    return objects;
  }

  function put(key: string, update: Exclude<StatusUpdate, EventUpdate>): void {
    const before = updates.get(key);
    const isTurn = update.kind === "role-gone" || update.kind === "role-current";
    if (isTurn) life++;
    const isOfThisLife = !isTurn && before?.life === life;
    const whole = isOfThisLife ? merge(before.update, update) : update;
    const bytes = bound ? bytesOf(whole) : 0;
    waitingBytes += bytes - (before?.bytes ?? 0);
    if (!isOfThisLife) updates.delete(key);
    updates.set(key, { update: whole, life, bytes });
    for (const oldest of updates.keys()) {
      if (updates.size <= MAX_WAITING_UPDATES && waitingBytes <= (bound?.maxWaitingBytes ?? 0)) return;
      remove(oldest);
      bound?.lost();
    }
  }

  function remove(key: string): void {
    waitingBytes -= updates.get(key)?.bytes ?? 0;
    updates.delete(key);
  }

  return {
    log(line) {
      logs.push(line);
      schedule();
    },
    update(update) {
      if (update.kind === "event") events.push(update);
      else put(updateKey(update), update);
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
    waitingBytes: () => waitingBytes,
    reset() {
      logs.take();
      events.take();
      updates.clear();
      topics = {};
      waitingBytes = topicCount = 0;
      onItsWay = false;
      waiters = [];
    },
  };
}

function lossLine(count: number, what: string): readonly LogLine[] {
  if (count === 0) return [];
  return [{ level: "warning", area: "process", message: `${count} ${what} dropped: they came too fast` }];
}

/** What an update is about: a later one with the same key makes it needless. */
function updateKey(update: Exclude<StatusUpdate, EventUpdate>): string {
  switch (update.kind) {
    case "virtual-server":
      return `virtual-server ${update.value.id}`;
    case "virtual-server-gone":
      return `virtual-server ${update.id}`;
    case "vrrp":
    case "sync-group":
    case "bfd":
      return `${update.kind} ${update.value.name}`;
    case "vrrp-gone":
      return `vrrp ${update.name}`;
    case "sync-group-gone":
      return `sync-group ${update.name}`;
    case "bfd-gone":
      return `bfd ${update.name}`;
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
