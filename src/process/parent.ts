// Process layer: the director as a whole, in its parent: has the configuration read, starts the roles that it needs, relays what they say,
// and turns signals into reload and stop. Everything outside is handed in, so tests run it with a manual clock and children of their own.
import type { Clock } from "../base/clock.ts";
import { firstOf } from "../base/first-of.ts";
import type { Log } from "../base/log.ts";
import type { RoleName } from "../roles/role.ts";
import type { ConfigStatus, DirectorStatus, StatusUpdate } from "../status/schema.ts";
import type { ApiCallers } from "./api-callers.ts";
import { createApiPicture } from "./api-picture.ts";
import { logFindings, toleratedLine, unreadStatus } from "./config-told.ts";
import type { Outline } from "./configuration/outline.ts";
import { createEffectiveAnswers } from "./effective-answers.ts";
import { type ServiceNotices, SILENT, statusLine } from "./host/service-notices.ts";
import { EXIT, type RunOptions } from "./options.ts";
import type { Refused } from "./reader-messages.ts";
import type { InForceKept, Readings } from "./readings.ts";
import { createRelay } from "./relay.ts";
import type { SpawnChild } from "./runtime.ts";
import { createTelling } from "./telling.ts";
import { createWorkers, stopLimitMs } from "./workers.ts";

/** vrrp starts when the table is loaded, so that no address comes before it; but after this long it starts anyway. */
export const VRRP_WAIT_MS = 5000;
/** The api process waits for the same, so that its start does not slow that of the table; but not for a checker that hangs. */
export const API_WAIT_MS = 1000;
/** The configuration goes to the roles first; what is only told of it comes when the table is loaded, or after this long. */
const DESCRIBE_AFTER_MS = 1000;
/** A reload that the roles have not answered by then counts as done; supervision deals with a role that hangs. */
export const RELOAD_LIMIT_MS = 60_000;
/** The starter only takes a list. */
const STARTER_LIMIT_MS = 1000;
const DEFAULT_CHILD_WAIT_MS = 5000;

export interface ParentPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  readonly readings: Readings;
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
  /** Loads the kernel modules that a configuration needs, in this order. */
  loadModules?(names: readonly string[]): void;
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

export interface Parent {
  /** Has the configuration read and starts what it needs. */
  start(): void;
  /** Takes the configuration anew; one that comes while it is being read is done after that, once. */
  reload(): void;
  /** Stops in order and ends; a second call changes nothing. */
  stop(reason: string): void;
  /** Stops as stop() does, because of a mistake of the program: the status says so. */
  fail(): void;
  /** Roles that are stuck beyond what supervision should let them be. */
  stuck(): readonly RoleName[];
}

/** What the parent is about. `again`: a reload was asked for meanwhile, of files that may have changed behind the reading. */
type Phase =
  | { readonly kind: "new" }
  | { readonly kind: "starting" | "reloading"; again: boolean }
  | { readonly kind: "running" }
  | { readonly kind: "stopping" };

/** Roles that start behind the checker. */
type Later = "vrrp" | "api" | "description";

