// Adapter: whole Ethernet frames by AF_PACKET: gratuitous ARP and unsolicited neighbour advertisements (the bytes are made in
// vrrp/announce/frames.ts). The socket only sends: protocol 0 and a filter that drops everything.
import { SyscallError } from "../../ffi/errno.ts";
import { close, type Fd, NO_FD } from "../../ffi/fd.ts";
import { attachFilter } from "../../ffi/packet.ts";
import { AF_PACKET } from "../../ffi/sockaddr.ts";
import { SO_RCVBUF, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, sendTo, setsockoptInt, socket } from "../../ffi/socket.ts";
import { DROP_ALL } from "../net/bpf.ts";
import type { SendOutcome } from "./raw-socket.ts";

const ETHERNET_HEADER_BYTES = 14;

export interface FrameSender {
  /** Sends a frame by an interface; ENETDOWN, ENXIO, ENODEV, ENOBUFS are answers. @throws RangeError for less than a header */
  send(interfaceIndex: number, frame: Uint8Array): SendOutcome;
  /** Does all of send() but the sending. */
  rehearse(interfaceIndex: number, frame: Uint8Array): void;
  /** How many the kernel did not take. */
  failed(): number;
  [Symbol.dispose](): void;
}

/** @throws SyscallError EPERM without CAP_NET_RAW */
export function openFrameSender(): FrameSender {
  const fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
  attachFilter(fd, DROP_ALL);
  setsockoptInt(fd, SOL_SOCKET, SO_RCVBUF, 0);
  let failed = 0;
  return {
    send(interfaceIndex, frame) {
      const outcome = transmit(fd, interfaceIndex, frame);
      if (!outcome.ok) failed++;
      return outcome;
    },
    rehearse: (interfaceIndex, frame) => void transmit(NO_FD, interfaceIndex, frame),
    failed: () => failed,
    [Symbol.dispose]: () => close(fd),
  };
}

function transmit(fd: Fd, interfaceIndex: number, frame: Uint8Array): SendOutcome {
  if (frame.byteLength < ETHERNET_HEADER_BYTES)
    throw new RangeError(`frame: expected ${ETHERNET_HEADER_BYTES} bytes or more (got ${frame.byteLength})`);
  const protocol = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const hardwareAddress = frame.slice(0, 6);
  try {
    const count = sendTo(fd, frame, { family: "packet", interfaceIndex, protocol, packetType: 0, hardwareAddress });
    return count === undefined ? { ok: false, code: "EAGAIN" } : { ok: true };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { ok: false, code: error.code };
  }
}
