// Roles: what a role and the starter say to each other, one JSON text a message (kernel/message-socket.ts).
import * as v from "valibot";
import type { ScriptOutcome } from "../../kernel/script-runner.ts";

/** Programs of checks and tracking never wait for those of notifications, nor the other way round. */
export type ProgramPool = "checks" | "notifications";

/** A file that is longer is not read. */
export const MAX_READ_BYTES = 1024 * 1024;

const pool = v.picklist(["checks", "notifications"]);
const whole = v.pipe(v.number(), v.integer());
const toStarter = v.variant("kind", [
  v.object({
    kind: v.literal("run"),
    id: whole,
    pool,
    argv: v.array(v.string()),
    user: v.optional(v.string()),
    group: v.optional(v.string()),
    args: v.array(v.string()),
    /** null: none. */
    limitMs: v.nullable(v.pipe(v.number(), v.minValue(0))),
  }),
  v.object({ kind: v.literal("end"), id: whole }),
  v.object({ kind: v.literal("stop"), pool }),
  /** Each is answered by its text at once and at each change, until `unwatch` with the same number. `init`: `init_file` is done first. */
  v.object({
    kind: v.literal("watch"),
    files: v.array(v.object({ id: whole, path: v.string(), init: v.boolean() })),
  }),
  v.object({ kind: v.literal("unwatch"), id: whole }),
  /** Answered by pieces of the content, or `unread`. */
  v.object({ kind: v.literal("read"), id: whole, path: v.string() }),
]);
export type ToStarter = v.InferOutput<typeof toStarter>;

export type FromStarter =
  | { readonly kind: "overdue"; readonly id: number }
  | { readonly kind: "ended"; readonly id: number; readonly outcome: ScriptOutcome }
  /** Starts of files; null: there is no such regular file. */
  | { readonly kind: "texts"; readonly texts: readonly (readonly [id: number, text: string | null])[] }
  | { readonly kind: "piece"; readonly id: number; readonly base64: string; readonly end: boolean }
  | { readonly kind: "unread"; readonly id: number; readonly reason: string };

/** The first mistake is enough: thousands in one message cost tens of milliseconds. */
const STRICTLY = { abortEarly: true };

/** Undefined for anything that is no message of a role. */
export function readToStarter(text: string): ToStarter | undefined {
  try {
    const read = v.safeParse(toStarter, JSON.parse(text), STRICTLY);
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}

/** The starter runs the same program image and has more rights than its reader: its word is taken. */
export function readFromStarter(text: string): FromStarter {
  return JSON.parse(text) as FromStarter;
}
