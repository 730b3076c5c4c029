// Appliance core: what came of the last starts, and of the last update: kept over starts, so that the machine can say why it runs what it
// runs. Written at a start, when it has shown that it is a good one, at an update and at an orderly end; never else.
import { createHash } from "node:crypto";
import * as v from "valibot";
import { otherSlot, type Slot } from "./boot.ts";

const MAX_STARTS = 12;
const MAX_REASON_CHARS = 600;
/** The end of a kernel's last words. */
const MAX_CRASH_CHARS = 4096;
/** What a baseline holds is compared, so it is kept whole or not at all. */
const MAX_FAULTS = 20;

const slot = v.picklist(["A", "B"]);
const START = v.object({
  slot,
  version: v.string(),
  /** Wall clock, ISO 8601; of a machine whose clock may be wrong. */
  at: v.string(),
  /** The slot had not yet shown that it works. */
  trial: v.boolean(),
  good: v.boolean(),
  /** Absent: it runs, or nobody could say how it ended. */
  end: v.exactOptional(v.picklist(["restart", "power-off", "failed", "lost"])),
  reason: v.exactOptional(v.string()),
});
const HISTORY = v.object({
  starts: v.array(START),
  /** A slot that was written and has not shown yet that it works. `faults`: what was wrong before, which it need not mend. */
  pending: v.exactOptional(v.object({ slot, version: v.string(), at: v.string(), faults: v.array(v.string()) })),
  /** The last update that was given up. */
  failure: v.exactOptional(v.object({ slot, version: v.string(), at: v.string(), reason: v.string() })),
  crash: v.exactOptional(v.object({ at: v.string(), text: v.string() })),
});

export type StartRecord = v.InferOutput<typeof START>;
export type History = v.InferOutput<typeof HISTORY>;

export const NO_HISTORY: History = { starts: [] };

/** The start that begins. */
export interface Beginning {
  readonly slot: Slot;
  readonly version: string;
  readonly at: string;
  readonly trial: boolean;
  /** The kernel's last words before it crashed (pstore). */
  readonly crash?: string;
  /** The watchdog's driver says that it was the one. */
  readonly byWatchdog: boolean;
}

export interface Begun {
  readonly history: History;
  /** A slot that was on trial and is not the one that runs: it is not tried again. */
  readonly givenUp?: Slot;
}

export function begin(before: History, start: Beginning): Begun {
  const { slot: own, version, at, trial, crash } = start;
  const starts = before.starts.map((one, n) =>
    n === before.starts.length - 1 && one.end === undefined ? lost(one, start) : one,
  );
  const { pending } = before;
  const givenUp = pending && pending.slot === otherSlot(own) ? pending : undefined;
  const reason = givenUp && reasonOf(starts, givenUp);
  const record: StartRecord = { slot: own, version, at, trial, good: false };
  const history: History = {
    starts: [...starts, record].slice(-MAX_STARTS),
    ...(pending && !givenUp && { pending }),
    ...(before.failure && { failure: before.failure }),
    ...(givenUp && reason && { failure: { slot: givenUp.slot, version: givenUp.version, at, reason } }),
    ...(before.crash && { crash: before.crash }),
    ...(crash !== undefined && { crash: { at, text: crash.slice(-MAX_CRASH_CHARS) } }),
  };
  return { history, ...(givenUp && { givenUp: givenUp.slot }) };
}

function lost(one: StartRecord, { crash, byWatchdog }: Beginning): StartRecord {
  const lines = crash === undefined ? [] : linesOf(crash);
  const givenUp = lines.findLast((line) => line.startsWith(GIVEN_UP))?.slice(GIVEN_UP.length);
  const reason = givenUp
    ? `the first process gave it up: ${givenUp}`
    : lines.length > 0
      ? `the kernel crashed: ${crashLine(lines)}`
      : byWatchdog
        ? "the watchdog restarted the machine, which gave no sign of life"
        : "it ended without a word: the power was cut, the machine was reset, or its kernel crashed";
  return { ...one, end: "lost", reason: clip(reason) };
}

/** appliance/init.c says so to the kernel before it ends a start. */
const GIVEN_UP = "init: this start is given up: ";

