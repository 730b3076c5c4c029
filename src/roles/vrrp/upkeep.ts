// Role vrrp: the kernel's objects are kept as wanted: addresses, routes, rules and packet filter of the instances that own theirs, the
// static ones, the sync daemons. The same way for a takeover, a reload, a repair and the audit.
import type { VrrpInstance } from "../../config/model/vrrp.ts";
import type { BlockedAddress } from "../../net/firewall-wish.ts";
import { partOf, staticPart, type TablesPart, trackedStatics } from "../../net/parts.ts";
import { blockedOn } from "../../net/placement.ts";
import type { VrrpState } from "./state.ts";
import type { TablesChange } from "./tables-state.ts";

/** Instances by name, with the configurations by which they owned their addresses, routes and rules, and own them now. */
export type OwningChange = ReadonlyMap<
  string,
  { readonly before: VrrpInstance | undefined; readonly now: VrrpInstance | undefined }
>;

/** Somebody who undoes each command at once is not answered without end: the audit comes anyway. */
const MAX_APPLY_ROUNDS = 3;

/** Makes the tables and the packet filter as wanted. Asked for again while it runs, it is done once more behind itself. */
export function applyTables(role: VrrpState): void {
  inRounds(role, () => applyAll(role));
}

/** The same where only these instances own something else than before: their names, with what they have by now. */
export function applyChange(role: VrrpState, change: OwningChange): void {
  // Whatever else is asked for while it runs is about more than these.
  inRounds(role, (round) => (round === 0 ? applySome(role, change) : applyAll(role)));
}

function inRounds(role: VrrpState, apply: (round: number) => void): void {
  if (role.applying !== "no") {
    role.applying = "again";
    return;
  }
  role.applying = "again";
  try {
    for (let round = 0; role.applying === "again" && round < MAX_APPLY_ROUNDS; round++) {
      role.applying = "once";
      apply(round);
    }
  } finally {
    role.applying = "no";
  }
}

function applyAll(role: VrrpState): void {
  const blocked = blockedAddresses(role, role.owning);
  // Filtered before it is there, and until it is gone.
  role.filter.widen(blocked);
  role.tables.apply(wantedParts(role, role.owning));
  settleTables(role);
  role.filter.narrow(blocked);
}

function applySome(role: VrrpState, change: OwningChange): void {
  const blocked = isFiltered(change) ? blockedAddresses(role, role.owning) : undefined;
  if (blocked) role.filter.widen(blocked);
  role.tables.change(partsOf(role, change), () => wantedParts(role, role.owning));
  settleTables(role);
  if (blocked) role.filter.narrow(blocked);
}

function settleTables(role: VrrpState): void {
  if (!role.turns.isBusy()) role.reflector.settle();
}

/** Does all of applyChange() but the changes. */
export function rehearseTables(role: VrrpState, owned: ReadonlyMap<string, VrrpInstance>, change: OwningChange): void {
  if (isFiltered(change)) role.filter.rehearse(blockedAddresses(role, owned));
  role.tables.rehearse(partsOf(role, change), () => wantedParts(role, owned));
}

/** Is the packet filter asked for something else? */
function isFiltered(change: OwningChange): boolean {
  return change.values().some(({ before, now }) => before?.accept === false || now?.accept === false);
}

function partsOf({ stations }: VrrpState, change: OwningChange): TablesChange {
  return new Map(
    change.entries().map(([name, { now }]) => {
      const station = stations.get(name);
      return [name, station && now && partOf(station, now)];
    }),
  );
}

export function wantedParts(role: VrrpState, owned: ReadonlyMap<string, VrrpInstance>): TablesPart[] {
  const parts = [...owned].flatMap(([name, instance]) => {
    const station = role.stations.get(name);
    return station ? [partOf(station, instance)] : [];
  });
  // In a reload what is static is the same in both, or of the next one where it is not.
  const former = role.formerStatics ? [role.formerStatics] : [];
  return [...former, staticPart(role.config.vrrp), ...parts];
}

/** All that the configuration names, owned or not. */
export function allParts({ config, stations }: VrrpState): TablesPart[] {
  return [staticPart(config.vrrp), ...[...stations.values()].map((one) => partOf(one, one.instance))];
}

function blockedAddresses(
  { stations, reflector }: VrrpState,
  owned: ReadonlyMap<string, VrrpInstance>,
): BlockedAddress[] {
  return [...owned].flatMap(([name, instance]) => {
    const station = stations.get(name);
    return station ? blockedOn(station, instance, reflector.seen) : [];
  });
}

/** `track_group`: instances whose static things are gone and can't be put back are in FAULT. */
export function checkStatics(role: VrrpState): void {
  const { config, tables, router, turns, now } = role;
  const { vrrp } = config;
  const lost = new Map<string, string>();
  for (const { name, instances } of vrrp.trackGroups) {
    const missing = tables.missing(trackedStatics(vrrp, name));
    if (missing.length === 0) continue;
    for (const one of instances) lost.set(one, `track_group ${name}: ${missing.join("; ")}`);
  }
  const touched = new Set([...role.lostStatics.keys(), ...lost.keys()]);
  role.lostStatics = lost;
  for (const name of touched) turns.perform(router.setFault(name, "static", lost.get(name), now()));
}
