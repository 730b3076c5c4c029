// Adapter: the sockets of health checks, with every option of the configuration (connect_ip, bindto, bind_port, bind_if, fwmark).
// All are non-blocking. What a real server can cause is a value here, never an exception.

import { EAGAIN, EINPROGRESS, EINTR, type ErrnoName, errnoName, SyscallError } from "../../ffi/errno.ts";
import { clearSignalled, close, type Fd } from "../../ffi/fd.ts";
import { lastErrno, libc } from "../../ffi/index.ts";
import { fixed } from "../../ffi/memory.ts";
import { AF_INET, AF_INET6, encodeInet, encodeSocketAddress, inetAddress } from "../../ffi/sockaddr.ts";
import {
  bind,
  bindToDevice,
  ICMP_FILTER,
  ICMP6_FILTER,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  interfaceIndex,
  MSG_NOSIGNAL,
  recvFrom,
  SHUT_WR,
  SO_MARK,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_ICMPV6,
  SOL_RAW,
  SOL_SOCKET,
  setLinger,
  setsockopt,
  setsockoptInt,
  shutdown,
  socket,
  takeSocketError,
  tryConnect,
} from "../../ffi/socket.ts";
import { type Family, type IpText, ipBytes } from "../base/ip.ts";
import { err, ok } from "../base/result.ts";

/** Where a check's traffic comes from. */
export interface SocketSource {
  readonly family: Family;
  /** bindto: absent, the kernel chooses. */
  readonly bindIp?: IpText | undefined;
  /** bind_port: 0 or absent, the kernel chooses. */
  readonly bindPort?: number | undefined;
  /** bind_if: also the scope of link-local addresses. */
  readonly bindInterface?: string | undefined;
  /** fwmark of every packet; 0 or absent for none. */
  readonly fwmark?: number;
}

export type Opened<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SyscallError };

/** What reading or writing gave. `again`: nothing now, wait for readiness. A count of 0 on reading a stream is its end. */
export type Io =
  | { readonly kind: "done"; readonly count: number }
  | { readonly kind: "again" }
  | { readonly kind: "failed"; readonly code: ErrnoName };

const AGAIN: Io = { kind: "again" };

/** A connected kind of socket: TCP, or UDP with one peer. */
export interface CheckSocket {
  readonly fd: Fd;
  /** Starts connecting: undefined when under way or done (then it is writable at once), else why not. */
  connect(ip: IpText, port: number): ErrnoName | undefined;
  /** After the first writability: undefined when the connection stands, else why not. Reading it clears it. */
  takeError(): ErrnoName | undefined;
  read(into: Uint8Array): Io;
  write(bytes: Uint8Array): Io;
  shutdownWrite(): void;
  /** Ends it with a reset instead of the usual close: nothing stays in TIME_WAIT. */
  reset(): void;
  /** Gives the descriptor away (TLS by the runtime): it is no longer closed here and sends no signals. */
  handOver(): number;
  /** Closing twice does nothing. Remove the registration first. */
  close(): void;
}

const IP_BIND_ADDRESS_NO_PORT = 24;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;

/** A TCP socket, not yet connecting. Fails with EADDRNOTAVAIL, EADDRINUSE, ENODEV, EPERM, EMFILE … */
export function openTcp(source: SocketSource): Opened<CheckSocket> {
  return opened(source, SOCK_STREAM, 0, (fd) => connected(fd, source));
}