/** Of a kernel's log, without priorities and times. */
function linesOf(text: string): readonly string[] {
  return text.split("\n").map((line) =>
    line
      .replace(/^<\d+>/, "")
      .replace(/^\[ *[\d.]+\]\s*/, "")
      .trim(),
  );
}

/** The line of a panic or an oops that says what it was. */
function crashLine(lines: readonly string[]): string {
  const telling = /Kernel panic|^BUG:|^Oops|unable to handle|general protection fault|soft lockup|hung task/i;
  return lines.find((line) => telling.test(line)) ?? lines.findLast((line) => line !== "") ?? "no words were kept";
}

function reasonOf(starts: readonly StartRecord[], { slot: tried, version }: NonNullable<History["pending"]>): string {
  const own = starts.filter((one) => one.slot === tried && one.version === version && one.trial && !one.good);
  if (own.length === 0) return "none of its starts came so far that lbd ran: the loader, the kernel or the root failed";
  const times = own.length === 1 ? "its start" : `each of its ${own.length} starts`;
  return clip(`${times} failed: ${own.at(-1)?.reason ?? "no reason is known"}`);
}

/** The start that runs has shown that it is a good one. */
export function good(history: History): History {
  const last = history.starts.at(-1);
  if (!last) return history;
  const { pending, failure, ...rest } = changeLast(history, { good: true });
  const isTried = pending?.slot === last.slot;
  return {
    ...rest,
    ...(pending && !isTried && { pending }),
    // An update that came through takes away the reason why one before did not.
    ...(failure && !isTried && { failure }),
  };
}

/** `lost`: the watchdog is about to restart the machine. */
export function ended(history: History, end: NonNullable<StartRecord["end"]>, reason: string): History {
  return history.starts.length === 0 ? history : changeLast(history, { end, reason: clip(reason) });
}

export interface Written extends Omit<NonNullable<History["pending"]>, "faults"> {
  readonly faults: readonly string[];
}

/** Another version was written; `faults`: what is wrong at this moment. */
export function updateWritten(history: History, { slot: to, version, at, faults }: Written): History {
  return { ...history, pending: { slot: to, version, at, faults: faults.slice(0, MAX_FAULTS).map(clip) } };
}

function changeLast(history: History, change: Partial<StartRecord>): History {
  return {
    ...history,
    starts: history.starts.map((one, n) => (n === history.starts.length - 1 ? { ...one, ...change } : one)),
  };
}

function clip(text: string): string {
  return text.length <= MAX_REASON_CHARS ? text : `${text.slice(0, MAX_REASON_CHARS - 1)}…`;
}

// --- how it is kept: two places of a fixed size that are written in turn, so that a power cut spoils the older one only

export const PLACE_BYTES = 32 * 1024;

export interface Kept {
  readonly history: History;
  /** Counts what was written. */
  readonly sequence: number;
}

/** The newer one of those that are whole. */
export function readPlaces(places: readonly (string | undefined)[]): Kept & { readonly place: number } {
  let best: Kept & { readonly place: number } = { history: NO_HISTORY, sequence: 0, place: places.length - 1 };
  for (const [place, text] of places.entries()) {
    const kept = text === undefined ? undefined : readPlace(text);
    if (kept && kept.sequence > best.sequence) best = { ...kept, place };
  }
  return best;
}

/** PLACE_BYTES in UTF-8. Where texts are so long that not all has room, the oldest starts go. */
export function writePlace({ history, sequence }: Kept): string {
  const body = JSON.stringify(history);
  const text = `${sha256(`${sequence} ${body}`)} ${sequence} ${body}\n`;
  const left = PLACE_BYTES - Buffer.byteLength(text);
  if (left >= 0) return text + " ".repeat(left);
  const { crash, ...rest } = history;
  const shorter = history.starts.length > 1 ? { ...history, starts: history.starts.slice(1) } : rest;
  return writePlace({ history: shorter, sequence });
}

function readPlace(text: string): Kept | undefined {
  const found = /^([0-9a-f]{64}) (\d{1,15}) (\{.*\})\n/.exec(text);
  if (!found) return undefined;
  const [, digest, sequence, body = ""] = found;
  if (sha256(`${sequence} ${body}`) !== digest) return undefined;
  const read = v.safeParse(HISTORY, JSON.parse(body));
  return read.success ? { history: read.output, sequence: Number(sequence) } : undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
