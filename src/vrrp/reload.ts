// VRRP core: what a new configuration means for the instances that run (vrrp.md §8). Instances are matched by what they are on the
// wire, not by name: one that matches keeps its state, and one that did not change is not touched at all.
import { PLACES, sameValue } from "../base/same-value.ts";
import { inPortions, type Steps } from "../base/steps.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";

/** Instances that are looked at in one step. */
const AT_ONCE = 64;

export interface ReloadPlan {
  /** Nothing changed (but perhaps where it stands in the file, or its name). */
  readonly keep: readonly Match[];
  /** Goes on with other settings. */
  readonly change: readonly Change[];
  /** Not in the new configuration, or another instance by now: resigns and is cleaned up. */
  readonly remove: readonly VrrpInstance[];
  /** Starts from INIT. */
  readonly add: readonly VrrpInstance[];
}

export interface Match {
  readonly old: VrrpInstance;
  readonly next: VrrpInstance;
}

export interface Change extends Match {
  readonly addressesAdded: boolean;
}

/** What makes two instances the same one. Another version, group or VMAC use is another router for everybody who listens. */
function instanceKey(instance: VrrpInstance): string {
  const unicast = (instance.unicast?.peers.length ?? 0) > 0;
  const speaks = unicast ? `unicast ${instance.sourceIp ?? ""}` : `group ${instance.multicastGroup}`;
  const vmac = instance.vmac
    ? `${instance.vmac.kind} ${instance.vmac.interface ?? ""} ${instance.vmac.mac ?? ""}`
    : "no vmac";
  const { family, version, vrid, vrf } = instance;
  return [family, version, vrid, instance.interface ?? "", vrf ?? "", speaks, vmac].join("|");
}

/** Matches old and new instances; each is in exactly one list. One that is the very same object did not change. */
export function* planReload(old: readonly VrrpInstance[], next: readonly VrrpInstance[]): Steps<ReloadPlan> {
  const same = intersection(old, next);
  const free = new Map<string, VrrpInstance[]>();
  yield* inPortions(old, AT_ONCE, (some) => {
    for (const instance of some) if (!same.has(instance)) append(free, instanceKey(instance), instance);
  });
  const keep: Match[] = [];
  const change: Change[] = [];
  const add: VrrpInstance[] = [];
  const look = (instance: VrrpInstance) => {
    const match = same.has(instance) ? instance : takeMatch(free, instance);
    if (!match) add.push(instance);
    else if (match === instance || sameSettings(match, instance)) keep.push({ old: match, next: instance });
    else change.push({ old: match, next: instance, addressesAdded: addsAddresses(match, instance) });
  };
  yield* inPortions(next, AT_ONCE, (some) => some.forEach(look));
  return { keep, change, remove: [...free.values()].flat(), add };
}

function intersection<T>(some: readonly T[], others: readonly T[]): ReadonlySet<T> {
  const there = new Set(some);
  return new Set(others.filter((one) => there.has(one)));
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** Unicast instances may share a key: the name decides between them. */
function takeMatch(free: Map<string, VrrpInstance[]>, instance: VrrpInstance): VrrpInstance | undefined {
  const candidates = free.get(instanceKey(instance)) ?? [];
  const named = candidates.findIndex((one) => one.name === instance.name);
  return candidates.splice(Math.max(0, named), 1)[0];
}

function addsAddresses(old: VrrpInstance, next: VrrpInstance): boolean {
  const ips = (instance: VrrpInstance) =>
    [...instance.virtualAddresses, ...instance.excludedAddresses].map((a) => a.ip);
  const known = new Set(ips(old));
  return ips(next).some((ip) => !known.has(ip));
}

/** Equal but for the name and where things stand in the file. */
function sameSettings(a: VrrpInstance, b: VrrpInstance): boolean {
  return sameValue(a.name === b.name ? a : { ...a, name: b.name }, b, PLACES);
}
