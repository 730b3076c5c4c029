// VRRP core: how many addresses an advertisement has room for. One that is longer than a frame would be sent in fragments, which
// neither RFC 9568 nor most routers know; what has no room is held all the same, as an excluded address.
import type { VrrpInstance } from "../config/model/vrrp.ts";
import { AH_HEADER_BYTES } from "./auth.ts";
import { HMAC_TRAILER_BYTES } from "./auth-hmac.ts";
import { ADVERT_HEADER_BYTES, AUTH_DATA_BYTES, IPV4_HEADER_BYTES } from "./packet.ts";
import { usesAh } from "./wire.ts";

const IPV6_HEADER_BYTES = 40;
/** keepalived: takes it from the MTU too. So do we, so that both ends list the same addresses. */
const ETHERNET_HEADER_BYTES = 14;

/** Addresses that fit a frame of `mtu` bytes; the packet's count of them is not looked at. */
export function addressRoom(instance: VrrpInstance, mtu: number): number {
  const { family, version, hmac } = instance;
  const headers =
    ETHERNET_HEADER_BYTES +
    (family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) +
    ADVERT_HEADER_BYTES +
    (usesAh(instance) ? AH_HEADER_BYTES : 0) +
    (version === 2 && family === 4 ? AUTH_DATA_BYTES : 0) +
    (hmac && hmac.mode !== "receive-only" ? HMAC_TRAILER_BYTES : 0);
  return Math.max(Math.floor((mtu - headers) / (family === 4 ? 4 : 16)), 0);
}

/** The instance with as many virtual addresses as there is room for, the rest in front of the excluded ones; itself when all fit. */
export function fitAddresses(instance: VrrpInstance, mtu: number): VrrpInstance {
  const { virtualAddresses: all, excludedAddresses } = instance;
  const room = addressRoom(instance, mtu);
  if (all.length <= room) return instance;
  return {
    ...instance,
    virtualAddresses: all.slice(0, room),
    excludedAddresses: [...all.slice(room), ...excludedAddresses],
  };
}
