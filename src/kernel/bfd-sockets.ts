// Adapter: the sockets of BFD (RFC 5881, RFC 5883): UDP, one to hear for each {family, hop mode}, shared by all sessions, and one to send
// for each session, with its own port for its life. Reading is bounded per turn, so that a flood never holds up timers.
import { SyscallError } from "../../ffi/errno.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { openReceiver } from "../../ffi/message.ts";
import { AF_INET, AF_INET6, inetAddress } from "../../ffi/sockaddr.ts";
import {
  bind,
  connect,
  getsockopt,
  IP_PKTINFO,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SO_TIMESTAMPNS,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  send,
  setsockoptInt,
  socket,
} from "../../ffi/socket.ts";
import { wallClockMs } from "../../ffi/time.ts";
import type { MonoMs } from "../base/clock.ts";
import type { Family } from "../base/ip.ts";
import type { SendOutcome } from "./raw-socket.ts";
import type { Readiness, Registration } from "./readiness.ts";
import { setReceiveBuffer } from "./receive-buffer.ts";

/** Datagrams read before timers and other sockets get a turn. */
const MAX_READS_PER_TURN = 64;
/** Datagrams read by drain(): more than this is a flood, which timers don't wait for. */
const MAX_DRAIN = 4096;
/** Longer ones are none of ours; they are marked as truncated. */
const RECEIVE_BYTES = 512;
/** As much as the system lets everybody have: what comes while this process stands still has to wait there. */
const RECEIVE_BUFFER = { bytes: 4 * 1024 * 1024, force: false };
/** The time that a packet waited for us is believed up to this: after a pause it counts from when it was read. */
const MAX_AGE_MS = 100;
const SO_MEMINFO = 55;
/** RFC 5881 §4: the port of a session is one of these. */
const FIRST_SOURCE_PORT = 49_152;
const SOURCE_PORTS = 65_536 - FIRST_SOURCE_PORT;
/** Ports tried for a session before it is told that there is none. */
const MAX_PORT_TRIES = 64;
/** Network control (RFC 4594 §3.1), as other speakers have it. */
const CLASS_SELECTOR_6 = 0xc0;

/** Fits bfd/speaker.ts. `bytes` and the addresses are valid during the call only. */
export interface ReceivedControl {
  readonly bytes: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: Uint8Array | undefined;
  readonly hops: number | undefined;
  readonly multihop: boolean;
  readonly truncated: boolean;
  /** When the kernel had it, not when we read it. */
  readonly receivedAt: MonoMs;
}

export interface BfdListener {
  close(): void;
}

export interface BfdSenderSpec {
  /** 4 or 16 bytes. */
  readonly neighbor: Uint8Array;
  /** Absent: the kernel chooses. */
  readonly source: Uint8Array | undefined;
  readonly port: number;
  readonly ttl: number;
}

/** Sends for one session; opens its socket when there is something to send, and again after an error that only that can mend. */
export interface BfdSender {
  /** Never throws for what the network or the configuration can cause. */
  send(bytes: Uint8Array): SendOutcome;
  setTtl(ttl: number): void;
  /** Own port; undefined before the first one was had. It stays the same over errors (RFC 5881 §4). */
  readonly sourcePort: number | undefined;
  close(): void;
}

export interface BfdSockets {
  /**
   * Hears what comes to this port, on all addresses of a family.
   * @throws SyscallError EADDRINUSE when another BFD speaker has it: sharing would take its packets away
   */
  listen(family: Family, port: number, multihop: boolean): BfdListener;
  sender(spec: BfdSenderSpec): BfdSender;
  /** Reads what waits on all of them now, before timers are acted on: `all` of it unless it is a flood, or no more than a turn reads. */
  drain(all: boolean): void;
  /** Packets that the kernel dropped because they were not read in time, since the start. */
  drops(): number;
}

interface Listening {
  readonly fd: Fd;
  readonly multihop: boolean;
  readonly registration: Registration;
}

/** @param word 32 random bits, for ports */
export function openBfdSockets(
  readiness: Readiness,
  now: () => MonoMs,
  word: () => number,
  onControl: (control: ReceivedControl) => void,
): BfdSockets {
  const receiver = openReceiver(RECEIVE_BYTES);
  const listening = new Set<Listening>();
  let dropped = 0;

  function read({ fd, multihop }: Pick<Listening, "fd" | "multihop">, limit: number): void {
    for (let i = 0; i < limit; i++) {
      const message = receiveOne(fd);
      if (!message) return;
      const { payload, from, truncated, ancillary } = message;
      if (from.family !== "inet" && from.family !== "inet6") continue;
      const { arrivedWallMs, hops, localAddress } = ancillary;
      const ageMs = arrivedWallMs === undefined ? 0 : wallClockMs() - arrivedWallMs;
      onControl({
        bytes: payload,
        source: from.address,
        destination: localAddress,
        hops,
        multihop,
        truncated,
        receivedAt: now() - (ageMs > 0 && ageMs < MAX_AGE_MS ? ageMs : 0),
      });
    }
  }

  /** A failed read ends the turn: the error is taken, the next one goes on. */
  function receiveOne(fd: Fd) {
    try {
      return receiver.receive(fd);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return undefined;
    }
  }

  return {
    listen(family, port, multihop) {
      const fd = openListener(family, port);
      const registration = readiness.add(fd, "read", () => read({ fd, multihop }, MAX_READS_PER_TURN));
      const one: Listening = { fd, multihop, registration };
      listening.add(one);
      return {
        close() {
          if (!listening.delete(one)) return;
          dropped += dropsOf(fd);
          registration.remove();
          close(fd);
        },
      };
    },
    sender: (spec) => createSender(spec, word),
    drain(all) {
      for (const one of listening) read(one, all ? MAX_DRAIN : MAX_READS_PER_TURN);
    },
    drops() {
      let sum = dropped;
      for (const { fd } of listening) sum += dropsOf(fd);
      return sum;
    },
  };
}

