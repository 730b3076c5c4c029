// Process layer: a director as a program: run directory and lock, log, signals, and the way out. What it does is parent.ts.

import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { reapChild } from "../../ffi/signals.ts";
import { monotonicMicroseconds } from "../../ffi/time.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { withWords } from "../base/log-levels.ts";
import { systemClock } from "../kernel/clock.ts";
import { hasLandlock, keepMemoryPrivate, nameProcess } from "../kernel/confinement.ts";
import { openNewFile } from "../kernel/dump-file.ts";
import { shedInheritedSignals } from "../kernel/inherited-signals.ts";
import { makeUsersFifo } from "../kernel/make-fifo.ts";
import { dropProgramPages } from "../kernel/program-pages.ts";
import { openReadiness } from "../kernel/readiness.ts";
import { ignoreRealtimeSignals, JSON_DUMP, STATS_CLEAR, takeRealtimeSignal } from "../kernel/realtime-signals.ts";
import { appendRegular, readWhole, removeRegular, writeRegular } from "../kernel/regular-file.ts";
import { takeServiceManager } from "../kernel/service-manager.ts";
import { journalPath } from "../roles/journal.ts";
import type { DumpKind, RoleName } from "../roles/role.ts";
import { VERSION } from "../version.ts";
import { openApiDoor } from "./api-door.ts";
import { leaveLauncher } from "./background.ts";
import { BACKGROUND_VARIABLE } from "./background-mark.ts";
import { glance } from "./configuration/files.ts";
import { createReloadWords } from "./configuration/reload-words.ts";
import { takeWord } from "./configuration/words-given.ts";
import { readEventFeed } from "./event-feed.ts";
import { leaveHandover, takeHandover } from "./host/handover-file.ts";
import { createLagWatch, type LagWatch } from "./host/lag.ts";
import { createLetGo, ownCpuMs } from "./host/let-go.ts";
import { forgetLevels, takenLevels } from "./host/level-word.ts";
import type { LogSink } from "./host/log-sink.ts";
import { createModuleLoader } from "./host/needed-modules.ts";
import { createOrphans, zombieChildren } from "./host/orphans.ts";
import {
  AlreadyRunning,
  claimPidFile,
  claimRunDir,
  disclaimPidFile,
  pidFileOwner,
  type RunDir,
  removePidFile,
  writePidFile,
} from "./host/pidfile.ts";
import { dumpDirectory } from "./host/places.ts";
import { pollFile } from "./host/polled-file.ts";
import { nameOf } from "./host/process-facts.ts";
import { PARENT_NAME } from "./host/process-names.ts";
import { createUsageWatch } from "./host/process-usage.ts";
import { createServiceNotices, type ServiceNotices } from "./host/service-notices.ts";
import { takeSignal } from "./host/signals.ts";
import { unconfinedNote } from "./host/unconfined.ts";
import { createUsersFifos } from "./host/users-fifos.ts";
import { awaitLeftovers } from "./leftovers.ts";
import { EXIT, type RunOptions } from "./options.ts";
import { createParent } from "./parent.ts";
import type { Readings } from "./readings.ts";
import { createRunLog } from "./run-log.ts";
import { CHILD_MARK, collectGarbage, permitCoreFiles, shrinkMemory, spawnChild, unpackText } from "./runtime.ts";
import { becomeInstalled, clearedVariables, tryInstalled } from "./runtime-again.ts";

/** What the last log lines may take to leave. */
const DRAIN_MS = 500;

/** More than any time has; a file beyond it names none. */
const RELOAD_TIME_BYTES = 1024;

/** The start itself does not wait for what is only to be said. */
const NOTES_AFTER_MS = 1000;

/** Names as keepalived gives them, in the run directory. */
const PID_FILES: Readonly<Record<RoleName, string>> = {
  vrrp: "vrrp.pid",
  checker: "checkers.pid",
  bfd: "bfd.pid",
  api: "api.pid",
  starter: "starter.pid",
};

/** For a director that nobody told where to log. */
const TO_CONSOLE = { console: true, remote: [], isBackground: false } as const;

export interface Timing {
  readonly clock: Clock;
  /** Of the clock's turns. */
  readonly lag: LagWatch;
}

export function parentTiming(): Timing {
  const lag = createLagWatch("parent");
  return { clock: systemClock({ late: lag.late }), lag };
}

