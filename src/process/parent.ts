// Process layer: the director as a whole. Reads the configuration, keeps one supervisor for each role, relays what roles say, and
// turns signals into reload and stop. Everything outside is handed in, so tests run it with a manual clock and children of their own.
import type { Cancel, Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/model/config.ts";
import { programsOf } from "../roles/programs/named.ts";
import type { RoleName } from "../roles/role.ts";
import type { ConfigStatus, DirectorStatus, ProcessStatus, StatusEvent, StatusUpdate } from "../status/schema.ts";
import type { ApiCallers } from "./api-callers.ts";
import { createOutbox } from "./channel.ts";
import { clip } from "./conduct.ts";
import { changesOf } from "./configuration/changes.ts";
import type { ReadConfiguration, Reading } from "./configuration/configuration.ts";
import { createEffectiveAnswers, createEffectiveSender } from "./configuration/effective-pieces.ts";
import { lostAltogether } from "./configuration/reload-guard.ts";
import { needsRestart, newErrorsOf } from "./configuration/reload-refused.ts";
import { readSettled, unsettledError } from "./configuration/settled-reading.ts";
import { parentName } from "./host/process-names.ts";
import { type ServiceNotices, SILENT, statusLine } from "./host/service-notices.ts";
import type { ToChild, Topics } from "./messages.ts";
import { EXIT, type RunOptions, roleOptions } from "./options.ts";
import { rightsOf } from "./role-rights.ts";
import { createRoleShares } from "./role-share.ts";
import type { SpawnChild } from "./runtime.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { createTelling } from "./telling.ts";

/** vrrp starts when the table is loaded, so that no address comes before it; but after this long it starts anyway. */
export const VRRP_WAIT_MS = 5000;
/** The api process waits for the same, so that its start does not slow that of the table; but not for a checker that hangs. */
export const API_WAIT_MS = 1000;
/** The configuration goes to the roles first; what is only told of it comes when the table is loaded, or after this long. */
const DESCRIBE_AFTER_MS = 1000;
/** Who calls is answered when every role has told how it is, or after this long. */
const COMPLETE_LIMIT_MS = 5000;
/** A reload that the roles have not answered by then counts as done; supervision deals with a role that hangs. */
export const RELOAD_LIMIT_MS = 60_000;
/** Events kept for an api process that starts, and for readers that come back. */
export const MAX_KEPT_EVENTS = 1000;
/** The starter only takes a list. */
const STARTER_LIMIT_MS = 1000;
/** What each role still gets when the ones before it used up the time. */
const LEAST_STOP_MS = 1000;
/** What a process may take to start whose only work is to take away what a killed one left. */
export const SWEEP_START_MS = 3000;
/** Errors that are logged one by one; a file that is no configuration at all has one in every line. */
const MAX_LOGGED_FINDINGS = 50;
/** Errors of the configuration in force that the status tells in full. */
const MAX_TOLD_ERRORS = 50;
const DEFAULT_CHILD_WAIT_MS = 5000;

/** vrrp first: priority 0 goes out and the peer takes over while the table here still works. */
const STOP_ORDER: readonly RoleName[] = ["vrrp", "checker", "bfd", "api", "starter"];

export interface DirectorPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  readonly read: ReadConfiguration;
  /** Makes text small, for roles and for keeping. */
  pack(text: string): Uint8Array;
  /** Roles that this program has. */
  readonly roles: ReadonlySet<RoleName>;
  readonly identity: Pick<DirectorStatus, "version" | "pid" | "boot" | "hostname">;
  /** Roles that the configuration seems to need, before it is read; absent: the checker. */
  likely?(): ReadonlySet<RoleName>;
  /** A role that ended without stopping left things of ours in the kernel: it is started to take them away. */
  leftBehind?(role: RoleName): boolean;
  /** A service manager that wants to know how it goes. */
  readonly notices?: ServiceNotices;
  /** A reload is over: what was needed for it is garbage. */
  reloaded?(): void;
  /** Whether the next reload may take everything away (`lbd reload --allow-empty`); asking uses it up. */
  mayEmpty?(): boolean;
  /** Loads the kernel modules that a configuration needs. */
  loadModules?(config: Config): void;
  /** Who asks the API: the process that answers runs while somebody does. Absent: always. */
  readonly callers?: ApiCallers;
  /** A role's process has another pid now; undefined when it has none. */
  rolePid?(role: RoleName, pid: number | undefined): void;
  /** Counters of this process itself, by metric name and labels. */
  self?(): Readonly<Record<string, number>>;
  /** `process_name`, for ps and top. */
  rename?(name: string): void;
  /** The director is over; the status is the program's. Called once. */
  ended(status: number): void;
}

