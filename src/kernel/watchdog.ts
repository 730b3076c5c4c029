// Adapter: watchdog devices (linux/watchdog.h). A device that is open and not fed restarts the machine; closed without the letter V it
// goes on counting, so that a process that crashed has to come back in time.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { close, type Fd, O_CLOEXEC, O_WRONLY, open, write } from "../../ffi/fd.ts";
import { ioctl, WDIOC_GETTIMEOUT, WDIOC_SETTIMEOUT } from "../../ffi/ioctl.ts";
import { fixed } from "../../ffi/memory.ts";

/** linux/watchdog.h WDIOF_CARDRESET: the last reset was the watchdog's. */
const CARD_RESET = 0x20;

export interface SeenWatchdog {
  readonly name: string;
  readonly identity: string;
  /** The last start of the machine was its doing. */
  readonly bit: boolean;
}

export function seenWatchdogs(sys = "/sys/class/watchdog"): readonly SeenWatchdog[] {
  let names: readonly string[] = [];
  try {
    names = readdirSync(sys);
  } catch {
    return [];
  }
  return names.map((name) => ({
    name,
    identity: textOf(join(sys, name, "identity")),
    bit: (Number(textOf(join(sys, name, "bootstatus"))) & CARD_RESET) !== 0,
  }));
}

export interface Watchdog {
  /** Seconds without feed() after which it restarts the machine; drivers round what was asked for. */
  readonly timeoutS: number;
  /** @throws SyscallError */
  feed(): void;
  /** Lets go without stopping it: it bites unless somebody feeds it. */
  close(): void;
}

/** @throws SyscallError EBUSY: another process feeds it; ENODEV */
export function openWatchdog(name: string, wishedS: number): Watchdog {
  const fd = open(`/dev/${name}`, O_WRONLY | O_CLOEXEC);
  const value = fixed(4);
  const view = new DataView(value.buffer, value.byteOffset);
  view.setInt32(0, wishedS, true);
  let timeoutS = wishedS;
  if (!attempt(fd, WDIOC_SETTIMEOUT, value)) view.setInt32(0, 0, true);
  // One that can't be set has a time of its own.
  if (view.getInt32(0, true) > 0 || attempt(fd, WDIOC_GETTIMEOUT, value)) timeoutS = view.getInt32(0, true) || wishedS;
  return {
    timeoutS,
    feed: () => void write(fd, new Uint8Array(1)),
    close: () => close(fd),
  };
}

function attempt(fd: Fd, request: number, value: Uint8Array): boolean {
  try {
    ioctl(fd, request, value);
    return true;
  } catch {
    return false;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
