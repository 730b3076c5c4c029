// Core: the packet filter around VRRP (rtnl.md §6) as a wish, and the transaction from what was applied to what is wanted.
// no_accept: traffic to and from the addresses is dropped, but for neighbour discovery and for what IPVS serves there: IPVS takes
// packets in the same hook after us (priority 98), so its services have to be let through here (trap R4).
// Virtual MACs: membership reports leave through the parent, or switches learn the virtual MAC on the backup's port.
import { type Family, familyOf, type IpText, ipBytes } from "../base/ip.ts";
import type { Protocol, VirtualServer } from "../config/model/lvs.ts";
import type { VrrpGlobal } from "../config/model/vrrp.ts";
import * as nft from "./nft.ts";
import type { NetlinkRequest } from "./request.ts";

export interface FirewallSettings {
  readonly table: string;
  /** Of the base chains: -1 is just before «filter». */
  readonly priority: number;
  readonly counters: boolean;
  /** `nftables_ifindex`: key the parents' link-local addresses by index instead of name. */
  readonly ifindex: boolean;
}

/** keepalived: table name and priority when the configuration says nothing. */
export const DEFAULT_FIREWALL: FirewallSettings = {
  table: "keepalived",
  priority: -1,
  counters: false,
  ifindex: false,
};

/** What the configuration says of the tables. */
export function firewallSettings({ nftables }: Pick<VrrpGlobal, "nftables">): FirewallSettings {
  const { table, priority, counters, ifindex } = nftables;
  return { table: table ?? DEFAULT_FIREWALL.table, priority, counters, ifindex };
}

export interface BlockedAddress {
  readonly ip: IpText;
  /** Interface that has it; matters for link-local addresses only. */
  readonly index: number;
}

export interface VirtualMac {
  readonly index: number;
  readonly name: string;
  readonly parentIndex: number;
  readonly family: 4 | 6;
  /** IPv6: the parent's link-local address, which is copied to the virtual interface. */
  readonly parentLinkLocal?: IpText;
}

/** What IPVS serves: let through on a no_accept address. Port 0 is every port. */
export type VirtualService =
  | { readonly kind: "address"; readonly ip: IpText; readonly protocol: Protocol; readonly port: number }
  | { readonly kind: "fwmark"; readonly mark: number; readonly family: 4 | 6 };

export interface FirewallWish {
  /** Families whose addresses may come to be blocked: a table that stands before takes an element in a tenth of its own time. */
  readonly ready: readonly Family[];
  readonly blocked: readonly BlockedAddress[];
  readonly services: readonly VirtualService[];
  readonly vmacs: readonly VirtualMac[];
}

export const NO_FIREWALL: FirewallWish = { ready: [], blocked: [], services: [], vmacs: [] };

/** The services of all virtual servers of a configuration. */
export function virtualServices(servers: readonly VirtualServer[]): readonly VirtualService[] {
  return servers.flatMap((server) =>
    server.services.map(
      (service): VirtualService => (service.kind === "fwmark" ? service : { ...service, protocol: server.protocol }),
    ),
  );
}

/** Which parts a family's table has. Parts are added when they are first needed and stay until the table goes. */
interface Shape {
  readonly noAccept: boolean;
  readonly services: boolean;
  readonly vmac: boolean;
}

type Elements = ReadonlyMap<string, ReadonlyMap<string, nft.SetElement>>;

interface AppliedFamily {
  readonly shape: Shape;
  readonly elements: Elements;
}

/** What is in the kernel, as far as we put it there. */
export interface AppliedFirewall {
  readonly ip?: AppliedFamily;
  readonly ip6?: AppliedFamily;
}

export interface FirewallChange {
  /** One transaction; empty when nothing is to do. */
  readonly messages: readonly NetlinkRequest[];
  /** What holds once it has succeeded. */
  readonly applied: AppliedFirewall;
}

/** Transaction from `applied` to `wish`. With `applied` empty, a table of that name left by somebody is replaced. */
export function planFirewall(settings: FirewallSettings, wish: FirewallWish, applied: AppliedFirewall): FirewallChange {
  const ip = planFamily(settings, nft.NFPROTO_IPV4, wish, applied.ip);
  const ip6 = planFamily(settings, nft.NFPROTO_IPV6, wish, applied.ip6);
  return {
    messages: [...ip.messages, ...ip6.messages],
    applied: { ...(ip.applied && { ip: ip.applied }), ...(ip6.applied && { ip6: ip6.applied }) },
  };
}