export function createParent(options: RunOptions, ports: ParentPorts): Parent {
  const { clock, log, readings, notices = SILENT, callers } = ports;
  const startedAt = now();
  let phase: Phase = { kind: "new" };
  let config: ConfigStatus = unreadStatus(options.configFile);
  let exitStatus: number = EXIT.ok;
  /** What has its turn yet to come. */
  let later = new Set<Later>();
  let isApiCalled = callers === undefined;

  const relay = createRelay({
    send: (updates) => void workers.send("api", { kind: "status", updates }),
    isApiUp: () => workers.isRunning("api"),
    now,
  });
  const telling = createTelling("parent", { clock, send: relay.take, self: () => ports.self?.() ?? {} });
  const effective = createEffectiveAnswers(clock, readings.openEffective, (piece) => void workers.send("api", piece));
  const allowed = (["starter", "checker", "bfd", "vrrp", "api"] as const).filter(
    (role) => ports.roles.has(role) && (role === "api" || role === "starter" || options.roles[role]),
  );
  const workers = createWorkers(options, allowed, {
    clock,
    log,
    spawn: ports.spawn,
    share: readings.share,
    ...(ports.leftBehind && { leftBehind: ports.leftBehind }),
    report,
    event: (subject, from, to, reason) => relay.event("process", subject, from, to, reason),
    running,
    acknowledged: relay.acknowledged,
    wantsEffective: effective.wish,
    ...(callers && { idle: callers.idle, onDemand: (role) => role === "api" }),
    dismissed: relay.forget,
    gaveUp(role, reason) {
      exitStatus = EXIT.failed;
      stop(`${role} ${reason}, and --dont-respawn was given`);
    },
  });

  const picture = createApiPicture({ clock, relay, workers, telling, ...(callers && { callers }) });

  // --- what is told

  function report(update: StatusUpdate): void {
    relay.take(update);
    if (update.kind === "role-current" || update.kind === "role-gone") picture.told(update.role);
    if (update.kind !== "process") return;
    sayHowItIs();
    const { role, pid } = update.value;
    const known = allowed.find((one) => one === role);
    if (known) ports.rolePid?.(known, pid ?? undefined);
  }

  function running(role: RoleName): void {
    notices.runs(role);
    if (role === "checker") startVrrp();
    if (role === "checker" || role === "vrrp") {
      startApi();
      describe();
    }
    // What roles say while nobody looks is dropped: they are told when somebody does.
    if (role !== "api" && workers.isRunning("api")) workers.send(role, { kind: "snapshot" });
    if (role !== "api") return;
    effective.reset();
    picture.begin(directorUpdate());
  }

  function directorUpdate(): StatusUpdate {
    return { kind: "director", value: { ...ports.identity, since: startedAt, runDir: options.runDir, config } };
  }

  function sayHowItIs(): void {
    notices.status(statusLine(config, readings.inForce()?.outline, relay.processes()));
  }

  function setConfig(next: Partial<ConfigStatus>): void {
    config = { ...config, ...next };
    sayHowItIs();
    relay.take(directorUpdate());
  }

  // --- start

  async function start(): Promise<void> {
    if (phase.kind !== "new") return;
    phase = { kind: "starting", again: false };
    // They boot while the configuration is read; which roles are needed is known after that.
    const answer = readings.read({ at: "start", mayEmpty: false });
    const early = ports.likely?.() ?? new Set(["checker"]);
    for (const role of early) workers.spawn(role);
    const answered = await answer;
    if (isStopping()) return;
    const kept = readings.inForce();
    if (answered.kind === "refused" || !kept) {
      if (answered.kind === "refused") logRefused(answered);
      return cantStart(answered.kind === "refused" ? answered.refusals : []);
    }
    logFindings(log, kept.findings);
    take(kept);
    startRoles(kept.outline, early);
    settled();
  }

  function cantStart(errors: readonly string[]): void {
    setConfig({ state: "failed", errors: [...errors] });
    log({ level: "error", area: "config", message: `${options.configFile} can't be used, not starting` });
    exitStatus = EXIT.configuration;
    stop("no configuration");
  }

  function startRoles({ needs, netNamespace }: Outline, early: ReadonlySet<RoleName>): void {
    // What a file has nothing for is not started; what runs once stays, to take away what a reload removes.
    const needed = (role: RoleName) => workers.has(role) && (needs.includes(role) || ports.leftBehind?.(role) === true);
    for (const role of early) if (!needed(role)) void workers.dismiss(role);
    // Before those that will ask it; what they ask too early waits with them.
    if (needed("starter")) void workers.configure("starter");
    const working = (["checker", "bfd", "vrrp"] as const).filter((role) => workers.has(role) && needs.includes(role));
    notices.expect(working.length > 0 || callers ? working : ["api"]);
    later = new Set(["api", "description", ...(needed("vrrp") ? (["vrrp"] as const) : [])]);
    callers?.open(options.namespace ?? netNamespace, { start: callApi, dismiss: dismissApi });
    if (needed("bfd")) void workers.configure("bfd");
    // The one that has work to do first has the processors to itself.
    if (needed("checker")) {
      void workers.configure("checker");
      clock.at(clock.now() + VRRP_WAIT_MS, startVrrp);
      clock.at(clock.now() + API_WAIT_MS, startApi);
    } else if (needed("vrrp")) {
      startVrrp();
      clock.at(clock.now() + API_WAIT_MS, startApi);
    } else startApi();
    clock.at(clock.now() + DESCRIBE_AFTER_MS, describe);
  }

  function startVrrp(): void {
    if (hasTurn("vrrp")) void workers.configure("vrrp");
  }

  function startApi(): void {
    if (hasTurn("api") && isApiCalled) void workers.configure("api");
  }

  /** Somebody asks; at a start, who has work to do first has the processors to itself. */
  function callApi(): void {
    isApiCalled = true;
    if (!later.has("api") && !isStopping()) void workers.configure("api");
  }

  function dismissApi(): Promise<void> {
    picture.end();
    return workers.dismiss("api");
  }

  /** What is told of a configuration after all who wait for it have it. */
  function describe(): void {
    if (hasTurn("description")) void tellDetails();
  }

  /** Once for each. */
  function hasTurn(what: Later): boolean {
    return !isStopping() && later.delete(what);
  }

  async function tellDetails(): Promise<void> {
    const kept = readings.inForce();
    const details = await readings.details();
    if (!details || readings.inForce() !== kept || isStopping()) return;
    setConfig({ sha256: details.sha256, warnings: (kept?.findings.warningCount ?? 0) + details.notes.length });
    for (const message of details.notes) log({ level: "warning", area: "config", message });
  }

  function take({ outline, findings }: InForceKept): void {
    ports.loadModules?.(outline.modules);
    ports.rename?.(outline.parentName);
    setConfig({
      state: "loaded",
      loadedAt: now(),
      warnings: findings.warningCount,
      errorCount: findings.errorCount,
      tolerated: [...findings.errors],
      stale: false,
      errors: [],
    });
    if (findings.errorCount > 0) log({ level: "error", area: "config", message: toleratedLine(findings.errorCount) });
    for (const role of ["checker", "bfd", "vrrp"] as const)
      if (outline.needs.includes(role) && !ports.roles.has(role))
        log({
          level: "warning",
          area: "process",
          message: `${options.configFile} asks for ${role}, which this build lacks`,
        });
  }

  /** A reading is over: what was asked for meanwhile has its turn. */
  function settled(): void {
    const before = phase;
    if (before.kind !== "starting" && before.kind !== "reloading") return;
    phase = { kind: "running" };
    if (before.again) reload();
  }

  // --- reload

  function reload(): void {
    // Before the first reading begins: what the files hold now is what it will read.
    if (phase.kind === "new" || phase.kind === "stopping") return;
    if (phase.kind !== "running") {
      phase.again = true;
      return;
    }
    phase = { kind: "reloading", again: false };
    notices.reloading();
    void reloadOnce().finally(() => {
      notices.reloaded();
      ports.reloaded?.();
      settled();
    });
  }

  async function reloadOnce(): Promise<void> {
    log({ level: "info", area: "config", message: `reading ${options.configFile} again` });
    const answer = await readings.read({ at: "reload", mayEmpty: ports.mayEmpty?.() === true });
    const kept = readings.inForce();
    if (isStopping() || !kept) return;
    const began = clock.now() - answer.tookMs;
    if (answer.kind === "refused") return refuse(answer);
    logFindings(log, kept.findings);
    take(kept);
    await configureAll(kept.outline.needs);
    if (isStopping()) return;
    const durationMs = clock.now() - began;
    const changes = answer.kind === "same" ? [NOTHING_CHANGED] : [...(answer.changes ?? [])];
    setConfig({ reloads: config.reloads + 1, lastReload: { at: now(), ok: true, durationMs, changes } });
    later.add("description");
    describe();
    log({ level: "info", area: "config", message: `reload done in ${Math.round(durationMs)} ms` });
    relay.event("config", options.configFile, "loaded", "loaded", "read again");
  }

  async function configureAll(needs: readonly RoleName[]): Promise<void> {
    // An api process that comes with its callers is not started for a reload.
    const isWanted = (role: RoleName) => needs.includes(role) && !(role === "api" && callers);
    const isUp = (role: RoleName) => workers.isUp(role) && !(role === "api" && callers && workers.isLeaving(role));
    const toTell = allowed.filter((role) => isWanted(role) || isUp(role));
    // Programs that are new in it must be known before anybody wants them run.
    if (toTell.includes("starter")) await firstOf(workers.configure("starter"), clock, STARTER_LIMIT_MS);
    const others = toTell.filter((role) => role !== "starter").map((role) => workers.configure(role));
    await firstOf(Promise.all(others), clock, RELOAD_LIMIT_MS);
  }

  function refuse(answer: Refused): void {
    logRefused(answer);
    const message = `reload refused, the configuration of ${config.loadedAt} stays in force`;
    log({ level: "error", area: "config", message });
    const lastReload = { at: now(), ok: false, durationMs: answer.tookMs };
    setConfig({ stale: true, errors: [...answer.refusals], reloads: config.reloads + 1, lastReload });
    relay.event("config", options.configFile, "loaded", "stale", answer.refusals[0] ?? "");
  }

  function logRefused({ findings, beyondFindings }: Refused): void {
    logFindings(log, findings);
    for (const message of beyondFindings) log({ level: "error", area: "config", message });
  }

  // --- stop

  function stop(reason: string): void {
    if (isStopping()) return;
    phase = { kind: "stopping" };
    callers?.stop();
    readings.stop();
    const limitMs = readings.inForce()?.outline.childWaitMs ?? DEFAULT_CHILD_WAIT_MS;
    notices.stopping(stopLimitMs(limitMs));
    log({ level: "info", area: "process", message: `stopping: ${reason}` });
    void workers.stopAll(limitMs).then(() => ports.ended(exitStatus));
  }

  function isStopping(): boolean {
    return phase.kind === "stopping";
  }

  function now(): string {
    return new Date(clock.wallMs()).toISOString();
  }

  return {
    start: () => void start(),
    reload,
    stop,
    fail() {
      exitStatus = EXIT.failed;
      stop("an unexpected error");
    },
    stuck: workers.stuck,
  };
}

const NOTHING_CHANGED = "nothing changed";
