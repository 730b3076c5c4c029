// Process layer: what every child does around its role: takes what the parent says, starts, reloads and stops the role one at a time,
// sends what it reports, answers heartbeats, and stops in order when the parent is gone. It touches no process: tests drive it with
// their own ports; run-child.ts is what is around it.
import type { Clock, MonoMs } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { firstOf } from "../base/first-of.ts";
import type { Log } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { Config } from "../config/model/config.ts";
import type { AutoPriority } from "../kernel/auto-priority.ts";
import type { Role, RoleContext, RoleFactory, RoleName } from "../roles/role.ts";
import type { Outbox } from "./channel.ts";
import { type Assembly, createAssembly } from "./configuration/assembly.ts";
import { processName } from "./host/process-names.ts";
import { createIntake, type Intake } from "./intake.ts";
import { DUMP_PIECE_CHARS, type FromChild, type ToChild } from "./messages.ts";
import { EXIT } from "./options.ts";
import { createTelling, type Telling } from "./telling.ts";

/** What stop() may take when the parent is gone and can't say. */
const ORPHAN_STOP_MS = 5000;
/** A parent asks for a sign of life every five seconds (signs-of-life.ts). */
const PARENT_SILENT_MS = 10_000;
/** What the last status and log lines may take to leave. */
const FLUSH_MS = 500;

export interface ChildPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly autoPriority: AutoPriority;
  /** Counters of this process itself. */
  self(): Readonly<Record<string, number>>;
  tell(message: FromChild): void;
  /** As RoleContext has it. */
  readonly introductions?: number | undefined;
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

interface OpenDump {
  readonly serial: number;
  readonly pieces: Iterator<string>;
}

interface ChildState {
  readonly name: RoleName;
  readonly factory: RoleFactory;
  readonly ports: ChildPorts;
  readonly telling: Telling;
  /** What came, in its order, a piece of the configuration at a time. */
  readonly intake: Intake;
  readonly assembly: Assembly;
  /** Topics that came before the role was there. */
  readonly early: Map<string, unknown>;
  /** Undefined until it is told to start. */
  role: Role | undefined;
  maskOfOptions: number | undefined;
  calledAs: string | undefined;
  stopping: boolean;
  /** The reload that has not begun; one that comes now takes its place, and answers for it. */
  waiting: { config: Config; readonly ids: number[] } | undefined;
  /** What is left of the dump that was asked for last. */
  dump: OpenDump | undefined;
  /** When the parent gave its last sign of life. */
  heardAt: MonoMs;
  /** Start, reload and stop never overlap; later ones wait for their turn. */
  turn: Promise<void>;
}

export function createChild(name: RoleName, factory: RoleFactory, ports: ChildPorts): Child {
  const { clock, outbox } = ports;
  const child: ChildState = {
    name,
    factory,
    ports,
    telling: createTelling(name, { clock, send: (update) => outbox.update(update), self: ports.self }),
    intake: createIntake(ports.later, (run) => takeOrFail(child, run)),
    assembly: createAssembly(),
    early: new Map(),
    role: undefined,
    maskOfOptions: undefined,
    calledAs: undefined,
    stopping: false,
    waiting: undefined,
    dump: undefined,
    heardAt: clock.now(),
    turn: Promise.resolve(),
  };
  return {
    orphaned: () => stop(child, ORPHAN_STOP_MS),
    takePiece: (piece) => child.intake.piece(() => child.assembly.take(ports.unpack(piece))),
    take: (message) => take(child, message),
  };
}

function take(child: ChildState, message: ToChild) {
  const { ports, role, intake } = child;
  switch (message.kind) {
    case "start":
      return intake.behind(() => start(child, message));
    case "reload":
      return intake.behind(() => reload(child, message));
    case "stop":
      return stop(child, message.limitMs);
    case "startup":
    case "shutdown":
      return intake.behind(() => runScript(child, message));
    case "handover":
      return handOver(child, message.id);
    case "snapshot":
      return snapshot(child, message.id);
    case "unwatched":
      child.telling.unwatch();
      return role?.unwatched?.();
    case "topic":
      if (!role) return void child.early.set(message.topic, message.value);
      return role.receive?.(message.topic, message.value);
    case "status":
      role?.update?.(message.updates);
      return ports.tell({ kind: "ack" });
    case "complete":
      return role?.complete?.(message.lingerMs);
    case "effective":
      return role?.effective?.(message);
    case "dump":
      return dump(child, message);
    case "dump-more":
      return child.dump?.serial === message.serial ? dumpMore(child, child.dump) : undefined;
    case "ping":
      heard(child);
      return ports.tell({ kind: "answer", id: message.id });
    case "ack":
      return ports.outbox.acknowledged();
    default:
      return unreachable(message);
  }
}

