// Process layer: what a child may say, and how much. A role that was taken over by somebody else can harm itself, not the director:
// each kind of message answers something that the parent did, each object belongs to one role, and bytes are taken at a rate.
// Pure: the time is handed in. What breaks a rule is told in words, and the supervisor ends that child.
import type { MonoMs } from "../base/clock.ts";
import type { LogLine } from "../base/log.ts";
import { HANDOVER_TOPIC, readHandover } from "../roles/handover.ts";
import type { RoleName } from "../roles/role.ts";
import { readSessionFacts, SESSIONS_TOPIC } from "../roles/sessions.ts";
import type { StatusUpdate } from "../status/schema.ts";
import { bytesOf } from "./bounded-queue.ts";
import { MAX_BATCH_UPDATES, MAX_TOPICS, MAX_WAITING_EVENTS, MAX_WAITING_LOG_LINES } from "./channel.ts";
import { MAX_HANDOVER_BYTES } from "./host/places.ts";
import type { JsonBounds } from "./json-measure.ts";
import type { Batch, FromChild, ToChild } from "./messages.ts";

/**
 * The largest message that a child may send: one object is never cut, and a service of a hundred thousand real servers has 50 MB, an
 * instance of as many addresses 9 MB.
 */
export const MAX_FROM_CHILD_BYTES: Readonly<Record<RoleName, number>> = {
  vrrp: 16 * 1024 * 1024,
  checker: 64 * 1024 * 1024,
  bfd: 8 * 1024 * 1024,
  api: 8 * 1024 * 1024,
  starter: 8 * 1024 * 1024,
};
/**
 * What its JSON may have: reports are nine levels deep. A snapshot of services has an object in 86 bytes and a value in 16; what holds
 * most (BFD sessions, names of masters) an object in 32 bytes and a value in 8, and no machine has a hundred thousand of those.
 */
export const FROM_CHILD_JSON: JsonBounds = {
  ...{ maxDepth: 32, freeContainers: 10_000, bytesPerContainer: 20, freeValues: 200_000, bytesPerValue: 10 },
};
/** Of all BFD sessions: fifty thousand of them have it. */
const MAX_SESSION_FACTS_BYTES = 4 * 1024 * 1024;
/** Pieces of the effective configuration that may be asked for and not answered: a reader that gave up leaves one behind. */
export const MAX_WISHES = 4;
/** Questions that one who says other things may leave without an answer. */
export const MAX_UNANSWERED = 100;
/** Longer texts of events, log lines and last words are cut. */
export const MAX_TEXT_CHARS = 4096;
/** Names of counters and facts that a process of these roles may have in its life; they need a dozen. */
export const MAX_NAMES = 200;
const MAX_NAME_CHARS = 256;
/** Facts of a log line, and characters of their names and texts; what is over that is left out. */
const MAX_FIELDS = 20;
const MAX_FIELD_CHARS = 256;
/** Roles that count little and tell no events: what they say is kept by the parent, so it has a bound. */
const QUIET: ReadonlySet<RoleName> = new Set(["api", "starter"]);

/** Objects that only this role reports; `metrics` and `facts` are everybody's, `event` everybody's but the quiet ones'. */
const OWN_KINDS: Readonly<Record<RoleName, readonly StatusUpdate["kind"][]>> = {
  vrrp: ["vrrp", "vrrp-gone", "vrrp-traffic", "sync-group", "sync-group-gone"],
  checker: ["virtual-server", "virtual-server-gone"],
  bfd: ["bfd", "bfd-gone"],
  api: [],
  starter: [],
};

/** What is published goes to every other role, and is kept for those that start: it has a shape and a bound. */
interface TopicRule {
  readonly topic: string;
  /** Undefined for anything else. */
  read(value: unknown): unknown;
  /** As JSON. */
  readonly maxBytes: number;
}

/** Topics that only this role publishes. */
const OWN_TOPICS: Readonly<Record<RoleName, readonly TopicRule[]>> = {
  vrrp: [{ topic: HANDOVER_TOPIC, read: readHandover, maxBytes: MAX_HANDOVER_BYTES }],
  checker: [],
  bfd: [{ topic: SESSIONS_TOPIC, read: readSessionFacts, maxBytes: MAX_SESSION_FACTS_BYTES }],
  api: [],
  starter: [],
};