function openListener(family: Family, port: number): Fd {
  const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  try {
    if (family === 6) {
      // IPv4 has its own.
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
      setsockoptInt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    } else {
      setsockoptInt(fd, IPPROTO_IP, IP_RECVTTL, 1);
      setsockoptInt(fd, IPPROTO_IP, IP_PKTINFO, 1);
    }
    setsockoptInt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    setReceiveBuffer(fd, RECEIVE_BUFFER);
    bind(fd, inetAddress(new Uint8Array(family === 4 ? 4 : 16), port));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** kernel: SO_MEMINFO is eight words and sk_drops. */
function dropsOf(fd: Fd): number {
  const words = new Uint32Array(9);
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(words.buffer));
  return words[8] ?? 0;
}

/** Errors that a socket keeps: another one may find an address or a way. */
const OPEN_AGAIN: ReadonlySet<string> = new Set([
  "EINVAL",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "EADDRNOTAVAIL",
  "ENETDOWN",
  "ENODEV",
]);

function createSender(spec: BfdSenderSpec, word: () => number): BfdSender {
  let fd: Fd | undefined;
  let sourcePort: number | undefined;
  let { ttl } = spec;

  function shut(): void {
    if (fd !== undefined) close(fd);
    fd = undefined;
  }

  function attempt(bytes: Uint8Array): SendOutcome {
    try {
      if (fd === undefined) {
        const opened = openSender({ ...spec, ttl }, sourcePort, word);
        fd = opened.fd;
        sourcePort = opened.sourcePort;
      }
      return send(fd, bytes) === undefined ? { ok: false, code: "EAGAIN" } : { ok: true };
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (OPEN_AGAIN.has(error.code)) shut();
      return { ok: false, code: error.code };
    }
  }

  return {
    send(bytes) {
      const outcome = attempt(bytes);
      // kernel: the error is about the packet before; taking it kept this one from going out.
      return !outcome.ok && outcome.code === "ECONNREFUSED" ? attempt(bytes) : outcome;
    },
    setTtl(next) {
      if (next === ttl) return;
      ttl = next;
      if (fd !== undefined) applyTtl(fd, spec.neighbor, ttl);
    },
    get sourcePort() {
      return sourcePort;
    },
    close: shut,
  };
}

/** Connected: the kernel looks for the way once. @throws SyscallError EADDRNOTAVAIL, ENETUNREACH … */
function openSender(
  { neighbor, source, port, ttl }: BfdSenderSpec,
  wanted: number | undefined,
  word: () => number,
): { readonly fd: Fd; readonly sourcePort: number } {
  const isIpv4 = neighbor.byteLength === 4;
  const fd = socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  try {
    applyTtl(fd, neighbor, ttl);
    if (isIpv4) setsockoptInt(fd, IPPROTO_IP, IP_TOS, CLASS_SELECTOR_6);
    else setsockoptInt(fd, IPPROTO_IPV6, IPV6_TCLASS, CLASS_SELECTOR_6);
    const own = source ?? new Uint8Array(neighbor.byteLength);
    const sourcePort = bindToPort(fd, own, wanted, word);
    connect(fd, inetAddress(neighbor, port));
    return { fd, sourcePort };
  } catch (error) {
    close(fd);
    throw error;
  }
}

function applyTtl(fd: Fd, neighbor: Uint8Array, ttl: number): void {
  if (neighbor.byteLength === 4) setsockoptInt(fd, IPPROTO_IP, IP_TTL, ttl);
  else setsockoptInt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
}

function bindToPort(fd: Fd, own: Uint8Array, wanted: number | undefined, word: () => number): number {
  for (let tries = 0; ; tries++) {
    const port = tries === 0 && wanted !== undefined ? wanted : FIRST_SOURCE_PORT + (word() % SOURCE_PORTS);
    try {
      bind(fd, inetAddress(own, port));
      return port;
    } catch (error) {
      const isTaken = error instanceof SyscallError && error.code === "EADDRINUSE";
      if (!isTaken || tries >= MAX_PORT_TRIES) throw error;
    }
  }
}