/** A parent that stands still can't be mended from here, and the role goes on; but it should be known afterwards. */
function heard(child: ChildState): void {
  const { clock, log } = child.ports;
  const silentMs = clock.now() - child.heardAt;
  child.heardAt = clock.now();
  if (silentMs < PARENT_SILENT_MS) return;
  const message = `${child.name}: nothing was heard of the parent for ${Math.round(silentMs / 1000)} s`;
  log({ level: "warning", area: "process", message });
}

// --- one at a time

function inTurn(child: ChildState, what: string, run: () => void | Promise<void>): void {
  const { tell, exit } = child.ports;
  child.turn = child.turn.then(run).catch((error: unknown) => {
    if (child.stopping) return;
    child.stopping = true;
    const reason = `${what}${what === "" ? "" : ": "}${messageOf(error)}`;
    tell({ kind: "failed", reason });
    flush(child, () => exit(EXIT.failed));
  });
}

function takeOrFail(child: ChildState, run: () => void): void {
  if (child.stopping) return;
  try {
    run();
  } catch (error) {
    inTurn(child, child.role ? "reload" : "start", () => Promise.reject(error));
  }
}

function flush({ ports: { outbox, clock } }: ChildState, then: () => void): void {
  const limit = new Promise<void>((resolve) => outbox.whenEmpty(resolve));
  void firstOf(limit, clock, FLUSH_MS).then(then);
}

// --- start and reload

function start(child: ChildState, message: ToChild & { kind: "start" }): void {
  const { ports, early } = child;
  if (child.role) return;
  const config = child.assembly.config();
  const namespace = message.options.namespace ?? config.global.netNamespace;
  // Before the role opens its first socket.
  if (namespace !== undefined && ports.namespace === undefined) ports.enterNamespace(namespace);
  child.maskOfOptions = message.options.umask;
  child.calledAs = message.options.calledAs;
  takeUmask(child, config);
  const created = child.factory(contextOf(child, message.options));
  child.role = created;
  inTurn(child, "start", async () => {
    for (const [topic, value] of [...Object.entries(message.topics), ...early]) created.receive?.(topic, value);
    await created.start(config);
    takeGlobals(child, config);
    if (child.stopping) return;
    ports.tell({ kind: "started" });
    ports.grown?.();
  });
}

/** What the role is given of this process. */
function contextOf(child: ChildState, options: RoleContext["options"]): RoleContext {
  const { telling, ports } = child;
  const { clock, log, outbox, tell } = ports;
  return {
    clock,
    log,
    options,
    ...(ports.introductions === undefined ? {} : { introductions: ports.introductions }),
    report: telling.report,
    isWatched: telling.isWatched,
    publish: (topic, value) => outbox.topic(topic, value),
    renew: (reason) => inTurn(child, "", () => Promise.reject(new Error(reason))),
    idle: () => tell({ kind: "idle" }),
    wantEffective: (serial) => tell({ kind: "want-effective", serial }),
  };
}

function reload(child: ChildState, { id }: ToChild & { kind: "reload" }): void {
  const { ports } = child;
  const config = child.assembly.config();
  if (child.waiting) {
    child.waiting.config = config;
    child.waiting.ids.push(id);
    return;
  }
  const waiting = { config, ids: [id] };
  child.waiting = waiting;
  inTurn(child, "reload", async () => {
    child.waiting = undefined;
    if (!child.role || child.stopping) return;
    takeUmask(child, waiting.config);
    await child.role.reload(waiting.config);
    takeGlobals(child, waiting.config);
    for (const one of waiting.ids) ports.tell({ kind: "answer", id: one });
    ports.grown?.();
  });
}

