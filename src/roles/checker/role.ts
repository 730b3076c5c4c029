// Role checker: the checker role. Runs the checks, turns what they say into the wanted IPVS table, keeps the kernel at it, and tells
// what happened. It owns IPVS services, destinations and time-outs, nothing else. After a crash the table is adopted, not flushed.
// Its parts: checker-services.ts (how everything stands), checker-ipvs.ts and checker-marks.ts (the kernel), checker-news.ts
// (who hears what).
import type { Cancel } from "../../base/clock.ts";
import type { Verdict } from "../../check/outcome.ts";
import { type CheckState, createCheckRunner } from "../../check/runner.ts";
import type { Config } from "../../config/model/config.ts";
import type { VirtualServer } from "../../config/model/lvs.ts";
import { wishedBuffer } from "../../kernel/receive-buffer.ts";
import type { Role, RoleContext } from "../role.ts";
import { createCheckerIpvs, inherit } from "./ipvs.ts";
import { createGroupMarker } from "./marks.ts";
import { createCheckerNews } from "./news.ts";
import { type AddressWatch, type CheckerPorts, realPorts } from "./ports.ts";
import { type CheckedService, createCheckerServices, keysOf } from "./services.ts";
import { idleSettings, withFilePaths } from "./settings.ts";
import { virtualServerStatus } from "./status.ts";

/** A start this much behind its time is counted as late (lbd_check_late_total). */
const LATE_MS = 50;
/** The whole picture is reported once in this time, a slice at a time, so that no turn of the loop gets long. */
const REPORT_ALL_MS = 5000;
const REPORT_SLICES = 50;
/** Notify programs get what is left of `child_wait_time` after this. */
const STOP_RESERVE_MS = 1000;
/** Failed kernel calls that are named in the facts. */
const MAX_SHOWN_FAILURES = 5;

