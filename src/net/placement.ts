// Core: where the addresses of an instance go: its interface, a virtual MAC of the instance or of single addresses, or the device that their
// line names.
import type { Address } from "../config/model/net.ts";
import type { VrrpGlobal, VrrpInstance } from "../config/model/vrrp.ts";
import type { BlockedAddress } from "./firewall-wish.ts";
import { linkByName, type SeenTables } from "./model.ts";
import { addressInterface, addressParent, type VirtualInterface, virtualInterfaceOf } from "./vmac.ts";

/** An instance with the virtual interfaces that it was given. */
export interface Placement {
  readonly instance: VrrpInstance;
  /** Virtual interface that the instance asks for, with the name it was given. */
  readonly vmac: VirtualInterface | undefined;
  /** Virtual MACs that single addresses ask for, by interface below and family. */
  readonly addressVmacs: ReadonlyMap<string, VirtualInterface>;
}

/** Names that are given already. */
export function givenNames(places: Iterable<Placement>): Set<string> {
  const names = new Set<string>();
  for (const { vmac, addressVmacs } of places) {
    if (vmac) names.add(vmac.name);
    for (const { name } of addressVmacs.values()) names.add(name);
  }
  return names;
}

/** One of our kind by that name is what a crash left, and is taken over. */
function takenNames(given: ReadonlySet<string>, seen: SeenTables) {
  return (name: string, form: VirtualInterface["form"]) => {
    const there = linkByName(seen, name);
    return given.has(name) || (there !== undefined && there.kind !== form.kind);
  };
}

/** With names for its virtual interfaces that neither others (`given`, which they join) nor strangers have. */
export function newPlacement(
  instance: VrrpInstance,
  given: Set<string>,
  seen: SeenTables,
  global: VrrpGlobal,
): Placement {
  const vmac = virtualInterfaceOf(instance, global, takenNames(given, seen));
  if (vmac) given.add(vmac.name);
  return { instance, vmac, addressVmacs: addressVmacsOf(instance, new Map(), given, seen, global) };
}

/** What a next configuration's instance finds where it takes another one's place. */
export function nextPlacement(
  place: Placement,
  instance: VrrpInstance,
  given: Set<string>,
  seen: SeenTables,
  global: VrrpGlobal,
): Placement {
  const { vmac, addressVmacs } = place;
  return { instance, vmac, addressVmacs: addressVmacsOf(instance, addressVmacs, given, seen, global) };
}

/** Virtual MACs for the addresses that ask for one, by interface below and family; those of `before` that are needed stay. */
function addressVmacsOf(
  instance: VrrpInstance,
  before: ReadonlyMap<string, VirtualInterface>,
  given: Set<string>,
  seen: SeenTables,
  global: VrrpGlobal,
): ReadonlyMap<string, VirtualInterface> {
  const next = new Map<string, VirtualInterface>();
  const taken = takenNames(given, seen);
  for (const address of addressesOf(instance)) {
    const parent = addressParent(instance, address);
    const key = `${parent} ${address.family}`;
    if (parent === undefined || next.has(key)) continue;
    const vmac = before.get(key) ?? addressInterface(instance, parent, address.family, global, taken);
    given.add(vmac.name);
    next.set(key, vmac);
  }
  // The same one tells that what was made with it holds.
  return next.size + before.size === 0 ? before : next;
}

/** Virtual addresses, then excluded ones. */
export function addressesOf(instance: VrrpInstance): readonly Address[] {
  return [...instance.virtualAddresses, ...instance.excludedAddresses];
}

/** All virtual interfaces of an instance. */
export function virtualsOf(place: Placement): readonly VirtualInterface[] {
  return [...(place.vmac ? [place.vmac] : []), ...place.addressVmacs.values()];
}

type Placed = Pick<Address, "device" | "family" | "useVmac">;

/** Name of the interface of an address: a virtual MAC of its own, the one that its line names, or the instance's. */
export function deviceOf(place: Placement, address: Placed): string | undefined {
  const { instance, vmac, addressVmacs } = place;
  if (addressVmacs.size > 0) {
    const own = addressVmacs.get(`${addressParent(instance, address)} ${address.family}`);
    if (own) return own.name;
  }
  if (address.device !== undefined && address.device !== instance.interface) return address.device;
  // A virtual MAC is of one family.
  return (address.family === instance.family ? vmac?.name : undefined) ?? instance.interface;
}

/** The instance's addresses with the interface of each written out. */
export function placedAddresses(place: Placement, instance = place.instance): readonly Address[] {
  return addressesOf(instance).map((address) => {
    const device = deviceOf(place, address);
    return device === undefined || device === address.device ? address : { ...address, device };
  });
}

/** What the packet filter has to keep from the addresses of an instance that accepts nothing there. */
export function blockedOn(place: Placement, instance: VrrpInstance, seen: SeenTables): readonly BlockedAddress[] {
  if (instance.accept) return [];
  return placedAddresses(place, instance).flatMap(({ ip, device }) => {
    const link = device === undefined ? undefined : linkByName(seen, device);
    return link ? [{ ip, index: link.index }] : [];
  });
}
