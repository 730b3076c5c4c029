// Process layer: everything that crosses between parent and child, one JSON value a message. Each side checks what it reads: the
// envelope and what decides about routing; the payloads (options, status values) are made by the same binary and are typed there.
import * as v from "valibot";
import type { LogLine } from "../base/log.ts";
import type { DumpKind, EffectivePiece, RoleOptions } from "../roles/role.ts";
import type { StatusUpdate } from "../status/schema.ts";

export type ToChild =
  /** The configuration came before, in pieces (configuration/shares.ts). */
  | { readonly kind: "start"; readonly options: RoleOptions; readonly topics: Topics }
  | { readonly kind: "stop"; readonly limitMs: number }
  /** Nobody looks any more: only events and log lines are wanted. */
  | { readonly kind: "unwatched" }
  | { readonly kind: "topic"; readonly topic: string; readonly value: unknown }
  | { readonly kind: "status"; readonly updates: readonly StatusUpdate[] }
  /** api only: it knows all that there was to know, and may answer; `lingerMs`: it goes so long after its last caller. */
  | { readonly kind: "complete"; readonly lingerMs: number }
  | EffectivePiece
  /** The first piece of a dump is wanted, and then each one behind it. Another number ends the dump before. */
  | { readonly kind: "dump"; readonly what: DumpKind; readonly serial: number }
  | { readonly kind: "dump-more"; readonly serial: number }
  /** The last batch was taken: the next may come. */
  | { readonly kind: "ack" }
  | Question;

/** Each is answered once, by an `answer` with its number, when it is done. */
export type Question =
  /** What differs came before, in pieces. */
  | { readonly kind: "reload"; readonly id: number }
  /** Somebody looks from now on: report everything again, and then what changes. Answered when the parent has taken all of that. */
  | { readonly kind: "snapshot"; readonly id: number }
  /** starter only: run `startup_script` or `shutdown_script`. Answered when it has ended, or can't be run. */
  | { readonly kind: "startup" | "shutdown"; readonly id: number }
  /** Another process takes this one's place: say your last word, and change nothing any more. Answered when the parent has the word. */
  | { readonly kind: "handover"; readonly id: number }
  /** A sign of life. */
  | { readonly kind: "ping"; readonly id: number };

export type FromChild =
  /** The process is up and reads its channel. */
  | { readonly kind: "hello" }
  | { readonly kind: "started" }
  /** Of the question with this number. */
  | { readonly kind: "answer"; readonly id: number }
  /** start() or reload() failed; the process ends by itself. */
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "stopped" }
  /** api only: nobody calls, and it takes nobody any more. */
  | { readonly kind: "idle" }
  /** The last `status` was taken. */
  | { readonly kind: "ack" }
  /** Somebody reads the effective configuration: its first piece for a number that is new, else the next one. */
  | { readonly kind: "want-effective"; readonly serial: number }
  | DumpPiece
  | Batch;

/** UTF-16 units of a dump in one turn of a role's loop: each piece but the last has as many, and may go beyond it by one object. */
export const DUMP_PIECE_CHARS = 32 * 1024;

/** `text` null: the role has no dump of this kind; `failed`: why it can't be made. */
export interface DumpPiece {
  readonly kind: "dump-piece";
  readonly serial: number;
  readonly text: string | null;
  readonly end: boolean;
  readonly failed?: string;
}

/** At most one is on its way; what comes meanwhile waits in the outbox, where newer replaces older. */
export interface Batch {
  readonly kind: "batch";
  readonly logs: readonly LogLine[];
  readonly updates: readonly StatusUpdate[];
  readonly topics: Topics;
}

export type Topics = Readonly<Record<string, unknown>>;

const text = v.string();
const whole = v.pipe(v.number(), v.integer());
const level = v.picklist(["debug", "info", "warning", "error"]);
const logLine = v.object({
  level,
  area: text,
  message: text,
  fields: v.optional(v.record(text, v.union([text, v.number(), v.boolean()]))),
});
const topics = v.record(text, v.unknown());
const payload = v.custom<object>((input) => typeof input === "object" && input !== null);

