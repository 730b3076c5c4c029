// Core: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (linux/if_link.h): what links there are, and the virtual interfaces that we make.
import { type Attribute, encodeAttributes, readAttributes, readNumber, readText } from "./attribute-tree.ts";
import type { Link } from "./model.ts";
import { le32 } from "./nft.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST } from "./request.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;

const HEADER_BYTES = 16;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_PACKET = 17;
const RTEXT_FILTER_SKIP_STATS = 8;

export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_LINKINFO = 18;
const IFLA_AF_SPEC = 26;
const IFLA_GROUP = 27;
const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
/** linux/if_link.h; since kernel 5.6. */
const IFLA_PERM_ADDRESS = 54;

export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
const IFLA_VRF_TABLE = 1;
const IFLA_INET_CONF = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IFF_UP = 1;

/** Number of an IPv4 interface setting in IFLA_INET_CONF (linux/ip.h, IPV4_DEVCONF_*); told, it is a list that begins with number 1. */
const IPV4_DEVCONF = {
  forwarding: 1,
  rp_filter: 8,
  arp_filter: 13,
  arp_ignore: 19,
  promote_secondaries: 20,
  accept_local: 23,
} as const;

export type Ipv4Setting = keyof typeof IPV4_DEVCONF;
/** Of these a virtual interface of ours wants values of its own. */
const SHOWN = ["rp_filter", "arp_ignore", "promote_secondaries", "accept_local"] as const;

const noStatistics: Attribute = { type: IFLA_EXT_MASK, value: le32(RTEXT_FILTER_SKIP_STATS) };

/** All links. */
export function dumpLinks(): NetlinkRequest {
  const payload = encodeAttributes([noStatistics], header(AF_PACKET, 0));
  return { type: RTM_GETLINK, flags: NLM_F_REQUEST | NLM_F_DUMP, payload, what: "links" };
}

/** One link; ENODEV when there is none of that name. */
export function getLink(name: string): NetlinkRequest {
  const payload = encodeAttributes(
    [{ type: IFLA_IFNAME, value: nameBytes(`${name}\0`) }, noStatistics],
    header(AF_PACKET, 0),
  );
  return { type: RTM_GETLINK, flags: NLM_F_REQUEST, payload, what: `interface ${name}` };
}

export const MACVLAN_MODE_PRIVATE = 1;
export const IPVLAN_MODE_L2 = 0;
/** IFLA_IPVLAN_FLAGS by the words of `use_ipvlan`. */
export const IPVLAN_FLAGS = { bridge: 0, private: 1, vepa: 2 } as const;

export interface NewVirtualLink {
  readonly name: string;
  readonly parent: number;
  readonly group: number;
  /** VRF of the parent. */
  readonly master?: number;
  readonly form:
    | { readonly kind: "macvlan" /** Six octets. */; readonly mac: Uint8Array }
    | { readonly kind: "ipvlan"; readonly flags: number };
}

/** Makes a macvlan in private mode, or an ipvlan at layer 2. EEXIST when the name is taken, EADDRINUSE for a MAC in use. */
export function createLink(link: NewVirtualLink): NetlinkRequest {
  const { form } = link;
  const data: readonly Attribute[] =
    form.kind === "macvlan"
      ? [{ type: 1, value: le32(MACVLAN_MODE_PRIVATE) }]
      : [
          { type: 1, value: u16(IPVLAN_MODE_L2) },
          { type: 2, value: u16(form.flags) },
        ];
  const info: Attribute = {
    type: IFLA_LINKINFO,
    plain: true,
    nested: [
      { type: IFLA_INFO_KIND, value: nameBytes(form.kind) },
      { type: IFLA_INFO_DATA, plain: true, nested: data },
    ],
  };
  const attributes: Attribute[] = [
    info,
    { type: IFLA_LINK, value: le32(link.parent) },
    { type: IFLA_IFNAME, value: nameBytes(link.name) },
    { type: IFLA_GROUP, value: le32(link.group) },
    ...(form.kind === "macvlan" ? [{ type: IFLA_ADDRESS, value: form.mac }] : []),
    ...(link.master === undefined ? [] : [{ type: IFLA_MASTER, value: le32(link.master) }]),
  ];
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  const what = `${form.kind} ${link.name} on interface ${link.parent}`;
  return { type: RTM_NEWLINK, flags, payload: encodeAttributes(attributes, header(0, 0)), what };
}

export function deleteLink(index: number): NetlinkRequest {
  const flags = NLM_F_REQUEST | NLM_F_ACK;
  return { type: RTM_DELLINK, flags, payload: header(AF_INET, index), what: `interface ${index}` };
}

export function setLinkUp(index: number): NetlinkRequest {
  return changeLink(index, [], `up of interface ${index}`, IFF_UP);
}

/** Puts a link into the group it is in: the kernel tells everybody of the link, though nothing changes. */
export function retellLink(link: Pick<Link, "index" | "group">): NetlinkRequest {
  return changeLink(link.index, [{ type: IFLA_GROUP, value: le32(link.group) }], `group of interface ${link.index}`);
}

