// Sockets: typed handles in, bytes in, typed errors out. «Nothing now» (EAGAIN) is undefined, not an error. Every socket is made
// close-on-exec. Messages with control data are in message.ts.
import { EAGAIN, EINPROGRESS, EINTR, SyscallError } from "./errno.ts";
import { check, checkFd, type Fd, NO_FD, O_CLOEXEC, O_NONBLOCK } from "./fd.ts";
import { lastErrno, libc } from "./index.ts";
import { cString, fixed, readCString } from "./memory.ts";
import { decodeSocketAddress, encodeSocketAddress, SOCKADDR_MAX_BYTES, type SocketAddress } from "./sockaddr.ts";

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = O_NONBLOCK;

export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_RAW = 255;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
const SO_ERROR = 4;
export const SO_RCVBUF = 8;
const SO_LINGER = 13;
const SO_BINDTODEVICE = 25;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
/** Asks for control messages of the same number with a struct timespec. */
export const SO_TIMESTAMPNS = 35;
export const SO_MARK = 36;

export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_HDRINCL = 3;
export const IP_PKTINFO = 8;
export const IP_RECVTTL = 12;
export const IP_FREEBIND = 15;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_MULTICAST_ALL = 49;

export const IPV6_CHECKSUM = 7;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_V6ONLY = 26;
export const IPV6_MULTICAST_ALL = 29;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_TCLASS = 67;
export const ICMP6_FILTER = 1;
export const ICMP_FILTER = 1;
export const SOL_RAW = 255;
export const SOL_ICMPV6 = 58;

export const MSG_DONTROUTE = 0x04;
/** Raw and datagram sockets: all of sending but the packet itself. */
export const MSG_PROBE = 0x10;
export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;

export const SHUT_WR = 1;

/** @throws SyscallError EPERM for a raw socket without CAP_NET_RAW; EAFNOSUPPORT; EMFILE */
export function socket(family: number, type: number, protocol: number): Fd {
  const fd = libc.socket(family, type | O_CLOEXEC, protocol);
  return checkFd(fd, "socket", `family ${family} type ${type} protocol ${protocol}`);
}

/** Two connected unix sockets. @throws SyscallError EMFILE */
export function socketPair(type: number): readonly [Fd, Fd] {
  const pair = fixed(8);
  check(libc.socketpair(1, type | O_CLOEXEC, 0, pair), "socketpair", `type ${type}`);
  const view = new DataView(pair.buffer);
  return [view.getInt32(0, true) as Fd, view.getInt32(4, true) as Fd];
}

/** @throws SyscallError EADDRINUSE, EADDRNOTAVAIL, EACCES */
export function bind(fd: Fd, address: SocketAddress): void {
  const raw = encodeSocketAddress(address);
  check(libc.bind(fd, raw, raw.byteLength), "bind", `fd ${fd} ${describe(address)}`);
}

/** Starts or makes a connection: false while a non-blocking one is under way. @throws SyscallError ECONNREFUSED, ENETUNREACH … */
export function connect(fd: Fd, address: SocketAddress): boolean {
  const errno = tryConnect(fd, encodeSocketAddress(address));
  if (errno === 0) return true;
  if (errno === EINPROGRESS) return false;
  throw new SyscallError("connect", errno, `fd ${fd} ${describe(address)}`);
}

/** As connect() for an encoded address, but answers with the errno (0: connected, EINPROGRESS: under way). */
export function tryConnect(fd: Fd, rawAddress: Uint8Array): number {
  for (;;) {
    if (libc.connect(fd, rawAddress, rawAddress.byteLength) === 0) return 0;
    const errno = lastErrno();
    if (errno !== EINTR) return errno;
  }
}

/** @throws SyscallError EADDRINUSE */
export function listen(fd: Fd, backlog: number): void {
  check(libc.listen(fd, backlog), "listen", `fd ${fd}`);
}

/** @throws SyscallError ENOTSOCK */
export function getsockname(fd: Fd): SocketAddress {
  const { raw, length, view } = nameScratch();
  check(libc.getsockname(fd, raw, length), "getsockname", `fd ${fd}`);
  return decodeSocketAddress(raw.subarray(0, view.getUint32(0, true)));
}

const nameBytes = fixed(SOCKADDR_MAX_BYTES);
const nameLength = fixed(4);
const nameLengthView = new DataView(nameLength.buffer);

function nameScratch() {
  nameLengthView.setUint32(0, SOCKADDR_MAX_BYTES, true);
  return { raw: nameBytes, length: nameLength, view: nameLengthView };
}

const optionLength = fixed(4);
const optionLengthView = new DataView(optionLength.buffer);
const optionInt = fixed(4);
const optionIntView = new DataView(optionInt.buffer);

/** Reads a socket option into `into`, whose content is also the input of it; gives the length. @throws SyscallError */
export function getsockopt(fd: Fd, level: number, option: number, into: Uint8Array): number {
  optionLengthView.setUint32(0, into.byteLength, true);
  const done = libc.getsockopt(fd, level, option, into, optionLength);
  check(done, "getsockopt", `fd ${fd} level ${level} option ${option}`);
  return optionLengthView.getUint32(0, true);
}

