// Role vrrp: what it tells of itself. An instance is told whole when something of it changed, looked for within STATUS_MS
// and at once with a change of state; what moves with every advertisement goes for all of them in one small message; of metrics go
// those that changed. Several hundred instances told whole every two seconds took a tenth of a core in three processes. While nobody
// looks at the status nothing is made, and no timer runs.
import type { Cancel, Clock } from "../../base/clock.ts";
import { sameItems } from "../../base/same-items.ts";
import type { StatusUpdate, SyncGroupStatus, VrrpStatus, VrrpTraffic } from "../../status/schema.ts";

/** Everything is looked at this often. */
const STATUS_MS = 2000;
/** Instances told, and looked at, in one turn: what takes long delays adverts. */
const REPORTS_PER_TURN = 16;
const LOOKS_PER_TURN = 64;
const TURN_MS = 20;

export interface VrrpReportPorts {
  readonly clock: Clock;
  report(update: StatusUpdate): void;
  /** Somebody looks at the status. */
  isWatched(): boolean;
  names(): readonly string[];
  /** Undefined when there is no such instance. */
  status(name: string): VrrpStatus | undefined;
  /** What it is made of: as long as these are the same, it is, but for its traffic. */
  marks(name: string): readonly unknown[] | undefined;
  traffic(): Iterable<readonly [name: string, traffic: VrrpTraffic]>;
  groups(): Iterable<SyncGroupStatus>;
  metrics(): Readonly<Record<string, number>>;
}

export interface VrrpReports {
  /** Nobody looks any more, until everything(). */
  rest(): void;
  /** A state changed: told in the next turn, with what else changes in this one. */
  changed(name: string): void;
  /** Something changed that may be of any instance or group: looked for in the next turn. */
  look(): void;
  /** Told now. */
  tell(names: Iterable<string>): void;
  gone(name: string): void;
  /** Everything, some in each turn, for a reader who knows nothing; from then on what changes, looked for now and then. */
  everything(): Promise<void>;
}

export function createVrrpReports(ports: VrrpReportPorts): VrrpReports {
  const { clock, report } = ports;
  /** What the status was made of that was told last. */
  const told = new Map<string, readonly unknown[]>();
  let toldGroups: ReadonlySet<string> = new Set();
  const toldTraffic = new Map<string, number>();
  const toldMetrics = new Map<string, number>();
  /** To be looked at, some in each turn. */
  const unlooked = new Set<string>();
  /** To be told, some in each turn. */
  const waiting = new Set<string>();
  let cancelLook: Cancel = () => {};
  let cancelTurn: Cancel | undefined;
  /** Who waits for everything to be told. */
  const whenTold: (() => void)[] = [];

  function look(): void {
    cancelLook = clock.at(clock.now() + STATUS_MS, look);
    lookAtAll();
    turn();
    tellTraffic();
    tellMetrics();
  }

  function turn(): void {
    cancelTurn?.();
    for (const name of taken(unlooked, LOOKS_PER_TURN))
      if (!sameMarks(told.get(name), ports.marks(name))) waiting.add(name);
    tell(taken(waiting, REPORTS_PER_TURN));
    cancelTurn =
      unlooked.size + waiting.size > 0 ? clock.at(clock.now() + (whenTold.length > 0 ? 0 : TURN_MS), turn) : undefined;
    if (cancelTurn) return;
    tellGroups();
    if (whenTold.length === 0) return;
    tellMetrics();
    allTold();
  }

  function allTold(): void {
    for (const done of whenTold.splice(0)) done();
  }

  function lookAtAll(): void {
    for (const name of ports.names()) unlooked.add(name);
  }

  function tell(names: Iterable<string>): void {
    for (const name of names) {
      const marks = ports.marks(name);
      const value = ports.status(name);
      if (!marks || !value) continue;
      told.set(name, marks);
      report({ kind: "vrrp", value });
    }
  }

  function tellTraffic(): void {
    const values: Record<string, VrrpTraffic> = {};
    for (const [name, traffic] of ports.traffic()) {
      const sum = Object.values(traffic.counters).reduce((total, value) => total + value, 0);
      if (toldTraffic.get(name) === sum) continue;
      toldTraffic.set(name, sum);
      values[name] = traffic;
    }
    if (Object.keys(values).length > 0) report({ kind: "vrrp-traffic", values });
  }

  function tellGroups(): void {
    const names = new Set<string>();
    for (const value of ports.groups()) {
      names.add(value.name);
      report({ kind: "sync-group", value });
    }
    for (const name of toldGroups.difference(names)) report({ kind: "sync-group-gone", name });
    toldGroups = names;
  }

  function tellMetrics(): void {
    const values: Record<string, number> = {};
    for (const [name, value] of Object.entries(ports.metrics())) {
      if (toldMetrics.get(name) === value) continue;
      toldMetrics.set(name, value);
      values[name] = value;
    }
    if (Object.keys(values).length > 0) report({ kind: "metrics", role: "vrrp", values });
  }

  function forget(): void {
    told.clear();
    toldTraffic.clear();
    toldMetrics.clear();
  }

  return {
    rest() {
      cancelLook();
      cancelTurn?.();
      cancelTurn = undefined;
      waiting.clear();
      unlooked.clear();
      allTold();
    },
    changed(name) {
      if (!ports.isWatched()) return;
      waiting.add(name);
      cancelTurn ??= clock.at(clock.now(), turn);
    },
    look() {
      if (!ports.isWatched()) return;
      lookAtAll();
      cancelTurn ??= clock.at(clock.now(), turn);
    },
    tell(names) {
      if (ports.isWatched()) tell(names);
    },
    gone(name) {
      told.delete(name);
      toldTraffic.delete(name);
      waiting.delete(name);
      unlooked.delete(name);
      report({ kind: "vrrp-gone", name });
    },
    everything() {
      if (!ports.isWatched()) return Promise.resolve();
      forget();
      cancelLook();
      cancelLook = clock.at(clock.now() + STATUS_MS, look);
      for (const name of ports.names()) waiting.add(name);
      return new Promise((resolve) => {
        whenTold.push(resolve);
        turn();
      });
    },
  };
}

/** Takes the first of them out. */
function taken(names: Set<string>, most: number): readonly string[] {
  const first = [...names.values().take(most)];
  for (const name of first) names.delete(name);
  return first;
}

function sameMarks(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameItems(a, b));
}