/** Sets IPv4 settings of one interface, in the order given. */
export function setIpv4Settings(index: number, settings: readonly (readonly [Ipv4Setting, number])[]): NetlinkRequest {
  const values = settings.map(([name, value]) => ({ type: IPV4_DEVCONF[name], value: le32(value) }));
  const conf: Attribute = { type: IFLA_INET_CONF, plain: true, nested: values };
  const family: Attribute = { type: AF_INET, plain: true, nested: [conf] };
  const names = settings.map(([name, value]) => `${name}=${value}`).join(" ");
  return changeLink(index, [{ type: IFLA_AF_SPEC, plain: true, nested: [family] }], `${names} of interface ${index}`);
}

/** No link-local address of the kernel's making. */
export function setNoAddressGeneration(index: number): NetlinkRequest {
  const mode: Attribute = { type: IFLA_INET6_ADDR_GEN_MODE, value: Uint8Array.of(1) };
  const family: Attribute = { type: AF_INET6, plain: true, nested: [mode] };
  const what = `addr_gen_mode of interface ${index}`;
  return changeLink(index, [{ type: IFLA_AF_SPEC, plain: true, nested: [family] }], what);
}

export function changeLink(index: number, attributes: readonly Attribute[], what: string, flag = 0): NetlinkRequest {
  const payload = encodeAttributes(attributes, header(0, index, flag));
  return { type: RTM_NEWLINK, flags: NLM_F_REQUEST | NLM_F_ACK, payload, what };
}

/** Body of RTM_NEWLINK or RTM_DELLINK; undefined for bridge ports and other families' views. Never throws. */
export function decodeLink(payload: Uint8Array): Link | undefined {
  // AF_BRIDGE (7) messages speak of a port's bridge side; AF_INET6 ones only of IPv6 settings.
  if (payload.byteLength < HEADER_BYTES || (payload[0] !== 0 && payload[0] !== AF_PACKET)) return undefined;
  const attributes = readAttributes(payload, HEADER_BYTES);
  const name = readText(attributes.get(IFLA_IFNAME));
  const index = readNumber(payload.subarray(4, 8));
  if (name === undefined || index === undefined || index === 0) return undefined;
  const info = readAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array(0));
  const kind = readText(info.get(IFLA_INFO_KIND));
  const data = readAttributes(info.get(IFLA_INFO_DATA) ?? new Uint8Array(0));
  const mode = readNumber(data.get(1));
  const isVirtual = kind === "macvlan" || kind === "ipvlan";
  const ipv4 = isVirtual ? ipv4Settings(attributes.get(IFLA_AF_SPEC)) : undefined;
  const vrfTable = kind === "vrf" ? readNumber(data.get(IFLA_VRF_TABLE)) : undefined;
  const mac = attributes.get(IFLA_ADDRESS);
  const permanent = attributes.get(IFLA_PERM_ADDRESS);
  // A parent in another namespace has an index that means nothing here.
  const parent = attributes.has(IFLA_LINK_NETNSID) ? undefined : readNumber(attributes.get(IFLA_LINK));
  const master = readNumber(attributes.get(IFLA_MASTER));
  return {
    index,
    name,
    flags: readNumber(payload.subarray(8, 12)) ?? 0,
    mtu: readNumber(attributes.get(IFLA_MTU)) ?? 1500,
    hardwareType: readNumber(payload.subarray(2, 4)) ?? 0,
    ...(mac?.byteLength === 6 && { mac: formatMac(mac) }),
    ...(permanent?.byteLength === 6 && { permanentMac: formatMac(permanent) }),
    ...(kind !== undefined && { kind }),
    ...(mode !== undefined && isVirtual && { mode }),
    ...(ipv4 && { ipv4 }),
    ...(vrfTable !== undefined && { vrfTable }),
    ...(parent !== undefined && parent > 0 && { parent }),
    ...(master !== undefined && master > 0 && { master }),
    group: readNumber(attributes.get(IFLA_GROUP)) ?? 0,
  };
}

function ipv4Settings(families: Uint8Array | undefined): Link["ipv4"] {
  const settings = families && readAttributes(families).get(AF_INET);
  const list = settings && readAttributes(settings).get(IFLA_INET_CONF);
  if (!list) return undefined;
  const settingOf = (name: Ipv4Setting) =>
    readNumber(list.subarray(4 * (IPV4_DEVCONF[name] - 1), 4 * IPV4_DEVCONF[name]));
  return Object.fromEntries(SHOWN.map((name) => [name, settingOf(name)]));
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Six octets of `00:00:5e:00:01:33`; undefined for anything else. */
export function parseMac(text: string): Uint8Array | undefined {
  const octets = text.split(":");
  if (octets.length !== 6 || octets.some((octet) => !/^[0-9a-fA-F]{1,2}$/.test(octet))) return undefined;
  return Uint8Array.from(octets, (octet) => Number.parseInt(octet, 16));
}

/** struct ifinfomsg; flag bits also are their own change mask. */
export function header(family: number, index: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, family);
  view.setUint32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, flags, true);
  return bytes;
}

export function nameBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}
