// VRRP core: what a new configuration means for the instances that run (vrrp.md §8). Instances are matched by what they are on the
// wire, not by name: one that matches keeps its state, and one that did not change is not touched at all.
import type { VrrpInstance } from "../config/model/vrrp.ts";

export interface ReloadPlan {
  /** Nothing changed (but perhaps where it stands in the file, or its name). */
  readonly keep: readonly Match[];
  /** Goes on with other settings. */
  readonly change: readonly (Match & { readonly addressesAdded: boolean })[];
  /** Not in the new configuration, or another instance by now: resigns and is cleaned up. */
  readonly remove: readonly VrrpInstance[];
  /** Starts from INIT. */
  readonly add: readonly VrrpInstance[];
}

export interface Match {
  readonly old: VrrpInstance;
  readonly next: VrrpInstance;
}

/** What makes two instances the same one. Another version, group or VMAC use is another router for everybody who listens. */
export function instanceKey(instance: VrrpInstance): string {
  const unicast = (instance.unicast?.peers.length ?? 0) > 0;
  const speaks = unicast ? `unicast ${instance.sourceIp ?? ""}` : `group ${instance.multicastGroup}`;
  const vmac = instance.vmac
    ? `${instance.vmac.kind} ${instance.vmac.interface ?? ""} ${instance.vmac.mac ?? ""}`
    : "no vmac";
  const { family, version, vrid, vrf } = instance;
  return [family, version, vrid, instance.interface ?? "", vrf ?? "", speaks, vmac].join("|");
}

/** Matches old and new instances; each is in exactly one list. */
export function planReload(old: readonly VrrpInstance[], next: readonly VrrpInstance[]): ReloadPlan {
  const free = new Map<string, VrrpInstance[]>();
  for (const instance of old) {
    const key = instanceKey(instance);
    free.set(key, [...(free.get(key) ?? []), instance]);
  }
  const keep: Match[] = [];
  const change: (Match & { addressesAdded: boolean })[] = [];
  const add: VrrpInstance[] = [];
  for (const instance of next) {
    const candidates = free.get(instanceKey(instance)) ?? [];
    // Unicast instances may share a key: the name decides between them.
    const match = candidates.find((one) => one.name === instance.name) ?? candidates[0];
    if (!match) {
      add.push(instance);
      continue;
    }
    free.set(
      instanceKey(instance),
      candidates.filter((one) => one !== match),
    );
    if (sameSettings(match, instance)) keep.push({ old: match, next: instance });
    else change.push({ old: match, next: instance, addressesAdded: addsAddresses(match, instance) });
  }
  return { keep, change, remove: [...free.values()].flat(), add };
}

function addsAddresses(old: VrrpInstance, next: VrrpInstance): boolean {
  const ips = (instance: VrrpInstance) =>
    [...instance.virtualAddresses, ...instance.excludedAddresses].map((a) => a.ip);
  const known = new Set(ips(old));
  return ips(next).some((ip) => !known.has(ip));
}

/** Equal but for the name and where things stand in the file. */
export function sameSettings(a: VrrpInstance, b: VrrpInstance): boolean {
  return canonical({ ...a, name: "" }) === canonical({ ...b, name: "" });
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (key, inner) => {
    if (key === "origin" || key === "origins") return undefined;
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0)));
  });
}
