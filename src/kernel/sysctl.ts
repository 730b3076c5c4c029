// Adapter: kernel settings under /proc/sys that we change for a time. What was found is written to a journal before the first
// change, so that it is put back at the end, and also by the next process after a crash (trap R3: keepalived restores what it set).
// A setting has as many owners as need it; it is put back when the last one lets go, unless somebody else has changed it meanwhile.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** One setting that we changed. `path` is relative to /proc/sys: `net/ipv4/conf/eth0/arp_ignore`. */
export interface SysctlRecord {
  readonly path: string;
  readonly found: string;
  readonly set: string;
}

/** What the journal holds. Settings of another boot or namespace are not ours to restore. */
export interface SysctlJournalContent {
  readonly world: string;
  readonly records: readonly SysctlRecord[];
}

/** Fits process/journal.ts. */
export interface SysctlJournal {
  read(): SysctlJournalContent | undefined;
  /** @throws Error when it can't be written */
  write(content: SysctlJournalContent): void;
  clear(): void;
}

/** For openJournal(): undefined for what is no journal of settings. */
export function parseSysctlJournal(raw: unknown): SysctlJournalContent | undefined {
  if (!isObject(raw) || typeof raw.world !== "string" || !Array.isArray(raw.records)) return undefined;
  const records: SysctlRecord[] = [];
  for (const entry of raw.records) {
    if (!isObject(entry)) return undefined;
    const { path, found, set } = entry;
    if (typeof path !== "string" || typeof found !== "string" || typeof set !== "string" || !isSafePath(path))
      return undefined;
    records.push({ path, found, set });
  }
  return { world: raw.world, records };
}

/** A journal file is data from outside: only settings of network interfaces are ever written from it. */
function isSafePath(path: string): boolean {
  return path.startsWith("net/") && !path.split("/").some((part) => part === "" || part === "." || part === "..");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

export interface SysctlIo {
  /** Trimmed; undefined when there is no such setting. */
  read(path: string): string | undefined;
  /** False when it can't be set. */
  write(path: string, value: string): boolean;
  /** Names in a directory; empty when there is none. */
  list(path: string): readonly string[];
}

/** The settings of this process' network namespace. */
export const PROC_SYS: SysctlIo = {
  read(path) {
    try {
      return readFileSync(`/proc/sys/${path}`, "utf8").trim();
    } catch {
      return undefined;
    }
  },
  write(path, value) {
    try {
      writeFileSync(`/proc/sys/${path}`, value);
      return true;
    } catch {
      return false;
    }
  },
  list(path) {
    try {
      return readdirSync(`/proc/sys/${path}`);
    } catch {
      return [];
    }
  },
};

/** Which boot and network namespace this is. */
export function currentWorld(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/net")}`;
  } catch {
    return "unknown";
  }
}

export interface SysctlKeeper {
  /** Sets a value on behalf of `owner`, remembering what was there; false when it can't be set. */
  set(owner: string, path: string, value: string): boolean;
  /** As set(), but leaves a number that already is as large alone. */
  raise(owner: string, path: string, least: number): boolean;
  /** Gives up everything that `owner` set; what nobody else needs is put back, last set first. */
  release(owner: string): void;
  /** Puts back what a crashed predecessor left and nobody has claimed since. To be called once all is set up. */
  releaseLeftOver(): void;
  /** Puts back everything. */
  releaseAll(): void;
  /** Names of settings in a directory of /proc/sys. */
  list(path: string): readonly string[];
  value(path: string): string | undefined;
  /** What was there before we changed it, else what is there. */
  original(path: string): string | undefined;
  /** Sets without remembering: for settings that go with an interface of ours. */
  write(path: string, value: string): boolean;
}

interface Held {
  found: string;
  set: string;
  readonly owners: Set<string>;
}

export function openSysctlKeeper(
  journal: SysctlJournal,
  log: Log,
  io: SysctlIo = PROC_SYS,
  world = currentWorld(),
): SysctlKeeper {
  // Insertion order is the order of setting.
  const held = new Map<string, Held>();
  const left = journal.read();
  if (left?.world === world)
    for (const { path, found, set } of left.records) held.set(path, { found, set, owners: new Set() });

  function save(): void {
    try {
      if (held.size === 0) journal.clear();
      else journal.write({ world, records: [...held].map(([path, { found, set }]) => ({ path, found, set })) });
    } catch (error) {
      const why = messageOf(error);
      log({ level: "warning", area: "vrrp", message: `journal of kernel settings can't be written: ${why}` });
    }
  }

  function set(owner: string, path: string, value: string): boolean {
    const now = io.read(path);
    if (now === undefined) return false;
    const before = held.get(path);
    if (!before && now === value) return true;
    const entry = before ?? { found: now, set: value, owners: new Set<string>() };
    // Changed behind our back, or an interface that came back with its defaults: that is what is to be restored.
    if (before && now !== before.set && now !== value) entry.found = now;
    entry.set = value;
    entry.owners.add(owner);
    held.set(path, entry);
    save();
    if (now === value || io.write(path, value)) return true;
    entry.owners.delete(owner);
    if (entry.owners.size === 0) held.delete(path);
    save();
    log({ level: "warning", area: "vrrp", message: `${path} can't be set to ${value} (is ${now})` });
    return false;
  }

  function restore(paths: readonly string[]): void {
    for (const path of [...paths].reverse()) {
      const entry = held.get(path);
      if (!entry) continue;
      held.delete(path);
      const now = io.read(path);
      // Gone with its interface.
      if (now === undefined || now === entry.found) continue;
      if (now !== entry.set) {
        const message = `${path} was changed to ${now} by somebody else, so it is left alone (found ${entry.found})`;
        log({ level: "info", area: "vrrp", message });
      } else if (!io.write(path, entry.found))
        log({ level: "warning", area: "vrrp", message: `${path} can't be put back to ${entry.found}` });
    }
    save();
  }

  return {
    set,
    raise(owner, path, least) {
      const now = io.read(path);
      const entry = held.get(path);
      if (entry || now === undefined || !(Number(now) >= least)) return set(owner, path, String(least));
      return true;
    },
    release(owner) {
      const freed: string[] = [];
      for (const [path, entry] of held) if (entry.owners.delete(owner) && entry.owners.size === 0) freed.push(path);
      if (freed.length > 0) restore(freed);
    },
    releaseLeftOver() {
      const orphans = [...held].filter(([, entry]) => entry.owners.size === 0).map(([path]) => path);
      if (orphans.length > 0) restore(orphans);
    },
    releaseAll: () => restore([...held.keys()]),
    list: (path) => io.list(path),
    value: (path) => io.read(path),
    original: (path) => held.get(path)?.found ?? io.read(path),
    write: (path, value) => io.write(path, value),
  };
}
