// VRRP core: frames of gratuitous ARP and unsolicited neighbour advertisements (vrrp.md §4).
import { concatBytes, internetChecksum } from "../../base/bytes.ts";
import { type IpText, ipBytes } from "../../base/ip.ts";
import { layout, octets, u8, u16 } from "../../base/layout.ts";
import { pseudoHeader } from "../packet.ts";

const ETHERNET = layout({ destination: octets(0, 6), source: octets(6, 6), etherType: u16(12) });

const ETHERTYPE_ARP = 0x0806;

const ETHERTYPE_IPV6 = 0x86dd;

const BROADCAST = new Uint8Array(6).fill(0xff);

const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const ARP = layout({
  hardware: u16(0),
  protocol: u16(2),
  hardwareBytes: u8(4),
  protocolBytes: u8(5),
  operation: u16(6),
  senderMac: octets(8, 6),
  senderIp: octets(14, 4),
  targetMac: octets(18, 6),
  targetIp: octets(24, 4),
});

const ARPHRD_ETHER = 1;

const ARP_REQUEST = 1;

/** Gratuitous ARP, 42 bytes: a request for the address itself; the target hardware address is broadcast, as keepalived has it. */
export function gratuitousArp(ip: IpText, mac: Uint8Array): Uint8Array {
  const address = ipBytes(ip);
  const frame = new Uint8Array(ETHERNET.sizeBytes + ARP.sizeBytes);
  ETHERNET.encode({ destination: BROADCAST, source: mac, etherType: ETHERTYPE_ARP }, frame);
  ARP.encode(
    {
      hardware: ARPHRD_ETHER,
      protocol: 0x0800,
      hardwareBytes: 6,
      protocolBytes: 4,
      operation: ARP_REQUEST,
      senderMac: mac,
      senderIp: address,
      targetMac: BROADCAST,
      targetIp: address,
    },
    frame,
    ETHERNET.sizeBytes,
  );
  return frame;
}

const IPV6_HEADER = layout({
  versionClass: u16(0),
  flow: u16(2),
  payloadLength: u16(4),
  nextHeader: u8(6),
  hopLimit: u8(7),
  source: octets(8, 16),
  destination: octets(24, 16),
});

const NEIGHBOUR_ADVERTISEMENT = layout({
  type: u8(0),
  code: u8(1),
  checksum: u16(2),
  flags: u8(4),
  target: octets(8, 16),
  optionType: u8(24),
  optionLength: u8(25),
  mac: octets(26, 6),
});

const IPPROTO_ICMPV6 = 58;

const ND_NEIGHBOR_ADVERT = 136;

const NA_ROUTER = 0x80;

const NA_OVERRIDE = 0x20;

const TARGET_LINK_LAYER_ADDRESS = 2;

const ALL_NODES = ipBytes("ff02::1");

/** Unsolicited neighbour advertisement, 86 bytes, override set; `router`: forwarding is on (RFC 4861 §4.4). */
export function unsolicitedNeighbourAdvert(
  ip: IpText,
  mac: Uint8Array,
  options: { readonly router: boolean },
): Uint8Array {
  const source = ipBytes(ip);
  const ethernet = new Uint8Array(ETHERNET.sizeBytes);
  ETHERNET.encode({ destination: ALL_NODES_MAC, source: mac, etherType: ETHERTYPE_IPV6 }, ethernet);
  const body = new Uint8Array(NEIGHBOUR_ADVERTISEMENT.sizeBytes);
  NEIGHBOUR_ADVERTISEMENT.encode(
    {
      type: ND_NEIGHBOR_ADVERT,
      code: 0,
      checksum: 0,
      flags: NA_OVERRIDE | (options.router ? NA_ROUTER : 0),
      target: source,
      optionType: TARGET_LINK_LAYER_ADDRESS,
      optionLength: 1,
      mac,
    },
    body,
  );
  const pseudo = pseudoHeader(source, ALL_NODES, IPPROTO_ICMPV6, body.byteLength);
  NEIGHBOUR_ADVERTISEMENT.fields.checksum.set(body, 0, internetChecksum(pseudo, body));
  const header = new Uint8Array(IPV6_HEADER.sizeBytes);
  IPV6_HEADER.encode(
    {
      versionClass: 0x6000,
      flow: 0,
      payloadLength: body.byteLength,
      nextHeader: IPPROTO_ICMPV6,
      hopLimit: 255,
      source,
      destination: ALL_NODES,
    },
    header,
  );
  return concatBytes(ethernet, header, body);
}

/** The announcement of an address on a link with this MAC. */
export function announcementFrame(ip: IpText, mac: Uint8Array, options: { readonly router: boolean }): Uint8Array {
  return ip.includes(":") ? unsolicitedNeighbourAdvert(ip, mac, options) : gratuitousArp(ip, mac);
}
