// Check core: what makes two checks the same check over a reload: every setting that can change the verdict.
// Periods, retries and warm-up can't; they are taken over in place.
import type { Check } from "../config/model/check.ts";

const NOT_THE_VERDICT = new Set(["id", "timing", "origin"]);

/** Equal text for checks that ask the same of the same server. */
export function checkKey(check: Check): string {
  return JSON.stringify(check, (name, value: unknown) => {
    if (NOT_THE_VERDICT.has(name)) return undefined;
    return isRecord(value) ? sortByName(value) : value;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sortByName(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
