// Role checker: the checker role's side of the kernel: opens IPVS or waits for it, sets time-outs, keeps the journal that says whose the
// entries are, and takes them out at the end. What the table should hold is asked of the role; checker-table.ts keeps it so.

import type { Cancel } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { type Decoded, err, ok } from "../../base/result.ts";
import type { Config } from "../../config/model/config.ts";
import type { GlobalConfig } from "../../config/model/global.ts";
import { IpvsUnavailable } from "../../kernel/ipvs.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import { serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand, IpvsTimeouts, SeenService, ServiceEntry } from "../../lvs/model.ts";
import { removeService } from "../../lvs/plan.ts";
import type { RoleContext } from "../role.ts";
import type { DriftFound } from "./drift.ts";
import type { CheckerRecord, Inheritance } from "./journal.ts";
import type { CheckerPorts } from "./ports.ts";
import { createTableKeeper, type TableKeeper } from "./table.ts";

/** IPVS that could not be opened is tried again after this long. */
export const IPVS_RETRY_MS = 5000;

/** A reload inherits nothing, and is no first start. */
const NO_INHERITANCE: Inheritance = { respawn: true, services: new Set(), servers: new Set(), timeouts: undefined };

const NO_FAILURES: TableKeeper["failures"] = { size: 0, ofService: () => [], some: () => [] };

export interface CheckerIpvsPorts {
  readonly context: RoleContext;
  readonly ports: Pick<CheckerPorts, "openIpvs" | "journal" | "session">;
  /** What the whole table should hold, by the configuration and what checks said so far. */
  wanted(): ServiceEntry[];
  /** Where in the configuration the object of a kernel call stands: `keepalived.conf:12`. */
  placeOf(command: IpvsCommand): string | undefined;
  /** What the journal should know of the configuration. */
  configured(): Pick<CheckerRecord, "services" | "servers">;
  drifted(drift: DriftFound): void;
  /** A service has other counters in the kernel. */
  counted(key: string): void;
  audited(): void;
  /** IPVS came after it had been missing, and the table was filled. */
  arrived(): void;
}

/** What another configuration changes in the table. */
export interface TableChanges {
  readonly wanted: readonly ServiceEntry[];
  /** Keys of services that are wanted no more. */
  readonly unwanted: readonly string[];
  /** The journal has to name others. */
  readonly named: boolean;
}

export interface CheckerIpvs {
  /**
   * Opens IPVS when the configuration has something for it. When it is missing, it is tried again until it comes. True when the
   * table is open since now, and to be filled.
   */
  open(config: Config, inheritance?: Inheritance): boolean;
  /** Makes the whole table so, time-outs and journal with it. */
  fill(config: Config): void;
  /** Another configuration is in force: makes the table so for what is wanted otherwise, time-outs and journal with it. */
  update(config: Config, changes: TableChanges): void;
  /** Makes the table so for some services. */
  readonly change: (entries: readonly ServiceEntry[]) => void;
  /** A service as the kernel last showed it. */
  seen(key: string): SeenService | undefined;
  /** Kernel calls that failed and are not mended. */
  failures(): TableKeeper["failures"];
  metrics(): Readonly<Record<string, number>>;
  /** No look at the table any more, no try to open it. */
  stop(): void;
  /** Everything of ours leaves the kernel, in keepalived's order (checkers.md §4). */
  release(flushOnStop: GlobalConfig["lvs"]["flushOnStop"]): void;
  close(): void;
}

