// Core: the rules of the packet filter around VRRP. Offsets are those of the IPv4 and IPv6 headers.
import type { FirewallSettings } from "./firewall-wish.ts";
import * as nft from "./nft.ts";
import {
  ICMP_ERRORS,
  interfaceNameBytes,
  MLD_REPORT,
  ND_NEIGHBOR_ADVERT,
  NEIGHBOR_DISCOVERY,
  PARENT_LINK_LOCAL,
  type Shape,
  VIPS,
  VIPS_LINK_LOCAL,
  VIRTUAL_ADDRESSES,
  VIRTUAL_MARKS,
  VIRTUAL_PROTOCOLS,
  VIRTUAL_SERVICES,
  VMAC_MAP,
  VMAC_SET,
} from "./nft-vrrp-sets.ts";

const IPPROTO_ICMP = 1;
const IPPROTO_IGMP = 2;
const IPPROTO_ICMPV6 = 58;
const ND_ROUTER_SOLICIT = 133;

export interface RuleSpec {
  readonly chain: string;
  readonly what: string;
  readonly match: readonly nft.Expression[];
  readonly verdict: nft.Expression;
}

const IPV4 = { protocol: 9, source: 12, destination: 16, bytes: 4 };
const IPV6 = { nextHeader: 6, source: 8, destination: 24, bytes: 16 };

export function rules4(shape: Shape): RuleSpec[] {
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

export function rules6(settings: FirewallSettings, shape: Shape): RuleSpec[] {
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
