// Status core: the picture that the API, the metrics and `lbd status` show, made of the updates of all roles. Each object carries the
// revision of its last change, so a reader can ask for what is new; events are a ring. Pure: no clock, no I/O.
import { unreachable } from "../base/never.ts";
import type {
  BfdStatus,
  DirectorStatus,
  ProcessStatus,
  StatusEvent,
  StatusUpdate,
  SyncGroupStatus,
  VirtualServerStatus,
  VrrpStatus,
  VrrpTraffic,
} from "./schema.ts";

/** Events that are kept for readers that come back. */
export const MAX_EVENTS = 1000;
/** Of those, about one thing: whoever has it change all the time pushes out nothing of the others. */
export const MAX_EVENTS_OF_SUBJECT = 100;
/** Metric names of one role that are kept; more is a mistake of the program. */
const MAX_METRICS_PER_ROLE = 20_000;

export interface NumberedEvent {
  readonly id: number;
  readonly event: StatusEvent;
}

export interface StatusStore {
  apply(update: StatusUpdate): void;
  /** Grows with every change. */
  revision(): number;
  director(): DirectorStatus | undefined;
  processes(): readonly ProcessStatus[];
  virtualServers(): readonly VirtualServerStatus[];
  virtualServer(id: string): VirtualServerStatus | undefined;
  vrrp(): readonly VrrpStatus[];
  vrrpInstance(name: string): VrrpStatus | undefined;
  syncGroups(): readonly SyncGroupStatus[];
  bfd(): readonly BfdStatus[];
  bfdSession(name: string): BfdStatus | undefined;
  /** Of the last change of all objects of a kind, one that went included; with a key, of that object; 0 when there was none. */
  revisionOf(kind: ObjectKind, key?: string): number;
  /** Metric name with rendered labels to value, all roles together. */
  metrics(): ReadonlyMap<string, number>;
  facts(): Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** Events after `id`, oldest first. `missed`: some of them are no longer kept. */
  eventsAfter(id: number): { readonly events: readonly NumberedEvent[]; readonly missed: boolean };
  lastEventId(): number;
  /** Hears each event as it comes, until the returned function is called. */
  onEvent(listener: (event: NumberedEvent) => void): () => void;
}

export type ObjectKind = "virtual-server" | "vrrp" | "sync-group" | "bfd";

interface Kept<T> {
  readonly value: T;
  readonly revision: number;
  /** Reported since the role last started. */
  readonly current: boolean;
}

/** What each role reports. */
const OWNED: Readonly<Record<string, readonly ObjectKind[]>> = {
  checker: ["virtual-server"],
  vrrp: ["vrrp", "sync-group"],
  bfd: ["bfd"],
};

/** What an event is about. */
export function eventSubject({ kind, subject }: Pick<StatusEvent, "kind" | "subject">): string {
  return `${kind} ${subject}`;
}