/** Runs a director until it is told to stop; ends the process. */
export async function runDirector(
  options: RunOptions,
  readings: Readings,
  roles: ReadonlySet<RoleName>,
  { clock, lag }: Timing,
): Promise<void> {
  // As it was given to this process, for one that goes on in its place.
  const environment = { ...process.env, ...(options.log?.isBackground && { [BACKGROUND_VARIABLE]: "1" }) };
  shedInheritedSignals();
  ignoreRealtimeSignals();
  const readiness = openReadiness();
  const usage = createUsageWatch("parent");
  const levels = options.log?.levels ?? { all: options.debug ? "debug" : "info", areas: {} };
  const sink = createRunLog(
    { ...(options.log ?? TO_CONSOLE), levels, format: options.logFormat, calledAs: options.calledAs, hostname },
    clock,
  );
  const { log } = sink;
  let ended = false;

  if (options.coreFiles) permitCoreFiles();
  attempt(log, () => keepMemoryPrivate(options.coreFiles));
  const { refused, removed } = clearedVariables(process.env);
  const forbidden = [...refused, ...(process.env[CHILD_MARK] === undefined ? [] : [CHILD_MARK])];
  if (forbidden.length > 0)
    return fail(
      sink,
      `the environment sets ${forbidden.join(" and ")}, which can make this program run something else: unset it`,
    );
  if (removed.length > 0)
    log({
      level: "warning",
      area: "process",
      message: `started again without ${removed.join(", ")} of the environment`,
    });
  const claimed = claim(options);
  if ("message" in claimed) return fail(sink, claimed.message, claimed.status);
  const { runDir } = claimed;
  const handover = takeHandover(options.runDir, monotonicMicroseconds() / 1000);
  process.chdir("/");
  forgetLevels(options.runDir);
  if (options.umask !== undefined) process.umask(options.umask);

  const letGo = createLetGo({
    clock,
    cpuMs: ownCpuMs,
    shrink() {
      shrinkMemory();
      setImmediate(dropProgramPages);
    },
  });
  letGo.grown();
  const callers = openApiDoor(options, clock, log);
  const notices = openNotices(log, clock, () => parent.stuck());
  const fifos = createUsersFifos(makeUsersFifo);
  const rolePids = new Map<RoleName, number>();
  const parent = createParent(options, {
    clock,
    log,
    spawn: (role, events, rights) => spawnChild(role, events, rights, role === "api" ? callers.listeners() : []),
    callers,
    readings,
    ...(notices ? { notices } : {}),
    stands() {
      sink.stands();
      if (options.log?.isBackground) attempt(log, leaveLauncher);
    },
    reloaded() {
      collectGarbage();
      letGo.grown();
    },
    likely: () => glance(options.configFile),
    roles,
    identity: { version: VERSION, pid: process.pid, boot: crypto.randomUUID().slice(0, 8), hostname: hostname() },
    leftBehind: (role) => existsSync(journalPath(options.runDir, role)),
    ...(options.holdVrrp !== undefined && { isVrrpHeld: () => existsSync(options.holdVrrp ?? "") }),
    ...(options.drainVrrp !== undefined && { isVrrpDrained: () => existsSync(options.drainVrrp ?? "") }),
    mayEmpty: () => takeWord(options.runDir, "allow-empty", clock.wallMs()),
    mayReplace: () => takeWord(options.runDir, "restart", clock.wallMs()),
    tryNext: () => tryInstalled(environment),
    replace: (handover) => void replace(handover),
    ...(handover !== undefined && { handover }),
    loadModules: createModuleLoader(log),
    keepFifos: fifos.keep,
    reloads: createReloadWords({
      clock,
      log,
      directory: options.pidFile === undefined ? options.runDir : dirname(options.pidFile),
      watch: (path, onText) => pollFile(clock, () => firstBytes(path), onText),
      make: (path) => writeRegular(path, "", { overwrite: true, mode: 0o600 }),
      append: (path, text) => appendRegular(path, text, 0o600),
      remove: removeRegular,
      reload: () => parent.reload(),
    }),
    dumps: {
      directory: dumpDirectory(process.env.TMPDIR),
      open: openNewFile,
      unpack: unpackText,
    },
    rolePid: (role, pid) => attempt(log, () => notePid(role, pid)),
    self: () => ({ ...lag.values(), ...usage() }),
    rename: (name) => attempt(log, () => nameProcess(name === PARENT_NAME ? (options.calledAs ?? name) : name)),
    ended: (status) => void leave(status),
  });

  const orphans = createOrphans({ clock, zombies: zombieChildren, reap: reapChild });
  process.on("SIGCHLD", orphans.look);
  // Some may be there from before.
  orphans.look();
  takeSignal("SIGTERM", () => parent.stop("SIGTERM"));
  takeSignal("SIGINT", () => {
    if (!options.ignoreSigint) parent.stop("SIGINT");
  });
  takeSignal("SIGHUP", () => {
    sink.reopen();
    parent.reload();
  });
  takeSignal("SIGWINCH", () => {
    sink.reopen();
    const words = takenLevels(options.runDir);
    if (words) sink.setLevels(withWords(words.all ? { ...levels, areas: {} } : levels, words));
  });
  takeSignal("SIGUSR1", () => parent.dump("data"));
  takeSignal("SIGUSR2", () => parent.dump("stats"));
  takeRealtime("stats-clear", STATS_CLEAR);
  takeRealtime("json", JSON_DUMP);
  process.on("uncaughtException", (error) => broken(error));
  process.on("unhandledRejection", (error) => broken(error));

  log({ level: "info", area: "process", message: `lbd ${VERSION} starts, pid ${process.pid}, ${options.configFile}` });
  for (const note of options.notes) log({ level: "warning", area: "process", message: note });
  if (options.pidFile !== undefined) attempt(log, () => claimPidFile(options.pidFile ?? "", process.pid));
  const pidFiles = (["vrrp", "checker", "bfd", "api", "starter"] as const).map(
    (role) => `${options.runDir}/${PID_FILES[role]}`,
  );
  await awaitLeftovers(pidFiles, clock, log);
  parent.start();
  if (options.eventsOnStdin) void readEventFeed(process.stdin, parent.tell);
  clock.at(clock.now() + NOTES_AFTER_MS, () => attempt(log, tellUnconfined));

  function tellUnconfined(): void {
    const { coreFiles } = options;
    const note = unconfinedNote({ isRoot: process.getuid?.() === 0, hasLandlock: hasLandlock(), coreFiles });
    if (note !== undefined) log({ level: "warning", area: "process", message: note });
  }

  function takeRealtime(kind: DumpKind, signal: number): void {
    attempt(log, () => takeRealtimeSignal(readiness, signal, () => parent.dump(kind)));
  }

  /** The state is unknown: stop what can be stopped and say so by the status. */
  function broken(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log({ level: "error", area: "process", message: `unexpected error: ${text}` });
    if (ended) return;
    ended = true;
    parent.fail();
  }

  /** In the run directory, and in the place that was asked for (`-r`, `-c`, `-b`). */
  function notePid(role: RoleName, pid: number | undefined): void {
    const before = rolePids.get(role);
    const own = `${options.runDir}/${PID_FILES[role]}`;
    const asked = role === "vrrp" || role === "checker" || role === "bfd" ? options.rolePidFiles[role] : undefined;
    if (pid) rolePids.set(role, pid);
    else rolePids.delete(role);
    if (pid) writePidFile(own, pid);
    else removePidFile(own);
    if (asked === undefined) return;
    if (pid) claimPidFile(asked, pid);
    else if (before !== undefined) disclaimPidFile(asked, before);
  }

  /** Comes back only by the end of the process: what can't go on is started again by whoever started it. */
  async function replace(next: unknown): Promise<void> {
    ended = true;
    attempt(log, () => leaveHandover(options.runDir, next, monotonicMicroseconds() / 1000));
    attempt(log, () => callers.close());
    attempt(log, () => runDir.release());
    await written(sink);
    attempt(log, () => becomeInstalled(environment));
    await end(sink, EXIT.failed);
  }

  async function leave(status: number): Promise<void> {
    ended = true;
    if (options.pidFile !== undefined) disclaimPidFile(options.pidFile, process.pid);
    for (const file of pidFiles) removePidFile(file);
    fifos.keep([]);
    attempt(log, () => callers.close());
    attempt(log, () => runDir.release());
    log({ level: "info", area: "process", message: `ended with status ${status}` });
    await end(sink, status);
  }
}

