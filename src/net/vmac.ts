// Core: virtual interfaces (rtnl.md §4): how they are called, which MAC they have, and whether a link that is there already is one.
import type { IpText } from "../base/ip.ts";
import type { Address } from "../config/model/net.ts";
import type { VrrpGlobal, VrrpInstance } from "../config/model/vrrp.ts";
import {
  formatMac,
  IPVLAN_FLAGS,
  IPVLAN_MODE_L2,
  MACVLAN_MODE_PRIVATE,
  type NewVirtualLink,
  parseMac,
} from "./links.ts";
import { addressUsable, type Link, linkByName, type SeenTables } from "./model.ts";

/** kernel: IFNAMSIZ without the NUL. */
const MAX_NAME_BYTES = 15;

export interface VirtualInterface {
  readonly name: string;
  /** Name of the interface below. */
  readonly parent: string;
  readonly family: 4 | 6;
  readonly form:
    | { readonly kind: "macvlan"; readonly mac: string }
    | { readonly kind: "ipvlan"; readonly mode: "bridge" | "private" | "vepa" };
  /** Absent: the parent's. */
  readonly group?: number;
  /** `netlink_notify_msg`: the kernel is made to tell of the parent, whose promiscuity may have changed without a word. */
  readonly notifyParent?: true;
  /** ipvlan: what adverts come from, since it has the MAC of its parent. */
  readonly address?: { readonly ip: IpText; readonly prefix: number };
}

/** MAC of a virtual router (RFC 9568 §7.3): 00:00:5e:00:01:VRID, IPv6 00:00:5e:00:02:VRID. */
export function virtualRouterMac(family: 4 | 6, vrid: number): string {
  return formatMac(Uint8Array.of(0, 0, 0x5e, 0, family === 4 ? 1 : 2, vrid));
}

/**
 * The virtual interface of an instance; undefined when it has none. Generated names avoid `taken` (interfaces that are there and
 * are not this one, names given to other instances): vrrp.VRID, then vrrp1.VRID and so on; IPv6 tries vrrp6.VRID first.
 */
export function virtualInterfaceOf(
  instance: VrrpInstance,
  global: Pick<VrrpGlobal, "vmacPrefix">,
  taken: (name: string, form: VirtualInterface["form"]) => boolean,
): VirtualInterface | undefined {
  const { vmac, family, vrid } = instance;
  if (!vmac || instance.interface === undefined) return undefined;
  const form: VirtualInterface["form"] =
    vmac.kind === "ipvlan"
      ? { kind: "ipvlan", mode: vmac.ipvlanMode ?? "bridge" }
      : { kind: "macvlan", mac: (vmac.mac ?? virtualRouterMac(family, vrid)).toLowerCase() };
  const name = vmac.interface ?? generatedName(global.vmacPrefix, family, vrid, (text) => taken(text, form));
  return {
    name,
    parent: instance.interface,
    family,
    form,
    ...(vmac.group !== undefined && { group: vmac.group }),
    ...(vmac.netlinkNotify && { notifyParent: true }),
    ...(vmac.ipvlanAddress && { address: vmac.ipvlanAddress }),
  };
}

/**
 * The interface that an address wants a virtual MAC of its own on (`use_vmac` of its line, `use_vmac_addr`); undefined: none. What
 * goes to the instance's interface in its own family is on the instance's virtual MAC already, where there is one.
 */
export function addressParent(
  instance: VrrpInstance,
  address: Pick<Address, "device" | "family" | "useVmac">,
): string | undefined {
  const { interface: base, vmac, vmacForAddresses } = instance;
  const elsewhere = address.device !== undefined && address.device !== base;
  const foreign = address.family !== instance.family;
  if (!elsewhere && !foreign && vmac?.kind === "macvlan") return undefined;
  const asked = address.useVmac || (vmacForAddresses && (elsewhere || foreign));
  return asked ? (address.device ?? base) : undefined;
}

