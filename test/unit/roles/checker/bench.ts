// The checker role on a clock that is moved by hand, a table in memory, and servers that are told how to answer.

import type { LogLine } from "../../../../src/base/log.ts";
import { judgeSession } from "../../../../src/check/bfd.ts";
import { bad, good, type Outcome } from "../../../../src/check/outcome.ts";
import type { Attempt } from "../../../../src/check/runner-state.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import type { ProcessRights } from "../../../../src/config/model/global.ts";
import { IpvsUnavailable } from "../../../../src/kernel/ipvs.ts";
import type { ServiceEntry } from "../../../../src/lvs/model.ts";
import type { MarkedAddress, MarkSettings } from "../../../../src/net/nft-ipvs.ts";
import type { Notification } from "../../../../src/notify/notification.ts";
import type { CheckerRecord } from "../../../../src/roles/checker/journal.ts";
import type { KeptHealth } from "../../../../src/roles/checker/kept-health.ts";
import type { CheckerPorts } from "../../../../src/roles/checker/ports.ts";
import { createCheckerRole } from "../../../../src/roles/checker/role.ts";
import type { RoleOptions } from "../../../../src/roles/role.ts";
import type { SessionFacts } from "../../../../src/roles/sessions.ts";
import type { StatusEvent, StatusUpdate, VirtualServerStatus } from "../../../../src/status/schema.ts";
import { type FakeIpvs, fakeIpvs } from "../../../support/fake-ipvs.ts";
import { manualClock } from "../../../support/manual-clock.ts";

/** What outlives the process: the kernel's table and the run directory. */
export interface Machine {
  readonly table: FakeIpvs;
  journal: CheckerRecord | undefined;
  health: KeptHealth | undefined;
}

export function machine(initial: readonly ServiceEntry[] = []): Machine {
  return { table: fakeIpvs(initial), journal: undefined, health: undefined };
}

export interface BenchOptions {
  readonly on?: Machine;
  readonly session?: string;
  readonly releaseIpvs?: boolean;
  readonly random?: number;
  readonly checksAtOnce?: number;
  readonly addresses?: readonly string[];
  /** There is no IPVS until `ipvsComes` is called. */
  readonly openFails?: boolean;
  readonly nftFails?: boolean;
  readonly keepHealth?: boolean;
  /** Of the wall clock, since the first start. */
  readonly laterMs?: number;
  /** Each look at the tables of nftables_ipvs finds them gone. */
  readonly marksGo?: boolean;
  /** What is wrong with the client certificate. */
  readonly sslProblem?: string;
}

