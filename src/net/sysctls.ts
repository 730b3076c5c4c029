// Core: kernel settings under /proc/sys that are changed for a time: what a configuration and its virtual interfaces want, what we hold
// (with what was found before), and the steps from what is seen to what is wanted. One code path for the start, a reload, an audit and the
// end. Paths are relative to /proc/sys: `net/ipv4/conf/eth0/arp_ignore`.
import type { VrrpConfig } from "../config/model/vrrp.ts";

export interface WantedSysctl {
  readonly path: string;
  readonly value: string;
  /** A number that is as large already does as well. */
  readonly atLeast?: true;
}

/** One that we changed: what was there before, and what we set. */
export interface HeldSysctl {
  readonly found: string;
  readonly set: string;
}

export type SysctlStep =
  /** Nobody must see it unwritten in the journal: what was found is in the plan's `held`. `now`: what it is. */
  | { readonly kind: "set"; readonly path: string; readonly value: string; readonly now: string }
  /** Nobody needs it any more. */
  | { readonly kind: "restore"; readonly path: string; readonly value: string }
  /** Nobody needs it any more, but somebody else has changed it meanwhile. */
  | { readonly kind: "leave"; readonly path: string; readonly now: string; readonly found: string };

export interface SysctlPlan {
  /** In this order: what is wanted first, so that there is no moment without it; then what goes, last set first. */
  readonly steps: readonly SysctlStep[];
  /** What is ours behind the steps, in the order of setting. */
  readonly held: ReadonlyMap<string, HeldSysctl>;
}

/** `seen` gives undefined for a setting that is not there: it went with its interface, or the kernel has none. */
export function planSysctls(
  wanted: readonly WantedSysctl[],
  held: ReadonlyMap<string, HeldSysctl>,
  seen: (path: string) => string | undefined,
): SysctlPlan {
  const next = new Map(held);
  const steps: SysctlStep[] = [];
  const needed = new Set<string>();
  for (const wish of wanted) {
    const { path, value } = wish;
    needed.add(path);
    const now = seen(path);
    if (now === undefined || suffices(wish, now, next.get(path))) continue;
    const before = next.get(path);
    // Changed behind our back, or an interface that came back with its defaults: that is what is to be restored.
    const found = before && (now === before.set || now === value) ? before.found : now;
    next.set(path, { found, set: value });
    if (now !== value) steps.push({ kind: "set", path, value, now });
  }
  for (const [path, { found, set }] of [...held].reverse()) {
    if (needed.has(path)) continue;
    next.delete(path);
    const now = seen(path);
    if (now === undefined || now === found) continue;
    if (now === set) steps.push({ kind: "restore", path, value: found });
    else steps.push({ kind: "leave", path, now, found });
  }
  return { steps, held: next };
}

/** What is right already is not ours to put back. */
function suffices({ value, atLeast }: WantedSysctl, now: string, held: HeldSysctl | undefined): boolean {
  if (atLeast && Number(now) >= Number(value) && now !== held?.set) return true;
  return now === value && (held === undefined || held.set === value);
}

/** Those that a configuration wants for itself: `disable_local_igmp`, `promote_secondaries`. */
export function settingsOf({ global, instances }: Pick<VrrpConfig, "global" | "instances">): readonly WantedSysctl[] {
  const promoting = instances.flatMap((one) =>
    one.promoteSecondaries && one.interface !== undefined ? [one.interface] : [],
  );
  return [
    ...(global.disableLocalIgmp ? [{ path: "net/ipv4/igmp_link_local_mcast_reports", value: "0" }] : []),
    ...[...new Set(promoting)].map((name) => ({ path: `net/ipv4/conf/${name}/promote_secondaries`, value: "1" })),
  ];
}

/** An IPv4 virtual interface wants that those below answer for their own addresses only. */
export function parentSettings(parents: Iterable<string>): readonly WantedSysctl[] {
  return [...parents].flatMap((name) =>
    ["arp_ignore", "arp_filter"].map((what) => ({
      path: `net/ipv4/conf/${name}/${what}`,
      value: "1",
      atLeast: true as const,
    })),
  );
}

/**
 * kernel: the stricter of «all» and the interface holds. A strict `all` is moved down to every interface and the default, so that it stays
 * as it is for all but the virtual ones. `all`: what it was; `names`: the directories of net/ipv4/conf that are not virtual ones of ours.
 */
export function looseReversePath(all: string | undefined, names: readonly string[]): readonly WantedSysctl[] {
  if (all === undefined || !(Number(all) > 0)) return [];
  const moved = names.filter((name) => name !== "all");
  return [
    ...moved.map((name) => ({ path: `net/ipv4/conf/${name}/rp_filter`, value: all, atLeast: true as const })),
    { path: "net/ipv4/conf/all/rp_filter", value: "0" },
  ];
}