const withId = v.looseObject({ id: text });
const withName = v.looseObject({ name: text });
const withRole = v.looseObject({ role: text });
const keyed = v.variant("kind", [
  v.object({ kind: v.literal("virtual-server"), value: withId }),
  v.object({ kind: v.literal("virtual-server-gone"), id: text }),
  v.object({ kind: v.literal("vrrp"), value: withName }),
  v.object({ kind: v.literal("vrrp-gone"), name: text }),
  v.object({ kind: v.literal("vrrp-traffic"), values: payload }),
  v.object({ kind: v.literal("sync-group"), value: withName }),
  v.object({ kind: v.literal("sync-group-gone"), name: text }),
  v.object({ kind: v.literal("bfd"), value: withName }),
  v.object({ kind: v.literal("bfd-gone"), name: text }),
  v.object({
    kind: v.literal("event"),
    value: v.looseObject({ at: text, kind: text, subject: text, from: v.optional(text), to: text, reason: text }),
    id: v.optional(whole),
  }),
  v.object({ kind: v.literal("director"), value: v.looseObject({ boot: text }) }),
  v.object({ kind: v.literal("process"), value: withRole }),
  v.object({ kind: v.picklist(["process-gone", "role-gone", "role-current"]), role: text }),
  v.object({ kind: v.literal("metrics"), role: text, values: v.record(text, v.number()) }),
  v.object({
    kind: v.literal("facts"),
    role: text,
    values: v.record(text, v.union([text, v.number(), v.boolean()])),
  }),
]);
const update = v.custom<StatusUpdate>((input) => v.is(keyed, input));

const fromChildShape = v.variant("kind", [
  v.object({ kind: v.picklist(["hello", "started", "stopped", "idle", "ack"]) }),
  v.object({ kind: v.literal("want-effective"), serial: whole }),
  v.object({
    kind: v.literal("dump-piece"),
    serial: whole,
    text: v.nullable(text),
    end: v.boolean(),
    failed: v.optional(text),
  }),
  v.object({ kind: v.literal("answer"), id: whole }),
  v.object({ kind: v.literal("failed"), reason: text }),
  v.object({ kind: v.literal("batch"), logs: v.array(logLine), updates: v.array(update), topics }),
]);

const toChildShape = v.variant("kind", [
  v.object({ kind: v.literal("start"), options: payload, topics }),
  v.object({ kind: v.picklist(["reload", "snapshot", "startup", "shutdown", "handover", "ping"]), id: whole }),
  v.object({ kind: v.literal("stop"), limitMs: v.pipe(v.number(), v.minValue(0)) }),
  v.object({ kind: v.picklist(["unwatched", "ack"]) }),
  v.object({ kind: v.literal("complete"), lingerMs: v.pipe(v.number(), v.minValue(0)) }),
  v.object({ kind: v.literal("topic"), topic: text, value: v.unknown() }),
  v.object({ kind: v.literal("status"), updates: v.array(update) }),
  v.object({ kind: v.literal("dump"), what: v.picklist(["data", "stats", "stats-clear", "json"]), serial: whole }),
  v.object({ kind: v.literal("dump-more"), serial: whole }),
  v.object({ kind: v.literal("effective"), serial: whole, piece: v.nullable(text), end: v.boolean() }),
]);

// Checked, not copied: a message may hold the state of a thousand services.
const fromChild = v.custom<FromChild>((input) => v.is(fromChildShape, input));
const toChild = v.custom<ToChild>((input) => v.is(toChildShape, input));

/** Undefined for anything that is no message of a child. */
export function readFromChild(raw: unknown): FromChild | undefined {
  const read = v.safeParse(fromChild, raw);
  return read.success ? read.output : undefined;
}

/** Undefined for anything that is no message of the parent. */
export function readToChild(raw: unknown): ToChild | undefined {
  const read = v.safeParse(toChild, raw);
  return read.success ? read.output : undefined;
}
