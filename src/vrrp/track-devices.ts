// VRRP core: interfaces that an instance depends on without a track_interface: those that its addresses, routes and rules name, and those
// of static ones whose track_group it is in. Losing one is a fault, since what belongs there can't be put back; `no_track` says that
// it does not matter.
import { inPortions, type Steps } from "../base/steps.ts";
import type { Address, Route, Rule } from "../config/model/net.ts";
import type { VrrpConfig, VrrpInstance } from "../config/model/vrrp.ts";

/** Instances that are looked at in one step. */
const AT_ONCE = 64;

/** By name of the instance; instances without any are not in it. */
export function trackedDevices(config: VrrpConfig): ReadonlyMap<string, ReadonlySet<string>> {
  const devices = new Map<string, Set<string>>();
  const add = (instance: string, names: readonly (string | undefined)[]) => {
    for (const name of names) {
      if (name === undefined) continue;
      const set = devices.get(instance);
      if (set) set.add(name);
      else devices.set(instance, new Set([name]));
    }
  };
  for (const instance of config.instances) add(instance.name, ownDevices(instance));
  for (const group of config.trackGroups) {
    const names = staticDevices(config, group.name);
    for (const instance of group.instances) add(instance, names);
  }
  return devices;
}

/** Of the same instance the same: a reload asks all of them, and few are new. */
const devicesOf = new WeakMap<VrrpInstance, readonly (string | undefined)[]>();

/** What trackedDevices() is going to ask of each instance. */
export function lookForDevices({ instances }: VrrpConfig): Steps {
  return inPortions(instances, AT_ONCE, (some) => {
    for (const instance of some) ownDevices(instance);
  });
}

function ownDevices(instance: VrrpInstance): readonly (string | undefined)[] {
  const known = devicesOf.get(instance);
  if (known) return known;
  const devices = findDevices(instance);
  devicesOf.set(instance, devices);
  return devices;
}

function findDevices(instance: VrrpInstance): readonly (string | undefined)[] {
  const addresses = [...instance.virtualAddresses, ...instance.excludedAddresses];
  return [
    // The instance's own interface is tracked anyway, or on purpose not (`dont_track_primary`).
    ...addresses.filter(tracked).flatMap(({ device }) => (device === instance.interface ? [] : [device])),
    ...instance.routes.filter(tracked).map(({ device }) => device),
    ...instance.rules.filter(tracked).flatMap(({ iif, oif }) => [iif, oif]),
  ];
}

function staticDevices(config: VrrpConfig, group: string): readonly (string | undefined)[] {
  const { staticAddresses, staticRoutes, staticRules } = config;
  const inGroup = (item: Address | Route | Rule) => tracked(item) && item.trackGroup === group;
  return [
    ...staticAddresses.filter(inGroup).map(({ device }) => device),
    ...staticRoutes.filter(inGroup).map(({ device }) => device),
    ...staticRules.filter(inGroup).map(({ iif }) => iif),
  ];
}

function tracked(item: { readonly noTrack: boolean }): boolean {
  return !item.noTrack;
}
