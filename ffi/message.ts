// recvmsg(2) and sendmsg(2): datagrams with their sender, truncation and control data (arrival interface, TTL, destination).
// struct msghdr holds addresses, so it and all it points at is pinned memory.
import { EAGAIN, EINTR, SyscallError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { lastErrno, libc } from "./index.ts";
import { i32, layout, u32, u64 } from "./layout.ts";
import { addressOf, fixed, pinned } from "./memory.ts";
import { decodeSocketAddress, encodeSocketAddress, SOCKADDR_MAX_BYTES, type SocketAddress } from "./sockaddr.ts";
import {
  IP_PKTINFO,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  MSG_CTRUNC,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
} from "./socket.ts";
import { TIMESPEC_BYTES, timespecMs } from "./time.ts";

// 64-bit Linux, glibc and musl alike.
const MSGHDR = layout(
  {
    name: u64(0),
    nameBytes: u32(8),
    parts: u64(16),
    partCount: u64(24),
    control: u64(32),
    controlBytes: u64(40),
    flags: i32(48),
  },
  56,
);
const IOVEC_BYTES = 16;
const CMSG_HEADER_BYTES = 16;
const MAX_PARTS = 8;
/** Room for control data: several times what pktinfo, TTL and a timestamp need. */
const CONTROL_BYTES = 512;

export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** What the kernel says about a datagram's way; each only when the socket asked for it. */
export interface Ancillary {
  readonly interfaceIndex?: number;
  /** The address it was sent to: 4 or 16 bytes. */
  readonly localAddress?: Uint8Array;
  /** TTL or hop limit it arrived with. */
  readonly hops?: number;
  /** When it arrived, on the wall clock, with fractions. */
  readonly arrivedWallMs?: number;
}

export interface ReceivedMessage {
  /** The payload. Lies in the receiver's buffer: valid until its next receive(). */
  readonly payload: Uint8Array;
  readonly from: SocketAddress;
  /** The datagram was longer than the buffer, and its rest is lost. */
  readonly truncated: boolean;
  readonly control: readonly ControlMessage[];
  readonly ancillary: Ancillary;
}

export interface Receiver {
  /**
   * The next datagram of a non-blocking socket; undefined when none waits. Empty datagrams are datagrams.
   * @throws SyscallError ENETDOWN, ENOBUFS, ECONNREFUSED …: reading can go on after it
   */
  receive(fd: Fd, flags?: number): ReceivedMessage | undefined;
}

/** A reader for datagrams of up to `payloadBytes`. Its memory is never given back: make one per process and purpose. */
export function openReceiver(payloadBytes: number): Receiver {
  const header = pinned(MSGHDR.sizeBytes);
  const name = pinned(SOCKADDR_MAX_BYTES);
  const payload = pinned(payloadBytes);
  const control = pinned(CONTROL_BYTES);
  const parts = pinned(IOVEC_BYTES);
  writePart(parts, 0, addressOf(payload), payloadBytes);
  const fresh = MSGHDR.encode({
    name: addressOf(name),
    nameBytes: SOCKADDR_MAX_BYTES,
    parts: addressOf(parts),
    partCount: 1n,
    control: addressOf(control),
    controlBytes: BigInt(CONTROL_BYTES),
  });
  return {
    receive(fd, flags = 0) {
      for (;;) {
        header.set(fresh);
        const count = libc.recvmsg(fd, header, flags);
        if (count >= 0) {
          const filled = MSGHDR.decode(header);
          const messages = decodeControl(control.subarray(0, Number(filled.controlBytes)));
          return {
            // With MSG_TRUNC among the flags the count is the datagram's own length.
            payload: payload.subarray(0, Math.min(count, payloadBytes)),
            from: decodeSocketAddress(name.subarray(0, Math.min(filled.nameBytes, SOCKADDR_MAX_BYTES))),
            truncated: (filled.flags & MSG_TRUNC) !== 0,
            control: messages,
            ancillary: (filled.flags & MSG_CTRUNC) !== 0 ? {} : ancillary(messages),
          };
        }
        const errno = lastErrno();
        if (errno === EAGAIN) return undefined;
        if (errno !== EINTR) throw new SyscallError("recvmsg", errno, `fd ${fd}`);
      }
    },
  };
}

/** Splits control data into its messages; stops at the first one that does not fit. Never throws. */
export function decodeControl(bytes: Uint8Array): ControlMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: ControlMessage[] = [];
  for (let at = 0; at + CMSG_HEADER_BYTES <= bytes.byteLength; ) {
    const length = view.getUint32(at, true);
    if (length < CMSG_HEADER_BYTES || at + length > bytes.byteLength) break;
    messages.push({
      level: view.getInt32(at + 8, true),
      type: view.getInt32(at + 12, true),
      data: bytes.slice(at + CMSG_HEADER_BYTES, at + length),
    });
    at += align8(length);
  }
  return messages;
}