/** Removes both tables. A table that is not there would fail the transaction, so it is made first. */
export function removeFirewall(settings: FirewallSettings): readonly NetlinkRequest[] {
  const families: readonly nft.NftFamily[] = [nft.NFPROTO_IPV4, nft.NFPROTO_IPV6];
  return families.flatMap((family) => {
    const ref = { family, table: settings.table };
    return [nft.newTable(ref), nft.deleteTable(ref)];
  });
}

function planFamily(
  settings: FirewallSettings,
  family: nft.NftFamily,
  wish: FirewallWish,
  applied: AppliedFamily | undefined,
): { readonly messages: readonly NetlinkRequest[]; readonly applied?: AppliedFamily } {
  const needed = shapeOf(family, wish);
  const old = applied?.shape;
  const shape: Shape = {
    noAccept: needed.noAccept || old?.noAccept === true,
    services: needed.services || old?.services === true,
    vmac: needed.vmac || old?.vmac === true,
  };
  if (!shape.noAccept && !shape.vmac) return { messages: [] };
  const ref = { family, table: settings.table };
  const elements = elementsOf(settings, family, shape, wish);
  const grown = old?.noAccept !== shape.noAccept || old.services !== shape.services || old.vmac !== shape.vmac;
  if (grown) {
    const empty: Elements = new Map();
    // Made, then deleted, so that deleting can't fail; then made anew: nobody sees a moment without it.
    const start = [nft.newTable(ref), nft.deleteTable(ref), nft.newTable(ref)];
    return {
      messages: [...start, ...structure(settings, ref, shape), ...elementChanges(ref, empty, elements)],
      applied: { shape, elements },
    };
  }
  return { messages: elementChanges(ref, applied?.elements ?? new Map(), elements), applied: { shape, elements } };
}

function shapeOf(family: nft.NftFamily, wish: FirewallWish): Shape {
  const version = family === nft.NFPROTO_IPV4 ? 4 : 6;
  const noAccept = wish.ready.includes(version) || wish.blocked.some(({ ip }) => familyOf(ip) === version);
  return {
    noAccept,
    services: noAccept && wish.services.some((service) => serviceFamily(service) === version),
    vmac: wish.vmacs.some((vmac) => vmac.family === version),
  };
}

function serviceFamily(service: VirtualService): 4 | 6 {
  return service.kind === "fwmark" ? service.family : familyOf(service.ip);
}

function elementChanges(ref: nft.TableRef, from: Elements, to: Elements): NetlinkRequest[] {
  const messages: NetlinkRequest[] = [];
  for (const [set, wanted] of to) {
    const there = from.get(set) ?? new Map<string, nft.SetElement>();
    const gone = [...there].filter(([key]) => !wanted.has(key)).map(([, element]) => element);
    const fresh = [...wanted].filter(([key]) => !there.has(key)).map(([, element]) => element);
    messages.push(...nft.deleteElements(ref, set, gone), ...nft.addElements(ref, set, fresh));
  }
  return messages;
}

// --- names in the table, as keepalived has them where it has them

const VIPS = "vips";
const VIPS_LINK_LOCAL = "vips_link_local";
const NEIGHBOR_DISCOVERY = "neighbor-discovery";
const VMAC_MAP = "vmac_map";
const VMAC_SET = "vmac_set";
const PARENT_LINK_LOCAL = "parent_link_local";
const MLD_REPORT = "mld-report";
const VIRTUAL_SERVICES = "virtual_services";
const VIRTUAL_PROTOCOLS = "virtual_protocols";
const VIRTUAL_ADDRESSES = "virtual_addresses";
const VIRTUAL_MARKS = "virtual_marks";
const ICMP_ERRORS = "icmp_errors";

const IPPROTO: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const IPPROTO_ICMP = 1;
const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
const ND_ROUTER_SOLICIT = 133;
const ND_NEIGHBOR_SOLICIT = 135;
const ND_NEIGHBOR_ADVERT = 136;

function elementsOf(settings: FirewallSettings, family: nft.NftFamily, shape: Shape, wish: FirewallWish): Elements {
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

function interfaceNameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}

/** Chains, sets and rules of one family. */
function structure(settings: FirewallSettings, ref: nft.TableRef, shape: Shape): NetlinkRequest[] {
  const sets = setsOf(settings, ref, shape).map((set, i) => nft.newSet(ref, set, i + 1));
  const linkLocal = shape.noAccept && ref.family === nft.NFPROTO_IPV6;
  const chains = [
    nft.newChain(ref, "out", { hook: nft.HOOK_OUTPUT, priority: settings.priority }),
    ...(shape.noAccept ? [nft.newChain(ref, "in", { hook: nft.HOOK_INPUT, priority: settings.priority })] : []),
    ...(linkLocal ? [nft.newChain(ref, "in_link_local"), nft.newChain(ref, "out_link_local")] : []),
  ];
  const constants = ref.family === nft.NFPROTO_IPV6 ? constantElements(ref, shape) : icmpElements(ref, shape);
  const rules = ref.family === nft.NFPROTO_IPV4 ? rules4(shape) : rules6(settings, shape);
  return [...chains, ...sets, ...constants, ...rules.map((rule) => ruleMessage(settings, ref, rule))];
}

