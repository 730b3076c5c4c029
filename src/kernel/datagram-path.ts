// Adapter: datagrams to a UNIX socket with a path, such as syslog's /dev/log. Whoever listens there may go and come back: each is sent by
// the path anew. Nothing here ever waits.
import { SyscallError } from "../../ffi/errno.ts";
import { close } from "../../ffi/fd.ts";
import { AF_UNIX } from "../../ffi/sockaddr.ts";
import { MSG_DONTWAIT, SOCK_DGRAM, SOCK_NONBLOCK, sendTo, socket } from "../../ffi/socket.ts";

export interface DatagramPath {
  /** `full`: the receiver has no room now; `away`: nobody receives; `lost`: no receiver would take this one. */
  send(bytes: Uint8Array): "sent" | "full" | "away" | "lost";
  close(): void;
}

/** @throws SyscallError without a descriptor */
export function openDatagramPath(path: string): DatagramPath {
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  return {
    send(bytes) {
      try {
        return sendTo(fd, bytes, { family: "unix", path }, MSG_DONTWAIT) === undefined ? "full" : "sent";
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        if (error.code === "ENOBUFS") return "full";
        return error.code === "EMSGSIZE" ? "lost" : "away";
      }
    },
    close: () => close(fd),
  };
}