/** A line that tells a time, and no more. Undefined when there is no such file, or it is none to read. */
function firstBytes(path: string): string | undefined {
  try {
    return readWhole(path, RELOAD_TIME_BYTES).toString();
  } catch {
    return undefined;
  }
}

/** Words to the service manager that started this process, if one did. */
function openNotices(log: Log, clock: Clock, stuck: () => readonly string[]): ServiceNotices | undefined {
  try {
    const manager = takeServiceManager(process.env, process.pid);
    return manager && createServiceNotices({ ...manager, clock, pid: process.pid, monotonicMicroseconds, stuck });
  } catch (error) {
    log({ level: "warning", area: "process", message: messageOf(error) });
    return undefined;
  }
}

type Claim = { readonly runDir: RunDir } | { readonly message: string; readonly status: number };

function claim({ runDir: path, calledAs, pidFile }: RunOptions): Claim {
  try {
    // As keepalived does: its pid file stands for the daemon, whichever of the two wrote it.
    const owner = calledAs !== undefined && pidFile !== undefined ? pidFileOwner(pidFile) : undefined;
    if (owner !== undefined && owner !== process.pid && /^(keepalived|lbd)/.test(nameOf(owner)))
      throw new AlreadyRunning(pidFile ?? "", `${owner}`);
    return { runDir: claimRunDir(path) };
  } catch (error) {
    // keepalived: there is one, as was asked for.
    const already = calledAs === undefined ? EXIT.alreadyRunning : EXIT.ok;
    if (error instanceof AlreadyRunning) return { message: error.message, status: already };
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const message = `${path}: ${messageOf(error)}`;
    return { message, status: code === "EACCES" || code === "EPERM" ? EXIT.permission : EXIT.failed };
  }
}

function attempt(log: Log, run: () => void): void {
  try {
    run();
  } catch (error) {
    log({ level: "error", area: "process", message: messageOf(error) });
  }
}

async function fail(sink: LogSink, message: string, status: number = EXIT.failed): Promise<void> {
  sink.log({ level: "error", area: "process", message });
  await end(sink, status);
}

async function end(sink: LogSink, status: number): Promise<void> {
  await written(sink);
  process.exit(status);
}

async function written(sink: LogSink): Promise<void> {
  const limit = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS));
  await Promise.race([sink.drained(), limit]);
}