/** Before the role makes a file or runs a program. */
function takeUmask({ maskOfOptions, ports }: ChildState, { global }: Config): void {
  const mask = maskOfOptions ?? global.umask;
  if (mask !== undefined) ports.setUmask(mask);
}

/** What holds for every role. */
function takeGlobals({ name, ports, calledAs }: ChildState, { global }: Config): void {
  ports.rename(processName(name, global, calledAs));
  if (name !== "api" && name !== "starter")
    ports.autoPriority.configure(global.autoPriority, global.process[name].realtimePriority ?? 0);
}

/** Behind the start; nothing waits for its end but who asked. */
function runScript(child: ChildState, { kind, id }: ToChild & { kind: "startup" | "shutdown" }): void {
  inTurn(child, kind, () => {
    const answer = () => child.ports.tell({ kind: "answer", id });
    const ended = child.role?.runScript?.(kind) ?? Promise.resolve();
    void ended.then(answer);
  });
}

function snapshot({ role, stopping, telling, ports }: ChildState, id: number): void {
  if (!role || stopping) return;
  telling.watch();
  const answer = () => ports.outbox.whenEmpty(() => ports.tell({ kind: "answer", id }));
  const told = role.snapshot();
  if (told) void told.then(answer);
  else answer();
}

// --- dumps

/** The parent asks for one piece after the other: what a dump takes of the loop is bounded, and so is what waits. */
function dump(child: ChildState, { what, serial }: ToChild & { kind: "dump" }): void {
  const { role, ports } = child;
  child.dump = undefined;
  const pieces = role?.dump?.(what);
  if (pieces) {
    child.dump = { serial, pieces: pieces[Symbol.iterator]() };
    dumpMore(child, child.dump);
  } else ports.tell({ kind: "dump-piece", serial, text: null, end: true });
}

function dumpMore(child: ChildState, { serial, pieces }: OpenDump): void {
  const { tell } = child.ports;
  let text = "";
  try {
    while (text.length < DUMP_PIECE_CHARS) {
      const next = pieces.next();
      if (next.done) {
        child.dump = undefined;
        break;
      }
      text += next.value;
    }
    tell({ kind: "dump-piece", serial, text, end: child.dump === undefined });
  } catch (error) {
    child.dump = undefined;
    tell({ kind: "dump-piece", serial, text: null, end: true, failed: messageOf(error) });
  }
}

/** Whatever start or reload is at work: what it has begun is the successor's to end. */
function handOver({ role, ports }: ChildState, id: number): void {
  role?.handOver?.();
  ports.outbox.whenEmpty(() => ports.tell({ kind: "answer", id }));
}

// --- stop

/** Stops even while a start or reload hangs: it waits for that half of the limit, then stops the role all the same. */
function stop(child: ChildState, limitMs: number): void {
  const { clock, tell, exit } = child.ports;
  if (child.stopping) return;
  child.stopping = true;
  const hasLeft = leave(child);
  // Only what ended in order is told as stopped: of the rest the parent takes away what is left.
  let inOrder = false;
  const stopInOrder = async () => {
    inOrder = (await stopRole(child)) && hasLeft;
  };
  const done = firstOf(child.turn, clock, limitMs / 2).then(() => firstOf(stopInOrder(), clock, limitMs));
  void done.then(() =>
    flush(child, () => {
      if (inOrder) tell({ kind: "stopped" });
      else tell({ kind: "failed", reason: "stop: not done, or not in order" });
      exit(inOrder ? EXIT.ok : EXIT.failed);
    }),
  );
}

/** False when it could not stop in order. */
async function stopRole(child: ChildState): Promise<boolean> {
  try {
    await child.role?.stop();
    return true;
  } catch (error) {
    return outOfOrder(child, error);
  }
}

/** The same for the first of it. */
function leave(child: ChildState): boolean {
  try {
    child.role?.leave?.();
    return true;
  } catch (error) {
    return outOfOrder(child, error);
  }
}

function outOfOrder({ name, ports }: ChildState, error: unknown): false {
  ports.log({ level: "error", area: name, message: `stop: ${messageOf(error)}` });
  return false;
}
