// Role checker: runs the checks, turns what they say into the wanted IPVS table, keeps the kernel at it, and tells what happened. It owns
// IPVS services, destinations and time-outs, nothing else. After a crash the table is adopted, not flushed.
// This file puts the parts together and is the role's life; docs/checker.md says which part does what.
import { messageOf } from "../../base/errors.ts";
import { createCheckRunner } from "../../check/runner.ts";
import type { Config } from "../../config/model/config.ts";
import type { Role, RoleContext } from "../role.ts";
import { readSessionFacts, SESSIONS_TOPIC } from "../sessions.ts";
import { dumpOf } from "./dumped.ts";
import { createCheckerIpvs } from "./ipvs.ts";
import { inherit } from "./journal.ts";
import { type HealthBefore, healthBefore, keepHealth } from "./kept-health.ts";
import { createGroupMarker } from "./marks.ts";
import { type CheckerNews, createCheckerNews } from "./news.ts";
import { type CheckerPorts, realPorts } from "./ports.ts";
import { createReports } from "./reports.ts";
import { createResults, type Results } from "./results.ts";
import type { CheckedServer } from "./served.ts";
import { createCheckerServices, type ServiceChanges } from "./services.ts";
import { takeProcessSettings, withFilePaths } from "./settings.ts";
import { createSuspension } from "./suspension.ts";

/** A start this much behind its time is counted as late (lbd_check_late_total). */
const LATE_MS = 50;
/** Notify programs get what is left of `child_wait_time` after this. */
const STOP_RESERVE_MS = 1000;

export function createCheckerRole(context: RoleContext, ports: CheckerPorts = realPorts(context)): Role {
  const { clock, options } = context;
  const { notifier } = ports;
  let config: Config | undefined;
  let stopped = false;

  const runner = createCheckRunner<CheckedServer>(
    {
      clock,
      probes: ports.probes,
      random: ports.random,
      // The one knot: what checks say goes through parts that need the runner.
      ran: (...run) => results.ran(...run),
      started(lateMs) {
        if (lateMs > LATE_MS) reports.count("lbd_check_late_total");
      },
    },
    ports.checksAtOnce,
  );
  const marker = createGroupMarker(ports.openGroupMarkTables, context.log);
  const news = createCheckerNews(context, notifier);
  const services = createCheckerServices(clock, runner);
  const ipvs = createCheckerIpvs({
    context,
    ports,
    wanted: () => services.wanted(services.all()),
    placeOf: services.placeOf,
    configured: services.record,
    drifted({ subject, found, repaired, reason }) {
      news.event("drift", subject, undefined, repaired ? "repaired" : "not repaired", `${found}: ${reason}`);
    },
    audited() {
      marker.audit();
      reports.failures();
    },
    counted(key) {
      const service = services.ofKey(key);
      if (service) reports.soon(service);
    },
    arrived: () => void reports.everything(),
  });
  const reports = createReports({
    clock,
    report: context.report,
    isWatched: context.isWatched ?? (() => true),
    all: services.all,
    seen: ipvs.seen,
    failures: ipvs.failures,
    metrics: () => ({
      ...ipvs.metrics(),
      ...notifier.metrics(),
      lbd_checks: runner.size,
      lbd_checks_in_flight: runner.inFlight,
    }),
  });
  const results: Results = createResults({
    soon: ports.soon,
    services,
    news,
    change: ipvs.change,
    changed: reports.service,
    ranAgain: reports.soon,
    count: reports.count,
  });
  const suspension = createSuspension({
    watchAddresses: ports.watchAddresses,
    services,
    suspended(service) {
      news.suspended(service);
      reports.service(service);
    },
  });
  ports.onFileChange((path) => {
    for (const check of services.checksOfFile(path)) runner.kick(check);
  });

  /** What checks look at in files is known before they run. */
  function afterFiles(configured: Config, then: (configured: Config) => void): void | Promise<void> {
    const reading = ports.prepareFiles(configured);
    if (!reading) return then(configured);
    return reading.then(() => {
      if (!stopped) then(configured);
    });
  }

  function start(configured: Config): void {
    const next = prepare(configured);
    const inheritance = inherit(ports.journal.read(), ports.session);
    ipvs.open(next, inheritance);
    takeSettings(next);
    const changes = services.take(next.virtualServers, { inheritance, seen: ipvs.seen, health: takeKeptHealth() });
    takeChanges(changes);
    ipvs.fill(next);
    // After a crash the outside knows already, and nothing has changed for it.
    if (!inheritance.respawn) announce(changes, next, news);
    void reports.everything();
  }

  /** Once: what is true now is another question after the next crash. */
  function takeKeptHealth(): HealthBefore | undefined {
    if (!options.keepHealth) return undefined;
    const kept = healthBefore(ports.keptHealth.read(), clock.wallMs());
    ports.keptHealth.clear();
    return kept;
  }

  function leaveHealth(): void {
    const kept = options.keepHealth ? keepHealth(services.all(), clock.wallMs()) : undefined;
    if (!kept) return;
    try {
      ports.keptHealth.write(kept);
    } catch (error) {
      context.log({ level: "warning", area: "checker", message: `health of servers is not kept: ${messageOf(error)}` });
    }
  }

  function reload(configured: Config): void {
    const next = prepare(configured);
    const opened = ipvs.open(next);
    takeSettings(next);
    const changes = services.take(next.virtualServers);
    for (const gone of changes.removed) {
      reports.forget(gone);
      news.removed(gone);
    }
    for (const { before } of changes.taken) if (before) reports.forget(before);
    takeChanges(changes);
    announce(changes, next, news);
    if (opened) ipvs.fill(next);
    else ipvs.update(next, changes);
    for (const { service } of changes.taken) reports.service(service);
  }

  /** What the role makes of a configuration before it takes it. */
  function prepare(configured: Config): Config {
    return marker.mark(withFilePaths(configured));
  }

  function takeSettings(next: Config): void {
    config = next;
    takeProcessSettings(ports, news, next);
    suspension.follow(next);
  }

  function takeChanges({ taken }: ServiceChanges): void {
    ports.watchFiles.set(services.files());
    for (const { service } of taken) suspension.judge(service);
  }

  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    leaveHealth();
    results.stop();
    news.flush();
    reports.stop();
    runner.stop();
    ipvs.stop();
    suspension.stop();
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

  function receive(topic: string, value: unknown): void {
    const facts = topic === SESSIONS_TOPIC ? readSessionFacts(value) : undefined;
    if (!facts) return;
    const before = ports.sessions.now();
    ports.sessions.take(facts);
    for (const name of new Set([...Object.keys(before), ...Object.keys(facts)]))
      if (before[name]?.up !== facts[name]?.up) for (const check of services.checksOfSession(name)) runner.kick(check);
  }

  return {
    start: (first) => afterFiles(first, start),
    reload: (next) => afterFiles(next, reload),
    stop,
    receive,
    snapshot: reports.everything,
    unwatched: reports.rest,
    dump: (kind) => dumpOf(kind, config, services.all()),
  };
}

function announce({ taken }: ServiceChanges, { global }: Config, news: CheckerNews): void {
  for (const { before, service } of taken)
    if (before) news.reloaded(before, service);
    else news.started(service, global.lvs.rsInitNotifies);
}
