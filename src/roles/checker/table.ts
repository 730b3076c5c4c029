// Role checker: keeps the kernel's IPVS table as it is wanted. One way for everything: plan from what was seen, apply, remember what
// came of it. The audit looks at it service by service and finds what others changed; that is put back and told.
// Known gap: the kernel does not say who changed its table.
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { limitLog } from "../../base/log-limit.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import { serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand, SeenService, ServiceEntry } from "../../lvs/model.ts";
import { plan } from "../../lvs/plan.ts";
import { type Looked, startAudit } from "./audit.ts";
import { createDriftTeller, type DriftFound } from "./drift.ts";
import { createKernelFailures, type KernelFailures } from "./failures.ts";
import { createSeenTable } from "./seen-table.ts";
import { type Attempt, createTableWriter, type Why } from "./table-writer.ts";

export interface TablePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly table: IpvsTable;
  /** Where in the configuration the object of a call stands (`keepalived.conf:12`); undefined when it stands there no more. */
  placeOf(command: IpvsCommand): string | undefined;
  /** Something else than we left it. Bounded: one object is told once a minute at most. */
  drifted(drift: DriftFound): void;
  /** A look at a service found other counters. */
  counted(key: string): void;
  /** After each look at the whole table. */
  audited(): void;
  /** Somebody reads the counters that the audit finds. */
  isWatched(): boolean;
}

export interface TableKeeper {
  /** Makes the kernel's table so. Services in `owned` that are not in it are removed. */
  want(entries: readonly ServiceEntry[]): void;
  /** The same for some services, and for the keys of some that are wanted no more; the others are not looked at. */
  update(entries: readonly ServiceEntry[], unwanted: readonly string[]): void;
  /** Keys of the services that we may remove. */
  readonly owned: ReadonlySet<string>;
  own(keys: Iterable<string>): void;
  /** A service as the kernel last showed it, with what we did since. */
  seen(key: string): SeenService | undefined;
  /** What could not be done, by command and object. */
  readonly failures: Pick<KernelFailures, "size" | "ofService" | "some">;
  metrics(): Readonly<Record<string, number>>;
  stop(): void;
}

/** Reading the table failed in so many rounds in a row: a new process with new sockets is the next thing to try. */
const MAX_READ_FAILURES = 3;
/** Lines of one kind: each of a few, the number of many. */
const LOG_LIMIT = { windowMs: 10_000, burst: 10 };

/** @throws SyscallError when the table can't be read at all */
export function createTableKeeper(ports: TablePorts): TableKeeper {
  const { clock, log, table } = ports;
  const wanted = new Map<string, ServiceEntry>();
  const owned = new Set<string>();
  const seen = createSeenTable(table);
  const failing = createKernelFailures(clock);
  /** Another program that empties the table, or a kernel without a scheduler, is the same line ten thousand times. */
  const limited = limitLog(log, clock, LOG_LIMIT);
  const drift = createDriftTeller(clock, limited, ports.drifted);
  const counters: Record<string, number> = {};
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  const writer = createTableWriter({
    clock,
    table,
    seen,
    failing,
    drift,
    counters,
    log: limited,
    placeOf: ports.placeOf,
  });
  let readFailures = 0;
  let cancelRetry: Cancel = () => {};
  let stopped = false;

  seen.readAll();
  const stopAudit = startAudit({
    clock,
    isWatched: ports.isWatched,
    keys: () => [...new Set([...wanted.keys(), ...owned])],
    look,
    repair: (keys) => applyTwice("drift", keys),
    done() {
      forgetGone(owned);
      drift.forgetOld();
      ports.audited();
    },
  });

  function update(entries: readonly ServiceEntry[], unwanted: Iterable<string>): void {
    const keys = new Set(unwanted);
    for (const key of keys) wanted.delete(key);
    for (const entry of entries) {
      const key = serviceKey(entry.service);
      wanted.set(key, entry);
      owned.add(key);
      keys.add(key);
    }
    if (keys.size === 0) return;
    applyTwice("changed", keys);
    forgetGone(unwanted);
  }

  /** What we thought of some services may be old: then look at them, and try once more. */
  function applyTwice(why: Why, keys: ReadonlySet<string>): void {
    const stale = applyPlan(why, "first", keys);
    if (stale.size > 0 && [...stale].every((key) => look(key) !== undefined)) applyPlan(why, "last", stale);
    scheduleRetry();
  }

  function scheduleRetry(): void {
    cancelRetry();
    const due = stopped ? undefined : failing.nextRetryAt();
    if (due !== undefined) cancelRetry = clock.at(due, () => applyTwice("changed", new Set(failing.services())));
  }

  /** Of these keys, services that are gone and not wanted are nobody's. */
  function forgetGone(keys: Iterable<string>): void {
    for (const key of keys) if (!wanted.has(key) && !seen.has(key)) owned.delete(key);
  }

  /** Does what is to be done for some services; keys of those are given back whose table is not what we thought. */
  function applyPlan(why: Why, attempt: Attempt, keys: ReadonlySet<string>): ReadonlySet<string> {
    const entries = [...keys].flatMap((key) => wanted.get(key) ?? []);
    const commands = plan(entries, seen.present(keys), owned);
    failing.keepOnly(commands, keys);
    return writer.apply(
      commands.filter((command) => !failing.rests(command)),
      why,
      attempt,
    );
  }

  /** Undefined when it can't be read. */
  function look(key: string): Looked | undefined {
    const service = wanted.get(key)?.service ?? seen.get(key)?.service;
    if (!service) return { objects: 0, drifted: false };
    try {
      const is = seen.look(key, service);
      readFailures = 0;
      if (is === "counted") ports.counted(key);
      return { objects: 1 + (wanted.get(key)?.destinations.length ?? 0), drifted: is === "other" };
    } catch (error) {
      noteUnreadable(error);
      return undefined;
    }
  }

  /** @throws Error after the last of several times in a row */
  function noteUnreadable(cause: unknown): void {
    readFailures++;
    count('lbd_kernel_ops_total{kind="ipvs",op="read",result="failed"}');
    const message = messageOf(cause);
    if (readFailures >= MAX_READ_FAILURES)
      throw new Error(`IPVS table can't be read, ${readFailures} times in a row: ${message}`, { cause });
    log({ level: "error", area: "ipvs", message: `IPVS table can't be read: ${message}; trying again` });
  }

  return {
    want: (entries) => {
      const keys = new Set(entries.map(({ service }) => serviceKey(service)));
      update(
        entries,
        [...wanted.keys(), ...owned].filter((key) => !keys.has(key)),
      );
    },
    update,
    owned,
    own(keys) {
      for (const key of keys) owned.add(key);
    },
    seen: seen.get,
    failures: failing,
    metrics: () => counters,
    stop() {
      stopped = true;
      stopAudit();
      cancelRetry();
      limited.flush();
    },
  };
}
