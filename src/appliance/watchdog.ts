// Appliance core: which watchdog, and whether it is fed. It restarts the machine when this process or the kernel stands still, or when a
// director that gave no sign of life can't be ended either; never for a director that crashed, which is started again.
import type { MonoMs } from "../base/clock.ts";

export interface WatchdogDevice {
  /** `watchdog0`. */
  readonly name: string;
  /** What the driver calls it: `iTCO_wdt`, `Software Watchdog`. */
  readonly identity: string;
}

/** kernel: drivers/watchdog/softdog.c. It can't help when the kernel itself stands still. */
export const SOFTWARE = "Software Watchdog";

/** Hardware comes first. Of several the one that the kernel met first; a management controller's is the slowest to be asked. */
export function chooseWatchdog(devices: readonly WatchdogDevice[]): WatchdogDevice | undefined {
  const rank = ({ identity }: WatchdogDevice) => (identity === SOFTWARE ? 2 : identity === "IPMI" ? 1 : 0);
  const order = new Intl.Collator("en", { numeric: true });
  return devices.toSorted((a, b) => rank(a) - rank(b) || order.compare(a.name, b.name))[0];
}

/** A director is asked to speak so often (WATCHDOG_USEC); it does so twice as often. */
export const SIGN_EVERY_MS = 10_000;
/** Without a word for so long it is ended by force. */
export const SILENT_MS = 30_000;
/** While it reads a large configuration and fills the table for the first time. */
export const SILENT_AT_START_MS = 90_000;
/** One that was ended by force is gone by then, or the kernel keeps it. */
export const GONE_MS = 10_000;

export interface Pulse {
  /** Undefined: none runs, the next one is about to be started. */
  readonly startedAt: MonoMs | undefined;
  /** Its last word; undefined: none yet. */
  readonly heardAt: MonoMs | undefined;
  /** When it was ended by force. */
  readonly killedAt: MonoMs | undefined;
}

/** `kill`: it is to be ended by force now. `dead`: that was in vain: the watchdog shall bite. */
export function judgePulse({ startedAt, heardAt, killedAt }: Pulse, now: MonoMs): "alive" | "kill" | "dead" {
  if (startedAt === undefined) return "alive";
  if (killedAt !== undefined) return now - killedAt < GONE_MS ? "alive" : "dead";
  const silent = heardAt === undefined ? now - startedAt > SILENT_AT_START_MS : now - heardAt > SILENT_MS;
  return silent ? "kill" : "alive";
}