/** Bytes a second that are taken for good, and how many at once. A snapshot of 10,000 services of ten servers has 50 MB. */
const RATES: Readonly<Record<RoleName, { readonly bytesPerMs: number; readonly burst: number }>> = {
  vrrp: { bytesPerMs: 32_000, burst: 64_000_000 },
  checker: { bytesPerMs: 32_000, burst: 64_000_000 },
  bfd: { bytesPerMs: 4_000, burst: 16_000_000 },
  api: { bytesPerMs: 200, burst: 2_000_000 },
  starter: { bytesPerMs: 200, burst: 2_000_000 },
};

export interface Conduct {
  /** A message goes to the child: what answers it may come. */
  sent(message: ToChild): void;
  /** Undefined when the child may say this now; else the rule that it breaks. */
  judge(message: FromChild): string | undefined;
  /** How long the next batch has to wait, in ms, after `bytes` more were taken; 0 in ordinary life. */
  delayMs(bytes: number, now: MonoMs): number;
}

/** The conduct of one process of a role; a new process has a new one. */
export function createConduct(role: RoleName): Conduct {
  /** How often each kind may still come. */
  const allowed: Record<Exclude<FromChild["kind"], "answer">, number> = {
    hello: 1,
    started: 0,
    failed: 1,
    stopped: 0,
    idle: 0,
    ack: 0,
    batch: 1,
    "want-effective": role === "api" ? MAX_WISHES : 0,
    "dump-piece": 0,
  };
  /** Numbers of the questions that it has not answered. */
  const asked = new Set<number>();
  const { bytesPerMs, burst } = RATES[role];
  let credit = burst;
  let creditAt: MonoMs | undefined;
  const names = new Set<string>();

  /** Names that come and never go would pile up where they wait to be shown. */
  function judgeNames({ kind, values }: StatusUpdate & { readonly kind: "metrics" | "facts" }): string | undefined {
    for (const [name, value] of Object.entries(values)) {
      if (name.length > MAX_NAME_CHARS || (typeof value === "string" && value.length > MAX_TEXT_CHARS))
        return `${kind} with a name or text that is too long`;
      names.add(name);
      if (names.size > MAX_NAMES) return `more than ${MAX_NAMES} names of metrics and facts`;
    }
    return;
  }

  function judgeBatch(batch: Batch): string | undefined {
    const reason = judgeWhole(role, batch);
    if (reason !== undefined || !QUIET.has(role)) return reason;
    for (const update of batch.updates) {
      const wrong = update.kind === "metrics" || update.kind === "facts" ? judgeNames(update) : undefined;
      if (wrong !== undefined) return wrong;
    }
    return;
  }

  return {
    sent(message) {
      switch (message.kind) {
        case "start":
          allowed.started++;
          return;
        case "reload":
        case "snapshot":
        case "startup":
        case "shutdown":
        case "handover":
        case "ping":
          asked.add(message.id);
          return;
        case "complete":
          allowed.idle = 1;
          return;
        case "stop":
          allowed.stopped = 1;
          return;
        case "status":
          allowed.ack++;
          return;
        case "ack":
          allowed.batch = 1;
          return;
        case "dump":
        case "dump-more":
          allowed["dump-piece"]++;
          return;
        case "effective":
          allowed["want-effective"]++;
      }
    },
    judge(message) {
      if (asked.size > MAX_UNANSWERED) return `«${message.kind}» while ${asked.size} questions have no answer`;
      if (message.kind === "answer") return asked.delete(message.id) ? undefined : "«answer» that nothing asked for";
      if (allowed[message.kind] <= 0) return `«${message.kind}» that nothing asked for`;
      allowed[message.kind]--;
      return message.kind === "batch" ? judgeBatch(message) : undefined;
    },
    delayMs(bytes, now) {
      credit = Math.min(burst, credit + (now - (creditAt ?? now)) * bytesPerMs) - bytes;
      creditAt = now;
      return Math.max(0, Math.ceil(-credit / bytesPerMs));
    },
  };
}

