// Roles: what vrrp says to the one that takes its place when the director goes on as another program (`lbd restart`). It goes through the
// parent, its successor, and a file between them, so whoever takes it checks it.

/** Of the vrrp role as its last word, and of the parent to the first vrrp role of a director that goes on. */
export const HANDOVER_TOPIC = "handover";

export interface HandoverFact {
  /** Names of the instances that were master. */
  readonly masters: readonly string[];
  /** CLOCK_MONOTONIC in ms: when they advertised for the last time. */
  readonly spokeAtMs: number;
}

/** Undefined for anything else. */
export function readHandover(value: unknown): HandoverFact | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { masters, spokeAtMs } = value as Partial<HandoverFact>;
  if (!Array.isArray(masters) || !masters.every((name) => typeof name === "string")) return undefined;
  return typeof spokeAtMs === "number" && Number.isFinite(spokeAtMs) ? { masters, spokeAtMs } : undefined;
}
