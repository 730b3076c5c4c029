// Process layer: one child and its life: spawn, start, heartbeat, restart with backoff, stop. It decides nothing about the
// configuration and knows no other child; parent.ts does. Time and spawning are handed in.
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import type { RoleName } from "../roles/role.ts";
import type { ProcessStatus } from "../status/schema.ts";
import { failuresAfter, restartDelayMs } from "./backoff.ts";
import { createConduct, createLineBudget } from "./conduct.ts";
import type { ToChild } from "./messages.ts";
import type { RoleRights } from "./role-rights.ts";
import type { RoleShare } from "./role-share.ts";
import { watchSigns } from "./signs-of-life.ts";
import { createSupervised, enter, type Live, type Supervised, type SupervisorPorts } from "./supervised.ts";
import { expel, hearMessage, hearNothing, hearText } from "./supervised-heard.ts";
import { ask, endQuestions, passOn, sendReload, sendSnapshot, sendStart, tell } from "./supervised-told.ts";

/** An end for the same reason as the last is logged this often. */
const SAY_AGAIN_MS = 60_000;

export interface Supervisor {
  readonly role: RoleName;
  state(): ProcessStatus["state"];
  pid(): number | null;
  /** The parent's end of what introduces its process to others; undefined without a process. */
  introductions(): number | undefined;
  /** The process is silent for longer than this supervisor bears: it should have been killed, and is not gone. */
  isStuck(): boolean;
  /** Starts the process; it waits for its configuration when configure() has not been called. Does nothing if it runs. */
  spawn(): void;
  /** The configuration for this and each later process of the role. Starts the role, or reloads it: then resolves when done. */
  configure(share: RoleShare): Promise<void>;
  /** False when there is no process to tell. */
  send(message: ToChild): boolean;
  /** Somebody looks at what the role tells from now on: it reports everything again, and then that it is current. */
  snapshot(): void;
  /** starter only: has a script of the director run. Resolves when it has ended; at once without a process that runs. */
  runScript(which: "startup" | "shutdown"): Promise<void>;
  /** Its process says its last word: another one takes its place. Resolves when it has; at once without a process. */
  handOver(): Promise<void>;
  /** Kills the process as it is, with all that it has in the kernel; it is not restarted. Resolves when it is gone. */
  abandon(): Promise<void>;
  /** Kills the process, if there is one: `why` is its reason. */
  expel(why: string): void;
  /**
   * Stops in order, and kills after `limitMs`. Resolves when the process is gone; it is not restarted. False when the last process
   * that was given a configuration did not end in order: what it put into the kernel is still there.
   */
  stop(limitMs: number): Promise<boolean>;
}

export function createSupervisor(role: RoleName, ports: SupervisorPorts): Supervisor {
  const supervised = createSupervised(role, ports);
  return {
    role,
    state: () => supervised.state,
    pid: () => supervised.live?.handle.pid ?? null,
    introductions: () => supervised.live?.handle.introductions?.(),
    isStuck: () => supervised.live?.signs.isStuck() === true,
    spawn: () => spawn(supervised),
    configure: (share) => configure(supervised, share),
    send: (message) => passOn(supervised, message),
    snapshot: () => supervised.live && sendSnapshot(supervised, supervised.live),
    runScript: (which) => runScript(supervised, which),
    handOver: () => handOver(supervised),
    abandon: () => abandon(supervised),
    expel: (why) => supervised.live && expel(supervised, supervised.live, why),
    stop: (limitMs) => stop(supervised, limitMs),
  };
}

// --- the life of a process

function spawn(supervised: Supervised): void {
  const { role, ports, share } = supervised;
  if (supervised.live || supervised.stopping) return;
  supervised.cancelRestart?.();
  let born: Live | undefined;
  const own = (then: (one: Live) => void) => {
    // Words of a process that was given up on are not the present one's.
    if (born !== undefined && born === supervised.live) then(born);
  };
  try {
    const rights = share ? share.rights : ports.earlyRights;
    const handle = ports.spawn(
      role,
      {
        message: (raw, bytes) => own((one) => hearMessage(supervised, one, raw, bytes)),
        broken: (reason) => own((one) => expel(supervised, one, `sent ${reason}`)),
        stderr: (text) => born && hearText(supervised, born, text),
        exit: (how) => own((one) => ended(supervised, one, how)),
      },
      rights,
    );
    born = createLive(supervised, handle, rights);
    supervised.live = born;
    enter(supervised, "starting", "");
  } catch (error) {
    retry(supervised, `cannot be started: ${messageOf(error)}`, 0);
  }
}