export function createStatusStore(): StatusStore {
  let revision = 0;
  let director: DirectorStatus | undefined;
  const processes = new Map<string, ProcessStatus>();
  const virtualServers = new Map<string, Kept<VirtualServerStatus>>();
  const vrrp = new Map<string, Kept<VrrpStatus>>();
  const syncGroups = new Map<string, Kept<SyncGroupStatus>>();
  const bfd = new Map<string, Kept<BfdStatus>>();
  const metrics = new Map<string, Map<string, number>>();
  const facts = new Map<string, Record<string, string | number | boolean>>();
  const events: NumberedEvent[] = [];
  const listeners = new Set<(event: NumberedEvent) => void>();
  let nextEventId = 1;
  /** Number of the last one that is no longer kept, or never came here. */
  let lastGone = 0;
  /** Of each subject, how many are kept. */
  const ofSubject = new Map<string, number>();

  const tables = { "virtual-server": virtualServers, vrrp, "sync-group": syncGroups, bfd } as const;
  const changed: Record<ObjectKind, number> = { "virtual-server": 0, vrrp: 0, "sync-group": 0, bfd: 0 };

  function keep<T>(kind: ObjectKind, map: Map<string, Kept<T>>, key: string, value: T): void {
    changed[kind] = revision;
    map.set(key, { value, revision, current: true });
  }

  function remove(kind: ObjectKind, key: string): void {
    if (tables[kind].delete(key)) changed[kind] = revision;
  }

  function addEvent(event: StatusEvent, given: number | undefined): void {
    const id = given ?? nextEventId;
    // Told twice: by the picture for a new reader, and on its way when that was made.
    if (id < nextEventId) return;
    if (id > nextEventId) lastGone = id - 1;
    nextEventId = id + 1;
    const numbered = { id, event };
    events.push(numbered);
    const subject = eventSubject(event);
    const count = (ofSubject.get(subject) ?? 0) + 1;
    ofSubject.set(subject, count);
    if (count > MAX_EVENTS_OF_SUBJECT) forgetEvent(events.findIndex((one) => eventSubject(one.event) === subject));
    if (events.length > MAX_EVENTS) forgetEvent(0);
    for (const listener of listeners) listener(numbered);
  }

  function forgetEvent(at: number): void {
    const [gone] = events.splice(at, 1);
    if (!gone) return;
    lastGone = Math.max(lastGone, gone.id);
    const subject = eventSubject(gone.event);
    const left = (ofSubject.get(subject) ?? 1) - 1;
    if (left > 0) ofSubject.set(subject, left);
    else ofSubject.delete(subject);
  }

  function addMetrics(role: string, values: Readonly<Record<string, number>>): void {
    const kept = metrics.get(role) ?? new Map<string, number>();
    metrics.set(role, kept);
    for (const [name, value] of Object.entries(values))
      if (kept.has(name) || kept.size < MAX_METRICS_PER_ROLE) kept.set(name, value);
  }

  function addTraffic(values: Readonly<Record<string, VrrpTraffic>>): void {
    for (const [name, { lastAdvertAt, counters }] of Object.entries(values)) {
      const kept = vrrp.get(name);
      if (!kept) continue;
      const { value } = kept;
      const master = value.master && { ...value.master, lastAdvertAt: lastAdvertAt ?? value.master.lastAdvertAt };
      changed.vrrp = revision;
      vrrp.set(name, { ...kept, revision, value: { ...value, master, counters: { ...value.counters, ...counters } } });
    }
  }

  return {
    apply(update) {
      revision++;
      switch (update.kind) {
        case "virtual-server":
          return keep("virtual-server", virtualServers, update.value.id, update.value);
        case "virtual-server-gone":
          return remove("virtual-server", update.id);
        case "vrrp":
          return keep("vrrp", vrrp, update.value.name, update.value);
        case "vrrp-gone":
          return remove("vrrp", update.name);
        case "vrrp-traffic":
          return addTraffic(update.values);
        case "sync-group":
          return keep("sync-group", syncGroups, update.value.name, update.value);
        case "sync-group-gone":
          return remove("sync-group", update.name);
        case "bfd":
          return keep("bfd", bfd, update.value.name, update.value);
        case "bfd-gone":
          return remove("bfd", update.name);
        case "event":
          return addEvent(update.value, update.id);
        case "director":
          director = update.value;
          return;
        case "process":
          return void processes.set(update.value.role, update.value);
        case "process-gone":
          return void processes.delete(update.role);
        case "role-gone":
          metrics.delete(update.role);
          facts.delete(update.role);
          for (const kind of OWNED[update.role] ?? []) markOld<unknown>(tables[kind]);
          return;
        case "role-current":
          for (const kind of OWNED[update.role] ?? [])
            for (const [key, { current }] of tables[kind]) if (!current) remove(kind, key);
          return;
        case "metrics":
          return addMetrics(update.role, update.values);
        case "facts":
          return void facts.set(update.role, { ...facts.get(update.role), ...update.values });
        default:
          return unreachable(update);
      }
    },
    revision: () => revision,
    director: () => director,
    processes: () => [...processes.values()],
    virtualServers: () => values(virtualServers),
    virtualServer: (id) => virtualServers.get(id)?.value,
    vrrp: () => values(vrrp),
    vrrpInstance: (name) => vrrp.get(name)?.value,
    syncGroups: () => values(syncGroups),
    bfd: () => values(bfd),
    bfdSession: (name) => bfd.get(name)?.value,
    revisionOf: (kind, key) => (key === undefined ? changed[kind] : (tables[kind].get(key)?.revision ?? 0)),
    metrics() {
      const sums = new Map<string, number>();
      for (const role of metrics.values())
        for (const [name, value] of role) sums.set(name, (sums.get(name) ?? 0) + value);
      return sums;
    },
    facts: () => Object.fromEntries(facts),
    eventsAfter(id) {
      return { events: events.filter((event) => event.id > id), missed: id < lastGone };
    },
    lastEventId: () => nextEventId - 1,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function markOld<T>(map: Map<string, Kept<T>>): void {
  for (const [key, kept] of map) map.set(key, { ...kept, current: false });
}

function values<T>(map: ReadonlyMap<string, Kept<T>>): T[] {
  return Array.from(map.values(), ({ value }) => value);
}
