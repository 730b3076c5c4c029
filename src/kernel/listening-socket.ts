// Adapter: sockets that listen for a process that is started when somebody calls. Whoever opens one is signalled (SIGIO) when a caller
// waits; the process that serves gets the descriptor, and takes callers from the same queue: none is lost between the two.
import { clearSignalled, close, forgetOwner, isReadable, setSignalled, umask } from "../../ffi/fd.ts";
import { AF_INET, AF_INET6, AF_UNIX, inetAddress } from "../../ffi/sockaddr.ts";
import {
  bind,
  getsockname,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  listen,
  SO_REUSEADDR,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setsockoptInt,
  socket,
} from "../../ffi/socket.ts";
import { parseIp } from "../base/ip.ts";
import { inNetworkNamespace } from "./namespace.ts";

export type ListenAt =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly address: string; readonly port: number };

export interface ListeningSocket {
  readonly kind: ListenAt["kind"];
  readonly fd: number;
  /** Of TCP: what was asked for, or the free one that port 0 found. */
  readonly port: number | undefined;
  callerWaits(): boolean;
  /** From now on each caller sends SIGIO to this process, whose handler must stand. */
  signal(): void;
  /** No signals any more: another process takes the callers. */
  quiet(): void;
  close(): void;
}

/** Callers that wait until they are taken. */
const BACKLOG = 511;
/** Owner alone, until the caller of openListeningSocket() opens it to others. */
const OWNER_ONLY = 0o177;

/** @throws SyscallError EADDRINUSE, EADDRNOTAVAIL, EACCES; ENOENT for a namespace that is not there */
export function openListeningSocket(at: ListenAt, namespace?: string): ListeningSocket {
  const fd = at.kind === "unix" ? openUnix(at.path) : inNetworkNamespace(namespace, () => openTcp(at.address, at.port));
  const name = getsockname(fd);
  return {
    kind: at.kind,
    fd,
    port: "port" in name ? name.port : undefined,
    callerWaits: () => isReadable(fd),
    signal() {
      // The process that had it last may have left another signal than SIGIO.
      forgetOwner(fd);
      setSignalled(fd, process.pid);
    },
    quiet() {
      clearSignalled(fd);
      forgetOwner(fd);
    },
    close: () => close(fd),
  };
}

function openUnix(path: string) {
  const fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const before = umask(OWNER_ONLY);
  try {
    bind(fd, { family: "unix", path });
    listen(fd, BACKLOG);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  } finally {
    umask(before);
  }
}

function openTcp(address: string, port: number) {
  const bytes = parseIp(address === "localhost" ? "127.0.0.1" : address);
  if (!bytes) throw new RangeError(`listening address: expected an IP address (got ${address})`);
  const isV6 = bytes.byteLength === 16;
  const fd = socket(isV6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  try {
    setsockoptInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    // `::` means both families, whatever net.ipv6.bindv6only says.
    if (isV6) setsockoptInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    bind(fd, inetAddress(bytes, port));
    listen(fd, BACKLOG);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}
