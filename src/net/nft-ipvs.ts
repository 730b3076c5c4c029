// Core: the packet filter that marks traffic for IPVS (`nftables_ipvs`, rtnl.md §6): maps from address and port to a mark, one for
// each protocol, in a chain before IPVS. One service by mark then stands for all addresses of a group.
import { compareIp, familyOf, type IpText, ipBytes } from "../base/ip.ts";
import type { Protocol } from "../config/model/lvs.ts";
import * as nft from "./nft.ts";
import type { NetlinkRequest } from "./request.ts";

export interface MarkSettings {
  readonly table: string;
  /** Of the chain: -1 is just before «filter», and long before IPVS. */
  readonly priority: number;
}

/** Packets for it get the mark. Port 0 is every port. */
export interface MarkedAddress {
  readonly ip: IpText;
  readonly protocol: Protocol;
  readonly port: number;
  readonly mark: number;
}

const FAMILIES = [
  { family: nft.NFPROTO_IPV4, version: 4 },
  { family: nft.NFPROTO_IPV6, version: 6 },
] as const;
const PROTOCOLS: readonly Protocol[] = ["TCP", "UDP", "SCTP"];
const IPPROTO: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const CHAIN = "in";
const MARK_BYTES = 4;
const PORT_BYTES = 2;
/** In a key every field takes whole registers of four bytes. */
const PORT_ROOM = 4;
const LAST_PORT = 0xffff;
/** Where the destination port stands in TCP, UDP and SCTP. */
const PORT_OFFSET = 2;

/** One transaction that makes the tables so, whatever was there; a family without marks has no table. */
export function markingTables(settings: MarkSettings, marked: readonly MarkedAddress[]): readonly NetlinkRequest[] {
  // kernel: before 5.19 the number of a set is looked for in the whole transaction.
  let id = 0;
  return FAMILIES.flatMap(({ family, version }) => {
    const ref = { family, table: settings.table };
    const own = marked.filter(({ ip }) => familyOf(ip) === version);
    // Made, then deleted, so that deleting can't fail.
    const gone = [nft.newTable(ref), nft.deleteTable(ref)];
    return own.length === 0 ? gone : [...gone, ...tableOf(ref, settings.priority, own, () => ++id)];
  });
}

function tableOf(
  ref: nft.TableRef,
  priority: number,
  marked: readonly MarkedAddress[],
  nextId: () => number,
): NetlinkRequest[] {
  const used = PROTOCOLS.filter((protocol) => marked.some((one) => one.protocol === protocol));
  return [
    nft.newTable(ref),
    nft.newChain(ref, CHAIN, { hook: nft.HOOK_INPUT, priority }),
    ...used.flatMap((protocol) => {
      const id = nextId();
      const map = `${protocol.toLowerCase()}_map`;
      const own = marked.filter((one) => one.protocol === protocol);
      return [mapOf(ref, map, id), ruleOf(ref, protocol, map, id), ...nft.addElements(ref, map, elementsOf(own))];
    }),
  ];
}

function addressOf(family: nft.NftFamily) {
  return family === nft.NFPROTO_IPV4
    ? { bytes: 4, offset: 16, type: nft.TYPE.ipv4Addr, behind: nft.REG32_01 }
    : { bytes: 16, offset: 24, type: nft.TYPE.ipv6Addr, behind: nft.REG_2 };
}

function mapOf(ref: nft.TableRef, name: string, id: number): NetlinkRequest {
  const { bytes, type } = addressOf(ref.family);
  const spec: nft.SetSpec = {
    name,
    keyType: nft.concatType(type, nft.TYPE.inetService),
    keyBytes: bytes + PORT_ROOM,
    hostOrder: true,
    ranges: [bytes, PORT_BYTES],
    data: { type: nft.TYPE.mark, bytes: MARK_BYTES },
  };
  return nft.newSet(ref, spec, id);
}

function ruleOf(ref: nft.TableRef, protocol: Protocol, map: string, id: number): NetlinkRequest {
  const { bytes, offset, behind } = addressOf(ref.family);
  const expressions = [
    nft.meta(nft.REG_1, nft.META_L4PROTO),
    nft.equals(nft.REG_1, Uint8Array.of(IPPROTO[protocol])),
    nft.payload(nft.REG_1, nft.PAYLOAD_NETWORK, offset, bytes),
    nft.payload(behind, nft.PAYLOAD_TRANSPORT, PORT_OFFSET, PORT_BYTES),
    nft.lookup(nft.REG_1, map, { into: nft.REG_1, setId: id }),
    nft.setMeta(nft.META_MARK, nft.REG_1),
    nft.RETURN,
  ];
  return nft.newRule(ref, CHAIN, expressions, `${protocol} by ${map}`);
}

/** Neighbouring addresses of one port and mark are one element. */
function elementsOf(marked: readonly MarkedAddress[]): nft.SetElement[] {
  const sorted = marked
    .map((one) => ({ ...one, bytes: ipBytes(one.ip) }))
    .toSorted((a, b) => a.mark - b.mark || a.port - b.port || compareIp(a.bytes, b.bytes));
  const elements: nft.SetElement[] = [];
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i];
    if (!first) break;
    let last = first;
    for (i++; i < sorted.length; i++) {
      const next = sorted[i];
      if (!next || next.mark !== first.mark || next.port !== first.port || !follows(last.bytes, next.bytes)) break;
      last = next;
    }
    elements.push({
      key: keyOf(first.bytes, first.port),
      keyEnd: keyOf(last.bytes, first.port === 0 ? LAST_PORT : first.port),
      data: nft.le32(first.mark),
    });
  }
  return elements;
}

function keyOf(address: Uint8Array, port: number): Uint8Array {
  return Uint8Array.of(...address, port >> 8, port & 0xff, 0, 0);
}

/** b = a + 1. */
function follows(a: Uint8Array, b: Uint8Array): boolean {
  const next = Uint8Array.from(a);
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = ((next[i] ?? 0) + 1) & 0xff;
    if (next[i] !== 0) break;
  }
  return next.every((byte, i) => byte === b[i]);
}