function judgeWhole(role: RoleName, batch: Batch): string | undefined {
  // As many as an outbox gives, and the two lines about what it had to drop.
  if (batch.logs.length > MAX_WAITING_LOG_LINES + 2) return `${batch.logs.length} log lines at once`;
  if (batch.updates.length > MAX_BATCH_UPDATES + MAX_WAITING_EVENTS) return `${batch.updates.length} reports at once`;
  const names = Object.keys(batch.topics);
  if (names.length > MAX_TOPICS) return `${names.length} topics at once`;
  for (const [topic, value] of Object.entries(batch.topics)) {
    const reason = judgeTopic(role, topic, value);
    if (reason !== undefined) return reason;
  }
  for (const update of batch.updates) {
    const reason = judgeUpdate(role, update);
    if (reason !== undefined) return reason;
  }
  return;
}

/** What passes has been written once: telling others of it can't fail any more. @throws RangeError what is too deep to be written */
function judgeTopic(role: RoleName, topic: string, value: unknown): string | undefined {
  const rule = OWN_TOPICS[role].find((one) => one.topic === topic);
  if (!rule) return `topic ${topic.slice(0, 40)}, which is not the ${role} process's to tell`;
  if (rule.read(value) === undefined) return `topic ${topic} with something else than its facts`;
  const bytes = bytesOf(value);
  return bytes > rule.maxBytes ? `topic ${topic} of ${bytes} bytes, at most ${rule.maxBytes} are taken` : undefined;
}

function judgeUpdate(role: RoleName, update: StatusUpdate): string | undefined {
  switch (update.kind) {
    case "event":
      if (QUIET.has(role)) return "an event, which others tell";
      return update.id === undefined ? undefined : "a numbered event: numbers are the parent's";
    case "metrics":
    case "facts":
      return update.role === role ? undefined : `${update.kind} of ${update.role.slice(0, 40)}`;
    default:
      return OWN_KINDS[role].includes(update.kind) ? undefined : `a report of kind ${update.kind}`;
  }
}

/** Log lines of a child: how many at once, and how many a second for good. */
const LINES: Readonly<Record<RoleName, { readonly perSecond: number; readonly burst: number }>> = {
  vrrp: { perSecond: 100, burst: 5000 },
  checker: { perSecond: 100, burst: 5000 },
  bfd: { perSecond: 100, burst: 5000 },
  api: { perSecond: 5, burst: 200 },
  starter: { perSecond: 5, burst: 200 },
};

/** How many were left out is said this often at most: it is a line, too. */
const LEFT_OUT_EVERY_MS = 10_000;

export interface LineBudget {
  /** How many of `count` lines may be logged now. `dropped`: lines that could not be since that was said the last time; 0: it is not to be said now. */
  take(count: number, now: MonoMs): { readonly take: number; readonly dropped: number };
}

export function createLineBudget(role: RoleName, bornAt: MonoMs): LineBudget {
  const { perSecond, burst } = LINES[role];
  let credit = burst;
  let at = bornAt;
  let over = 0;
  let saidAt: MonoMs = Number.NEGATIVE_INFINITY;
  return {
    take(count, now) {
      credit = Math.min(burst, credit + ((now - at) / 1000) * perSecond);
      at = now;
      const granted = Math.min(count, Math.floor(credit));
      credit -= granted;
      const dropped = granted > 0 && now - saidAt >= LEFT_OUT_EVERY_MS ? over : 0;
      if (dropped > 0) saidAt = now;
      over += count - granted - dropped;
      return { take: granted, dropped };
    },
  };
}

/** An event or log text no longer than MAX_TEXT_CHARS. */
export function clip(text: string): string {
  return text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS - 1)}…`;
}

/** A log line of a child whose texts and facts have a bound. */
export function clipLine({ level, area, message, fields }: LogLine): LogLine {
  const short = { level, area: clip(area), message: clip(message) };
  if (fields === undefined) return short;
  const isShort = (text: unknown) => typeof text !== "string" || text.length <= MAX_FIELD_CHARS;
  const kept = Object.entries(fields).filter(([name, value]) => isShort(name) && isShort(value));
  return { ...short, fields: Object.fromEntries(kept.slice(0, MAX_FIELDS)) };
}
