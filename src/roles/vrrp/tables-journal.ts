// Role vrrp: what the journal of addresses, routes and rules holds.

/**
 * All that this role may have in the kernel: what the configuration names, held or not, so that a takeover writes no file. Keys hold
 * interface indexes, so they mean something in one world only.
 */
export interface TablesJournal {
  readonly world: string;
  readonly keys: readonly string[];
  /** Of these what the machine had before: addresses of an owner (priority 255). */
  readonly machines?: readonly string[];
}

/** For openJournal(): undefined for what is none. */
export function parseTablesJournal(raw: unknown): TablesJournal | undefined {
  if (typeof raw !== "object" || raw === null || !("world" in raw) || !("keys" in raw)) return undefined;
  const { world, keys } = raw;
  const machines = "machines" in raw ? raw.machines : [];
  if (typeof world !== "string" || !isTexts(keys) || !isTexts(machines)) return undefined;
  return { world, keys, machines };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