interface RuleSpec {
  readonly chain: string;
  readonly what: string;
  readonly match: readonly nft.Expression[];
  readonly verdict: nft.Expression;
}

function ruleMessage(settings: FirewallSettings, ref: nft.TableRef, rule: RuleSpec): NetlinkRequest {
  const counter = settings.counters ? [nft.COUNTER] : [];
  return nft.newRule(ref, rule.chain, [...rule.match, ...counter, rule.verdict], rule.what);
}

function setsOf(settings: FirewallSettings, ref: nft.TableRef, shape: Shape): nft.SetSpec[] {
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
function icmpElements(ref: nft.TableRef, shape: Shape): readonly NetlinkRequest[] {
  return shape.services ? nft.addElements(ref, ICMP_ERRORS, typeElements(3, 11, 12)) : [];
}

function constantElements(ref: nft.TableRef, shape: Shape): NetlinkRequest[] {
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

// --- rules. Offsets are those of the IPv4 and IPv6 headers.

const IPV4 = { protocol: 9, source: 12, destination: 16, bytes: 4 };
const IPV6 = { nextHeader: 6, source: 8, destination: 24, bytes: 16 };

function rules4(shape: Shape): RuleSpec[] {
  const rules: RuleSpec[] = [];
  if (shape.vmac) {
    const igmp = [
      nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV4.protocol, 1),
      nft.equals(nft.REG_1, Uint8Array.of(IPPROTO_IGMP)),
      nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV4.destination, 4),
    ];
    rules.push({ chain: "out", what: "IGMP by the parent", match: [...igmp, ...throughParent()], verdict: nft.DROP });
  }
  if (shape.noAccept) {
    const icmp = [
      nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV4.protocol, 1),
      nft.equals(nft.REG_1, Uint8Array.of(IPPROTO_ICMP)),
    ];
    if (shape.services) rules.push(...serviceRules(IPV4, icmp));
    rules.push(...dropRules(IPV4));
  }
  return rules;
}

function rules6(settings: FirewallSettings, shape: Shape): RuleSpec[] {
  const rules: RuleSpec[] = [];
  if (shape.vmac) rules.push(...vmacRules6(settings));
  if (!shape.noAccept) return rules;
  for (const chain of ["in", "out"])
    rules.push({
      chain,
      what: "neighbour discovery",
      match: [...isIcmpv6ByHeader(), icmpType(), nft.lookup(nft.REG_1, NEIGHBOR_DISCOVERY)],
      verdict: nft.ACCEPT,
    });
  if (shape.services) rules.push(...serviceRules(IPV6, isIcmpv6()));
  rules.push(linkLocalRule("in", IPV6.destination), linkLocalRule("out", IPV6.source));
  rules.push(...dropRules(IPV6));
  rules.push(linkLocalDrop("in", IPV6.destination, nft.META_IIF), linkLocalDrop("out", IPV6.source, nft.META_OIF));
  return rules;
}

/** Copy to the parent what leaves by a macvlan that the map knows. The destination must be in register 1. */
function throughParent(): nft.Expression[] {
  return [
    ...isMacvlan(),
    nft.meta(nft.REG_2, nft.META_OIF),
    nft.lookup(nft.REG_2, VMAC_MAP, { into: nft.REG_2 }),
    nft.duplicate(nft.REG_1, nft.REG_2),
  ];
}

function isMacvlan(): nft.Expression[] {
  return [nft.meta(nft.REG_2, nft.META_OIFKIND), nft.equals(nft.REG_2, interfaceNameBytes("macvlan"))];
}

function isIcmpv6(): nft.Expression[] {
  return [nft.meta(nft.REG_1, nft.META_L4PROTO), nft.equals(nft.REG_1, Uint8Array.of(IPPROTO_ICMPV6))];
}

/** Neighbour discovery has no extension headers in between. */
function isIcmpv6ByHeader(): nft.Expression[] {
  const nextHeader = nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV6.nextHeader, 1);
  return [nextHeader, nft.equals(nft.REG_1, Uint8Array.of(IPPROTO_ICMPV6))];
}

function icmpType(): nft.Expression {
  return nft.payload(nft.REG_1, nft.PAYLOAD_TRANSPORT, 0, 1);
}

function isIcmpv6Type(type: number): nft.Expression[] {
  return [...isIcmpv6(), icmpType(), nft.equals(nft.REG_1, Uint8Array.of(type))];
}

