// Adapter: what a pair of VRRP sockets is opened for, and how each of the two is set up before it can receive or send anything.
import { close, type Fd } from "../../ffi/fd.ts";
import { attachFilter } from "../../ffi/packet.ts";
import { AF_INET, AF_INET6, inetAddress } from "../../ffi/sockaddr.ts";
import {
  bind,
  bindToDevice,
  IP_ADD_MEMBERSHIP,
  IP_FREEBIND,
  IP_HDRINCL,
  IP_MULTICAST_ALL,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_PKTINFO,
  IP_TOS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_ADD_MEMBERSHIP,
  IPV6_CHECKSUM,
  IPV6_MULTICAST_ALL,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  SO_RCVBUF,
  SO_TIMESTAMPNS,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
  setsockopt,
  setsockoptInt,
  socket,
} from "../../ffi/socket.ts";
import { type Family, type IpText, ipBytes } from "../base/ip.ts";
import { DROP_ALL, vridFilter } from "../net/bpf.ts";
import { setReceiveBuffer } from "./receive-buffer.ts";

/** 100 ms of a flood of 50,000 small packets a second; without it a genuine advert would be lost among them. */
const DEFAULT_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const IPV6_FREEBIND = 78;
const CHECKSUM_OFFSET = 6;
const VRRP_TOS = 0xc0;
const VRRP_HOPS = 255;

/** What identifies a pair of sockets. */
export interface VrrpEndpoint {
  readonly family: Family;
  readonly protocol: 112 | 51;
  /** Absent: unicast without an interface. */
  readonly interface?: { readonly name: string; readonly index: number };
  readonly target:
    | { readonly kind: "multicast"; readonly group: IpText }
    /** Our address; it need not be there yet. */
    | { readonly kind: "unicast"; readonly source: IpText };
}

export interface VrrpSocketOptions {
  /** `kernel_rx_buf_size` or the result of `vrrp_rx_bufs_policy`; absent: several MiB. */
  readonly receiveBufferBytes?: number;
  /** Only frames that this MAC sent are heard, and nothing else. */
  readonly sourceMac?: Uint8Array;
  /** `log_unknown_vrids`: let packets with other VRIDs through. */
  readonly allVrids?: boolean;
  /** Hop limit of IPv6 unicast; absent: 255. IPv4 headers come with the packet. */
  readonly hopLimit?: number;
}

/** Key by which pairs are shared. */
export function endpointKey(endpoint: VrrpEndpoint): string {
  const { family, protocol, target } = endpoint;
  const address = target.kind === "multicast" ? target.group : target.source;
  return `${family}/${protocol}/${endpoint.interface?.index ?? "-"}/${target.kind}/${address}`;
}

/**
 * The own protocol, and on a shared IPv4 link the other one: a router with our VRID that authenticates in another way would be a second
 * master that nobody sees. (keepalived never hears it.)
 */
export function heardProtocols({ family, protocol, target }: VrrpEndpoint): readonly (112 | 51)[] {
  if (family === 6 || target.kind === "unicast") return [protocol];
  return protocol === 112 ? [112, 51] : [51, 112];
}

export function openReceiveSocket(endpoint: VrrpEndpoint, options: VrrpSocketOptions, vrids: readonly number[]): Fd {
  const { family, protocol, target } = endpoint;
  const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, protocol);
  try {
    // Before it can receive anything.
    const { allVrids, sourceMac } = options;
    attachFilter(fd, allVrids && !sourceMac ? ALL : vridFilter({ family, protocol, vrids, sourceMac }));
    setReceiveBuffer(fd, { bytes: options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER_BYTES, force: true });
    setsockoptInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (family === 4) {
      setsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
      setsockoptInt(fd, IPPROTO_IP, IP_PKTINFO, 1);
    } else {
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    }
    if (endpoint.interface) bindToDevice(fd, endpoint.interface.name);
    const index = endpoint.interface?.index ?? 0;
    if (target.kind === "multicast") {
      join(fd, family, ipBytes(target.group), index);
      bind(fd, inetAddress(ipBytes(target.group), 0, family === 6 ? index : 0));
    } else {
      // The address may come later, with the interface or by hand.
      if (family === 4) setsockoptInt(fd, IPPROTO_IP, IP_FREEBIND, 1);
      else setsockoptInt(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
      const source = ipBytes(target.source);
      bind(fd, inetAddress(source, 0, family === 6 && source[0] === 0xfe ? index : 0));
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** BPF_RET|BPF_K: the whole packet. */
const ALL = [{ code: 0x06, ifTrue: 0, ifFalse: 0, value: 0xffff_ffff }];

function join(fd: Fd, family: Family, group: Uint8Array, index: number): void {
  const request = new Uint8Array(family === 4 ? 12 : 20);
  request.set(group);
  // struct ip_mreqn { group, address, ifindex } or ipv6_mreq { group, ifindex }.
  new DataView(request.buffer).setInt32(family === 4 ? 8 : 16, index, true);
  if (family === 4) setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
  else setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, request);
}

export function openSendSocket(endpoint: VrrpEndpoint, options: VrrpSocketOptions): Fd {
  const { family, protocol } = endpoint;
  const index = endpoint.interface?.index ?? 0;
  const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, protocol);
  try {
    attachFilter(fd, DROP_ALL);
    setsockoptInt(fd, SOL_SOCKET, SO_RCVBUF, 0);
    if (endpoint.interface) bindToDevice(fd, endpoint.interface.name);
    if (family === 4) {
      setsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
      setsockoptInt(fd, IPPROTO_IP, IP_HDRINCL, 1);
      const device = new Uint8Array(12);
      new DataView(device.buffer).setInt32(8, index, true);
      setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, device);
      setsockoptInt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
      setsockoptInt(fd, IPPROTO_IP, IP_TOS, VRRP_TOS);
    } else {
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_OFFSET);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_HOPS);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, options.hopLimit ?? VRRP_HOPS);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_TCLASS, VRRP_TOS);
    }
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** How many bytes the kernel may hold for an instance (`vrrp_rx_bufs_policy`, `vrrp_rx_bufs_multiplier`). */
export function receiveBufferBytes(
  policy: "mtu" | "advert" | number | undefined,
  multiplier: number,
  mtu: number,
  advertBytes: number,
): number | undefined {
  if (policy === undefined) return undefined;
  if (policy === "mtu") return multiplier * mtu;
  return policy === "advert" ? multiplier * advertBytes : policy;
}
