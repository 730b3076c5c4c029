// Core: the sets of the packet filter around VRRP, and what is in them.
import { familyOf, type IpText, ipBytes } from "../base/ip.ts";
import type { Protocol } from "../config/model/lvs.ts";
import type { FirewallSettings, FirewallWish, VirtualService } from "./firewall-wish.ts";
import * as nft from "./nft.ts";
import type { NetlinkRequest } from "./request.ts";

/** Which parts a family's table has. Parts are added when they are first needed and stay until the table goes. */
export interface Shape {
  readonly noAccept: boolean;
  readonly services: boolean;
  readonly vmac: boolean;
}

export type Elements = ReadonlyMap<string, ReadonlyMap<string, nft.SetElement>>;

export function serviceFamily(service: VirtualService): 4 | 6 {
  return service.kind === "fwmark" ? service.family : familyOf(service.ip);
}

// Names in the table, as keepalived has them where it has them.
export const VIPS = "vips";
export const VIPS_LINK_LOCAL = "vips_link_local";
export const NEIGHBOR_DISCOVERY = "neighbor-discovery";
export const VMAC_MAP = "vmac_map";
export const VMAC_SET = "vmac_set";
export const PARENT_LINK_LOCAL = "parent_link_local";
export const MLD_REPORT = "mld-report";
export const VIRTUAL_SERVICES = "virtual_services";
export const VIRTUAL_PROTOCOLS = "virtual_protocols";
export const VIRTUAL_ADDRESSES = "virtual_addresses";
export const VIRTUAL_MARKS = "virtual_marks";
export const ICMP_ERRORS = "icmp_errors";

const IPPROTO: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const ND_NEIGHBOR_SOLICIT = 135;
export const ND_NEIGHBOR_ADVERT = 136;

export function elementsOf(
  settings: FirewallSettings,
  family: nft.NftFamily,
  shape: Shape,
  wish: FirewallWish,
): Elements {
  const version = family === nft.NFPROTO_IPV4 ? 4 : 6;
  const sets = new Map<string, Map<string, nft.SetElement>>();
  const put = (set: string, key: Uint8Array, data?: Uint8Array) => {
    const elements = sets.get(set) ?? new Map<string, nft.SetElement>();
    elements.set(`${key.join(".")}>${data?.join(".") ?? ""}`, data ? { key, data } : { key });
    sets.set(set, elements);
  };
  const declare = (...names: readonly string[]) => {
    for (const name of names) sets.set(name, new Map());
  };
  if (shape.noAccept) declare(VIPS, ...(version === 6 ? [VIPS_LINK_LOCAL] : []));
  if (shape.services) declare(VIRTUAL_SERVICES, VIRTUAL_PROTOCOLS, VIRTUAL_ADDRESSES, VIRTUAL_MARKS);
  if (shape.vmac) declare(VMAC_MAP, ...(version === 6 ? [VMAC_SET, PARENT_LINK_LOCAL] : []));
  for (const { ip, index } of wish.blocked) {
    if (familyOf(ip) !== version) continue;
    if (isLinkLocal(ip)) put(VIPS_LINK_LOCAL, Uint8Array.of(...ipBytes(ip), ...nft.le32(index)));
    else put(VIPS, ipBytes(ip));
  }
  if (shape.services)
    for (const service of wish.services) if (serviceFamily(service) === version) putService(service, put);
  for (const vmac of wish.vmacs) {
    if (vmac.family !== version) continue;
    put(VMAC_MAP, nft.le32(vmac.index), nft.le32(vmac.parentIndex));
    if (version === 4) continue;
    put(VMAC_SET, nft.le32(vmac.index));
    if (vmac.parentLinkLocal === undefined) continue;
    const device = settings.ifindex ? nft.le32(vmac.index) : interfaceNameBytes(vmac.name);
    put(PARENT_LINK_LOCAL, Uint8Array.of(...ipBytes(vmac.parentLinkLocal), ...device));
  }
  return sets;
}