/** Virtual MAC for single addresses of an instance: one for each interface below and family. */
export function addressInterface(
  instance: VrrpInstance,
  parent: string,
  family: 4 | 6,
  global: Pick<VrrpGlobal, "vmacAddrPrefix">,
  taken: (name: string, form: VirtualInterface["form"]) => boolean,
): VirtualInterface {
  const mac = instance.vmac?.kind === "macvlan" ? instance.vmac.mac : undefined;
  const form = { kind: "macvlan" as const, mac: (mac ?? virtualRouterMac(family, instance.vrid)).toLowerCase() };
  const name = generatedName(global.vmacAddrPrefix, family, instance.vrid, (text) => taken(text, form));
  return { name, parent, family, form };
}

function generatedName(prefix: string, family: 4 | 6, vrid: number, taken: (name: string) => boolean): string {
  const suffix = `.${vrid}`;
  const name = (middle: string) =>
    `${prefix.slice(0, MAX_NAME_BYTES - suffix.length - middle.length)}${middle}${suffix}`;
  const first = [name(""), ...(family === 6 ? [name("6")] : [])];
  for (const candidate of first) if (!taken(candidate)) return candidate;
  // There are 255 VRIDs and as many parents as can matter: a free number is soon found.
  for (let i = 1; i < 1000; i++) if (!taken(name(String(i)))) return name(String(i));
  return name("");
}

/** What a link of the wished name means. */
export type Presence =
  | { readonly kind: "absent" }
  /** It is what we would make: taken over with all that is on it. */
  | { readonly kind: "adopt"; readonly link: Link }
  /** One of our kind, but on another parent or with another MAC: removed and made anew. */
  | { readonly kind: "replace"; readonly link: Link }
  /** Not made by a VRRP daemon: hands off. */
  | { readonly kind: "stranger"; readonly link: Link };

export function presenceOf(wish: VirtualInterface, seen: Pick<SeenTables, "links">): Presence {
  const link = linkByName(seen, wish.name);
  const parent = linkByName(seen, wish.parent);
  if (!link) return { kind: "absent" };
  if (link.kind !== wish.form.kind) return { kind: "stranger", link };
  if (!parent || link.parent !== lowerIndex(wish.form, parent)) return { kind: "replace", link };
  if (wish.form.kind === "ipvlan") return { kind: link.mode === IPVLAN_MODE_L2 ? "adopt" : "replace", link };
  return { kind: link.mode === MACVLAN_MODE_PRIVATE && link.mac === wish.form.mac ? "adopt" : "replace", link };
}

const STACKED: Readonly<Record<VirtualInterface["form"]["kind"], readonly string[]>> = {
  macvlan: ["macvlan", "macvtap"],
  ipvlan: ["ipvlan", "ipvtap"],
};

/**
 * Index of the link that one made on `parent` lies on; undefined: it is in another namespace, as in a container with a macvlan.
 * kernel: one of the same kind is passed over for what it lies on itself (macvlan_common_newlink, ipvlan_link_new).
 */
export function lowerIndex({ kind }: VirtualInterface["form"], parent: Link): number | undefined {
  return STACKED[kind].includes(parent.kind ?? "") ? parent.parent : parent.index;
}

/** The request to make it on a parent. @throws RangeError for a MAC that is none */
export function newLinkOf(wish: VirtualInterface, parent: Link, parentIsInVrf: boolean): NewVirtualLink {
  const base = {
    name: wish.name,
    parent: parent.index,
    group: wish.group ?? parent.group,
    ...(parentIsInVrf && parent.master !== undefined && { master: parent.master }),
  };
  if (wish.form.kind === "ipvlan") return { ...base, form: { kind: "ipvlan", flags: IPVLAN_FLAGS[wish.form.mode] } };
  const mac = parseMac(wish.form.mac);
  if (!mac) throw new RangeError(`mac: expected six octets (got ${wish.form.mac})`);
  return { ...base, form: { kind: "macvlan", mac } };
}

/** The first link-local IPv6 address of a link. */
export function linkLocalOf(
  seen: Pick<SeenTables, "addresses">,
  index: number,
): { ip: string; prefix: number } | undefined {
  for (const address of seen.addresses.values()) {
    const { family, index: on, ip, prefix } = address;
    if (family === 6 && on === index && /^fe[89ab]/.test(ip) && addressUsable(address)) return { ip, prefix };
  }
  return undefined;
}
