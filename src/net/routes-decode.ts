// Core: routes as the kernel tells of them, in RTM_NEWROUTE and RTM_DELROUTE.
import { formatIp } from "../base/ip.ts";
import { AF_INET, AF_INET6 } from "./addresses.ts";
import { listAttributes, readAttributes, readBe64, readNumber, readText } from "./attribute-tree.ts";
import { type LightweightTunnel, leadsNowhere, type NetRoute, type RouteHop, RTAX_CC_ALGO } from "./model.ts";
import {
  ENCAP_TYPES,
  HEADER_BYTES,
  NEXT_HOP_BYTES,
  RTA_DST,
  RTA_ENCAP,
  RTA_ENCAP_TYPE,
  RTA_EXPIRES,
  RTA_FLOW,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_TTL_PROPAGATE,
  RTA_VIA,
  RTNH_F_ONLINK,
} from "./routes-layout.ts";

const RTM_F_CLONED = 0x200;

/** Body of RTM_NEWROUTE or RTM_DELROUTE; undefined for other families and for cached routes. Never throws. */
export function decodeRoute(payload: Uint8Array): NetRoute | undefined {
  if (payload.byteLength < HEADER_BYTES) return undefined;
  const version = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined;
  const flags = readNumber(payload.subarray(8, 12)) ?? 0;
  if (version === undefined || (flags & RTM_F_CLONED) !== 0) return undefined;
  const attributes = readAttributes(payload, HEADER_BYTES);
  const type = payload[7] ?? 0;
  const from = prefixOf(attributes.get(RTA_SRC), payload[2] ?? 0, version);
  const source = addressOf(attributes.get(RTA_PREFSRC), version);
  const pref = readNumber(attributes.get(RTA_PREF));
  const expiresS = readNumber(attributes.get(RTA_EXPIRES));
  const ttl = readNumber(attributes.get(RTA_TTL_PROPAGATE));
  return {
    family: version,
    type,
    destination: prefixOf(attributes.get(RTA_DST), payload[1] ?? 0, version) ?? {
      ip: version === 4 ? "0.0.0.0" : "::",
      prefix: payload[1] ?? 0,
    },
    ...(from && from.prefix > 0 && { from }),
    tos: payload[3] ?? 0,
    table: readNumber(attributes.get(RTA_TABLE)) ?? payload[4] ?? 0,
    metric: readNumber(attributes.get(RTA_PRIORITY)) ?? 0,
    protocol: payload[5] ?? 0,
    scope: payload[6] ?? 0,
    ...(source !== undefined && { source }),
    hops: leadsNowhere(type) ? [] : hopsOf(attributes, flags, version),
    metrics: decodeMetrics(attributes.get(RTA_METRICS)),
    ...(pref !== undefined && { pref }),
    ...(expiresS !== undefined && { expiresS }),
    ...(ttl !== undefined && { ttlPropagate: ttl === 1 }),
  };
}

function hopsOf(attributes: ReadonlyMap<number, Uint8Array>, flags: number, version: 4 | 6): RouteHop[] {
  const many = attributes.get(RTA_MULTIPATH);
  if (many) return decodeMultipath(many, version);
  const hop = decodeHop(attributes, version);
  const index = readNumber(attributes.get(RTA_OIF));
  if (hop.via === undefined && index === undefined) return [];
  const onlink = (flags & RTNH_F_ONLINK) !== 0;
  return [{ ...hop, ...(index !== undefined && { index }), weight: 1, onlink }];
}

function decodeMultipath(bytes: Uint8Array, version: 4 | 6): RouteHop[] {
  const hops: RouteHop[] = [];
  for (let at = 0; at + NEXT_HOP_BYTES <= bytes.byteLength; ) {
    const length = readNumber(bytes.subarray(at, at + 2)) ?? 0;
    if (length < NEXT_HOP_BYTES || at + length > bytes.byteLength) break;
    const hop = decodeHop(readAttributes(bytes.subarray(at, at + length), NEXT_HOP_BYTES), version);
    const index = readNumber(bytes.subarray(at + 4, at + 8)) ?? 0;
    const onlink = ((bytes[at + 2] ?? 0) & RTNH_F_ONLINK) !== 0;
    hops.push({ ...hop, ...(index > 0 && { index }), weight: (bytes[at + 3] ?? 0) + 1, onlink });
    at += (length + 3) & ~3;
  }
  return hops;
}

function decodeHop(attributes: ReadonlyMap<number, Uint8Array>, version: 4 | 6) {
  const rtvia = attributes.get(RTA_VIA);
  const other = rtvia && addressOf(rtvia.subarray(2), rtvia[0] === AF_INET ? 4 : 6);
  const via = addressOf(attributes.get(RTA_GATEWAY), version) ?? other;
  const realms = readNumber(attributes.get(RTA_FLOW));
  const type = readNumber(attributes.get(RTA_ENCAP_TYPE));
  const encap = type === undefined ? undefined : decodeEncap(type, attributes.get(RTA_ENCAP) ?? new Uint8Array(0));
  return {
    ...(via !== undefined && { via }),
    ...(realms !== undefined && { realms }),
    ...(encap && { encap }),
  };
}

function decodeEncap(type: number, bytes: Uint8Array): LightweightTunnel {
  const attributes = readAttributes(bytes);
  const first = attributes.get(1);
  const number = readBe64(first);
  if (type === ENCAP_TYPES.mpls && first) {
    const labels: number[] = [];
    for (let at = 0; at + 4 <= first.byteLength; at += 4)
      labels.push(((first[at] ?? 0) << 12) | ((first[at + 1] ?? 0) << 4) | ((first[at + 2] ?? 0) >> 4));
    return { kind: "mpls", labels };
  }
  if (type === ENCAP_TYPES.ila && number !== undefined) return { kind: "ila", locator: number };
  if (type !== ENCAP_TYPES.ip && type !== ENCAP_TYPES.ip6) return { kind: "other", type };
  const version = type === ENCAP_TYPES.ip ? 4 : 6;
  const dst = addressOf(attributes.get(2), version);
  const src = addressOf(attributes.get(3), version);
  const ttl = readNumber(attributes.get(4));
  const tos = readNumber(attributes.get(5));
  const flags = attributes.get(6);
  return {
    kind: version === 4 ? "ip" : "ip6",
    ...(number !== undefined && { id: number }),
    ...(dst !== undefined && { dst }),
    ...(src !== undefined && { src }),
    ...(ttl !== undefined && { ttl }),
    ...(tos !== undefined && { tos }),
    ...(flags?.byteLength === 2 && { flags: ((flags[0] ?? 0) << 8) | (flags[1] ?? 0) }),
  };
}

function decodeMetrics(bytes: Uint8Array | undefined): ReadonlyMap<number, number | string> {
  const metrics = new Map<number, number | string>();
  for (const [type, value] of bytes ? listAttributes(bytes) : []) {
    const read = type === RTAX_CC_ALGO ? readText(value) : readNumber(value);
    if (read !== undefined) metrics.set(type, read);
  }
  return metrics;
}

function prefixOf(address: Uint8Array | undefined, prefix: number, version: 4 | 6) {
  const ip = addressOf(address, version);
  return ip === undefined ? undefined : { ip, prefix };
}

function addressOf(bytes: Uint8Array | undefined, version: 4 | 6): string | undefined {
  return bytes?.byteLength === (version === 4 ? 4 : 16) ? formatIp(bytes) : undefined;
}
