// Role checker: keeps the kernel's IPVS table as it is wanted. One way for everything: plan from what was seen, apply, remember what
// came of it. A look at the whole table every few seconds finds what others changed; it is put back and told.
// Known gap: the kernel does not say who changed its table.

import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { observe } from "../../base/histogram.ts";
import type { Log } from "../../base/log.ts";
import { limitLog } from "../../base/log-limit.ts";
import type { CommandResult, IpvsTable, KernelFailure } from "../../kernel/ports.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { Destination, IpvsCommand, SeenService, Service, ServiceEntry, Statistics } from "../../lvs/model.ts";
import { type PresentService, plan } from "../../lvs/plan.ts";
import { createKernelFailures, type KernelFailures } from "./failures.ts";

export interface DriftFound {
  /** `destination 10.9.1.1:80 of 10.9.0.1:80/tcp`. */
  readonly subject: string;
  /** What was found, and what was done about it. */
  readonly found: string;
  readonly repaired: boolean;
  readonly reason: string;
}

export interface TablePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly table: IpvsTable;
  /** Where in the configuration the object of a call stands (`keepalived.conf:12`); undefined when it stands there no more. */
  placeOf(command: IpvsCommand): string | undefined;
  /** Something else than we left it. Bounded: one object is told once a minute at most. */
  drifted(drift: DriftFound): void;
  /** After each look at the whole table. */
  audited(): void;
}

export interface TableKeeper {
  /** Makes the kernel's table so. Services in `owned` that are not in it are removed. */
  want(entries: readonly ServiceEntry[]): void;
  /** The same for some services, and for the keys of some that are wanted no more; the others are not looked at. */
  update(entries: readonly ServiceEntry[], unwanted: readonly string[]): void;
  /** The wanted table again, for what failed or drifted; called by the clock. */
  audit(): void;
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

export const AUDIT_MS = 5000;
/** Reading the table failed so many times in a row: a new process with new sockets is the next thing to try. */
const MAX_READ_FAILURES = 3;
/** One object's drift is told at most this often. */
const TELL_AGAIN_MS = 60_000;
/** Answers that can mean that the table is not as it was seen. */
const STALE_CODES: ReadonlySet<string> = new Set(["ESRCH", "ENOENT", "EEXIST"]);
/** Lines of one kind: each of a few, the number of many. */
const LOG_LIMIT = { windowMs: 10_000, burst: 10 };
const OP_BUCKETS_S = [0.001, 0.01, 0.1, 1];

const NO_STATISTICS: Statistics = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionRate: 0,
  inPacketRate: 0,
  outPacketRate: 0,
  inByteRate: 0,
  outByteRate: 0,
};
const NO_CONNECTIONS = {
  activeConnections: 0,
  inactiveConnections: 0,
  persistentConnections: 0,
  statistics: NO_STATISTICS,
};

interface Known {
  readonly service: Service;
  readonly destinations: Map<string, PresentService["destinations"][number]>;
}

