// Process layer: one child and its life: spawn, start, heartbeat, restart with backoff, stop. It decides nothing about the
// configuration and knows no other child; parent.ts does. Time and spawning are handed in.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { escapeControls, type Log, type LogLine } from "../base/log.ts";
import { unreachable } from "../base/never.ts";
import type { RoleName, RoleOptions } from "../roles/role.ts";
import type { ProcessStatus, StatusUpdate } from "../status/schema.ts";
import { failuresAfter, restartDelayMs } from "./backoff.ts";
import { type Conduct, clip, clipLine, createConduct, createLineBudget, type LineBudget } from "./conduct.ts";
import { type Batch, type FromChild, readFromChild, type ToChild, type Topics } from "./messages.ts";
import { gained, type RoleRights } from "./role-rights.ts";
import type { RoleShare } from "./role-share.ts";
import type { ChildHandle, SpawnChild } from "./runtime.ts";
import { type SignsOfLife, watchSigns } from "./signs-of-life.ts";

/** An end for the same reason as the last is logged this often. */
const SAY_AGAIN_MS = 60_000;
const MAX_LINE_CHARS = 4096;
const MAX_LAST_WORDS_CHARS = 300;

export interface SupervisorPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spawn: SpawnChild;
  readonly options: RoleOptions;
  /** What a process keeps that boots before its configuration is known; undefined: all. */
  readonly earlyRights?: RoleRights | undefined;
  /** Last published value of each topic, for a child that starts. */
  topics(): Topics;
  report(update: StatusUpdate): void;
  event(subject: string, from: string, to: string, reason: string): void;
  batch(role: RoleName, batch: Batch): void;
  /** The api process asks for a piece of the effective configuration. */
  wantsEffective(serial: number): void;
  /** The api process has nobody to serve. */
  idle?(role: RoleName): void;
  /** It comes and goes with those who need it: only its failures are news. */
  readonly onDemand?: boolean;
  /** A child took the last `status` message. */
  acknowledged(role: RoleName): void;
  /** A new process of the role is up and has been started. */
  running(role: RoleName): void;
  /** False: a dead child stays dead, and the caller is told. */
  readonly respawn: boolean;
  gaveUp(role: RoleName, reason: string): void;
}

export interface Supervisor {
  readonly role: RoleName;
  state(): ProcessStatus["state"];
  pid(): number | null;
  /** The process is silent for longer than this supervisor bears: it should have been killed, and is not gone. */
  isStuck(): boolean;
  /** Starts the process; it waits for its configuration when configure() has not been called. Does nothing if it runs. */
  spawn(): void;
  /** The configuration for this and each later process of the role. Starts the role, or reloads it: then resolves when done. */
  configure(share: RoleShare): Promise<void>;
  /** False when there is no process to tell. */
  send(message: ToChild): boolean;
  /**
   * Stops in order, and kills after `limitMs`. Resolves when the process is gone; it is not restarted. False when the last process
   * that was given a configuration did not end in order: what it put into the kernel is still there.
   */
  stop(limitMs: number): Promise<boolean>;
}

interface Live {
  readonly handle: ChildHandle;
  readonly bornAt: MonoMs;
  readonly rights: RoleRights | undefined;
  readonly conduct: Conduct;
  readonly lines: LineBudget;
  readonly signs: SignsOfLife;
  hello: boolean;
  startSent: boolean;
  /** Pieces of its share that it has got, of the whole with this number. */
  got: { readonly whole: number; readonly pieces: number };
  lastWords: string;
  partial: string;
  /** Why the parent itself ended it; empty when it did not. */
  killedFor: string;
}

