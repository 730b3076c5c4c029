// Process layer: the checker role. Runs the checks, turns what they say into the wanted IPVS table, keeps the kernel at it, and tells
// what happened. It owns IPVS services, destinations and time-outs, nothing else. After a crash the table is adopted, not flushed.
import type { Cancel } from "../../base/clock.ts";
import { escapeControls } from "../../base/log.ts";
import { type Decoded, err, ok } from "../../base/result.ts";
import { initialHealth } from "../../check/health.ts";
import { checkKey } from "../../check/key.ts";
import type { Verdict, WeightShare } from "../../check/outcome.ts";
import { type CheckRunner, type CheckState, createCheckRunner } from "../../check/runner.ts";
import {
  type CheckView,
  type ServerStanding,
  type ServiceStanding,
  standServer,
  standService,
} from "../../check/standing.ts";
import type { Check, Config, RealServer, VirtualServer } from "../../config/model.ts";
import { IpvsUnavailable } from "../../kernel/ipvs.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import { desiredServices, serverDestinationKey, serviceOf } from "../../lvs/desired.ts";
import { destinationKey, serviceKey } from "../../lvs/keys.ts";
import type { IpvsCommand, IpvsTimeouts } from "../../lvs/model.ts";
import { removeService } from "../../lvs/plan.ts";
import type { Role, RoleContext } from "../role.ts";
import type { CheckerRecord } from "./checker-journal.ts";
import { serverNotification, serviceNotification } from "./checker-notify.ts";
import { type CheckerPorts, realPorts } from "./checker-ports.ts";
import { idleSettings, withFilePaths } from "./checker-settings.ts";
import { iso, virtualServerStatus } from "./checker-status.ts";
import { createTableKeeper, type TableKeeper } from "./checker-table.ts";

/** A start this much behind its time is counted as late (lbd_check_late_total). */
const LATE_MS = 50;
/** The whole picture is reported once in this time, a slice at a time, so that no turn of the loop gets long. */
const REPORT_ALL_MS = 5000;
const REPORT_SLICES = 50;
/** Notify programs get what is left of `child_wait_time` after this. */
const STOP_RESERVE_MS = 1000;
/** IPVS that could not be opened is tried again after this long. */
export const IPVS_RETRY_MS = 5000;
const REMOVED = "removed from the configuration";
/** Failed kernel calls that are named in the facts. */
const MAX_SHOWN_FAILURES = 5;

export function createCheckerRole(context: RoleContext, ports: CheckerPorts = realPorts(context)): Role {
  return new CheckerRole(context, ports);
}

interface Service {
  readonly virtualServer: VirtualServer;
  standing: ServiceStanding;
  /** The same map as in `standing`: a run of a check touches its own server only. */
  readonly realServers: Map<string, ServerStanding>;
  suspended: boolean;
  /** Ids of the runner's checks, by real server. */
  readonly checks: ReadonlyMap<string, readonly string[]>;
}

const NO_STANDING = { quorumUp: true, realServers: new Map<string, ServerStanding>() };

interface Adopted {
  readonly up: boolean;
  readonly weight: number;
}

/** What an earlier life of this role left. */
interface Inheritance {
  /** The same parent runs: only this process died. */
  readonly respawn: boolean;
  readonly services: ReadonlySet<string>;
  readonly servers: ReadonlySet<string>;
  readonly timeouts: IpvsTimeouts | undefined;
}

function inherit(record: CheckerRecord | undefined, session: string): Inheritance {
  return {
    respawn: record?.session === session,
    services: new Set(record?.services),
    servers: new Set(record?.servers),
    timeouts: record?.timeouts,
  };
}

/** A reload inherits nothing, and is no first start. */
const NO_INHERITANCE: Inheritance = { respawn: true, services: new Set(), servers: new Set(), timeouts: undefined };