/** A UDP socket, not yet connected. Errors that ICMP reports (port unreachable) come from read and write. */
export function openUdp(source: SocketSource): Opened<CheckSocket> {
  return opened(source, SOCK_DGRAM, 0, (fd) => {
    if (source.family === 4) setsockoptInt(fd, IPPROTO_IP, IP_RECVERR, 1);
    else setsockoptInt(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    return connected(fd, source);
  });
}

function opened<T>(source: SocketSource, type: number, protocol: number, make: (fd: Fd) => T): Opened<T> {
  let fd: Fd | undefined;
  try {
    fd = socket(source.family === 4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK, protocol);
    applySource(fd, source);
    return ok(make(fd));
  } catch (error) {
    if (fd !== undefined) close(fd);
    if (error instanceof SyscallError) return err(error);
    throw error;
  }
}

function applySource(fd: Fd, source: SocketSource): void {
  if (source.fwmark) setsockoptInt(fd, SOL_SOCKET, SO_MARK, source.fwmark | 0);
  if (source.bindInterface) bindToDevice(fd, source.bindInterface);
  if (source.bindIp === undefined && !source.bindPort) return;
  setsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // The port is then chosen at connect, per peer: 28,000 checks at a time no longer share one range.
  if (!source.bindPort) setsockoptInt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  const address = source.bindIp === undefined ? new Uint8Array(source.family === 4 ? 4 : 16) : ipBytes(source.bindIp);
  bind(fd, inetAddress(address, source.bindPort ?? 0, scopeOf(address, source)));
}

/** Link-local addresses mean nothing without their interface. */
function scopeOf(address: Uint8Array, source: SocketSource): number {
  const linkLocal = address.byteLength === 16 && address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;
  return linkLocal && source.bindInterface ? (interfaceIndex(source.bindInterface) ?? 0) : 0;
}

function connected(fd: Fd, source: SocketSource): CheckSocket {
  let open = true;
  return {
    fd,
    connect(ip, port) {
      const errno = tryConnect(fd, encodePeer(ipBytes(ip), port, source));
      return errno === 0 || errno === EINPROGRESS ? undefined : errnoName(errno);
    },
    takeError() {
      const errno = takeSocketError(fd);
      return errno === 0 ? undefined : errnoName(errno);
    },
    read: (into) => io(() => libc.recv(fd, into, into.byteLength, 0)),
    write: (bytes) => io(() => libc.send(fd, bytes, bytes.byteLength, MSG_NOSIGNAL)),
    shutdownWrite() {
      try {
        shutdown(fd, SHUT_WR);
      } catch {
        // The peer has closed already (ENOTCONN): the next read says so.
      }
    },
    reset() {
      if (!open) return;
      setLinger(fd, 0);
      open = false;
      close(fd);
    },
    handOver() {
      open = false;
      clearSignalled(fd);
      return fd;
    },
    close() {
      if (!open) return;
      open = false;
      close(fd);
    },
  };
}

const peerInet = fixed(16);

/** Valid until the next one. */
function encodePeer(address: Uint8Array, port: number, source: SocketSource): Uint8Array {
  if (address.byteLength === 4) return encodeInet(address, port, peerInet);
  return encodeSocketAddress(inetAddress(address, port, scopeOf(address, source)));
}

function io(call: () => number): Io {
  for (;;) {
    const count = call();
    if (count >= 0) return { kind: "done", count };
    const errno = lastErrno();
    if (errno === EAGAIN) return AGAIN;
    if (errno !== EINTR) return { kind: "failed", code: errnoName(errno) };
  }
}

export interface PingReply {
  readonly from: Uint8Array;
  /** The ICMP message, without an IP header in both families. Valid until the next receive(). */
  readonly message: Uint8Array;
}

/** A raw ICMP or ICMPv6 socket: sends to anyone, hears echo replies and errors only. */
export interface PingSocket {
  readonly fd: Fd;
  /** The whole ICMP message; for ICMPv6 the kernel fills in the checksum. */
  send(ip: IpText, message: Uint8Array): Io;
  /** The next message; undefined when none waits; errors of the network are passed over. */
  receive(): PingReply | undefined;
  close(): void;
}

/** An ICMP message and the IP header before it fit this; longer ones are cut. */
const PING_BYTES = 65_535;
/** Types let through: echo reply, unreachable, time exceeded. */
const ICMP_TYPES = [0, 3, 11];
const ICMPV6_TYPES = [129, 1, 3];

/** Opens an ICMP socket. Fails with EPERM without CAP_NET_RAW, EADDRNOTAVAIL … */
export function openPing(source: SocketSource): Opened<PingSocket> {
  return opened({ ...source, bindPort: 0 }, SOCK_RAW, source.family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, (fd) => {
    if (source.family === 4) setsockopt(fd, SOL_RAW, ICMP_FILTER, blockAllBut(ICMP_TYPES, 4));
    else setsockopt(fd, SOL_ICMPV6, ICMP6_FILTER, blockAllBut(ICMPV6_TYPES, 32));
    return pinging(fd, source);
  });
}

/** Both filters have a bit per type, set when the type is blocked. */
function blockAllBut(types: readonly number[], sizeBytes: number): Uint8Array {
  const blocked = new Uint8Array(sizeBytes).fill(0xff);
  for (const type of types) blocked[type >> 3] = (blocked[type >> 3] ?? 0) & ~(1 << (type & 7));
  return blocked;
}

function pinging(fd: Fd, source: SocketSource): PingSocket {
  const buffer = new Uint8Array(new ArrayBuffer(PING_BYTES));
  let open = true;
  return {
    fd,
    send(ip, message) {
      const address = ipBytes(ip);
      const to = encodeSocketAddress(inetAddress(address, 0, scopeOf(address, source)));
      return io(() => libc.sendto(fd, message, message.byteLength, MSG_NOSIGNAL, to, to.byteLength));
    },
    receive() {
      const got = tolerantReceive(fd, buffer);
      if (!got || (got.from.family !== "inet" && got.from.family !== "inet6")) return undefined;
      // kernel: raw IPv4 sockets hand out the IP header, raw IPv6 ones do not.
      const headerBytes = source.family === 4 ? ((buffer[0] ?? 0) & 0xf) * 4 : 0;
      return { from: got.from.address, message: buffer.subarray(Math.min(headerBytes, got.count), got.count) };
    },
    close() {
      if (!open) return;
      open = false;
      close(fd);
    },
  };
}

/** A pending network error (ENETDOWN, EHOSTUNREACH) is told once and says nothing about the messages behind it. */
function tolerantReceive(fd: Fd, buffer: Uint8Array): ReturnType<typeof recvFrom> {
  try {
    return recvFrom(fd, buffer);
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}