export function createSupervisor(role: RoleName, ports: SupervisorPorts): Supervisor {
  const { clock, log } = ports;
  let live: Live | undefined;
  let share: RoleShare | undefined;
  let state: ProcessStatus["state"] = "stopped";
  let failures = 0;
  let restarts = 0;
  let cancelRestart: Cancel | undefined;
  let stopping = false;
  /** Nothing was started, or the last process said that it has stopped. */
  let inOrder = true;
  let serial = 0;
  let reloads: { readonly serial: number; readonly done: () => void }[] = [];
  let whenGone: (() => void)[] = [];
  /** Why it ended the last time, as far as that was told. */
  let toldReason = "";
  let loggedAt: MonoMs = 0;

  function enter(next: ProcessStatus["state"], reason: string): void {
    const from = state;
    state = next;
    const since = new Date(clock.wallMs()).toISOString();
    const pid = live?.handle.pid ?? null;
    ports.report({ kind: "process", value: { role, state, pid, since, restarts, reason } });
    const isQuiet = ports.onDemand === true && reason === "" && toldReason === "";
    if (from !== next && isNews(next, reason) && !isQuiet) ports.event(role, from, next, reason);
  }

  /** A process that dies again and again for one reason is one event, not one every few seconds. */
  function isNews(next: ProcessStatus["state"], reason: string): boolean {
    if (next === "starting") return failures === 0;
    if (next === "running") {
      toldReason = "";
      return true;
    }
    if (next !== "waiting") return true;
    const again = reason === toldReason;
    toldReason = reason;
    return !again;
  }

  function spawn(): void {
    if (live || stopping) return;
    cancelRestart?.();
    let born: Live | undefined;
    const own = (then: () => void) => {
      // Words of a process that was given up on are not the present one's.
      if (born !== undefined && born === live) then();
    };
    try {
      const rights = share ? share.rights : ports.earlyRights;
      const handle = ports.spawn(
        role,
        {
          message: (raw, bytes) => own(() => born && hearMessage(born, raw, bytes)),
          broken: (reason) => own(() => born && expel(born, `sent ${reason}`)),
          stderr: (text) => born && hear(born, text),
          exit: (how) => own(() => born && ended(born, how)),
        },
        rights,
      );
      born = {
        handle,
        bornAt: clock.now(),
        rights,
        conduct: createConduct(role),
        lines: createLineBudget(role, clock.now()),
        signs: watchSigns(clock, {
          isWatched: () => born !== undefined && live === born,
          isAtWork: () => state === "running" || stopping,
          ask: () => void (born && tell(born, { kind: "ping" })),
          silent: (silentMs) => born && killSilent(born, silentMs),
        }),
        hello: false,
        startSent: false,
        got: { whole: 0, pieces: 0 },
        lastWords: "",
        partial: "",
        killedFor: "",
      };
      live = born;
      enter("starting", "");
    } catch (error) {
      retry(`cannot be started: ${messageOf(error)}`, 0);
    }
  }

  /** What a child sends wrong, or what goes wrong as it is taken, ends that child and nobody else. */
  function hearMessage(from: Live, raw: unknown, bytes: number): void {
    if (from.killedFor !== "") return;
    const message = readFromChild(raw);
    const reason = message ? from.conduct.judge(message) : "something that is no message";
    if (!message || reason !== undefined) {
      expel(from, `sent ${reason}`);
      return;
    }
    try {
      take(from, message, bytes);
    } catch (error) {
      expel(from, `sent «${message.kind}», and taking it failed: ${messageOf(error)}`);
    }
  }

  function expel(from: Live, why: string): void {
    if (from.killedFor !== "") return;
    from.killedFor = why;
    log({ level: "error", area: "process", message: `${role} ${why}: killing pid ${from.handle.pid}` });
    from.handle.kill("SIGKILL");
  }

  function tell(to: Live, message: ToChild): boolean {
    to.conduct.sent(message.kind);
    return to.handle.send(message);
  }

  /** Lines of a child within its budget; what is over it is counted. */
  function logLines(from: Live, lines: readonly LogLine[]): void {
    const { take, dropped } = from.lines.take(lines.length, clock.now());
    if (dropped > 0)
      log({ level: "warning", area: "process", message: `${role}: ${dropped} log lines left out, they came too fast` });
    for (const line of lines.slice(0, take)) log(clipLine(line));
  }

  function take(from: Live, message: FromChild, bytes: number) {
    from.signs.heard();
    switch (message.kind) {
      case "hello":
        from.hello = true;
        return sendStart(from);
      case "started":
        enter("running", "");
        log({
          level: ports.onDemand ? "debug" : "info",
          area: "process",
          message: `${role} runs, pid ${from.handle.pid}`,
        });
        return ports.running(role);
      case "reloaded":
        return settle(message.serial);
      case "current":
        return ports.report({ kind: "role-current", role });
      case "failed":
        from.lastWords = clip(message.reason);
        return;
      case "stopped":
        inOrder = true;
        return;
      case "idle":
        return ports.idle?.(role);
      case "pong":
        return;
      case "want-effective":
        return ports.wantsEffective(message.serial);
      case "ack":
        return ports.acknowledged(role);
      case "batch":
        logLines(from, message.logs);
        ports.batch(role, message);
        return acknowledge(from, bytes);
      default:
        return unreachable(message);
    }
  }

  /** The next batch may come when the bytes of this one are paid for. */
  function acknowledge(from: Live, bytes: number): void {
    const delayMs = from.conduct.delayMs(bytes, clock.now());
    const send = () => {
      if (live === from) tell(from, { kind: "ack" });
    };
    if (delayMs === 0) send();
    else clock.at(clock.now() + delayMs, send);
  }

  function sendStart(to: Live): void {
    if (!to.hello || to.startSent || share === undefined || stopping) return;
    to.startSent = true;
    inOrder = false;
    sendPieces(to, share);
    tell(to, { kind: "start", options: ports.options, topics: ports.topics() });
  }

  /** What of its share the process has not got. */
  function sendPieces(to: Live, { pieces, whole }: RoleShare): void {
    const got = to.got.whole === whole ? to.got.pieces : 0;
    for (const piece of pieces.slice(got)) to.handle.sendPiece(piece);
    to.got = { whole, pieces: pieces.length };
  }

  /** Whole lines of what a child wrote outside its channel; the last one is kept as the reason of its end. */
  function hear(from: Live, text: string): void {
    const lines = (from.partial + text).split("\n");
    from.partial = (lines.pop() ?? "").slice(0, MAX_LINE_CHARS);
    for (const line of lines) {
      if (line.trim() === "") continue;
      if (from.lastWords === "") from.lastWords = line.trim().slice(0, MAX_LAST_WORDS_CHARS);
      logLines(from, [{ level: "error", area: role, message: line }]);
    }
  }

  function killSilent(of: Live, silentMs: number): void {
    of.killedFor = `no sign of life for ${Math.floor(silentMs / 1000)} s`;
    log({ level: "error", area: "process", message: `${role}: ${of.killedFor}, killing pid ${of.handle.pid}` });
    of.handle.kill("SIGKILL");
  }

  function ended(was: Live, how: string): void {
    if (was.partial !== "") hear(was, "\n");
    live = undefined;
    for (const { done } of reloads) done();
    reloads = [];
    ports.report({ kind: "role-gone", role });
    if (stopping) {
      enter("stopped", "");
      for (const gone of whenGone) gone();
      whenGone = [];
      return;
    }
    const why = [was.killedFor, was.lastWords].filter((text) => text !== "").join(": ");
    retry(`ended with ${how}${why === "" ? "" : `: ${escapeControls(why)}`}`, clock.now() - was.bornAt);
  }

  function retry(reason: string, ranMs: number) {
    failures = failuresAfter(failures, ranMs);
    if (!ports.respawn) {
      enter("stopped", reason);
      return ports.gaveUp(role, reason);
    }
    restarts++;
    const delayMs = restartDelayMs(failures);
    const next = delayMs === 0 ? "starting it again" : `next start in ${delayMs / 1000} s`;
    if (reason !== toldReason || clock.now() - loggedAt >= SAY_AGAIN_MS) {
      loggedAt = clock.now();
      log({ level: "error", area: "process", message: `${role} ${reason}; ${next}` });
    }
    enter("waiting", reason);
    cancelRestart = clock.at(clock.now() + delayMs, spawn);
  }

  /** It booted before the configuration was known, with other rights than that needs. Nothing was said to it yet. */
  function startAnew(early: Live): void {
    live = undefined;
    early.handle.kill("SIGKILL");
    spawn();
  }

  /** What a process gave up at its start does not come back by a reload. */
  function tellGained({ rights }: Live, wanted: RoleRights | undefined): void {
    const missing = gained(rights, wanted);
    if (missing.length === 0) return;
    const message = `${role}: the new configuration may need ${missing.join(", ")}, which this process gave up at its start: restart lbd if a FIFO or file can't be used`;
    log({ level: "warning", area: "process", message });
  }

  function settle(upTo: number): void {
    const done = reloads.filter((reload) => reload.serial <= upTo);
    reloads = reloads.filter((reload) => reload.serial > upTo);
    for (const reload of done) reload.done();
  }

  return {
    role,
    state: () => state,
    pid: () => live?.handle.pid ?? null,
    isStuck: () => live?.signs.isStuck() === true,
    spawn,
    configure(next) {
      const first = share === undefined;
      share = next;
      if (!live) {
        if (first && !cancelRestart) spawn();
        return Promise.resolve();
      }
      if (!live.startSent) {
        if (sameRights(live.rights, next.rights)) sendStart(live);
        else startAnew(live);
        return Promise.resolve();
      }
      tellGained(live, next.rights);
      const mine = ++serial;
      sendPieces(live, next);
      tell(live, { kind: "reload", serial: mine });
      return new Promise((done) => reloads.push({ serial: mine, done }));
    },
    send: (message) => (live ? tell(live, message) : false),
    stop(limitMs) {
      stopping = true;
      cancelRestart?.();
      const child = live;
      if (!child) {
        if (state !== "stopped") enter("stopped", "");
        return Promise.resolve(inOrder);
      }
      enter("stopping", "");
      const gone = new Promise<boolean>((resolve) => whenGone.push(() => resolve(inOrder)));
      // A process that has nothing to undo yet need not be asked.
      if (child.startSent) tell(child, { kind: "stop", limitMs });
      else child.handle.kill("SIGKILL");
      clock.at(clock.now() + limitMs, () => {
        if (live !== child) return;
        log({
          level: "warning",
          area: "process",
          message: `${role}: not stopped after ${Math.round(limitMs)} ms, killing it`,
        });
        child.handle.kill("SIGKILL");
      });
      return gone;
    },
  };
}

function sameRights(a: RoleRights | undefined, b: RoleRights | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