class CheckerRole implements Role {
  readonly #context: RoleContext;
  readonly #ports: CheckerPorts;
  readonly #runner: CheckRunner;
  readonly #services = new Map<string, Service>();
  /** Which virtual and real server a check of the runner belongs to. */
  readonly #owners = new Map<string, { readonly service: string; readonly realServer: RealServer }>();
  /** Checks with `alpha` that have not run yet: nobody has heard how their servers stand. */
  readonly #untold = new Set<string>();
  readonly #dirty = new Set<string>();
  /** Whose a kernel service is, by its key. */
  readonly #claims = new Map<string, string>();
  readonly #counters: Record<string, number> = {};
  #config: Config | undefined;
  #table: IpvsTable | undefined;
  #keeper: TableKeeper | undefined;
  #timeoutsBefore: IpvsTimeouts | undefined;
  /** Set while there is no IPVS: what the table that may come will be taken over with. */
  #awaited: { readonly inheritance: Inheritance; readonly problem: string; readonly cancel: Cancel } | undefined;
  #cancelFlush: Cancel | undefined;
  #cancelReports: Cancel = () => {};
  #reportAt = 0;
  #stopped = false;
  #addresses: ReadonlySet<string> = new Set();
  #stopWatching: (() => void) | undefined;

  constructor(context: RoleContext, ports: CheckerPorts) {
    this.#context = context;
    this.#ports = ports;
    this.#runner = createCheckRunner({
      clock: context.clock,
      probes: ports.probes,
      random: ports.random,
      ran: (id, before, state, verdict) => this.#ran(id, before.up, state, verdict),
      started: (lateMs) => {
        if (lateMs > LATE_MS) this.#count("lbd_check_late_total");
      },
    });
    ports.onFileChange((path) => this.#fileChanged(path));
  }

  start(configured: Config): void {
    const config = withFilePaths(configured);
    const inheritance = inherit(this.#ports.journal.read(), this.#ports.session);
    this.#config = config;
    this.#openTable(config, inheritance);
    this.#ports.notifier.reload(config.global);
    this.#takeSettings(config);
    this.#watchAddresses(config);
    for (const virtualServer of config.virtualServers) this.#addService(virtualServer, undefined, inheritance);
    this.#keeper?.own(inheritance.services);
    this.#fillTable(config);
    // After a crash the outside knows already, and nothing has changed for it.
    if (!inheritance.respawn) for (const service of this.#services.values()) this.#announceStart(service);
    this.#cancelReports = this.#context.clock.at(this.#context.clock.now() + REPORT_ALL_MS / REPORT_SLICES, () =>
      this.#reportSlice(),
    );
    this.snapshot();
  }

  reload(configured: Config): void {
    const config = withFilePaths(configured);
    this.#config = config;
    const awaited = this.#awaited?.inheritance;
    this.#openTable(config, awaited ?? NO_INHERITANCE);
    if (awaited) this.#keeper?.own(awaited.services);
    this.#ports.notifier.reload(config.global);
    this.#takeSettings(config);
    this.#watchAddresses(config);
    const old = new Map(this.#services);
    this.#services.clear();
    this.#claims.clear();
    const kept = new Set(config.virtualServers.map(({ id }) => id));
    for (const [id, gone] of old) if (!kept.has(id)) this.#dropService(id, gone);
    for (const virtualServer of config.virtualServers) {
      const before = old.get(virtualServer.id);
      const service = this.#addService(virtualServer, before, undefined);
      if (!before) this.#announceStart(service);
    }
    this.#fillTable(config);
    for (const service of this.#services.values()) this.#report(service);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelFlush?.();
    this.#awaited?.cancel();
    this.#cancelReports();
    this.#runner.stop();
    this.#keeper?.stop();
    this.#stopWatching?.();
    this.#ports.watchFiles.close();
    this.#ports.scripts.stopChecks();
    if (this.#context.options.releaseIpvs) this.#release();
    const limitMs = Math.max(0, (this.#config?.global.childWaitMs ?? 0) - STOP_RESERVE_MS);
    await this.#ports.notifier.drain(limitMs);
    this.#ports.notifier.close();
    this.#ports.scripts.stopAll();
    this.#table?.[Symbol.dispose]();
  }

  snapshot(): void {
    for (const service of this.#services.values()) this.#report(service);
    this.#reportMetrics();
  }

  receive(topic: string, value: unknown): void {
    // Only where this process can't look at the kernel's addresses itself.
    if (topic !== "addresses" || this.#ports.watchAddresses || !Array.isArray(value)) return;
    this.#takeAddresses(new Set(value.filter((item) => typeof item === "string")));
  }

  // --- the table

  #openTable(config: Config, inheritance: Inheritance): void {
    if (this.#keeper) return;
    const { respawn, services, timeouts } = inheritance;
    const { lvs } = config.global;
    // A director without virtual servers must run where there is no IPVS.
    const needed = config.virtualServers.length > 0 || services.size > 0;
    const opened = needed ? this.#tryIpvs(config) : undefined;
    if (opened && !opened.ok) this.#awaitIpvs(inheritance, opened.error);
    else this.#endWait();
    if (!opened?.ok) return;
    const table = opened.value;
    this.#table = table;
    this.#timeoutsBefore = timeouts;
    if (lvs.flush && !respawn) {
      table.flush();
      this.#log("info", "lvs_flush: the whole IPVS table was emptied");
    }
    this.#keeper = createTableKeeper({
      clock: this.#context.clock,
      log: this.#context.log,
      table,
      drifted: ({ subject, found, repaired, reason }) =>
        this.#event("drift", subject, undefined, repaired ? "repaired" : "not repaired", `${found}: ${reason}`),
      audited: () => this.#audited(),
    });
    this.#context.report({
      kind: "facts",
      role: "checker",
      values: { ipvsTransport: table.transport, ipvsVersion: table.version },
    });
  }

  #tryIpvs(config: Config): Decoded<IpvsTable, IpvsUnavailable> {
    try {
      return ok(this.#ports.openIpvs(config.global.netNamespaceIpvs));
    } catch (error) {
      if (error instanceof IpvsUnavailable) return err(error);
      throw error;
    }
  }

  /** Checks run without a table too: what they say is shown, and goes in when IPVS comes. */
  #awaitIpvs(inheritance: Inheritance, { message }: IpvsUnavailable): void {
    const { clock, report } = this.#context;
    if (this.#awaited?.problem !== message)
      this.#log("error", `${message}; checking without it, trying again every ${IPVS_RETRY_MS / 1000} s`);
    this.#awaited?.cancel();
    const cancel = clock.at(clock.now() + IPVS_RETRY_MS, () => {
      const config = this.#config;
      if (!config) return;
      this.#openTable(config, inheritance);
      if (!this.#keeper) return;
      this.#keeper.own(inheritance.services);
      this.#fillTable(config);
      this.snapshot();
    });
    this.#awaited = { inheritance, problem: message, cancel };
    report({ kind: "facts", role: "checker", values: { problem: message } });
  }

  #endWait(): void {
    if (!this.#awaited) return;
    this.#awaited.cancel();
    this.#awaited = undefined;
    this.#context.report({ kind: "facts", role: "checker", values: { problem: "" } });
  }

  /** From the configuration and what checks said so far; the journal knows before and after whose the entries are. */
  #fillTable(config: Config): void {
    this.#setTimeouts(config);
    this.#writeJournal();
    const entries = desiredServices(config, (id) => this.#services.get(id)?.standing ?? NO_STANDING);
    this.#keeper?.want(entries);
    this.#writeJournal();
  }

  /** Several verdicts of one turn make one plan, for the services that they concern. */
  #applySoon(id: string): void {
    this.#dirty.add(id);
    this.#cancelFlush ??= this.#context.clock.at(this.#context.clock.now(), () => {
      this.#cancelFlush = undefined;
      const services = this.#dirtyServices();
      this.#applyServices(services);
      for (const service of services) this.#report(service);
    });
  }

  #applyServices(services: readonly Service[]): void {
    const config = this.#config;
    if (!config) return;
    const changed = new Set(services.map(({ virtualServer }) => virtualServer));
    const virtualServers = config.virtualServers.filter((virtualServer) => changed.has(virtualServer));
    const standingOf = (id: string) => this.#services.get(id)?.standing ?? NO_STANDING;
    const entries = virtualServers.flatMap((virtualServer) =>
      desiredServices({ ...config, virtualServers: [virtualServer] }, standingOf).filter(
        // Where two virtual servers name one address, the first has it (desired.ts).
        ({ service }) => this.#claims.get(serviceKey(service)) === virtualServer.id,
      ),
    );
    this.#keeper?.change(entries);
  }

  #dirtyServices(): Service[] {
    const found = [...this.#dirty].flatMap((id) => this.#services.get(id) ?? []);
    this.#dirty.clear();
    return found;
  }

  #setTimeouts(config: Config): void {
    const table = this.#table;
    const { tcp = 0, tcpFin = 0, udp = 0 } = config.global.lvs.timeouts;
    if (!table) return;
    try {
      const now = table.timeouts();
      // What was found first is put back at the end, and where the configuration no longer names a value.
      if (tcp + tcpFin + udp > 0) this.#timeoutsBefore ??= now;
      const before = this.#timeoutsBefore;
      if (!before) return;
      const wanted = { tcp: tcp || before.tcp, tcpFin: tcpFin || before.tcpFin, udp: udp || before.udp };
      if (JSON.stringify(wanted) !== JSON.stringify(now)) table.setTimeouts(wanted);
    } catch (error) {
      this.#log("error", `lvs_timeouts can't be set: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Everything of ours leaves the kernel, in keepalived's order (checkers.md §4). */
  #release(): void {
    const { flushOnStop } = this.#config?.global.lvs ?? { flushOnStop: "no" };
    for (const service of this.#services.values())
      if (service.virtualServer.omega) this.#announceEnd(service, "shutting down");
    const keeper = this.#keeper;
    const table = this.#table;
    if (!keeper || !table) return;
    try {
      if (flushOnStop === "all") table.flush();
      else this.#removeOwned(table, keeper, flushOnStop === "virtual-servers");
      if (this.#timeoutsBefore) table.setTimeouts(this.#timeoutsBefore);
      this.#ports.journal.clear();
    } catch (error) {
      this.#log("error", `IPVS could not be cleared: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #removeOwned(table: IpvsTable, keeper: TableKeeper, whole: boolean): void {
    const commands = table
      .read()
      .filter((entry) => keeper.owned.has(serviceKey(entry.service)))
      .flatMap((entry): IpvsCommand[] =>
        whole ? [{ kind: "deleteService", service: entry.service }] : removeService(entry),
      );
    for (const { failure } of table.apply(commands)) if (failure) this.#log("error", failure.message);
  }

  #writeJournal(): void {
    const keeper = this.#keeper;
    if (!keeper) return;
    const configured = [...this.#services.values()].flatMap(({ virtualServer }) =>
      virtualServer.services.map((address) => serviceKey(serviceOf(virtualServer, address))),
    );
    try {
      this.#ports.journal.write({
        session: this.#ports.session,
        services: [...new Set([...keeper.owned, ...configured])],
        servers: [...this.#services.values()].flatMap(({ virtualServer }) =>
          virtualServer.realServers.map((realServer) => serverName(virtualServer, realServer)),
        ),
        ...(this.#timeoutsBefore ? { timeouts: this.#timeoutsBefore } : {}),
      });
    } catch (error) {
      // A full disk must not stop a director; after a crash it then knows less.
      this.#log("error", `journal can't be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  // --- services and their checks

  #addService(
    virtualServer: VirtualServer,
    before: Service | undefined,
    inheritance: Inheritance | undefined,
  ): Service {
    const suspended = this.#isSuspended(virtualServer);
    const adopted = inheritance ? this.#adopt(virtualServer, inheritance) : undefined;
    const checks = new Map<string, readonly string[]>();
    for (const realServer of virtualServer.realServers) {
      const old = before?.checks.get(realServer.id);
      checks.set(realServer.id, this.#takeChecks(virtualServer, realServer, old, adopted?.get(realServer.id)));
    }
    this.#forgetChecks(before, checks);
    const wallMs = this.#context.clock.wallMs();
    const realServers = new Map<string, ServerStanding>();
    for (const realServer of virtualServer.realServers) {
      const views = this.#views(checks.get(realServer.id) ?? []);
      realServers.set(
        realServer.id,
        standServer(before?.standing.realServers.get(realServer.id), realServer, views, wallMs),
      );
    }
    const wasUp =
      before?.standing ?? (adopted && { quorumUp: [...adopted.values()].some(({ up }) => up), sinceWallMs: wallMs });
    const standing = standService(wasUp, virtualServer, realServers, wallMs);
    const service: Service = { virtualServer, standing, realServers, suspended, checks };
    this.#services.set(virtualServer.id, service);
    for (const address of virtualServer.services) {
      const key = serviceKey(serviceOf(virtualServer, address));
      if (!this.#claims.has(key)) this.#claims.set(key, virtualServer.id);
    }
    for (const ids of checks.values()) for (const id of ids) this.#suspend(id, suspended);
    if (before) this.#announceReload(before, service);
    return service;
  }

  #forgetChecks(before: Service | undefined, checks: ReadonlyMap<string, readonly string[]>): void {
    const kept = new Set([...checks.values()].flat());
    for (const id of [...(before?.checks.values() ?? [])].flat()) {
      if (kept.has(id)) continue;
      this.#runner.remove(id);
      this.#owners.delete(id);
      this.#untold.delete(id);
    }
  }

  /**
   * Hands the checks of a real server to the runner: equal keys go on with their health, new ones start. A new check of a server
   * that was known stands where the check stood that it replaces, so that a reload neither brings a dead server back nor takes a
   * living one out. `adopted` is how a server of an earlier life stands in the table.
   */
  #takeChecks(
    vs: VirtualServer,
    rs: RealServer,
    old: readonly string[] | undefined,
    adopted: Adopted | undefined,
  ): string[] {
    const ids: string[] = [];
    const taken = new Set<string>();
    for (const check of rs.checks) {
      const name = `${serverName(vs, rs)}|${checkKey(check)}`;
      let id = name;
      for (let n = 2; taken.has(id); n++) id = `${name}#${n}`;
      taken.add(id);
      ids.push(id);
    }
    const replaced = (old ?? []).filter((id) => !taken.has(id)).map((id) => this.#runner.state(id));
    const standing = replaced.every((state) => state?.health.up !== false);
    for (const [i, check] of rs.checks.entries()) {
      const id = ids[i] ?? "";
      if (this.#runner.state(id)) this.#runner.change(id, check);
      else {
        const up = old ? standing : adopted === undefined ? !check.timing.alpha : adopted.up;
        this.#runner.add(id, check, initialHealth(up), this.#inheritedWeight(check, adopted));
        if (!up && !old && adopted === undefined) this.#untold.add(id);
      }
      this.#owners.set(id, { service: vs.id, realServer: rs });
    }
    return ids;
  }

  /** A weight that a check had set lies in the kernel; it holds until the check says another. */
  #inheritedWeight(check: Check, adopted: Adopted | undefined): { weight?: WeightShare } {
    const dynamic = check.kind === "FILE_CHECK" || (check.kind === "MISC_CHECK" && check.dynamic);
    return dynamic && adopted?.up ? { weight: { set: adopted.weight } } : {};
  }

  /** How those servers stand that an earlier life had configured; undefined when its services are not there. */
  #adopt(virtualServer: VirtualServer, inheritance: Inheritance): ReadonlyMap<string, Adopted> | undefined {
    const [address] = virtualServer.services;
    if (!address) return undefined;
    const key = serviceKey(serviceOf(virtualServer, address));
    const seen = inheritance.services.has(key) ? this.#keeper?.seen(key) : undefined;
    if (!seen) return undefined;
    const weights = new Map(seen.destinations.map((destination) => [destinationKey(destination), destination.weight]));
    return new Map(
      virtualServer.realServers
        .filter((realServer) => inheritance.servers.has(serverName(virtualServer, realServer)))
        .map((realServer) => {
          const weight = weights.get(serverDestinationKey(address, realServer)) ?? -1;
          // Weight 0 is a failed server only where failed ones stay in the table; elsewhere it is quiesced on purpose.
          const up = weight > 0 || (weight === 0 && (realServer.weight === 0 || !realServer.inhibitOnFailure));
          return [realServer.id, { up, weight }];
        }),
    );
  }

  #dropService(id: string, gone: Service): void {
    this.#forgetChecks(gone, new Map());
    this.#announceEnd(gone, REMOVED);
    this.#event("virtual-server", id, gone.standing.quorumUp ? "up" : "down", "removed", REMOVED);
    this.#context.report({ kind: "virtual-server-gone", id });
  }

  #views(ids: readonly string[]): CheckView[] {
    return ids.flatMap((id) => {
      const state = this.#runner.state(id);
      if (!state) return [];
      const { check, health, weight, last } = state;
      return [
        {
          id: check.id,
          up: health.up,
          ...(last ? { reason: last.verdict.reason } : {}),
          ...(weight ? { weight } : {}),
        },
      ];
    });
  }

  // --- what checks say

  #ran(id: string, wasUp: boolean, state: CheckState, verdict: Verdict): void {
    this.#count(`lbd_check_results_total{result="${verdict.ok ? "ok" : "failed"}",code="${verdict.code}"}`);
    const owner = this.#owners.get(id);
    const service = owner && this.#services.get(owner.service);
    if (!owner || !service || this.#stopped) return;
    const { realServer } = owner;
    const { check } = state;
    const up = state.health.up;
    if (up !== wasUp || (!verdict.ok && check.timing.logAllFailures))
      this.#log(
        up && verdict.ok ? "info" : "warning",
        `${check.id} of ${realServer.id} in ${service.virtualServer.id}: ${up === wasUp ? "failed" : up ? "up" : "down"}: ${verdict.reason}`,
      );
    // keepalived: a server that starts as down and fails its first check is told of as if it had gone down, but not by mail.
    if (this.#untold.delete(id) && !up) {
      const down = serverNotification(service.virtualServer, realServer, false, verdict.reason);
      this.#ports.notifier.notify({ ...down, smtpAlert: false });
    }
    this.#restand(service, realServer);
  }

  /** Works out a real server and its service anew, and tells what changed. */
  #restand(service: Service, realServer: RealServer): void {
    const wallMs = this.#context.clock.wallMs();
    const { virtualServer, standing } = service;
    const before = standing.realServers.get(realServer.id);
    const after = standServer(before, realServer, this.#views(service.checks.get(realServer.id) ?? []), wallMs);
    const changed = before?.healthy !== after.healthy;
    const reweighed = before?.weight !== after.weight;
    service.realServers.set(realServer.id, after);
    if (!changed && !reweighed) return;
    service.standing = standService(standing, virtualServer, service.realServers, wallMs);
    if (changed) this.#serverChanged(service, realServer, after);
    else
      this.#event(
        "real-server",
        `${virtualServer.id} ${realServer.id}`,
        `weight ${before?.weight}`,
        `weight ${after.weight}`,
        after.reason,
      );
    if (standing.quorumUp !== service.standing.quorumUp) this.#quorumChanged(service);
    this.#applySoon(virtualServer.id);
  }

  #serverChanged({ virtualServer }: Service, realServer: RealServer, { healthy, reason }: ServerStanding): void {
    const [from, to] = healthy ? ["down", "up"] : ["up", "down"];
    this.#log(
      healthy ? "info" : "warning",
      `real server ${realServer.id} of ${virtualServer.id}: ${from} → ${to}: ${reason}`,
    );
    this.#event("real-server", `${virtualServer.id} ${realServer.id}`, from, to, reason);
    this.#ports.notifier.notify(serverNotification(virtualServer, realServer, healthy, reason));
  }

  #quorumChanged({ virtualServer, standing }: Service): void {
    const { quorumUp, reason } = standing;
    const [from, to] = quorumUp ? ["down", "up"] : ["up", "down"];
    this.#log(quorumUp ? "info" : "warning", `virtual server ${virtualServer.id}: ${from} → ${to}: ${reason}`);
    this.#event("virtual-server", virtualServer.id, from, to, reason);
    this.#ports.notifier.notify(serviceNotification(virtualServer, standing));
    const sorry = virtualServer.sorryServer;
    if (!sorry) return;
    const words = quorumUp ? "is relieved" : "serves";
    this.#log("info", `virtual server ${virtualServer.id}: sorry server ${sorry.ip} ${words}`);
    this.#event(
      "sorry-server",
      `${virtualServer.id} ${sorry.ip}`,
      quorumUp ? "serving" : "waiting",
      quorumUp ? "waiting" : "serving",
      reason,
    );
  }

  // --- telling

  #announceStart({ virtualServer, standing }: Service): void {
    const initsToo = this.#config?.global.lvs.rsInitNotifies === true;
    for (const realServer of virtualServer.realServers) {
      const own = standing.realServers.get(realServer.id);
      if (own?.healthy && initsToo)
        this.#ports.notifier.notify(serverNotification(virtualServer, realServer, true, own.reason));
    }
    // keepalived: without a quorum at the start only a sorry server that begins to serve is worth telling.
    if (!standing.quorumUp && !virtualServer.sorryServer) return;
    this.#event("virtual-server", virtualServer.id, undefined, standing.quorumUp ? "up" : "down", standing.reason);
    this.#ports.notifier.notify(serviceNotification(virtualServer, standing));
  }

  #announceReload(before: Service, after: Service): void {
    const { virtualServer, standing } = after;
    for (const realServer of virtualServer.realServers) {
      const old = before.standing.realServers.get(realServer.id);
      const own = standing.realServers.get(realServer.id);
      if (old && own && old.healthy !== own.healthy) this.#serverChanged(after, realServer, own);
    }
    const kept = new Set(virtualServer.realServers.map((realServer) => realServer.id));
    for (const realServer of before.virtualServer.realServers) {
      if (kept.has(realServer.id)) continue;
      const subject = `${virtualServer.id} ${realServer.id}`;
      this.#event("real-server", subject, undefined, "removed", REMOVED);
      this.#announceServerEnd(before, realServer, REMOVED);
    }
    if (before.standing.quorumUp !== standing.quorumUp) this.#quorumChanged(after);
  }

  /** Whoever was told that it is up hears that it is no more: of what a reload removes, and at the end with `omega`. */
  #announceEnd(service: Service, reason: string): void {
    const { virtualServer, standing } = service;
    for (const realServer of virtualServer.realServers) this.#announceServerEnd(service, realServer, reason);
    if (standing.quorumUp)
      this.#ports.notifier.notify(serviceNotification(virtualServer, { ...standing, quorumUp: false }));
  }

  /** keepalived: programs and FIFOs hear it, no mail goes out. */
  #announceServerEnd({ virtualServer, standing }: Service, realServer: RealServer, reason: string): void {
    if (!standing.realServers.get(realServer.id)?.healthy) return;
    const down = serverNotification(virtualServer, realServer, false, reason);
    this.#ports.notifier.notify({ ...down, smtpAlert: false });
  }

  #audited(): void {
    this.#writeFailures();
    this.#reportMetrics();
  }

  #writeFailures(): void {
    const failures = [...(this.#keeper?.failures() ?? [])];
    const shown = failures.slice(0, MAX_SHOWN_FAILURES).map(([, { message }]) => message);
    this.#context.report({
      kind: "facts",
      role: "checker",
      values: { ipvsFailures: failures.length, ipvsFailure: shown.join("; ") },
    });
  }

  #reportMetrics(): void {
    this.#context.report({
      kind: "metrics",
      role: "checker",
      values: {
        ...this.#counters,
        ...this.#keeper?.metrics(),
        ...this.#ports.notifier.metrics(),
        lbd_checks: this.#owners.size,
        lbd_checks_in_flight: this.#runner.inFlight,
      },
    });
  }

  /** Everything again over a few seconds, so that counters and check results stay fresh. */
  #reportSlice(): void {
    const services = [...this.#services.values()];
    const end = Math.ceil((services.length * (this.#reportAt + 1)) / REPORT_SLICES);
    const start = Math.ceil((services.length * this.#reportAt) / REPORT_SLICES);
    for (const service of services.slice(start, end)) this.#report(service);
    this.#reportAt = (this.#reportAt + 1) % REPORT_SLICES;
    const { clock } = this.#context;
    this.#cancelReports = clock.at(clock.now() + REPORT_ALL_MS / REPORT_SLICES, () => this.#reportSlice());
  }

  #report(service: Service): void {
    const { clock, report } = this.#context;
    const { virtualServer, standing, suspended } = service;
    const keys = virtualServer.services.map((address) => serviceKey(serviceOf(virtualServer, address)));
    const failures = [...(this.#keeper?.failures() ?? [])].flatMap(([name, { message }]) =>
      keys.some((key) => name.endsWith(` ${key}`)) ? [message] : [],
    );
    const value = virtualServerStatus({
      virtualServer,
      standing,
      suspended,
      seen: keys.map((key) => this.#keeper?.seen(key)),
      checks: (realServer) => (service.checks.get(realServer.id) ?? []).flatMap((id) => this.#runner.state(id) ?? []),
      nowMs: clock.now(),
      wallMs: clock.wallMs(),
      failures,
    });
    report({ kind: "virtual-server", value });
  }

  #event(kind: string, subject: string, from: string | undefined, to: string, reason: string): void {
    const at = iso(this.#context.clock.wallMs());
    const value = { at, kind, subject, to, reason, ...(from === undefined ? {} : { from }) };
    this.#context.report({ kind: "event", value });
  }

  #log(level: "info" | "warning" | "error", message: string): void {
    this.#context.log({ level, area: "checker", message: escapeControls(message) });
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1;
  }

  // --- settings that are not about the table

  #takeSettings(config: Config): void {
    this.#ports.takeRights(config.global.process.checker);
    this.#ports.scripts.setSecurity(config.global.scripts);
    const problem = this.#ports.probes.setSslClient(config.ssl);
    if (problem !== undefined) this.#log("error", `${problem}: SSL_GET checks fail until this is mended and reloaded`);
    const checks = config.virtualServers.flatMap((vs) => vs.realServers.flatMap((rs) => rs.checks));
    this.#ports.watchFiles.set(checks.flatMap((check) => (check.kind === "FILE_CHECK" ? [check.file] : [])));
    for (const warning of idleSettings(checks)) this.#log("warning", warning);
  }

  /** A watched file changed: its checks run now. */
  #fileChanged(path: string): void {
    for (const id of this.#owners.keys()) {
      const check = this.#runner.state(id)?.check;
      if (check?.kind === "FILE_CHECK" && check.file === path) this.#runner.kick(id);
    }
  }

  #watchAddresses(config: Config): void {
    const wanted = config.virtualServers.some((virtualServer) => virtualServer.haSuspend);
    if (wanted && !this.#stopWatching && this.#ports.watchAddresses) {
      const watch = this.#ports.watchAddresses((addresses) => this.#takeAddresses(addresses));
      this.#addresses = watch.now;
      this.#stopWatching = watch.stop;
    } else if (!wanted) {
      this.#stopWatching?.();
      this.#stopWatching = undefined;
    }
  }

  #takeAddresses(addresses: ReadonlySet<string>): void {
    this.#addresses = addresses;
    for (const service of this.#services.values()) {
      const suspended = this.#isSuspended(service.virtualServer);
      if (suspended === service.suspended) continue;
      service.suspended = suspended;
      const [from, to] = suspended ? ["checking", "suspended"] : ["suspended", "checking"];
      const reason = suspended ? "its address is not on this machine" : "its address is on this machine";
      this.#log("info", `virtual server ${service.virtualServer.id}: ${to}: ${reason}`);
      this.#event("virtual-server", service.virtualServer.id, from, to, reason);
      for (const ids of service.checks.values()) for (const id of ids) this.#suspend(id, suspended);
      this.#report(service);
    }
  }

  /** `ha_suspend`: checks only while an address of the service is here. Marks have none; keepalived leaves groups out, too. */
  #isSuspended({ haSuspend, services }: VirtualServer): boolean {
    if (!haSuspend) return false;
    const addresses = services.flatMap((service) => (service.kind === "address" ? [service.ip] : []));
    return addresses.length > 0 && !addresses.some((ip) => this.#addresses.has(ip));
  }

  #suspend(id: string, suspended: boolean): void {
    if (suspended) this.#runner.suspend(id);
    else this.#runner.resume(id);
  }
}

function serverName(virtualServer: VirtualServer, realServer: RealServer): string {
  return `${virtualServer.id}|${realServer.id}`;
}