export function createCheckerIpvs(own: CheckerIpvsPorts): CheckerIpvs {
  const { context, ports } = own;
  let table: IpvsTable | undefined;
  let keeper: TableKeeper | undefined;
  let timeoutsBefore: IpvsTimeouts | undefined;
  /** Set while there is no IPVS: what the table that may come will be taken over with. */
  let awaited: { readonly inheritance: Inheritance; readonly problem: string; readonly cancel: Cancel } | undefined;

  function log(level: "info" | "error", message: string): void {
    context.log({ level, area: "checker", message });
  }

  function open(config: Config, inheritance: Inheritance = awaited?.inheritance ?? NO_INHERITANCE): boolean {
    if (keeper) return false;
    const { respawn, services, timeouts } = inheritance;
    // A director without virtual servers must run where there is no IPVS.
    const needed = config.virtualServers.length > 0 || services.size > 0;
    const opened = needed ? tryOpen(ports, config) : undefined;
    if (opened && !opened.ok) wait(config, inheritance, opened.error);
    else endWait();
    if (!opened?.ok) return false;
    table = opened.value;
    timeoutsBefore = timeouts;
    if (config.global.lvs.flush && !respawn) {
      table.flush();
      log("info", "lvs_flush: the whole IPVS table was emptied");
    }
    const { clock } = context;
    const { placeOf, drifted, counted, audited } = own;
    keeper = createTableKeeper({
      clock,
      log: context.log,
      table,
      placeOf,
      drifted,
      counted,
      audited,
      isWatched: context.isWatched ?? (() => true),
    });
    keeper.own(services);
    const { transport, version } = table;
    report({ ipvsTransport: transport, ipvsVersion: version });
    return true;
  }

  function report(values: Readonly<Record<string, string>>): void {
    context.report({ kind: "facts", role: "checker", values });
  }

  /** Checks run without a table too: what they say is shown, and goes in when IPVS comes. */
  function wait(config: Config, inheritance: Inheritance, { message }: IpvsUnavailable): void {
    const { clock } = context;
    if (awaited?.problem !== message)
      log("error", `${message}; checking without it, trying again every ${IPVS_RETRY_MS / 1000} s`);
    awaited?.cancel();
    const cancel = clock.at(clock.now() + IPVS_RETRY_MS, () => {
      if (!open(config, inheritance)) return;
      fill(config);
      own.arrived();
    });
    awaited = { inheritance, problem: message, cancel };
    report({ problem: message });
  }

  function endWait(): void {
    if (!awaited) return;
    awaited.cancel();
    awaited = undefined;
    report({ problem: "" });
  }

  /** The journal knows before and after whose the entries are. */
  function fill(config: Config): void {
    takeSettings(config);
    writeJournal();
    keeper?.want(own.wanted());
    writeJournal();
  }

  function update(config: Config, { wanted, unwanted, named }: TableChanges): void {
    const other = takeSettings(config);
    if (named || other) writeJournal();
    keeper?.update(wanted, unwanted);
    if (unwanted.length > 0) writeJournal();
  }

  /** True when the time-outs to be put back are others than before. */
  function takeSettings(config: Config): boolean {
    const { cmdRcvBufBytes, cmdRcvBufForce } = config.global.lvs;
    table?.setReceiveBuffer(wishedBuffer(cmdRcvBufBytes, cmdRcvBufForce));
    const before = timeoutsBefore;
    if (table) timeoutsBefore = setTimeouts(table, config, before, (problem) => log("error", problem));
    return timeoutsBefore !== before;
  }

  function writeJournal(): void {
    if (!keeper) return;
    const { services, servers } = own.configured();
    try {
      ports.journal.write({
        session: ports.session,
        services: [...new Set([...keeper.owned, ...services])],
        servers,
        ...(timeoutsBefore ? { timeouts: timeoutsBefore } : {}),
      });
    } catch (error) {
      // A full disk must not stop a director; after a crash it then knows less.
      log("error", `journal can't be written: ${messageOf(error)}`);
    }
  }

  function release(flushOnStop: GlobalConfig["lvs"]["flushOnStop"]): void {
    if (!keeper || !table) return;
    try {
      if (flushOnStop === "all") table.flush();
      else {
        const results = table.apply(removeOwned(table.read(), keeper.owned, flushOnStop === "virtual-servers"));
        for (const { failure } of results) if (failure) log("error", failure.message);
      }
      if (timeoutsBefore) table.setTimeouts(timeoutsBefore);
      ports.journal.clear();
    } catch (error) {
      log("error", `IPVS could not be cleared: ${messageOf(error)}`);
    }
  }

  return {
    open,
    fill,
    update,
    change: (entries) => keeper?.update(entries, []),
    seen: (key) => keeper?.seen(key),
    failures: () => keeper?.failures ?? NO_FAILURES,
    metrics: () => keeper?.metrics() ?? {},
    stop() {
      awaited?.cancel();
      keeper?.stop();
    },
    release,
    close: () => table?.[Symbol.dispose](),
  };
}

/** Our services leave, each with its destinations first unless they go as a `whole`. */
function removeOwned(seen: readonly SeenService[], owned: ReadonlySet<string>, whole: boolean): IpvsCommand[] {
  return seen
    .filter(({ service }) => owned.has(serviceKey(service)))
    .flatMap((entry): IpvsCommand[] =>
      whole ? [{ kind: "deleteService", service: entry.service }] : removeService(entry),
    );
}

/**
 * Sets `lvs_timeouts`. What was found first (`before`, which is given back) is put back at the end, and where the configuration no longer
 * names a value.
 */
function setTimeouts(
  table: IpvsTable,
  { global }: Config,
  before: IpvsTimeouts | undefined,
  failed: (problem: string) => void,
): IpvsTimeouts | undefined {
  const { tcp = 0, tcpFin = 0, udp = 0 } = global.lvs.timeouts;
  let found = before;
  try {
    const now = table.timeouts();
    if (tcp + tcpFin + udp > 0) found ??= now;
    if (!found) return undefined;
    const wanted = { tcp: tcp || found.tcp, tcpFin: tcpFin || found.tcpFin, udp: udp || found.udp };
    if (JSON.stringify(wanted) !== JSON.stringify(now)) table.setTimeouts(wanted);
  } catch (error) {
    failed(`lvs_timeouts can't be set: ${messageOf(error)}`);
  }
  return found;
}

function tryOpen(
  { openIpvs }: Pick<CheckerPorts, "openIpvs">,
  { global }: Config,
): Decoded<IpvsTable, IpvsUnavailable> {
  try {
    return ok(openIpvs(global.netNamespaceIpvs));
  } catch (error) {
    if (error instanceof IpvsUnavailable) return err(error);
    throw error;
  }
}
