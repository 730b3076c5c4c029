// Adapter: the two ends of the socket between parent and child. Whoever opened an end closes it, or hands it to the runtime.
import { asFd, close } from "../../ffi/fd.ts";
import { SOCK_STREAM, socketPair } from "../../ffi/socket.ts";

/** Descriptors of two connected stream sockets, closed on exec. @throws SyscallError EMFILE */
export function openChannelPair(): readonly [ours: number, theirs: number] {
  return socketPair(SOCK_STREAM);
}

/** @throws SyscallError EBADF when it was closed before */
export function closeChannelEnd(fd: number): void {
  close(asFd(fd));
}
