// Adapter: the other side of service-manager.ts: a datagram socket on which a daemon says what sd_notify(3) lets it say. Only root can
// send: the socket has mode 0600.
import { rmSync } from "node:fs";
import { SyscallError } from "../../ffi/errno.ts";
import { close } from "../../ffi/fd.ts";
import { AF_UNIX } from "../../ffi/sockaddr.ts";
import { bind, recv, SOCK_DGRAM, SOCK_NONBLOCK, socket } from "../../ffi/socket.ts";
import type { Readiness } from "./readiness.ts";

const MAX_BYTES = 4096;
const MESSAGES_PER_TURN = 32;

export interface ServiceSocket {
  close(): void;
}

/** `said`: assignments of one datagram, `READY=1`. What lies at the path is from an earlier process. @throws SyscallError */
export function openServiceSocket(
  readiness: Readiness,
  path: string,
  said: (lines: readonly string[]) => void,
): ServiceSocket {
  rmSync(path, { force: true });
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const mask = process.umask(0o177);
  try {
    bind(fd, { family: "unix", path });
  } finally {
    process.umask(mask);
  }
  const buffer = new Uint8Array(MAX_BYTES);
  const registration = readiness.add(fd, "read", () => {
    for (let n = 0; n < MESSAGES_PER_TURN; n++) {
      try {
        const count = recv(fd, buffer);
        if (count === undefined) return;
        said(Buffer.from(buffer.subarray(0, count)).toString("utf8").split("\n"));
      } catch (error) {
        if (!(error instanceof SyscallError)) throw error;
        return;
      }
    }
  });
  return {
    close() {
      registration.leave();
      close(fd);
      rmSync(path, { force: true });
    },
  };
}
