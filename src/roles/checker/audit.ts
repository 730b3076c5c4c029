// Role checker: when which service of the kernel's table is looked at. A round looks at all of them, in slices that never hold the loop;
// between slices it rests so long that looking takes half a percent of a core at most (two percent while somebody reads the
// counters), whatever the table's size, but looks at 870 objects a second at least: 10,000 services of four servers take 58
// seconds. Where something was changed the round hurries.
import type { Cancel, Clock } from "../../base/clock.ts";

/** What looking at one service came to. */
export interface Looked {
  /** Services and destinations that were read. */
  readonly objects: number;
  /** Something else than we left it. */
  readonly drifted: boolean;
}

export interface AuditPorts {
  readonly clock: Clock;
  /** Keys of the services to look at in a round. */
  keys(): readonly string[];
  /** Undefined when the table can't be read now: the round ends. */
  look(key: string): Looked | undefined;
  /** After each slice that found something. */
  repair(keys: ReadonlySet<string>): void;
  /** A round is over. */
  done(): void;
  /** Somebody reads the counters that a look finds: they should not be old. */
  isWatched(): boolean;
}

/** From the start of a round to that of the next one, at least. */
const AUDIT_MS = 5000;
/** What a slice is to take of the processor, and the longest that it may take when others have it meanwhile. */
const SLICE_MS = 4;
const LONGEST_SLICE_MS = 20;
/** What reading an object takes before it was measured, and the least that is believed. */
const FIRST_OBJECT_MS = 0.02;
const LEAST_OBJECT_MS = 0.001;
/** The quickest of so many slices says what reading takes: the others were held up by what else runs on the machine. */
const COSTS_KEPT = 8;
/** Rest of a round that hurries: others get their turn. */
const HURRY_MS = 1;
/** Part of a core that looking may take, and while somebody reads what it finds. */
const BUDGET = 0.005;
const WATCHED_BUDGET = 0.02;
/** Objects that are looked at in a millisecond at least, even if the budget is not kept: drift is to be found in time. */
const LEAST_OBJECTS_PER_MS = 0.87;

/** Begins the first round after AUDIT_MS; the way to end it is given back. */
export function startAudit(ports: AuditPorts): Cancel {
  const { clock } = ports;
  let keys: readonly string[] = [];
  let next = 0;
  let roundAt = clock.now();
  let hurry = false;
  const costs: number[] = [];
  let objectMs = FIRST_OBJECT_MS;
  let stopped = false;
  let cancel = clock.at(roundAt + AUDIT_MS, beginRound);

  function beginRound(): void {
    keys = ports.keys();
    next = 0;
    roundAt = clock.now();
    hurry = false;
    slice();
  }

  function slice(): void {
    const startedAt = clock.now();
    const drifted = new Set<string>();
    let objects = 0;
    let readable = true;
    const size = SLICE_MS / objectMs;
    while (readable && next < keys.length && objects < size && clock.now() - startedAt < LONGEST_SLICE_MS) {
      const key = keys[next++] ?? "";
      const looked = ports.look(key);
      readable = looked !== undefined;
      objects += looked?.objects ?? 0;
      if (looked?.drifted) drifted.add(key);
    }
    if (objects > 0) learn((clock.now() - startedAt) / objects);
    if (drifted.size > 0) ports.repair(drifted);
    if (stopped) return;
    hurry ||= drifted.size > 0;
    const over = !readable || next >= keys.length;
    if (over) ports.done();
    const now = clock.now();
    const budget = ports.isWatched() ? WATCHED_BUDGET : BUDGET;
    const restMs = Math.min((objects * objectMs) / budget, objects / LEAST_OBJECTS_PER_MS);
    cancel = over
      ? clock.at(Math.max(roundAt + AUDIT_MS, now + restMs), beginRound)
      : clock.at(now + (hurry ? HURRY_MS : restMs), slice);
  }

  function learn(costMs: number): void {
    costs.push(costMs);
    if (costs.length > COSTS_KEPT) costs.shift();
    objectMs = Math.max(LEAST_OBJECT_MS, Math.min(...costs));
  }

  return () => {
    stopped = true;
    cancel();
  };
}