function vmacRules6(settings: FirewallSettings): RuleSpec[] {
  const device = settings.ifindex ? nft.META_OIF : nft.META_OIFNAME;
  return [
    {
      chain: "out",
      what: "no advertisement of the parent's address by the virtual MAC",
      match: [
        ...isIcmpv6Type(ND_NEIGHBOR_ADVERT),
        ...isMacvlan(),
        nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV6.source, 16),
        nft.meta(nft.REG_2, device),
        nft.lookup(nft.REG_1, PARENT_LINK_LOCAL),
      ],
      verdict: nft.DROP,
    },
    {
      chain: "out",
      what: "MLD by the parent",
      match: [
        ...isIcmpv6(),
        icmpType(),
        nft.lookup(nft.REG_1, MLD_REPORT),
        nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, IPV6.destination, 16),
        ...throughParent(),
      ],
      verdict: nft.DROP,
    },
    {
      chain: "out",
      what: "no router solicitation by the virtual MAC",
      match: [
        ...isIcmpv6Type(ND_ROUTER_SOLICIT),
        ...isMacvlan(),
        nft.meta(nft.REG_2, nft.META_OIF),
        nft.lookup(nft.REG_2, VMAC_SET),
      ],
      verdict: nft.DROP,
    },
  ];
}

type HeaderLayout = { readonly source: number; readonly destination: number; readonly bytes: number };

/** What IPVS serves: by address and port, by address for services of every port, by mark, and the ICMP errors about them. */
function serviceRules(header: HeaderLayout, isIcmp: readonly nft.Expression[]): RuleSpec[] {
  const rules: RuleSpec[] = [];
  // The port sits right behind the protocol in the key, wherever the address ends.
  const protocolRegister = header.bytes === 4 ? nft.REG32_01 : nft.REG_2;
  const portRegister = header.bytes === 4 ? nft.REG32_02 : nft.REG32_05;
  for (const [chain, addressOffset, portOffset] of [
    ["in", header.destination, 2],
    ["out", header.source, 0],
  ] as const) {
    const address = nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, addressOffset, header.bytes);
    const protocol = nft.meta(protocolRegister, nft.META_L4PROTO);
    const port = nft.payload(portRegister, nft.PAYLOAD_TRANSPORT, portOffset, 2);
    rules.push(
      {
        chain,
        what: "virtual servers",
        match: [address, protocol, port, nft.lookup(nft.REG_1, VIRTUAL_SERVICES)],
        verdict: nft.ACCEPT,
      },
      {
        chain,
        what: "virtual servers of every port",
        match: [address, protocol, nft.lookup(nft.REG_1, VIRTUAL_PROTOCOLS)],
        verdict: nft.ACCEPT,
      },
      {
        chain,
        what: "ICMP errors for virtual servers",
        match: [
          ...isIcmp,
          icmpType(),
          nft.lookup(nft.REG_1, ICMP_ERRORS),
          address,
          nft.lookup(nft.REG_1, VIRTUAL_ADDRESSES),
        ],
        verdict: nft.ACCEPT,
      },
    );
  }
  rules.push({
    chain: "in",
    what: "virtual servers by mark",
    match: [nft.meta(nft.REG_1, nft.META_MARK), nft.lookup(nft.REG_1, VIRTUAL_MARKS)],
    verdict: nft.ACCEPT,
  });
  return rules;
}

function dropRules(header: HeaderLayout): RuleSpec[] {
  return [["in", header.destination] as const, ["out", header.source] as const].map(([chain, offset]) => ({
    chain,
    what: "no_accept",
    match: [nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, offset, header.bytes), nft.lookup(nft.REG_1, VIPS)],
    verdict: nft.DROP,
  }));
}

function linkLocalRule(chain: "in" | "out", offset: number): RuleSpec {
  const prefix = new Uint8Array(16);
  prefix.set([0xfe, 0x80]);
  const bits = new Uint8Array(16);
  bits.set([0xff, 0xc0]);
  return {
    chain,
    what: "link-local addresses",
    match: [
      nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, offset, 16),
      nft.mask(nft.REG_1, bits),
      nft.equals(nft.REG_1, prefix),
    ],
    verdict: nft.goTo(`${chain}_link_local`),
  };
}

function linkLocalDrop(chain: "in" | "out", offset: number, device: number): RuleSpec {
  return {
    chain: `${chain}_link_local`,
    what: "no_accept, link-local",
    match: [
      nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, offset, 16),
      nft.meta(nft.REG_2, device),
      nft.lookup(nft.REG_1, VIPS_LINK_LOCAL),
    ],
    verdict: nft.DROP,
  };
}
