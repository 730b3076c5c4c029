// Role vrrp: the sockets of a station.
import { messageOf } from "../../base/errors.ts";
import type { VrrpGlobal } from "../../config/model/vrrp.ts";
import type { VrrpSockets } from "../../kernel/raw-socket.ts";
import { endpointKey, receiveBufferBytes, type VrrpEndpoint } from "../../kernel/vrrp-endpoint.ts";
import { parseMac } from "../../net/links.ts";
import type { Link } from "../../net/model.ts";
import { ipProtocol, isUnicast } from "../../vrrp/wire.ts";
import type { Station, StationFaults } from "./station-record.ts";

export const NO_SOCKETS = { socket: undefined, macSocket: undefined };

export function releaseSocket(station: Station): void {
  station.socket?.release();
  station.macSocket?.release();
  Object.assign(station, NO_SOCKETS);
}

/** `parent`: the instance's interface, or the VRF that it works in without one. */
export function openSocket(
  station: Station,
  parent: Link | undefined,
  source: string,
  global: VrrpGlobal,
  sockets: VrrpSockets,
): StationFaults {
  const { instance } = station;
  const link = instance.vmac?.xmitBase || instance.interface === undefined ? parent : station.link;
  const endpoint: VrrpEndpoint = {
    family: instance.family,
    protocol: ipProtocol(instance) === 51 ? 51 : 112,
    ...(link ? { interface: { name: link.name, index: link.index } } : {}),
    target: isUnicast(instance) ? { kind: "unicast", source } : { kind: "multicast", group: instance.multicastGroup },
  };
  const hearing = macEndpoint(station, endpoint);
  const heard = hearing && endpointKey(hearing.endpoint);
  if (station.socket?.key === endpointKey(endpoint) && station.macSocket?.key === heard) return {};
  releaseSocket(station);
  const { rxBufsPolicy, rxBufsMultiplier, logUnknownVrids } = global;
  const advertBytes = 40 + 16 * instance.virtualAddresses.length;
  const bytes =
    instance.kernelRxBufBytes ?? receiveBufferBytes(rxBufsPolicy, rxBufsMultiplier, link?.mtu ?? 1500, advertBytes);
  const options = {
    ...(bytes !== undefined ? { receiveBufferBytes: bytes } : {}),
    ...(instance.unicast?.ttl !== undefined ? { hopLimit: instance.unicast.ttl } : {}),
    allVrids: logUnknownVrids,
  };
  try {
    station.socket = sockets.acquire(endpoint, instance.vrid, options);
    if (hearing)
      station.macSocket = sockets.acquire(hearing.endpoint, instance.vrid, { ...options, sourceMac: hearing.mac });
    return {};
  } catch (error) {
    releaseSocket(station);
    const reason = messageOf(error);
    return { socket: `no VRRP socket on ${link?.name ?? source}: ${reason}` };
  }
}

/**
 * kernel: a multicast frame whose source is the MAC of a macvlan in private mode goes to that macvlan and to nobody else. So a backup that
 * sends from the interface below has to listen on both.
 */
function macEndpoint(
  { instance, vmac, link }: Station,
  below: VrrpEndpoint,
): { readonly endpoint: VrrpEndpoint; readonly mac: Uint8Array } | undefined {
  if (!instance.vmac?.xmitBase || vmac?.form.kind !== "macvlan" || !link || below.target.kind !== "multicast")
    return undefined;
  const mac = parseMac(vmac.form.mac);
  return mac && { endpoint: { ...below, interface: { name: link.name, index: link.index } }, mac };
}