/** Lays control messages out as sendmsg wants them. */
export function encodeControl(messages: readonly ControlMessage[]): Uint8Array {
  const total = messages.reduce((sum, message) => sum + align8(CMSG_HEADER_BYTES + message.data.byteLength), 0);
  const bytes = fixed(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { level, type, data } of messages) {
    view.setBigUint64(at, BigInt(CMSG_HEADER_BYTES + data.byteLength), true);
    view.setInt32(at + 8, level, true);
    view.setInt32(at + 12, type, true);
    bytes.set(data, at + CMSG_HEADER_BYTES);
    at += align8(CMSG_HEADER_BYTES + data.byteLength);
  }
  return bytes;
}

function ancillary(messages: readonly ControlMessage[]): Ancillary {
  const found: { -readonly [K in keyof Ancillary]: Ancillary[K] } = {};
  for (const { level, type, data } of messages) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (level === IPPROTO_IP && type === IP_PKTINFO && data.byteLength >= 12) {
      found.interfaceIndex = view.getInt32(0, true);
      found.localAddress = data.slice(8, 12);
    } else if (level === IPPROTO_IPV6 && type === IPV6_PKTINFO && data.byteLength >= 20) {
      found.interfaceIndex = view.getInt32(16, true);
      found.localAddress = data.slice(0, 16);
    } else if (
      ((level === IPPROTO_IP && type === IP_TTL) || (level === IPPROTO_IPV6 && type === IPV6_HOPLIMIT)) &&
      data.byteLength >= 4
    )
      found.hops = view.getInt32(0, true);
    else if (level === SOL_SOCKET && type === SO_TIMESTAMPNS && data.byteLength >= TIMESPEC_BYTES)
      found.arrivedWallMs = timespecMs(view);
  }
  return found;
}

/** IPv6: leave by this interface with this source (zeros: the kernel chooses). */
export function pktinfo6(interfaceIndex: number, source: Uint8Array = new Uint8Array(16)): ControlMessage {
  const data = new Uint8Array(20);
  data.set(source.subarray(0, 16), 0);
  new DataView(data.buffer).setInt32(16, interfaceIndex, true);
  return { level: IPPROTO_IPV6, type: IPV6_PKTINFO, data };
}

export interface OutgoingMessage {
  /** Up to eight parts, sent as one datagram. */
  readonly parts: readonly Uint8Array[];
  /** Absent on a connected socket. */
  readonly to?: SocketAddress;
  readonly control?: readonly ControlMessage[];
}

const sendHeader = pinned(MSGHDR.sizeBytes);
const sendParts = pinned(MAX_PARTS * IOVEC_BYTES);
/** Exported only so that nothing can be proven unused. */
const sending: { held: readonly unknown[] } = { held: [] };

/** Sends one datagram; its length, or undefined when the socket takes nothing now. @throws SyscallError as sendTo() */
export function sendMessage(fd: Fd, message: OutgoingMessage, flags = 0): number | undefined {
  if (message.parts.length > MAX_PARTS)
    throw new RangeError(`message parts: expected up to ${MAX_PARTS} (got ${message.parts.length})`);
  const parts = message.parts.map(steady);
  const name = message.to ? steady(encodeSocketAddress(message.to)) : undefined;
  const control = message.control ? encodeControl(message.control) : undefined;
  // A variable may be dropped after its last use, an address in a structure is no use: keep them until the next message.
  sending.held = [parts, name, control];
  for (const [index, part] of parts.entries()) writePart(sendParts, index, addressOf(part), part.byteLength);
  MSGHDR.encode(
    {
      name: name ? addressOf(name) : 0n,
      nameBytes: name?.byteLength ?? 0,
      parts: addressOf(sendParts),
      partCount: BigInt(parts.length),
      control: control ? addressOf(control) : 0n,
      controlBytes: BigInt(control?.byteLength ?? 0),
    },
    sendHeader,
  );
  for (;;) {
    const count = libc.sendmsg(fd, sendHeader, flags | MSG_NOSIGNAL);
    if (count >= 0) return count;
    const errno = lastErrno();
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw new SyscallError("sendmsg", errno, `fd ${fd}`);
  }
}

/** A copy that does not move (a small array might, when its buffer is first touched). */
function steady(bytes: Uint8Array): Uint8Array {
  const copy = fixed(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

function writePart(table: Uint8Array, index: number, address: bigint, length: number): void {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  view.setBigUint64(index * IOVEC_BYTES, address, true);
  view.setBigUint64(index * IOVEC_BYTES + 8, BigInt(length), true);
}

function align8(length: number): number {
  return Math.ceil(length / 8) * 8;
}