function createLive(supervised: Supervised, handle: Live["handle"], rights: RoleRights | undefined): Live {
  const {
    role,
    ports: { clock },
  } = supervised;
  const born: Live = {
    handle,
    bornAt: clock.now(),
    rights,
    conduct: createConduct(role),
    lines: createLineBudget(role, clock.now()),
    signs: watchSigns(clock, {
      isWatched: () => supervised.live === born,
      isAtWork: () => supervised.state === "running" || supervised.stopping,
      ask: () => ask(born, "ping"),
      silent: (silentMs) => hearNothing(supervised, born, silentMs),
    }),
    asked: new Map(),
    lastQuestion: 0,
    hello: false,
    startSent: false,
    got: { whole: 0, pieces: 0 },
    lastWords: "",
    partial: "",
    killedFor: "",
  };
  return born;
}

function ended(supervised: Supervised, was: Live, how: string): void {
  const { role, ports } = supervised;
  if (was.partial !== "") hearText(supervised, was, "\n");
  supervised.live = undefined;
  endQuestions(was);
  ports.report({ kind: "role-gone", role });
  if (supervised.stopping) {
    enter(supervised, "stopped", "");
    for (const gone of supervised.whenGone) gone();
    supervised.whenGone = [];
    return;
  }
  const why = [was.killedFor, was.lastWords].filter((text) => text !== "").join(": ");
  const reason = `ended with ${how}${why === "" ? "" : `: ${escapeControls(why)}`}`;
  retry(supervised, reason, ports.clock.now() - was.bornAt);
}

function retry(supervised: Supervised, reason: string, ranMs: number): void {
  const { role, ports } = supervised;
  const { clock, log } = ports;
  supervised.failures = failuresAfter(supervised.failures, ranMs);
  if (!ports.respawn) {
    enter(supervised, "stopped", reason);
    ports.gaveUp(role, reason);
    return;
  }
  supervised.restarts++;
  const delayMs = restartDelayMs(supervised.failures);
  const next = delayMs === 0 ? "starting it again" : `next start in ${delayMs / 1000} s`;
  if (reason !== supervised.toldReason || clock.now() - supervised.loggedAt >= SAY_AGAIN_MS) {
    supervised.loggedAt = clock.now();
    log({ level: "error", area: "process", message: `${role} ${reason}; ${next}` });
  }
  enter(supervised, "waiting", reason);
  supervised.cancelRestart = clock.at(clock.now() + delayMs, () => spawn(supervised));
}

// --- what is asked of it

function configure(supervised: Supervised, share: RoleShare): Promise<void> {
  const isFirst = supervised.share === undefined;
  supervised.share = share;
  const { live } = supervised;
  if (!live) {
    if (isFirst && !supervised.cancelRestart) spawn(supervised);
    return Promise.resolve();
  }
  if (live.startSent) return sendReload(supervised, live, share);
  if (sameRights(live.rights, share.rights)) sendStart(supervised, live);
  else startAnew(supervised, live);
  return Promise.resolve();
}

function runScript({ live, state }: Supervised, which: "startup" | "shutdown"): Promise<void> {
  if (!live || state !== "running") return Promise.resolve();
  return new Promise((resolve) => ask(live, which, () => resolve()));
}

function handOver({ live, state }: Supervised): Promise<void> {
  if (!live || state !== "running") return Promise.resolve();
  return new Promise((resolve) => ask(live, "handover", () => resolve()));
}

function abandon(supervised: Supervised): Promise<void> {
  supervised.stopping = true;
  supervised.cancelRestart?.();
  if (!supervised.live) return Promise.resolve();
  const gone = new Promise<void>((resolve) => {
    supervised.whenGone = [...supervised.whenGone, resolve];
  });
  supervised.live.handle.kill("SIGKILL");
  return gone;
}

/** It booted before the configuration was known, with other rights than that needs. Nothing was said to it yet. */
function startAnew(supervised: Supervised, early: Live): void {
  supervised.live = undefined;
  early.handle.kill("SIGKILL");
  spawn(supervised);
}

function stop(supervised: Supervised, limitMs: number): Promise<boolean> {
  const {
    role,
    ports: { clock, log },
  } = supervised;
  supervised.stopping = true;
  supervised.cancelRestart?.();
  const child = supervised.live;
  if (!child) {
    if (supervised.state !== "stopped") enter(supervised, "stopped", "");
    return Promise.resolve(supervised.inOrder);
  }
  const gone = new Promise<boolean>((resolve) => {
    supervised.whenGone = [...supervised.whenGone, () => resolve(supervised.inOrder)];
  });
  // Before anything is said of it: neighbours wait. A process that has nothing to undo yet need not be asked.
  if (child.startSent) tell(child, { kind: "stop", limitMs });
  else child.handle.kill("SIGKILL");
  enter(supervised, "stopping", "");
  clock.at(clock.now() + limitMs, () => {
    if (supervised.live !== child) return;
    const message = `${role}: not stopped after ${Math.round(limitMs)} ms, killing it`;
    log({ level: "warning", area: "process", message });
    child.handle.kill("SIGKILL");
  });
  return gone;
}

function sameRights(a: RoleRights | undefined, b: RoleRights | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