export function createCheckerRole(context: RoleContext, ports: CheckerPorts = realPorts(context)): Role {
  const { clock, report, options } = context;
  const { notifier } = ports;
  const counters: Record<string, number> = {};
  const dirty = new Set<CheckedService>();
  let config: Config | undefined;
  let addresses: ReadonlySet<string> = new Set();
  let watch: AddressWatch | undefined;
  let cancelFlush: Cancel | undefined;
  let cancelReports: Cancel = () => {};
  let reportAt = 0;
  let stopped = false;

  const runner = createCheckRunner(
    {
      clock,
      probes: ports.probes,
      random: ports.random,
      ran: (id, before, state, verdict, again) => ran(id, before.up, state, verdict, again),
      started(lateMs) {
        if (lateMs > LATE_MS) count("lbd_check_late_total");
      },
    },
    ports.checksAtOnce,
  );
  const marker = createGroupMarker(ports.openGroupMarkTables, context.log);
  const news = createCheckerNews(context, notifier);
  const services = createCheckerServices(clock, runner, (key) => ipvs.seen(key));
  const ipvs = createCheckerIpvs({
    context,
    ports,
    wanted: () => (config ? services.wanted(config) : []),
    placeOf: services.placeOf,
    configured: services.record,
    drifted({ subject, found, repaired, reason }) {
      news.event("drift", subject, undefined, repaired ? "repaired" : "not repaired", `${found}: ${reason}`);
    },
    audited() {
      marker.audit();
      reportFailures();
    },
    arrived: snapshot,
  });
  ports.onFileChange(fileChanged);

  // --- life of the role

  function start(configured: Config): void {
    const next = marker.mark(withFilePaths(configured));
    const inheritance = inherit(ports.journal.read(), ports.session);
    ipvs.open(next, inheritance);
    takeSettings(next);
    for (const virtualServer of next.virtualServers) suspendIfAway(services.add(virtualServer, undefined, inheritance));
    ipvs.fill(next);
    // After a crash the outside knows already, and nothing has changed for it.
    if (!inheritance.respawn) for (const service of services.all()) announce(service, next);
    scheduleReports();
    snapshot();
  }

  function reload(configured: Config): void {
    const next = marker.mark(withFilePaths(configured));
    ipvs.open(next);
    takeSettings(next);
    const old = services.clear();
    const kept = new Set(next.virtualServers.map(({ id }) => id));
    for (const [id, gone] of old) {
      if (kept.has(id)) continue;
      services.forget(gone);
      news.removed(gone);
    }
    for (const virtualServer of next.virtualServers) {
      const before = old.get(virtualServer.id);
      const service = services.add(virtualServer, before);
      suspendIfAway(service);
      if (before) news.reloaded(before, service);
      else announce(service, next);
    }
    ipvs.fill(next);
    for (const service of services.all()) reportService(service);
  }

  function announce(service: CheckedService, { global }: Config): void {
    news.started(service, global.lvs.rsInitNotifies);
  }

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    news.flush();
    cancelFlush?.();
    cancelReports();
    runner.stop();
    ipvs.stop();
    watch?.stop();
    ports.watchFiles.close();
    void ports.scripts.stopChecks();
    // Before the services: no new connection is led to one that goes.
    marker.stop(options.releaseIpvs);
    if (options.releaseIpvs) {
      for (const service of services.all()) if (service.virtualServer.omega) news.stopping(service);
      ipvs.release(config?.global.lvs.flushOnStop ?? "no");
    }
    await notifier.drain(Math.max(0, (config?.global.childWaitMs ?? 0) - STOP_RESERVE_MS));
    notifier.close();
    await ports.scripts.stopAll();
    ipvs.close();
  }

  // --- settings that are not about the table

  function takeSettings(next: Config): void {
    config = next;
    ports.takeRights(next.global.process.checker);
    ports.scripts.setSecurity(next.global.scripts);
    notifier.reload(next.global);
    const problem = ports.probes.setSslClient(next.ssl);
    if (problem !== undefined) news.log("error", `${problem}: SSL_GET checks fail until this is mended and reloaded`);
    const checks = next.virtualServers.flatMap((vs) => vs.realServers.flatMap((rs) => rs.checks));
    ports.watchFiles.set(checks.flatMap((check) => (check.kind === "FILE_CHECK" ? [check.file] : [])));
    for (const warning of idleSettings(checks)) news.log("warning", warning);
    watchAddresses(next);
  }

  /** A watched file changed: its checks run now. */
  function fileChanged(path: string): void {
    for (const id of services.checksOfFile(path)) runner.kick(id);
  }

  // --- ha_suspend

  function watchAddresses({ virtualServers, global: { lvs } }: Config): void {
    const wanted = virtualServers.some((virtualServer) => virtualServer.haSuspend);
    if (wanted && !watch && ports.watchAddresses) {
      watch = ports.watchAddresses(takeAddresses);
      addresses = watch.now;
    } else if (!wanted) {
      watch?.stop();
      watch = undefined;
    }
    watch?.setReceiveBuffer(wishedBuffer(lvs.monitorRcvBufBytes, lvs.monitorRcvBufForce));
  }

  function takeAddresses(now: ReadonlySet<string>): void {
    addresses = now;
    for (const service of services.all()) {
      if (isAway(service.virtualServer) === service.suspended) continue;
      services.suspend(service, !service.suspended);
      news.suspended(service);
      reportService(service);
    }
  }

  function suspendIfAway(service: CheckedService): void {
    services.suspend(service, isAway(service.virtualServer));
  }

  /** Checks only while an address of the service is here. Marks have none; keepalived leaves groups out, too. */
  function isAway({ haSuspend, services: all }: VirtualServer): boolean {
    if (!haSuspend) return false;
    const own = all.flatMap((service) => (service.kind === "address" ? [service.ip] : []));
    return own.length > 0 && !own.some((ip) => addresses.has(ip));
  }

  // --- what checks say

  function ran(id: string, wasUp: boolean, { check, health }: CheckState, verdict: Verdict, again: boolean): void {
    count(`lbd_check_results_total{result="${verdict.ok ? "ok" : "failed"}",code="${verdict.code}"}`);
    // Nearly all runs of nearly all checks: the server was up and is.
    if (again && verdict.ok && wasUp) return;
    const owner = services.ownerOf(id);
    if (!owner || stopped) return;
    const { service, realServer } = owner;
    const { up } = health;
    if (verdict.inconclusive) {
      if (!again) news.notTried(service, realServer, check, verdict.reason);
      return;
    }
    if (up !== wasUp || (!verdict.ok && check.timing.logAllFailures)) {
      const what = up === wasUp ? "failed" : up ? "up" : "down";
      news.checkSaid(service, realServer, check, { what, reason: verdict.reason, good: up && verdict.ok });
    }
    if (services.firstWord(id) && !up) news.serverStaysDown(service, realServer, verdict.reason);
    const before = services.restand(owner);
    const now = service.realServers.get(realServer.id);
    if (!now || (before.server?.healthy === now.healthy && before.server.weight === now.weight)) return;
    if (before.server?.healthy !== now.healthy) news.serverChanged(service, realServer, now);
    else news.reweighed(service, realServer, before.server.weight, now);
    if (before.quorumUp !== service.standing.quorumUp) news.quorumChanged(service);
    applySoon(service);
  }

  /** Several verdicts of one turn make one plan, for the services that they concern. */
  function applySoon(service: CheckedService): void {
    dirty.add(service);
    cancelFlush ??= clock.at(clock.now(), () => {
      cancelFlush = undefined;
      const changed = new Set([...services.all()].filter((one) => dirty.has(one)));
      dirty.clear();
      if (config) ipvs.change(services.wanted(config, changed));
      for (const one of changed) reportService(one);
    });
  }

  // --- reports

  function snapshot(): void {
    for (const service of services.all()) reportService(service);
    reportMetrics();
  }

  function scheduleReports(): void {
    cancelReports = clock.at(clock.now() + REPORT_ALL_MS / REPORT_SLICES, reportSlice);
  }

  /** Everything again over a few seconds, so that counters and check results stay fresh. */
  function reportSlice(): void {
    const all = [...services.all()];
    const end = Math.ceil((all.length * (reportAt + 1)) / REPORT_SLICES);
    const begin = Math.ceil((all.length * reportAt) / REPORT_SLICES);
    for (const service of all.slice(begin, end)) reportService(service);
    reportAt = (reportAt + 1) % REPORT_SLICES;
    if (reportAt === 0) reportMetrics();
    scheduleReports();
  }

  function reportService({ virtualServer, standing, suspended, checks }: CheckedService): void {
    const keys = keysOf(virtualServer);
    const failed = ipvs.failures();
    const failures = failed.size > 0 ? keys.flatMap((key) => failed.ofService(key, MAX_SHOWN_FAILURES)) : [];
    const value = virtualServerStatus({
      virtualServer,
      standing,
      suspended,
      seen: keys.map(ipvs.seen),
      checks: (realServer) => (checks.get(realServer.id) ?? []).flatMap((id) => runner.state(id) ?? []),
      nowMs: clock.now(),
      wallMs: clock.wallMs(),
      failures,
    });
    report({ kind: "virtual-server", value });
  }

  function reportFailures(): void {
    const failed = ipvs.failures();
    const values = { ipvsFailures: failed.size, ipvsFailure: failed.some(MAX_SHOWN_FAILURES).join("; ") };
    report({ kind: "facts", role: "checker", values });
  }

  function reportMetrics(): void {
    const values = {
      ...counters,
      ...ipvs.metrics(),
      ...notifier.metrics(),
      lbd_checks: services.checkCount(),
      lbd_checks_in_flight: runner.inFlight,
    };
    report({ kind: "metrics", role: "checker", values });
  }

  function count(name: string): void {
    counters[name] = (counters[name] ?? 0) + 1;
  }

  return {
    start,
    reload,
    stop,
    snapshot,
    receive(topic, value) {
      // Only where this process can't look at the kernel's addresses itself.
      if (topic !== "addresses" || ports.watchAddresses || !Array.isArray(value)) return;
      takeAddresses(new Set(value.filter((item) => typeof item === "string")));
    },
  };
}
