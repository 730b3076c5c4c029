// Role checker: how checks stood at an orderly end, for the next start (`--keep-health`; checker.d/health.journal in the run directory, which an
// appliance carries over a restart of the machine). Only what a start would not take for granted: checks that were down, and those that
// start as down (`alpha`) but were up. It counts for a few minutes, once, and until the check's first run. Pure but for the digest.
import { createHash } from "../../base/digest.ts";
import { checkKey } from "../../check/key.ts";
import type { WeightShare } from "../../check/outcome.ts";
import type { Check } from "../../config/model/check.ts";
import { type Journal, journalPath, openJournal } from "../journal.ts";
import type { CheckedServer, CheckedService } from "./served.ts";

/** As long as a machine takes to start at most; what was true before that is worth no more than nothing. */
export const KEPT_FOR_MS = 10 * 60_000;
/** A clock that was set a little on the way. */
const CLOCK_SLACK_MS = 60_000;
const NAME_DIGITS = 24;

export interface KeptCheck {
  readonly up: boolean;
  readonly weight?: WeightShare;
}

export interface KeptHealth {
  /** Wall clock. */
  readonly atMs: number;
  readonly checks: Readonly<Record<string, KeptCheck>>;
}

/** How a check stood; undefined: nothing is known. */
export type HealthBefore = (server: CheckedServer, check: Check) => KeptCheck | undefined;

/** What is to be known at the next start; undefined: nothing. */
export function keepHealth(services: Iterable<CheckedService>, atMs: number): KeptHealth | undefined {
  const checks: Record<string, KeptCheck> = {};
  for (const { servers } of services)
    for (const server of servers)
      for (const { check, health, weight, runs } of server.checks) {
        const isTaken = health.up && !check.timing.alpha && weight === undefined;
        if (runs > 0 && !isTaken) checks[nameOf(server, check)] = { up: health.up, ...(weight && { weight }) };
      }
  return Object.keys(checks).length === 0 ? undefined : { atMs, checks };
}

/** Undefined: none of it counts any more. */
export function healthBefore(kept: KeptHealth | undefined, nowMs: number): HealthBefore | undefined {
  if (!kept || nowMs < kept.atMs - CLOCK_SLACK_MS || nowMs > kept.atMs + KEPT_FOR_MS) return undefined;
  const known = new Map(Object.entries(kept.checks));
  return (server, check) => known.get(nameOf(server, check));
}

export function openKeptHealth(runDir: string): Journal<KeptHealth> {
  return openJournal(journalPath(runDir, "checker", "health"), parseKept);
}

/** The same for a check that asks the same of the same server, also after a restart. */
function nameOf({ service, realServer }: CheckedServer, check: Check): string {
  const text = JSON.stringify([service.virtualServer.id, realServer.id, checkKey(check)]);
  return createHash("sha256").update(text).digest("hex").slice(0, NAME_DIGITS);
}

function parseKept(raw: unknown): KeptHealth | undefined {
  if (!isRecord(raw) || typeof raw.atMs !== "number" || !isRecord(raw.checks)) return undefined;
  const checks: Record<string, KeptCheck> = {};
  for (const [name, value] of Object.entries(raw.checks)) {
    if (!isRecord(value) || typeof value.up !== "boolean") return undefined;
    const weight = parseWeight(value.weight);
    checks[name] = { up: value.up, ...(weight && { weight }) };
  }
  return { atMs: raw.atMs, checks };
}

function parseWeight(raw: unknown): WeightShare | undefined {
  if (!isRecord(raw)) return undefined;
  if (Number.isSafeInteger(raw.set)) return { set: Number(raw.set) };
  return Number.isSafeInteger(raw.add) ? { add: Number(raw.add) } : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
