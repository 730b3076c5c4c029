// Process layer, appliance: signs of life. The director says over a socket of sd_notify(3) that it is ready and that it lives; the watchdog is
// fed as long as it does. A director that is silent is ended by force, and started again as one that crashed.
import { chooseWatchdog, judgePulse, SIGN_EVERY_MS, SOFTWARE } from "../../appliance/watchdog.ts";
import type { Clock, MonoMs } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import type { SeenWatchdog, Watchdog } from "../../kernel/watchdog.ts";

/** Looked at, and fed, so often: the shortest time that a watchdog can be set to is ten seconds. */
const LOOK_MS = 1000;

export interface HeartPorts {
  readonly clock: Clock;
  say(level: Level, message: string): void;
  /** The director that runs. */
  pid(): number | undefined;
  /** Ends it by force. */
  kill(): void;
  watchdogs(): readonly SeenWatchdog[];
  /** Loads the kernel's own, for a machine without one. */
  loadSoftware(): void;
  open(name: string): Watchdog;
  /** The watchdog is about to restart the machine; why. */
  starves(reason: string): void;
}

export interface WatchdogStatus {
  /** false: appliance.yaml wants none. */
  readonly enabled: boolean;
  readonly identity?: string;
  /** Seconds. */
  readonly timeout?: number;
  /** Why nothing restarts a machine that hangs, or not always. */
  readonly problem?: string;
}

export interface Heart {
  /** What a datagram of the director said. */
  said(lines: readonly string[]): void;
  isReady(): boolean;
  watchdog(): WatchdogStatus;
  /** Variables for the director's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export function createHeart(ports: HeartPorts, socketPath: string, enabled: boolean): Heart {
  const { clock, say } = ports;
  const { status, device } = enabled ? openOne(ports) : { status: { enabled }, device: undefined };
  let of: { readonly pid: number; readonly startedAt: MonoMs } | undefined;
  let heardAt: MonoMs | undefined;
  let killedAt: MonoMs | undefined;
  let ready = false;
  let starving = false;

  function look(): void {
    const now = clock.now();
    const pid = ports.pid();
    if (pid !== of?.pid) {
      of = pid === undefined ? undefined : { pid, startedAt: now };
      [heardAt, killedAt, ready] = [undefined, undefined, false];
    }
    const verdict = judgePulse({ startedAt: of?.startedAt, heardAt, killedAt }, now);
    if (verdict === "kill") {
      say("error", `the director (pid ${pid}) gives no sign of life: it is ended by force`);
      killedAt = now;
      ports.kill();
    }
    if (verdict === "dead") {
      if (!starving) starve(`the director (pid ${pid}) hung and could not be ended`);
      starving = true;
    } else feed();
    clock.at(now + LOOK_MS, look);
  }

  function starve(reason: string): void {
    say("error", `${reason}: the watchdog is not fed any more`);
    if (device) ports.starves(reason);
  }

  function feed(): void {
    starving = false;
    try {
      device?.feed();
    } catch (error) {
      say("error", `the watchdog can't be fed: ${messageOf(error)}`);
    }
  }

  look();
  return {
    said(lines) {
      // One that was heard before it was looked at is the one that runs.
      const pid = ports.pid();
      if (pid !== undefined && pid !== of?.pid) {
        of = { pid, startedAt: clock.now() };
        [killedAt, ready] = [undefined, false];
      }
      heardAt = clock.now();
      if (lines.includes("READY=1")) ready = true;
      if (lines.includes("STOPPING=1")) ready = false;
    },
    isReady: () => ready,
    watchdog: () => status,
    environment: { NOTIFY_SOCKET: socketPath, WATCHDOG_USEC: `${SIGN_EVERY_MS * 1000}` },
  };
}

function openOne(ports: HeartPorts): { readonly status: WatchdogStatus; readonly device: Watchdog | undefined } {
  let seen = ports.watchdogs();
  if (seen.every(({ identity }) => identity === SOFTWARE)) {
    ports.loadSoftware();
    seen = ports.watchdogs();
  }
  const chosen = chooseWatchdog(seen);
  const none = (problem: string) => {
    const whole = `${problem}: nothing restarts a machine that hangs`;
    ports.say("warning", `watchdog: ${whole}`);
    return { status: { enabled: true, problem: whole }, device: undefined };
  };
  if (!chosen) return none("this machine has none");
  try {
    const device = ports.open(chosen.name);
    const { identity } = chosen;
    const status = { enabled: true, identity, timeout: device.timeoutS };
    if (identity !== SOFTWARE) {
      ports.say("info", `watchdog: ${identity}, ${device.timeoutS} s`);
      return { status, device };
    }
    const problem = "the machine has none of its own: the kernel's does not help when the kernel hangs";
    ports.say("warning", `watchdog: ${problem}`);
    return { status: { ...status, problem }, device };
  } catch (error) {
    return none(`${chosen.identity} can't be used (${messageOf(error)})`);
  }
}