export interface Director {
  /** Reads the configuration and starts what it needs. */
  start(): void;
  /** Takes the configuration anew; one that comes while another runs is done after it, once. */
  reload(): void;
  /** Stops in order and ends; a second call changes nothing. */
  stop(reason: string): void;
  /** Stops as stop() does, because of a mistake of the program: the status says so. */
  fail(): void;
  /** Roles that are stuck beyond what supervision should let them be. */
  stuck(): readonly RoleName[];
}

export function createDirector(options: RunOptions, ports: DirectorPorts): Director {
  const { clock, log, notices = SILENT } = ports;
  const startedAt = now();
  let running: Reading | undefined;
  let described: Reading | undefined;
  let config: ConfigStatus = {
    file: options.configFile,
    state: "reading",
    loadedAt: null,
    sha256: null,
    warnings: 0,
    errorCount: 0,
    tolerated: [],
    stale: false,
    errors: [],
    reloads: 0,
    lastReload: null,
  };
  let reloading = false;
  let reloadAgain = false;
  let stopping = false;
  let exitStatus: number = EXIT.ok;

  const topics = new Map<string, unknown>();
  const processes = new Map<string, ProcessStatus>();
  const events: (StatusUpdate & { kind: "event" })[] = [];
  let eventId = 0;
  const toApi = createOutbox((batch) => {
    supervisors.get("api")?.send({ kind: "status", updates: batch.updates });
  });

  const telling = createTelling("parent", { clock, send: tellApi, self: () => ports.self?.() ?? {} });

  const effectiveSender = createEffectiveSender(clock, () => running?.effective());
  const effective = createEffectiveAnswers(clock, effectiveSender, (piece) => supervisors.get("api")?.send(piece));
  const shares = createRoleShares(options.namespace, ports.pack);
  const supervisors = new Map<RoleName, Supervisor>();
  for (const role of ["starter", "checker", "bfd", "vrrp", "api"] as const)
    if (ports.roles.has(role) && wanted(role)) supervisors.set(role, supervise(role));

  function wanted(role: RoleName): boolean {
    return role === "api" || role === "starter" || options.roles[role];
  }

  function supervise(role: RoleName, running = isRunning): Supervisor {
    return createSupervisor(role, {
      clock,
      log,
      spawn: ports.spawn,
      options: roleOptions(options),
      earlyRights: rightsOf(role, undefined, options.namespace),
      respawn: options.respawn,
      topics: () => Object.fromEntries(topics),
      report: relay,
      event: (subject, from, to, reason) => tellEvent("process", subject, from, to, reason),
      batch: (from, batch) => {
        for (const update of batch.updates) relay(update);
        publish(from, batch.topics);
      },
      idle: () => ports.callers?.idle(),
      onDemand: role === "api" && ports.callers !== undefined,
      acknowledged: () => toApi.acknowledged(),
      wantsEffective: (serial) => effective.wish(serial),
      running,
      gaveUp: (which, reason) => {
        exitStatus = EXIT.failed;
        stop(`${which} ${reason}, and --dont-respawn was given`);
      },
    });
  }

  // --- relay

  function relay(update: StatusUpdate) {
    if (update.kind === "event") {
      const kept = { ...update, value: clipped(update.value), id: ++eventId };
      events.push(kept);
      if (events.length > MAX_KEPT_EVENTS) events.shift();
      return tellApi(kept);
    }
    if (update.kind === "process") {
      processes.set(update.value.role, update.value);
      sayHowItIs();
      const { role, pid } = update.value;
      for (const supervisor of supervisors.values())
        if (supervisor.role === role) ports.rolePid?.(supervisor.role, pid ?? undefined);
    }
    tellApi(update);
    if (update.kind === "role-current" || update.kind === "role-gone") toldAll(update.role);
  }

  /** An api process that is not there misses nothing: it gets everything when it comes. */
  function tellApi(update: StatusUpdate): void {
    if (supervisors.get("api")?.state() === "running") toApi.update(update);
  }

  function tellEvent(kind: string, subject: string, from: string, to: string, reason: string): void {
    relay({ kind: "event", value: { at: now(), kind, subject, from, to, reason } });
  }

  function publish(from: RoleName, values: Topics): void {
    for (const [topic, value] of Object.entries(values)) {
      topics.set(topic, value);
      for (const [role, supervisor] of supervisors)
        if (role !== from) supervisor.send({ kind: "topic", topic, value } satisfies ToChild);
    }
  }

  function isRunning(role: RoleName): void {
    notices.runs(role);
    if (role === "checker") startVrrp();
    if (role === "checker" || role === "vrrp") {
      startApi();
      describe();
    }
    // What roles say while nobody looks is dropped: they are told when somebody does.
    if (role !== "api" && supervisors.get("api")?.state() === "running")
      supervisors.get(role)?.send({ kind: "snapshot" });
    if (role !== "api") return;
    toApi.reset();
    effective.reset();
    toApi.update(directorUpdate());
    for (const value of processes.values()) toApi.update({ kind: "process", value });
    for (const event of events) toApi.update(event);
    telling.watch();
    awaited = new Set();
    for (const [other, supervisor] of supervisors) {
      supervisor.send({ kind: "snapshot" });
      if (supervisor.state() === "running") awaited.add(other);
    }
    if (!ports.callers) return;
    tellApi({ kind: "facts", role: "api", values: ports.callers.facts() });
    cancelComplete = clock.at(clock.now() + COMPLETE_LIMIT_MS, complete);
    if (awaited.size === 0) complete();
  }

  /** Roles that have not told the api process how they are. */
  let awaited = new Set<string>();
  let cancelComplete: Cancel = () => {};
  function toldAll(role: string): void {
    if (awaited.delete(role) && awaited.size === 0) complete();
  }

  /** The first caller sees all that there is to see. */
  function complete(): void {
    cancelComplete();
    const lingerMs = ports.callers?.lingerMs();
    if (lingerMs === undefined) return;
    toApi.whenEmpty(() => supervisors.get("api")?.send({ kind: "complete", lingerMs }));
  }

  function dismissApi(): Promise<void> {
    cancelComplete();
    telling.unwatch();
    for (const [role, supervisor] of supervisors) if (role !== "api") supervisor.send({ kind: "unwatched" });
    return dismiss("api");
  }

  function directorUpdate(): StatusUpdate {
    return { kind: "director", value: { ...ports.identity, since: startedAt, runDir: options.runDir, config } };
  }

  function sayHowItIs(): void {
    notices.status(statusLine(config, running?.config, [...processes.values()]));
  }

  function setConfig(next: Partial<ConfigStatus>): void {
    config = { ...config, ...next };
    sayHowItIs();
    tellApi(directorUpdate());
  }

  // --- start

  function start() {
    if (stopping) return;
    // They boot while the configuration is read here; which roles are needed is known after that.
    const early = ports.likely?.() ?? new Set(["checker"]);
    for (const role of early) supervisors.get(role)?.spawn();
    const reading = ports.read();
    // Half a file with something wrong in it may be a whole one in a moment.
    if (reading.unsettled && (reading.errors.length > 0 || reading.unsettled.changed))
      void readSettled(ports.read, clock).then((settled) => startWith(settled.reading, early));
    else startWith(reading, early);
  }

  function startWith(reading: Reading, early: ReadonlySet<RoleName>): void {
    logFindings(reading);
    if (stopping) return;
    if (!reading.config) {
      setConfig({ state: "failed", errors: reading.errors });
      log({ level: "error", area: "config", message: `${options.configFile} can't be used, not starting` });
      exitStatus = EXIT.configuration;
      stop("no configuration");
      return;
    }
    take(reading, reading.config);
    // What a file has nothing for is not started; what runs once stays, to take away what a reload removes.
    const next = reading.config;
    const needed = (role: RoleName) =>
      supervisors.has(role) && (needs(role, next) || ports.leftBehind?.(role) === true);
    for (const role of early) if (!needed(role)) void dismiss(role);
    // Before those that will ask it; what they ask too early waits with them.
    if (needed("starter")) void configure("starter", next);
    const working = (["checker", "bfd", "vrrp"] as const).filter((role) => supervisors.has(role) && needs(role, next));
    notices.expect(working.length > 0 || ports.callers ? working : ["api"]);
    ports.callers?.open(options.namespace ?? next.global.netNamespace, { start: callApi, dismiss: dismissApi });
    if (needed("bfd")) void configure("bfd", next);
    // The one that has work to do first has the processors to itself.
    if (needed("checker")) {
      void configure("checker", next);
      clock.at(clock.now() + VRRP_WAIT_MS, startVrrp);
      clock.at(clock.now() + API_WAIT_MS, startApi);
    } else if (needed("vrrp")) {
      startVrrp();
      clock.at(clock.now() + API_WAIT_MS, startApi);
    } else startApi();
    clock.at(clock.now() + DESCRIBE_AFTER_MS, describe);
  }

  let vrrpStarted = false;
  function startVrrp(): void {
    if (vrrpStarted || stopping || !running?.config) return;
    vrrpStarted = true;
    if (needs("vrrp", running.config) || ports.leftBehind?.("vrrp") === true) void configure("vrrp", running.config);
  }

  let apiStarted = false;
  let apiCalled = ports.callers === undefined;
  function startApi(): void {
    if (apiStarted || stopping || !running?.config) return;
    apiStarted = true;
    if (apiCalled) void configure("api", running.config);
  }

  /** Somebody asks; at a start, who has work to do first has the processors to itself. */
  function callApi(): void {
    apiCalled = true;
    if (apiStarted && !stopping && running?.config) void configure("api", running.config);
  }

  /** Roles that are being dismissed: what they are configured with meanwhile is for the process after. */
  const leaving = new Map<RoleName, Promise<void>>();

  /** A role that nothing needs is stopped, and its next process has a fresh supervisor. */
  function dismiss(role: RoleName): Promise<void> {
    const supervisor = supervisors.get(role);
    if (!supervisor) return Promise.resolve();
    const gone = supervisor.stop(LEAST_STOP_MS).then(() => {
      leaving.delete(role);
      if (!stopping) supervisors.set(role, supervise(role));
      processes.delete(role);
      tellApi({ kind: "process-gone", role });
    });
    leaving.set(role, gone);
    return gone;
  }

  function configure(role: RoleName, next: Config): Promise<void> {
    const gone = leaving.get(role);
    if (gone) return gone.then(() => (stopping ? undefined : configure(role, next)));
    return supervisors.get(role)?.configure(shares.next(role, next)) ?? Promise.resolve();
  }

  function take(reading: Reading, next: Config): void {
    running = reading;
    ports.loadModules?.(next);
    ports.rename?.(parentName(next.global));
    setConfig({
      state: "loaded",
      loadedAt: now(),
      warnings: reading.warnings.length,
      errorCount: reading.errors.length,
      tolerated: reading.errors.slice(0, MAX_TOLD_ERRORS),
      stale: false,
      errors: [],
    });
    if (reading.errors.length > 0)
      log({ level: "error", area: "config", message: toleratedLine(reading.errors.length) });
    for (const role of ["checker", "bfd", "vrrp"] as const)
      if (needs(role, next) && !ports.roles.has(role))
        log({
          level: "warning",
          area: "process",
          message: `${options.configFile} asks for ${role}, which this build lacks`,
        });
  }

  /** What is told of a configuration after all who wait for it have it. */
  function describe(): void {
    if (!running || described === running || stopping) return;
    described = running;
    const { sha256, notes } = running.details();
    setConfig({ sha256, warnings: running.warnings.length + notes.length });
    for (const message of notes) log({ level: "warning", area: "config", message });
  }

  // --- reload

  function reload(): void {
    // Before the first reading: what the files hold now is what it will read.
    if (stopping || !running) return;
    if (reloading) {
      reloadAgain = true;
      return;
    }
    reloading = true;
    notices.reloading();
    void reloadOnce().finally(() => {
      reloading = false;
      notices.reloaded();
      ports.reloaded?.();
      if (!reloadAgain) return;
      reloadAgain = false;
      reload();
    });
  }

  async function reloadOnce(): Promise<void> {
    log({ level: "info", area: "config", message: `reading ${options.configFile} again` });
    const mayEmpty = ports.mayEmpty?.() === true;
    const { reading, beganAt: began } = await readSettled(ports.read, clock);
    if (stopping) return;
    logFindings(reading);
    const refusals = refusalsOf(reading, mayEmpty);
    if (!reading.config || refusals.length > 0) {
      for (const line of refusals)
        if (!reading.errors.includes(line)) log({ level: "error", area: "config", message: line });
      const message = `reload refused, the configuration of ${config.loadedAt} stays in force`;
      log({ level: "error", area: "config", message });
      const lastReload = { at: now(), ok: false, durationMs: clock.now() - began };
      setConfig({ stale: true, errors: refusals, reloads: config.reloads + 1, lastReload });
      return tellEvent("config", options.configFile, "loaded", "stale", refusals[0] ?? "");
    }
    const next = reading.config;
    const old = running?.config;
    take(reading, next);
    const isCalled = (role: RoleName) => (role === "api" && ports.callers ? isUp(role) && !leaving.has(role) : true);
    const toTell = [...supervisors.keys()].filter((role) => isCalled(role) && (needs(role, next) || isUp(role)));
    // Programs that are new in it must be known before anybody wants them run.
    if (toTell.includes("starter")) await within(STARTER_LIMIT_MS, configure("starter", next));
    await within(
      RELOAD_LIMIT_MS,
      Promise.all(toTell.filter((role) => role !== "starter").map((role) => configure(role, next))),
    );
    if (stopping) return;
    const durationMs = clock.now() - began;
    const changes = old ? [...changesOf(old, next)] : [];
    setConfig({ reloads: config.reloads + 1, lastReload: { at: now(), ok: true, durationMs, changes } });
    describe();
    log({ level: "info", area: "config", message: `reload done in ${Math.round(durationMs)} ms` });
    tellEvent("config", options.configFile, "loaded", "loaded", "read again");
  }

  /** Why a reading is not taken; empty when it is. */
  function refusalsOf(reading: Reading, mayEmpty: boolean): readonly string[] {
    if (!reading.config || !running?.config) return reading.errors;
    const [old, next] = [
      { ...running, config: running.config },
      { ...reading, config: reading.config },
    ];
    const lost = mayEmpty ? [] : lostAltogether(old, next, options.configFile, options.roles);
    return [
      ...unsettledError(reading),
      ...newErrorsOf(running, reading),
      ...needsRestart(old.config, next.config),
      ...lost,
    ];
  }

  function isUp(role: RoleName): boolean {
    return supervisors.get(role)?.state() !== "stopped";
  }

  function within(limitMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.at(clock.now() + limitMs, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  // --- stop

  function stop(reason: string): void {
    if (stopping) return;
    stopping = true;
    ports.callers?.stop();
    notices.stopping(stopLimitMs());
    log({ level: "info", area: "process", message: `stopping: ${reason}` });
    void stopAll().then(() => ports.ended(exitStatus));
  }

  async function stopAll(): Promise<void> {
    const deadline = clock.now() + childWaitMs();
    for (const role of STOP_ORDER) {
      const left = Math.max(LEAST_STOP_MS, deadline - clock.now());
      const inOrder = await supervisors.get(role)?.stop(role === "api" ? LEAST_STOP_MS : left);
      if (inOrder === false && ports.leftBehind?.(role)) await sweep(role);
    }
  }

  /** As long as stopAll() may take: each role its time, and each that had to be killed a process that clears up after it. */
  function stopLimitMs(): number {
    const sweeps = STOP_ORDER.length * (SWEEP_START_MS + LEAST_STOP_MS);
    return childWaitMs() + STOP_ORDER.length * LEAST_STOP_MS + sweeps;
  }

  function childWaitMs(): number {
    return running?.config?.global.childWaitMs ?? DEFAULT_CHILD_WAIT_MS;
  }

  /** A role that had to be killed left its addresses or services: a new process recognises them, and takes them away as it stops. */
  async function sweep(role: RoleName): Promise<void> {
    const last = running?.config;
    if (!last) return;
    log({ level: "warning", area: "process", message: `${role}: a new process takes away what the killed one left` });
    let isUp = () => {};
    const up = new Promise<void>((resolve) => {
      isUp = resolve;
    });
    const sweeper = supervise(role, isUp);
    supervisors.set(role, sweeper);
    void sweeper.configure(shares.next(role, last));
    await within(SWEEP_START_MS, up);
    await sweeper.stop(LEAST_STOP_MS);
  }

  // --- helpers

  function now(): string {
    return new Date(clock.wallMs()).toISOString();
  }

  function logFindings(reading: Reading): void {
    const lines = [
      ...reading.errors.map((message) => ({ level: "error", area: "config", message }) as const),
      ...reading.warnings.map((message) => ({ level: "warning", area: "config", message }) as const),
    ];
    for (const line of lines.slice(0, MAX_LOGGED_FINDINGS)) log(line);
    const more = lines.length - MAX_LOGGED_FINDINGS;
    if (more > 0) log({ level: "warning", area: "config", message: `${more} more findings, see lbd check` });
  }

  return {
    start,
    reload,
    stop,
    fail() {
      exitStatus = EXIT.failed;
      stop("an unexpected error");
    },
    stuck: () => [...supervisors.values()].filter((one) => one.isStuck()).map(({ role }) => role),
  };
}

/** Events are kept, so their texts have a bound. */
function clipped({ at, kind, subject, from, to, reason }: StatusEvent): StatusEvent {
  const short = { at: clip(at), kind: clip(kind), subject: clip(subject), to: clip(to), reason: clip(reason) };
  return from === undefined ? short : { ...short, from: clip(from) };
}

/** Whether a configuration has something for a role to do. */
export function needs(role: RoleName, config: Config): boolean {
  const { vrrp } = config;
  switch (role) {
    case "api":
      return true;
    case "starter":
      return programsOf(config).length > 0;
    case "checker":
      return config.virtualServers.length > 0;
    case "bfd":
      return config.bfd.length > 0;
    case "vrrp":
      return (
        vrrp.instances.length > 0 ||
        vrrp.staticAddresses.length + vrrp.staticRoutes.length + vrrp.staticRules.length > 0 ||
        config.global.lvs.syncDaemon !== undefined
      );
  }
}

function toleratedLine(errors: number): string {
  const counted = errors === 1 ? "1 error" : `${errors} errors`;
  return `loaded with ${counted}: what each names is left out, or has the value that it says (--strict would refuse)`;
}