/** @throws SyscallError */
export function getsockoptInt(fd: Fd, level: number, option: number): number {
  getsockopt(fd, level, option, optionInt);
  return optionIntView.getInt32(0, true);
}

/** Sets a socket option. @throws SyscallError EPERM without the capability; ENOPROTOOPT for an option unknown */
export function setsockopt(fd: Fd, level: number, option: number, value: Uint8Array): void {
  const errno = trySetsockopt(fd, level, option, value);
  if (errno !== 0) throw new SyscallError("setsockopt", errno, `fd ${fd} level ${level} option ${option}`);
}

/** As setsockopt(), but answers with the errno (0: done): for hot paths where failure is expected. */
export function trySetsockopt(fd: Fd, level: number, option: number, value: Uint8Array): number {
  return libc.setsockopt(fd, level, option, value, value.byteLength) < 0 ? lastErrno() : 0;
}

/** @throws SyscallError */
export function setsockoptInt(fd: Fd, level: number, option: number, value: number): void {
  optionIntView.setInt32(0, value, true);
  setsockopt(fd, level, option, optionInt);
}

/** Binds a socket to an interface, or to none for "". @throws SyscallError ENODEV when there is no such interface */
export function bindToDevice(fd: Fd, interfaceName: string): void {
  const errno = trySetsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, cString(interfaceName));
  if (errno !== 0) throw new SyscallError("setsockopt", errno, `fd ${fd} SO_BINDTODEVICE ${interfaceName}`);
}

/** Whether close() sends a reset at once (seconds 0), waits, or (undefined) is the usual. @throws SyscallError */
export function setLinger(fd: Fd, seconds: number | undefined): void {
  const value = fixed(8);
  const view = new DataView(value.buffer);
  view.setInt32(0, seconds === undefined ? 0 : 1, true);
  view.setInt32(4, seconds ?? 0, true);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, value);
}

/** Takes the pending error of a socket: errno, 0 for none. Reading clears it. @throws SyscallError ENOTSOCK */
export function takeSocketError(fd: Fd): number {
  return getsockoptInt(fd, SOL_SOCKET, SO_ERROR);
}

/** Sends; a stream may take a part; undefined when it takes nothing now. A closed peer is EPIPE, no signal. @throws SyscallError */
export function send(fd: Fd, bytes: Uint8Array, flags = 0): number | undefined {
  for (;;) {
    const count = libc.send(fd, bytes, bytes.byteLength, flags | MSG_NOSIGNAL);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("send", errno, `fd ${fd} ${bytes.byteLength} bytes`);
  }
}

/** @throws SyscallError EMSGSIZE, ENETDOWN, ENETUNREACH, EPERM (packet filter) … */
export function sendTo(fd: Fd, bytes: Uint8Array, to: SocketAddress, flags = 0): number | undefined {
  const raw = encodeSocketAddress(to);
  for (;;) {
    const size = bytes.byteLength;
    const count = fd === NO_FD ? size : libc.sendto(fd, bytes, size, flags | MSG_NOSIGNAL, raw, raw.byteLength);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("sendto", errno, `fd ${fd} ${describe(to)} ${bytes.byteLength} bytes`);
  }
}

/** Receives into `into`: its count, 0 at the end of a stream; undefined when nothing waits. @throws SyscallError */
export function recv(fd: Fd, into: Uint8Array, flags = 0): number | undefined {
  for (;;) {
    const count = libc.recv(fd, into, into.byteLength, flags);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("recv", errno, `fd ${fd}`);
  }
}

/** As recv(), with the sender. @throws SyscallError */
export function recvFrom(
  fd: Fd,
  into: Uint8Array,
  flags = 0,
): { readonly count: number; readonly from: SocketAddress } | undefined {
  for (;;) {
    const { raw, length, view } = nameScratch();
    const count = libc.recvfrom(fd, into, into.byteLength, flags, raw, length);
    if (count >= 0) {
      const rawBytes = Math.min(view.getUint32(0, true), SOCKADDR_MAX_BYTES);
      return { count, from: decodeSocketAddress(raw.subarray(0, rawBytes)) };
    }
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("recvfrom", errno, `fd ${fd}`);
  }
}

/** @throws SyscallError ENOTCONN */
export function shutdown(fd: Fd, how: number): void {
  check(libc.shutdown(fd, how), "shutdown", `fd ${fd}`);
}

/** Index of an interface; undefined when there is none of that name. */
export function interfaceIndex(name: string): number | undefined {
  return libc.if_nametoindex(cString(name)) || undefined;
}

/** Name of an interface; undefined when there is none of that index. */
export function interfaceName(index: number): string | undefined {
  const name = fixed(16);
  return libc.if_indextoname(index, name) === 0 ? undefined : readCString(name);
}

function describe(address: SocketAddress): string {
  switch (address.family) {
    case "inet":
      return `${address.address.join(".")}:${address.port}`;
    case "inet6":
      return `[${Array.from(address.address, (b) => b.toString(16).padStart(2, "0")).join("")}]:${address.port}`;
    case "netlink":
      return `netlink port ${address.portId}`;
    case "packet":
      return `interface ${address.interfaceIndex}`;
    case "unix":
      return `unix ${JSON.stringify(address.path)}`;
    case "unknown":
      return `address of ${address.bytes.byteLength} bytes`;
  }
}