export function bench(options: BenchOptions = {}) {
  const own = options.on ?? machine();
  const clock = manualClock(0, Date.UTC(2026, 0, 1) + (options.laterMs ?? 0));
  const logs: LogLine[] = [];
  const updates: StatusUpdate[] = [];
  const notifications: Notification[] = [];
  const rights: ProcessRights[] = [];
  const answers = new Map<string, Outcome>();
  const slow = new Map<string, number>();
  const starts: { readonly at: number; readonly attempt: Attempt }[] = [];
  let addressesChanged: (addresses: ReadonlySet<string>) => void = () => {};
  let fileChanged: (path: string) => void = () => {};
  const did: string[] = [];
  let sessions: SessionFacts = {};
  let opened = 0;
  let journalWrites = 0;
  let watched = true;
  const markedSets: (readonly MarkedAddress[])[] = [];
  const markTables: MarkSettings[] = [];
  let available = !options.openFails;
  const ports: CheckerPorts = {
    openIpvs() {
      opened++;
      if (!available) throw new IpvsUnavailable("ENOENT", "the kernel has no IPVS", undefined);
      return {
        ...own.table,
        setReceiveBuffer: (wish) => void did.push(`IPVS has a buffer of ${wish?.bytes}`),
        [Symbol.dispose]: () => void did.push("IPVS closes"),
      };
    },
    openGroupMarkTables(settings) {
      markTables.push(settings);
      return {
        set: (marked) => {
          markedSets.push(marked);
          return options.nftFails ? { code: "EOPNOTSUPP", message: "nftables: EOPNOTSUPP" } : undefined;
        },
        audit: () => options.marksGo === true,
        remove: () => {
          markedSets.push([]);
          return undefined;
        },
        [Symbol.dispose]() {},
      };
    },
    probes: {
      start(attempt, done) {
        if (attempt.check.kind === "BFD_CHECK") {
          done(judgeSession(sessions[attempt.check.instance]));
          return () => {};
        }
        starts.push({ at: clock.now() / 1000, attempt });
        const server = targetOf(attempt);
        const cancel = clock.at(clock.now() + (slow.get(server) ?? 1), () =>
          done(answers.get(server) ?? good("connected")),
        );
        return cancel;
      },
      setSslClient: () => options.sslProblem,
    },
    notifier: {
      notify: (notification) => notifications.push(notification),
      drain: (limitMs) => Promise.resolve(void did.push(`notifier drains within ${limitMs}`)),
      reload: ({ routerId }) => void did.push(`notifier takes ${routerId ?? "the settings"}`),
      metrics: () => ({ lbd_notified_total: notifications.length }),
      close: () => void did.push("notifier closes"),
    },
    journal: {
      read: () => own.journal,
      write(record) {
        own.journal = record;
        journalWrites++;
      },
      clear() {
        own.journal = undefined;
      },
    },
    keptHealth: {
      read: () => own.health,
      write(kept) {
        own.health = kept;
      },
      clear() {
        own.health = undefined;
      },
    },
    session: options.session ?? "1:1",
    random: () => options.random ?? 0,
    soon: (run) => void clock.at(clock.now(), run),
    checksAtOnce: options.checksAtOnce ?? 1000,
    takeRights: (wanted) => rights.push(wanted),
    scripts: {
      setSecurity: ({ user }) => void did.push(`programs run as ${user ?? "nobody said"}`),
      stopChecks: () => void did.push("programs of checks end"),
      stopAll: () => void did.push("all programs end"),
    },
    sessions: {
      now: () => sessions,
      take(facts) {
        sessions = facts;
      },
    },
    prepareFiles: () => undefined,
    watchFiles: {
      set: (paths) => void did.push(`files ${[...paths].join(" ")}`.trimEnd()),
      close: () => void did.push("files close"),
    },
    onFileChange(changed) {
      fileChanged = changed;
    },
    watchAddresses(changed) {
      addressesChanged = changed;
      did.push("addresses are watched");
      return {
        now: new Set(options.addresses),
        setReceiveBuffer: (wish) => void did.push(`addresses have a buffer of ${wish?.bytes}`),
        stop: () => void did.push("addresses are watched no more"),
      };
    },
  };
  const roleOptions: RoleOptions = {
    runDir: "/run/lbd",
    ipvsTransport: "auto",
    releaseIpvs: options.releaseIpvs ?? true,
    releaseVrrp: true,
    ...(options.keepHealth && { keepHealth: true }),
    api: { tcp: null },
    debug: false,
  };
  const role = createCheckerRole(
    {
      clock,
      log: (line) => logs.push(line),
      options: roleOptions,
      report: (update) => updates.push(update),
      isWatched: () => watched,
      publish() {},
    },
    ports,
  );

  return {
    clock,
    role,
    table: own.table,
    machine: own,
    logs,
    updates,
    notifications,
    rights,
    /** Every probe, with the second it started at. */
    starts,
    opened: () => opened,
    /** What the role had its ports do, but for checks and the table. */
    did,
    /** Nobody looks at the status any more, or somebody does from now on. */
    watch(is: boolean): void {
      watched = is;
      if (is) role.snapshot();
      else role.unwatched?.();
    },
    journalWrites: () => journalWrites,
    /** What the packet filter was told to mark, time after time. */
    markedSets,
    /** The tables it was told to keep the marks in. */
    markTables,
    /** Somebody loads ip_vs. */
    ipvsComes(): void {
      available = true;
    },
    fact: (name: string) =>
      updates.reduce<unknown>(
        (value, update) => (update.kind === "facts" && name in update.values ? update.values[name] : value),
        undefined,
      ),
    start(config: Config): void {
      role.start(config);
    },
    /** How a server answers from now on. */
    fails(server: string): void {
      answers.set(server, bad("refused", "connection refused"));
    },
    works(server: string): void {
      answers.delete(server);
    },
    answers(server: string, outcome: Outcome): void {
      answers.set(server, outcome);
    },
    /** How long a server takes to answer. */
    takes(server: string, ms: number): void {
      slow.set(server, ms);
    },
    addresses(...ips: readonly string[]): void {
      addressesChanged(new Set(ips));
    },
    fileChanged: (path: string) => fileChanged(path),
    /** What the bfd role says of its sessions. */
    sessionsAre: (facts: SessionFacts) => role.receive?.("bfd", facts),
    /** The table as short lines: `10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1`. */
    shown: () => shown(own.table),
    /** Events as `from → to` with their subject, for one kind. */
    events: (kind: string) =>
      updates.flatMap((update) =>
        update.kind === "event" && update.value.kind === kind ? [eventText(update.value)] : [],
      ),
    /** What was notified: `RS [10.9.1.1]:tcp:80 DOWN`. */
    notified: () => notifications.map(notificationText),
    status(id = "10.9.0.1:80/tcp"): VirtualServerStatus {
      const last = updates.findLast((update) => update.kind === "virtual-server" && update.value.id === id);
      if (last?.kind !== "virtual-server") throw new Error(`no status of ${id}`);
      return last.value;
    },
    metric(name: string): number | undefined {
      const last = updates.findLast((update) => update.kind === "metrics");
      return last?.kind === "metrics" ? last.values[name] : undefined;
    },
  };
}

/** Who answers a probe: an address, a program, a file. */
function targetOf({ check, part }: Attempt): string {
  switch (check.kind) {
    case "MISC_CHECK":
      return check.command.argv[0] ?? "";
    case "FILE_CHECK":
      return check.file;
    case "SMTP_CHECK":
      return check.hosts[part]?.ip ?? "";
    case "BFD_CHECK":
      return check.instance;
    default:
      return check.endpoint.ip;
  }
}

export function shown(table: FakeIpvs): string {
  return table
    .entries()
    .map(({ service, destinations }) => {
      const { address } = service;
      const name = address.kind === "address" ? `${address.ip}:${address.port}` : `fwmark ${address.mark}`;
      const list = destinations.map((d) => `${d.ip}=${d.weight}`).toSorted();
      return `${name} ${service.scheduler}: ${list.join(" ")}`.trim();
    })
    .toSorted()
    .join(" | ");
}

function eventText({ subject, from, to }: StatusEvent): string {
  return `${subject}: ${from === undefined ? "" : `${from} → `}${to}`;
}

function notificationText(notification: Notification): string {
  switch (notification.kind) {
    case "real-server":
      return `RS ${notification.server} ${notification.service} ${notification.up ? "UP" : "DOWN"}`;
    case "virtual-server":
      return `VS ${notification.service} ${notification.up ? "UP" : "DOWN"}`;
    default:
      return notification.kind;
  }
}
