// Adapter: how much the kernel may hold for a socket until it is read (`*_rcv_bufs`, `kernel_rx_buf_size`).
import { SyscallError } from "../../ffi/errno.ts";
import type { Fd } from "../../ffi/fd.ts";
import { SO_RCVBUF, SO_RCVBUFFORCE, SOL_SOCKET, setsockoptInt } from "../../ffi/socket.ts";

/** What the configuration asks for; `force`: more than net.core.rmem_max lets everybody have. */
export interface ReceiveBuffer {
  readonly bytes: number;
  readonly force: boolean;
}

/** A pair of keywords as one wish; undefined where the first is not given. */
export function wishedBuffer(bytes: number | undefined, force: boolean): ReceiveBuffer | undefined {
  return bytes === undefined ? undefined : { bytes, force };
}

/** As much as is wished, or as the system allows when it can't be forced. @throws SyscallError for a socket that is none */
export function setReceiveBuffer(fd: Fd, { bytes, force }: ReceiveBuffer): void {
  // kernel: the option is a signed number; it cuts what is too large itself.
  const wanted = Math.min(bytes, 0x7fff_ffff);
  try {
    setsockoptInt(fd, SOL_SOCKET, force ? SO_RCVBUFFORCE : SO_RCVBUF, wanted);
  } catch (error) {
    if (!force || !(error instanceof SyscallError)) throw error;
    // Without CAP_NET_ADMIN.
    setsockoptInt(fd, SOL_SOCKET, SO_RCVBUF, wanted);
  }
}