/** @throws SyscallError when the table can't be read at all */
export function createTableKeeper(ports: TablePorts): TableKeeper {
  const { clock, log, table } = ports;
  let wanted = new Map<string, ServiceEntry>();
  let read: ReadonlyMap<string, SeenService> = new Map();
  let known: Map<string, Known> = new Map();
  const owned = new Set<string>();
  const failing = createKernelFailures(clock);
  /** Another program that empties the table, or a kernel without a scheduler, is the same line ten thousand times. */
  const limited = limitLog(log, clock, LOG_LIMIT);
  const toldAt = new Map<string, MonoMs>();
  const counters: Record<string, number> = {};
  let readFailures = 0;
  let cancelAudit: Cancel = () => {};
  let cancelRetry: Cancel = () => {};
  let stopped = false;

  readTable();
  scheduleAudit();

  function readTable(): void {
    const seen = table.read();
    read = new Map(seen.map((entry) => [serviceKey(entry.service), entry]));
    known = new Map(
      seen.map((entry) => [
        serviceKey(entry.service),
        { service: entry.service, destinations: new Map(entry.destinations.map((d) => [destinationKey(d), d])) },
      ]),
    );
  }

  function scheduleAudit(): void {
    cancelAudit = clock.at(clock.now() + AUDIT_MS, () => {
      audit();
      if (!stopped) scheduleAudit();
    });
  }

  function want(entries: readonly ServiceEntry[]): void {
    wanted = new Map(entries.map((entry) => [serviceKey(entry.service), entry]));
    for (const key of wanted.keys()) owned.add(key);
    applyTwice("changed");
    forgetGone();
  }

  function update(entries: readonly ServiceEntry[], unwanted: readonly string[]): void {
    const keys = new Set(unwanted);
    for (const key of unwanted) wanted.delete(key);
    for (const entry of entries) {
      const key = serviceKey(entry.service);
      wanted.set(key, entry);
      owned.add(key);
      keys.add(key);
    }
    if (keys.size === 0) return;
    applyTwice("changed", keys);
    if (unwanted.length > 0) forgetGone();
  }

  /** What we thought of the table may be old: then look, and try once more. */
  function applyTwice(why: "changed" | "drift", only?: ReadonlySet<string>): void {
    if (applyPlan(why, "first", only) === "stale" && reread()) applyPlan(why, "last");
    scheduleRetry();
  }

  function scheduleRetry(): void {
    cancelRetry();
    const due = stopped ? undefined : failing.nextRetryAt();
    if (due !== undefined) cancelRetry = clock.at(due, () => applyTwice("changed"));
  }

  /** Services that are gone and not wanted are nobody's. */
  function forgetGone(): void {
    for (const key of owned) if (!wanted.has(key) && !known.has(key)) owned.delete(key);
  }

  /** The commands for all services, or for some of them. */
  function planFor(only: ReadonlySet<string> | undefined): IpvsCommand[] {
    const wantedNow = only ? [...only].flatMap((key) => wanted.get(key) ?? []) : [...wanted.values()];
    const present = only ? [...only].flatMap((key) => known.get(key) ?? []) : [...known.values()];
    const commands = plan(wantedNow, present.map(presentOf), owned);
    failing.keepOnly(commands, only);
    return commands;
  }

  function applyPlan(
    why: "changed" | "drift",
    attempt: "first" | "last",
    only?: ReadonlySet<string>,
  ): "done" | "stale" {
    const due = planFor(only).filter((command) => !failing.rests(command));
    if (due.length === 0) return "done";
    // A command that failed before is not drift: nobody changed anything.
    const drift = why === "drift" ? due.filter((command) => !failing.of(command)) : [];
    const found = new Map(drift.map((command) => [command, describeDrift(command)]));
    const startedAt = clock.now();
    const results = table.apply(due);
    const seconds = (clock.now() - startedAt) / 1000;
    observe(counters, "lbd_kernel_op_duration_seconds", 'kind="ipvs"', OP_BUCKETS_S, seconds);
    let stale = false;
    for (const result of results) {
      const words = found.get(result.command);
      if (words !== undefined) tellDrift(result, words);
      if (take(result, attempt)) stale = true;
    }
    return stale ? "stale" : "done";
  }

  /** Remembers what came of a command; true when the kernel's table is not what we thought. */
  function take(result: CommandResult, attempt: "first" | "last"): boolean {
    const { command, alreadySo } = result;
    const { failure } = result;
    count(
      `lbd_kernel_ops_total{kind="ipvs",op="${command.kind}",result="${failure ? "failed" : alreadySo ? "already" : "ok"}"}`,
    );
    if (!failure) {
      failing.done(command);
      remember(command);
      // «Already there» says nothing about how it is set.
      return alreadySo === true;
    }
    const old = failing.of(command);
    if (!old && attempt === "first" && STALE_CODES.has(failure.code)) return true;
    if (failing.followsFromService(command)) return false;
    const told = placed(command, failure);
    if (old?.failure.message !== told.message) {
      const line = { level: "error", area: "ipvs", message: `${told.message}; trying again` } as const;
      limited(`${command.kind} ${failure.code}`, line);
    }
    failing.note(command, told);
    return false;
  }

  function placed(command: IpvsCommand, { code, message }: KernelFailure): KernelFailure {
    const place = ports.placeOf(command);
    return { code, message: place === undefined ? message : `${place}: ${message}` };
  }

  function remember(command: IpvsCommand): void {
    const key = serviceKey(command.service);
    const entry = known.get(key);
    switch (command.kind) {
      case "addService":
        known.set(key, { service: command.service, destinations: new Map() });
        break;
      case "editService":
        if (entry) known.set(key, { ...entry, service: command.service });
        break;
      case "deleteService":
        known.delete(key);
        break;
      case "addDestination":
      case "editDestination":
        entry?.destinations.set(destinationKey(command.destination), command.destination);
        break;
      case "deleteDestination":
        entry?.destinations.delete(destinationKey(command.destination));
        break;
    }
  }

  /** What we did since the last look is in it, with counters of 0 for what is new. */
  function seen(key: string): SeenService | undefined {
    const entry = known.get(key);
    if (!entry) return undefined;
    const last = read.get(key);
    const counted = new Map(last?.destinations.map((d) => [destinationKey(d), d]));
    return {
      service: entry.service,
      statistics: last?.statistics ?? NO_STATISTICS,
      destinations: [...entry.destinations].map(([name, destination]) => ({
        ...(counted.get(name) ?? NO_CONNECTIONS),
        ...destination,
      })),
    };
  }

  function audit(): void {
    if (stopped || !reread()) return;
    applyTwice("drift");
    forgetGone();
    for (const [object, at] of toldAt) if (clock.now() - at > TELL_AGAIN_MS) toldAt.delete(object);
    ports.audited();
  }

  function reread(): boolean {
    try {
      readTable();
      readFailures = 0;
      return true;
    } catch (error) {
      readFailures++;
      count('lbd_kernel_ops_total{kind="ipvs",op="read",result="failed"}');
      const message = messageOf(error);
      if (readFailures >= MAX_READ_FAILURES)
        throw new Error(`IPVS table can't be read, ${readFailures} times in a row: ${message}`, { cause: error });
      log({ level: "error", area: "ipvs", message: `IPVS table can't be read: ${message}; trying again` });
      return false;
    }
  }

  /** What a repair says about the state that it found; asked before the repair. */
  function describeDrift(command: IpvsCommand): string {
    const entry = known.get(serviceKey(command.service));
    switch (command.kind) {
      case "addService":
      case "addDestination":
        return "was missing, added again";
      case "deleteService":
        return "was there again, removed";
      case "deleteDestination":
        return "is not ours, removed";
      case "editService":
        return `${entry ? changes(entry.service, command.service) : "was changed"}, set back`;
      case "editDestination": {
        const before = entry?.destinations.get(destinationKey(command.destination));
        return `${before ? changes(before, command.destination) : "was changed"}, set back`;
      }
    }
  }

  function tellDrift(result: CommandResult, found: string): void {
    count('lbd_drift_detected_total{kind="ipvs"}');
    if (!result.failure) count('lbd_drift_repaired_total{kind="ipvs"}');
    const subject = describeObject(result.command);
    if (toldAt.has(subject)) return;
    toldAt.set(subject, clock.now());
    const reason = result.failure?.message ?? "changed by another program (ipvsadm or another director)";
    limited("drift", { level: "warning", area: "ipvs", message: `drift: ${subject} ${found}: ${reason}` });
    ports.drifted({ subject, found, repaired: !result.failure, reason });
  }

  function count(name: string): void {
    counters[name] = (counters[name] ?? 0) + 1;
  }

  return {
    want,
    update,
    audit,
    owned,
    own(keys) {
      for (const key of keys) owned.add(key);
    },
    seen,
    failures: failing,
    metrics: () => counters,
    stop() {
      stopped = true;
      cancelAudit();
      cancelRetry();
      limited.flush();
    },
  };
}

function presentOf({ service, destinations }: Known): PresentService {
  return { service, destinations: [...destinations.values()] };
}

function describeObject(command: IpvsCommand): string {
  const service = serviceKey(command.service);
  return "destination" in command
    ? `destination ${destinationKey(command.destination)} of ${service}`
    : `service ${service}`;
}

const COMPARED = [
  "scheduler",
  "flags",
  "timeoutS",
  "netmask",
  "persistenceEngine",
  "weight",
  "forwarding",
  "upperThreshold",
  "lowerThreshold",
];

/** `weight was 7, wanted 1`. */
function changes(before: Service | Destination, wanted: Service | Destination): string {
  const old = new Map(Object.entries(before));
  const parts = Object.entries(wanted)
    .filter(([name, value]) => COMPARED.includes(name) && JSON.stringify(value) !== JSON.stringify(old.get(name)))
    .map(([name, value]) => `${name} was ${shown(old.get(name))}, wanted ${shown(value)}`);
  return parts.length > 0 ? parts.join("; ") : "was changed";
}

function shown(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([, part]) => shown(part))
    .join(" ");
}
