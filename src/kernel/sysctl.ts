// Adapter: kernel settings under /proc/sys that we change for a time. What was found is written to a journal before the first
// change, so that it is put back at the end, and also by the next process after a crash (trap R3: keepalived restores what it set).
// A setting has as many owners as need it; it is put back when the last one lets go, unless somebody else has changed it meanwhile.

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type HeldSysctl, planSysctls, type SysctlStep, type WantedSysctl } from "../net/sysctls.ts";

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
const PROC_SYS: SysctlIo = {
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
  /**
   * What `owner` needs from now on, instead of what it needed before; nothing: it lets go. What stays is not touched, what nobody needs any more
   * is put back, last set first. False when something can't be set.
   */
  want(owner: string, settings: readonly WantedSysctl[]): boolean;
  /** Puts back what a crashed predecessor left and nobody has claimed since. To be called once all is set up. */
  releaseLeftOver(): void;
  /** Puts back everything. */
  releaseAll(): void;
  /** Looks at some of what is needed, the next ones each time; what somebody else has changed is set again. How many there were. */
  audit(): number;
  /** Names of settings in a directory of /proc/sys. */
  list(path: string): readonly string[];
  /** What is there. */
  value(path: string): string | undefined;
  /** What was there before we changed it, else what is there. */
  original(path: string): string | undefined;
  /** Sets without remembering: for settings that go with an interface of ours. */
  write(path: string, value: string): boolean;
}

/** Settings that one audit looks at: a file each, and a thousand virtual interfaces have some of their own. */
const AUDITED_AT_ONCE = 32;

export function openSysctlKeeper(
  journal: SysctlJournal,
  log: Log,
  io: SysctlIo = PROC_SYS,
  world = currentWorld(),
): SysctlKeeper {
  // Insertion order is the order of setting.
  let held: ReadonlyMap<string, HeldSysctl> = new Map();
  /** What a predecessor left, until somebody claims it or releaseLeftOver(). */
  let unclaimed: ReadonlySet<string> = new Set();
  const owners = new Map<string, readonly WantedSysctl[]>();
  const wantedBy = new Map<string, Map<string, WantedSysctl>>();
  /** Changes by others that were told: who changes a setting again and again is told of once. */
  const told = new Set<string>();
  /** Paths that the next audits look at. */
  let unlooked: string[] = [];
  const left = journal.read();
  if (left?.world === world) {
    held = new Map(left.records.map(({ path, found, set }) => [path, { found, set }]));
    unclaimed = new Set(held.keys());
  }

  function save(): void {
    try {
      if (held.size === 0) journal.clear();
      else journal.write({ world, records: [...held].map(([path, { found, set }]) => ({ path, found, set })) });
    } catch (error) {
      log({
        level: "warning",
        area: "vrrp",
        message: `journal of kernel settings can't be written: ${messageOf(error)}`,
      });
    }
  }

  /** Brings these settings to what is wanted of them; the steps that were taken. */
  function reconcile(paths: ReadonlySet<string>): { readonly ok: boolean; readonly steps: readonly SysctlStep[] } {
    const wanted = [...paths].flatMap((path) => [...(wantedBy.get(path)?.values() ?? [])].slice(-1));
    const own = new Map([...held].filter(([path]) => paths.has(path)));
    const plan = planSysctls(wanted, own, io.read);
    const others = [...held].filter(([path]) => !paths.has(path));
    const before = held;
    // Before anything is changed the journal names it; what goes stays named until it is gone.
    take(new Map([...before, ...plan.held]), before);
    const failed = new Set(plan.steps.filter((step) => !carryOut(step)).map(({ path }) => path));
    take(new Map([...others, ...[...plan.held].filter(([path]) => !failed.has(path))]), held);
    return { ok: failed.size === 0, steps: plan.steps };
  }

  function take(next: ReadonlyMap<string, HeldSysctl>, before: ReadonlyMap<string, HeldSysctl>): void {
    held = next;
    const isSame = ([path, { found, set }]: readonly [string, HeldSysctl]) =>
      before.get(path)?.found === found && before.get(path)?.set === set;
    if (next.size !== before.size || ![...next].every(isSame)) save();
  }

  function carryOut(step: SysctlStep): boolean {
    const { kind, path } = step;
    if (kind === "leave") {
      const message = `${path} was changed to ${step.now} by somebody else, so it is left alone (found ${step.found})`;
      log({ level: "info", area: "vrrp", message });
      return true;
    }
    if (io.write(path, step.value)) return true;
    const message =
      kind === "set"
        ? `${path} can't be set to ${step.value} (is ${step.now})`
        : `${path} can't be put back to ${step.value}`;
    log({ level: "warning", area: "vrrp", message });
    return kind === "restore";
  }

  function want(owner: string, settings: readonly WantedSysctl[]): boolean {
    const touched = new Set<string>();
    for (const { path } of owners.get(owner) ?? []) {
      wantedBy.get(path)?.delete(owner);
      touched.add(path);
    }
    for (const wish of settings) {
      const by = wantedBy.get(wish.path) ?? new Map<string, WantedSysctl>();
      wantedBy.set(wish.path, by.set(owner, wish));
      touched.add(wish.path);
    }
    for (const path of touched) if (wantedBy.get(path)?.size === 0) wantedBy.delete(path);
    if (settings.length > 0) owners.set(owner, settings);
    else owners.delete(owner);
    unclaimed = unclaimed.difference(touched);
    return reconcile(touched).ok && settings.every(({ path }) => io.read(path) !== undefined);
  }

  return {
    want,
    releaseLeftOver() {
      const orphans = unclaimed;
      unclaimed = new Set();
      if (orphans.size > 0) reconcile(orphans);
    },
    releaseAll() {
      owners.clear();
      wantedBy.clear();
      reconcile(new Set(held.keys()));
    },
    audit() {
      if (unlooked.length === 0) unlooked = [...wantedBy.keys()];
      const paths = new Set(unlooked.splice(0, AUDITED_AT_ONCE));
      if (paths.size === 0) return 0;
      const drifted = reconcile(paths).steps.flatMap((step) => (step.kind === "set" ? [step] : []));
      for (const { path, value, now } of drifted) {
        if (told.has(`${path} ${now}`)) continue;
        told.add(`${path} ${now}`);
        const message = `${path} was changed to ${now} by somebody else, set to ${value} again`;
        log({ level: "warning", area: "vrrp", message });
      }
      return drifted.length;
    },
    list: (path) => io.list(path),
    value: (path) => io.read(path),
    original: (path) => held.get(path)?.found ?? io.read(path),
    write: (path, value) => io.write(path, value),
  };
}
