// Process layer: what every child does around its role: reads the channel, starts, reloads and stops the role one at a time, sends
// what it reports, answers heartbeats, and stops in order when the parent is gone.

import { writeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { firstOf } from "../base/first-of.ts";
import type { Log } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { Config } from "../config/model/config.ts";
import { openAlarm } from "../kernel/alarm.ts";
import { type AutoPriority, createAutoPriority } from "../kernel/auto-priority.ts";
import { systemClock } from "../kernel/clock.ts";
import { bindToParent, keepMemoryPrivate, nameProcess } from "../kernel/confinement.ts";
import { enterNetworkNamespace } from "../kernel/namespace.ts";
import { dropProgramPages } from "../kernel/program-pages.ts";
import { ignoreRealtimeSignals } from "../kernel/realtime-signals.ts";
import type { Role, RoleFactory, RoleName } from "../roles/role.ts";
import { createOutbox, type Outbox } from "./channel.ts";
import { createAssembly } from "./configuration/assembly.ts";
import { createLagWatch } from "./host/lag.ts";
import { createLetGo, ownCpuMs } from "./host/let-go.ts";
import { processName } from "./host/process-names.ts";
import { createUsageWatch } from "./host/process-usage.ts";
import { takeSignal } from "./host/signals.ts";
import { createIntake } from "./intake.ts";
import { type FromChild, readToChild, type ToChild } from "./messages.ts";
import { EXIT } from "./options.ts";
import {
  expectedParent,
  expectsCoreFiles,
  namespaceEntered,
  openParentChannel,
  shrinkMemory,
  unpackText,
} from "./runtime.ts";
import { createTelling } from "./telling.ts";

/** What stop() may take when the parent is gone and can't say. */
const ORPHAN_STOP_MS = 5000;
/** A parent sends a heartbeat every second. */
const PARENT_SILENT_MS = 10_000;
/** What the last status and log lines may take to leave. */
const FLUSH_MS = 500;

/** Runs a role until the parent says stop or is gone. Called once, as the whole of this process. */
export function runChild(name: RoleName, factory: RoleFactory): void {
  const parent = expectedParent();
  if (parent === undefined) {
    refuse(name);
    return;
  }
  ignoreRealtimeSignals();
  keepMemoryPrivate(expectsCoreFiles());
  const { send: tell } = openParentChannel({
    message(raw) {
      const message = readToChild(raw);
      if (message) child.take(message);
      else log({ level: "error", area: "process", message: `${name}: a message that is none was ignored` });
    },
    bytes: (piece) => child.takePiece(piece),
    broken: (reason) => die(name, `the parent sent ${reason}`),
    closed: () => child.orphaned(),
  });
  const outbox = createOutbox(tell);
  const log: Log = (line) => outbox.log(line);
  const autoPriority = createAutoPriority(name, log);
  const lag = createLagWatch(name);
  const usage = createUsageWatch(name);
  const clock = systemClock({
    late: (lateMs) => {
      lag.late(lateMs);
      autoPriority.late(lateMs);
    },
    // Takeovers are counted in tenths of a millisecond; everybody else saves the signals.
    ...(name === "vrrp" ? { openAlarm } : {}),
  });
  const letGo = createLetGo({ clock, cpuMs: ownCpuMs, shrink: rest });
  if (!bindToParent(parent, `lbd-${name}`)) process.exit(EXIT.failed);

  const child = createChild(name, factory, {
    clock,
    log,
    outbox,
    autoPriority,
    self: () => ({ ...lag.values(), ...usage() }),
    tell,
    namespace: namespaceEntered(),
    enterNamespace: enterNetworkNamespace,
    setUmask: (mask) => void process.umask(mask),
    rename: nameProcess,
    unpack: unpackText,
    later: setImmediate,
    grown: letGo.grown,
    exit: leave,
  });
  // The kernel's word that the parent ended, or an operator's; the parent starts a new one in the second case.
  takeSignal("SIGTERM", () => child.orphaned());
  // These are for the parent; an interrupt of the terminal must not stop roles out of order.
  for (const signal of ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2"] as const) takeSignal(signal, () => {});
  process.on("uncaughtException", (error) => die(name, error));
  process.on("unhandledRejection", (error) => die(name, error));
  tell({ kind: "hello" });
}

/** At rest: what only the start needed goes. */
function rest(): void {
  shrinkMemory();
  setImmediate(dropProgramPages);
}

function refuse(name: string): void {
  writeSync(2, `lbd: the ${name} process is started by lbd itself, not by hand\n`);
  process.exit(EXIT.failed);
}

function leave(status: number): void {
  process.exit(status);
}

/** An error nobody expected: the state is unknown, so this process ends and a new one starts from the kernel's state. */
function die(name: string, error: unknown): void {
  try {
    writeSync(2, `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  } finally {
    process.exit(EXIT.failed);
  }
}

export interface ChildPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly autoPriority: AutoPriority;
  /** Counters of this process itself. */
  self(): Readonly<Record<string, number>>;
  tell(message: FromChild): void;
  /** The namespace in which this process is already. */
  readonly namespace?: string | undefined;
  /** Goes to a network namespace for good. @throws Error */
  enterNamespace(name: string): void;
  /** For the files and programs of this process. */
  setUmask(mask: number): void;
  /** For ps and top. */
  rename(name: string): void;
  /** Text of a piece of the configuration. */
  unpack(piece: Uint8Array): string;
  /** Runs something in a later turn of the loop, behind what has come meanwhile. */
  later(run: () => void): void;
  /** The role has started, or taken another configuration. */
  grown?(): void;
  exit(status: number): void;
}

export interface Child {
  take(message: ToChild): void;
  /** A piece of the configuration that the next start or reload is about. */
  takePiece(piece: Uint8Array): void;
  /** The parent is gone: stop in order and end. */
  orphaned(): void;
}

/** The part of a child that touches no process: tests drive it with their own ports. */
export function createChild(name: RoleName, factory: RoleFactory, ports: ChildPorts): Child {
  const { clock, log, outbox, autoPriority, tell, exit } = ports;
  const telling = createTelling(name, { clock, send: (update) => outbox.update(update), self: ports.self });
  let role: Role | undefined;
  let maskOfOptions: number | undefined;
  let stopping = false;
  let heardAt = clock.now();
  /** Topics that came before the role was there. */
  const early = new Map<string, unknown>();
  const intake = createIntake(ports.later, takeOrFail);
  const assembly = createAssembly();
  // Start, reload and stop never overlap; later ones wait for their turn.
  let turn: Promise<void> = Promise.resolve();

  /** A parent that stands still can't be mended from here, and the role goes on; but it should be known afterwards. */
  function heard(): void {
    const silentMs = clock.now() - heardAt;
    heardAt = clock.now();
    if (silentMs < PARENT_SILENT_MS) return;
    const message = `${name}: nothing was heard of the parent for ${Math.round(silentMs / 1000)} s`;
    log({ level: "warning", area: "process", message });
  }

  function inTurn(what: string, run: () => void | Promise<void>): void {
    turn = turn.then(run).catch((error: unknown) => {
      if (stopping) return;
      stopping = true;
      const reason = `${what}${what === "" ? "" : ": "}${messageOf(error)}`;
      tell({ kind: "failed", reason });
      flush(() => exit(EXIT.failed));
    });
  }

  function takeOrFail(run: () => void): void {
    if (stopping) return;
    try {
      run();
    } catch (error) {
      inTurn(role ? "reload" : "start", () => Promise.reject(error));
    }
  }

  function start(message: ToChild & { kind: "start" }): void {
    if (role) return;
    const config = assembly.config();
    const namespace = message.options.namespace ?? config.global.netNamespace;
    // Before the role opens its first socket.
    if (namespace !== undefined && ports.namespace === undefined) ports.enterNamespace(namespace);
    maskOfOptions = message.options.umask;
    takeUmask(config);
    const created = factory({
      clock,
      log,
      options: message.options,
      report: telling.report,
      isWatched: telling.isWatched,
      publish: (topic, value) => outbox.topic(topic, value),
      renew: (reason) => inTurn("", () => Promise.reject(new Error(reason))),
      idle: () => tell({ kind: "idle" }),
      wantEffective: (serial) => tell({ kind: "want-effective", serial }),
    });
    role = created;
    inTurn("start", async () => {
      for (const [topic, value] of [...Object.entries(message.topics), ...early]) created.receive?.(topic, value);
      await created.start(config);
      takeGlobals(config);
      if (stopping) return;
      tell({ kind: "started" });
      ports.grown?.();
    });
  }

  /** Before the role makes a file or runs a program. */
  function takeUmask({ global }: Config): void {
    const mask = maskOfOptions ?? global.umask;
    if (mask !== undefined) ports.setUmask(mask);
  }

  /** What holds for every role. */
  function takeGlobals({ global }: Config): void {
    ports.rename(processName(name, global));
    if (name !== "api" && name !== "starter")
      autoPriority.configure(global.autoPriority, global.process[name].realtimePriority ?? 0);
  }

  function snapshot(): void {
    if (!role || stopping) return;
    telling.watch();
    const current = () => outbox.whenEmpty(() => tell({ kind: "current" }));
    const told = role.snapshot();
    if (told) void told.then(current);
    else current();
  }

  function reload(message: ToChild & { kind: "reload" }): void {
    const config = assembly.config();
    inTurn("reload", async () => {
      if (!role || stopping) return;
      takeUmask(config);
      await role.reload(config);
      takeGlobals(config);
      tell({ kind: "reloaded", serial: message.serial });
      ports.grown?.();
    });
  }

  /** Stops even while a start or reload hangs: it waits for that half of the limit, then stops the role all the same. */
  function stop(limitMs: number): void {
    if (stopping) return;
    stopping = true;
    // Only what ended in order is told as stopped: of the rest the parent takes away what is left.
    let inOrder = false;
    const stopRole = async () => {
      try {
        await role?.stop();
        inOrder = true;
      } catch (error) {
        log({ level: "error", area: name, message: `stop: ${messageOf(error)}` });
      }
    };
    const done = firstOf(turn, clock, limitMs / 2).then(() => firstOf(stopRole(), clock, limitMs));
    void done.then(() =>
      flush(() => {
        if (inOrder) tell({ kind: "stopped" });
        else tell({ kind: "failed", reason: "stop: not done, or not in order" });
        exit(inOrder ? EXIT.ok : EXIT.failed);
      }),
    );
  }

  function flush(then: () => void): void {
    const limit = new Promise<void>((resolve) => outbox.whenEmpty(resolve));
    void firstOf(limit, clock, FLUSH_MS).then(then);
  }

  return {
    orphaned: () => stop(ORPHAN_STOP_MS),
    takePiece: (piece) => intake.piece(() => assembly.take(ports.unpack(piece))),
    take(message) {
      switch (message.kind) {
        case "start":
          return intake.behind(() => start(message));
        case "reload":
          return intake.behind(() => reload(message));
        case "stop":
          return stop(message.limitMs);
        case "snapshot":
          return snapshot();
        case "unwatched":
          telling.unwatch();
          return role?.unwatched?.();
        case "topic":
          if (!role) return void early.set(message.topic, message.value);
          return role.receive?.(message.topic, message.value);
        case "status":
          role?.update?.(message.updates);
          return tell({ kind: "ack" });
        case "complete":
          return role?.complete?.(message.lingerMs);
        case "effective":
          return role?.effective?.(message);
        case "ping":
          heard();
          return tell({ kind: "pong" });
        case "ack":
          return outbox.acknowledged();
        default:
          return unreachable(message);
      }
    },
  };
}
