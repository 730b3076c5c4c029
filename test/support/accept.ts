// The other end of a test's own connection, by the FFI layer's own libc: the product takes none that way.
import { type Fd, O_CLOEXEC } from "../../ffi/fd.ts";
import { lastErrno, libc } from "../../ffi/index.ts";
import { fixed } from "../../ffi/memory.ts";
import { decodeSocketAddress, type SocketAddress } from "../../ffi/sockaddr.ts";
import { SOCK_NONBLOCK } from "../../ffi/socket.ts";

const EAGAIN = 11;
const ADDRESS_BYTES = 128;

/** The next connection, non-blocking; undefined when none waits. */
export function accept(fd: Fd): { readonly fd: Fd; readonly peer: SocketAddress } | undefined {
  const raw = fixed(ADDRESS_BYTES);
  const length = fixed(4);
  const view = new DataView(length.buffer);
  view.setUint32(0, ADDRESS_BYTES, true);
  const accepted = libc.accept4(fd, raw, length, O_CLOEXEC | SOCK_NONBLOCK);
  if (accepted >= 0) return { fd: accepted as Fd, peer: decodeSocketAddress(raw.subarray(0, view.getUint32(0, true))) };
  if (lastErrno() !== EAGAIN) throw new Error(`accept4: errno ${lastErrno()}`);
  return undefined;
}