function putService(service: VirtualService, put: (set: string, key: Uint8Array) => void): void {
  if (service.kind === "fwmark") {
    put(VIRTUAL_MARKS, nft.le32(service.mark));
    return;
  }
  const ip = ipBytes(service.ip);
  const protocol = [IPPROTO[service.protocol], 0, 0, 0];
  put(VIRTUAL_ADDRESSES, ip);
  if (service.port === 0) put(VIRTUAL_PROTOCOLS, Uint8Array.of(...ip, ...protocol));
  else put(VIRTUAL_SERVICES, Uint8Array.of(...ip, ...protocol, service.port >> 8, service.port & 0xff, 0, 0));
}

function isLinkLocal(ip: IpText): boolean {
  const bytes = ipBytes(ip);
  return bytes.byteLength === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

export function interfaceNameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}

export function setsOf(settings: FirewallSettings, ref: nft.TableRef, shape: Shape): nft.SetSpec[] {
  const v4 = ref.family === nft.NFPROTO_IPV4;
  const address = v4 ? nft.TYPE.ipv4Addr : nft.TYPE.ipv6Addr;
  const bytes = v4 ? 4 : 16;
  const sets: nft.SetSpec[] = [];
  if (shape.vmac && !v4) {
    const device = settings.ifindex ? nft.TYPE.ifaceIndex : nft.TYPE.ifname;
    const keyBytes = settings.ifindex ? 20 : 32;
    sets.push({ name: PARENT_LINK_LOCAL, keyType: nft.concatType(address, device), keyBytes, hostOrder: true });
  }
  if (shape.vmac) {
    const device = nft.TYPE.ifaceIndex;
    sets.push({ name: VMAC_MAP, keyType: device, keyBytes: 4, hostOrder: true, data: { type: device, bytes: 4 } });
  }
  if (shape.vmac && !v4) {
    sets.push({ name: VMAC_SET, keyType: nft.TYPE.ifaceIndex, keyBytes: 4, hostOrder: true });
    sets.push({ name: MLD_REPORT, keyType: nft.TYPE.icmpv6Type, keyBytes: 1, hostOrder: true, constant: true });
  }
  if (shape.noAccept) sets.push({ name: VIPS, keyType: address, keyBytes: bytes });
  if (shape.noAccept && !v4) {
    const keyType = nft.concatType(address, nft.TYPE.ifaceIndex);
    sets.push({ name: VIPS_LINK_LOCAL, keyType, keyBytes: 20 });
    sets.push({ name: NEIGHBOR_DISCOVERY, keyType: nft.TYPE.icmpv6Type, keyBytes: 1, hostOrder: true, constant: true });
  }
  if (shape.services) {
    const { inetProto, inetService, icmpType, icmpv6Type, mark } = nft.TYPE;
    const service = nft.concatType(address, inetProto, inetService);
    sets.push({ name: VIRTUAL_SERVICES, keyType: service, keyBytes: bytes + 8 });
    sets.push({ name: VIRTUAL_PROTOCOLS, keyType: nft.concatType(address, inetProto), keyBytes: bytes + 4 });
    sets.push({ name: VIRTUAL_ADDRESSES, keyType: address, keyBytes: bytes });
    sets.push({ name: VIRTUAL_MARKS, keyType: mark, keyBytes: 4, hostOrder: true });
    sets.push({ name: ICMP_ERRORS, keyType: v4 ? icmpType : icmpv6Type, keyBytes: 1, constant: true });
  }
  return sets;
}

/** Destination unreachable, time exceeded, parameter problem: without them a path MTU is never learned. */
export function icmpElements(ref: nft.TableRef, shape: Shape): readonly NetlinkRequest[] {
  return shape.services ? nft.addElements(ref, ICMP_ERRORS, typeElements(3, 11, 12)) : [];
}

export function constantElements(ref: nft.TableRef, shape: Shape): NetlinkRequest[] {
  return [
    ...(shape.vmac ? nft.addElements(ref, MLD_REPORT, typeElements(131, 132, 143)) : []),
    ...(shape.noAccept
      ? nft.addElements(ref, NEIGHBOR_DISCOVERY, typeElements(ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT))
      : []),
    ...(shape.services ? nft.addElements(ref, ICMP_ERRORS, typeElements(1, 2, 3, 4)) : []),
  ];
}

function typeElements(...types: readonly number[]): nft.SetElement[] {
  return types.map((type) => ({ key: Uint8Array.of(type) }));
}
