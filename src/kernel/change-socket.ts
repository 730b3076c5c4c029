// Adapter: the socket on which the kernel tells what changes in its tables; read by the reflector only.
import { ENOBUFS, SyscallError } from "../../ffi/errno.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { AF_NETLINK } from "../../ffi/sockaddr.ts";
import { bind, recvFrom, SOCK_NONBLOCK, SOCK_RAW, setsockoptInt, socket } from "../../ffi/socket.ts";
import { NETLINK_ROUTE } from "./netlink-socket.ts";
import { type ReceiveBuffer, setReceiveBuffer } from "./receive-buffer.ts";

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** keepalived asks for 64 KiB and loses changes; this holds some ten thousand. */
const RECEIVE_BUFFER: ReceiveBuffer = { bytes: 4 * 1024 * 1024, force: true };
const RECEIVE_BYTES = 64 * 1024;

export interface ChangeSocket {
  readonly fd: Fd;
  /** Hears these groups too, from now on. @throws SyscallError */
  join(groups: readonly number[]): void;
  /**
   * A datagram of the kernel, which is good until the next one; "stranger": somebody else's, dropped; "overrun": the kernel dropped
   * messages for us; "failed": nobody knows what is lost.
   */
  receive(): Uint8Array | "none" | "stranger" | "overrun" | "failed";
  /** Undefined: 4 MiB. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
}

/** @throws SyscallError */
export function openChangeSocket(receiveBuffer: ReceiveBuffer | undefined): ChangeSocket {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
  const buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  const joined = new Set<number>();
  try {
    bind(fd, { family: "netlink", portId: 0, groups: 0 });
    setReceiveBuffer(fd, receiveBuffer ?? RECEIVE_BUFFER);
  } catch (error) {
    close(fd);
    throw error;
  }
  return {
    fd,
    join(groups) {
      for (const group of groups) {
        if (joined.has(group)) continue;
        setsockoptInt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
        joined.add(group);
      }
    },
    receive() {
      try {
        const received = recvFrom(fd, buffer);
        if (!received) return "none";
        // Only the kernel speaks for the kernel: any local process may send to our port.
        if (received.from.family !== "netlink" || received.from.portId !== 0) return "stranger";
        return buffer.subarray(0, received.count);
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        return error.errno === ENOBUFS ? "overrun" : "failed";
      }
    },
    setReceiveBuffer: (wish) => setReceiveBuffer(fd, wish ?? RECEIVE_BUFFER),
  };
}
