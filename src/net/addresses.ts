// Core: RTM_NEWADDR, RTM_DELADDR and their dump (linux/if_addr.h).
import { formatIp, ipBytes } from "../base/ip.ts";
import { encodeAttributes, readAttributes, readNumber, readText } from "./attribute-tree.ts";
import type { InterfaceAddress } from "./model.ts";
import { addressBody, buffer } from "./package-codec.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "./request.ts";

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

export const AF_INET = 2;
export const AF_INET6 = 10;

const HEADER_BYTES = 8;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_PROTO = 11;
const FOREVER_S = 0xffff_ffff;

/** Adds an address. Without CREATE and EXCL, as keepalived: an address that is there answers EEXIST all the same. */
export function addAddress(address: InterfaceAddress): NetlinkRequest {
  const { preferredS, broadcast, peer, label, protocol } = address;
  const attrs = {
    ...(preferredS !== undefined && { cacheInfo: { ifaPrefered: preferredS, ifaValid: FOREVER_S } }),
    local: buffer(ipBytes(address.ip)),
    ...(broadcast !== undefined && { broadcast: buffer(ipBytes(broadcast)) }),
    ...(peer && { address: buffer(ipBytes(peer.ip)) }),
    ...(label !== undefined && { label }),
    ...(address.flags !== 0 && { flags: { __unknown: address.flags } }),
  };
  const header = {
    ...family(address),
    prefixlen: address.prefix,
    scope: address.scope ?? 0,
    index: address.index,
  };
  const payload = addressBody(header, attrs, protocol === undefined ? [] : [[IFA_PROTO, Uint8Array.of(protocol)]]);
  return { type: RTM_NEWADDR, flags: NLM_F_REQUEST | NLM_F_ACK, payload, what: describeAddress(address) };
}

export function deleteAddress(address: InterfaceAddress): NetlinkRequest {
  const local = buffer(ipBytes(address.ip));
  const peer = address.peer && buffer(ipBytes(address.peer.ip));
  const attrs = address.family === 4 ? { local, address: peer ?? local } : { local };
  const header = { ...family(address), prefixlen: address.prefix, index: address.index };
  const payload = addressBody(header, attrs, []);
  return { type: RTM_DELADDR, flags: NLM_F_REQUEST | NLM_F_ACK, payload, what: describeAddress(address) };
}

/** All addresses of a family. */
export function dumpAddresses(family: 4 | 6): NetlinkRequest {
  const header = new Uint8Array(HEADER_BYTES);
  header[0] = family === 4 ? AF_INET : AF_INET6;
  return {
    type: RTM_GETADDR,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    payload: encodeAttributes([], header),
    what: `IPv${family} addresses`,
  };
}

/** Body of RTM_NEWADDR or RTM_DELADDR; undefined for other families and for what makes no sense. Never throws. */
export function decodeAddress(payload: Uint8Array): InterfaceAddress | undefined {
  if (payload.byteLength < HEADER_BYTES) return undefined;
  const attributes = readAttributes(payload, HEADER_BYTES);
  const version = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 6 : undefined;
  const size = version === 4 ? 4 : 16;
  const local = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  if (version === undefined || local?.byteLength !== size) return undefined;
  const other = attributes.get(IFA_ADDRESS);
  const prefix = payload[1] ?? 0;
  const ip = formatIp(local);
  const otherIp = other?.byteLength === size ? formatIp(other) : ip;
  const broadcast = attributes.get(IFA_BROADCAST);
  const label = readText(attributes.get(IFA_LABEL));
  const preferredS = readNumber(attributes.get(IFA_CACHEINFO)?.subarray(0, 4));
  const protocol = readNumber(attributes.get(IFA_PROTO));
  const index = readNumber(payload.subarray(4, 8)) ?? 0;
  return {
    family: version,
    index,
    ip,
    prefix,
    ...(otherIp !== ip && { peer: { ip: otherIp, prefix } }),
    ...(broadcast?.byteLength === 4 && { broadcast: formatIp(broadcast) }),
    ...(label !== undefined && { label }),
    scope: payload[3] ?? 0,
    flags: readNumber(attributes.get(IFA_FLAGS)) ?? payload[2] ?? 0,
    ...(preferredS !== undefined && preferredS !== FOREVER_S && { preferredS }),
    ...(protocol !== undefined && { protocol }),
  };
}

function family(address: InterfaceAddress): { family: number } {
  return { family: address.family === 4 ? AF_INET : AF_INET6 };
}

function describeAddress(address: InterfaceAddress): string {
  return `address ${address.ip}/${address.prefix} on interface ${address.index}`;
}
