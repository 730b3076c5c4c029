// Adapter: the sockets of VRRP (spec/vrrp.md §2): raw, IP protocol 112 or 51, IPv4 and IPv6, multicast and unicast. One pair per
// {family, protocol, interface, group or source address}, shared by instances, which are told apart by VRID.
// Reading is bounded per turn, so that a flood never holds up timers; other VRIDs are dropped by the kernel before they wake us.
import { SyscallError } from "../../ffi/errno.ts";
import { close, type Fd, NO_FD } from "../../ffi/fd.ts";
import { openReceiver, pktinfo6, type Receiver, sendMessage } from "../../ffi/message.ts";
import { attachFilter } from "../../ffi/packet.ts";
import { inetAddress } from "../../ffi/sockaddr.ts";
import { getsockopt, MSG_DONTROUTE, MSG_PROBE, SOL_SOCKET, sendTo } from "../../ffi/socket.ts";
import { wallClockMs } from "../../ffi/time.ts";
import type { MonoMs } from "../base/clock.ts";
import type { Family } from "../base/ip.ts";
import { vridFilter } from "../net/bpf.ts";
import type { Readiness, Registration } from "./readiness.ts";
import {
  endpointKey,
  heardProtocols,
  openReceiveSocket,
  openSendSocket,
  type VrrpEndpoint,
  type VrrpSocketOptions,
} from "./vrrp-endpoint.ts";

/** Datagrams read before timers and other sockets get a turn. */
export const MAX_READS_PER_TURN = 64;
/** Datagrams read by drain(): more than this is a flood, which timers don't wait for. */
const MAX_DRAIN = 1024;
/** kernel: an IPv4 packet can't be longer. */
const RECEIVE_BYTES = 65_535;
/** The time that a packet waited for us is believed up to this: after a pause it counts from when it was read. */
const MAX_AGE_MS = 100;
const SO_MEMINFO = 55;

/** A datagram; fits vrrp/datagram.ts. `bytes` and the addresses are valid during the call only. */
export interface VrrpDatagram {
  readonly family: Family;
  /** IPv4: from the IP header on. IPv6: the payload. */
  readonly bytes: Uint8Array;
  readonly source: Uint8Array;
  readonly destination?: Uint8Array;
  /** IPv6 only: the IPv4 header has it. */
  readonly hopLimit?: number;
  readonly truncated: boolean;
  readonly interfaceIndex?: number;
  /** When the kernel had it, not when we read it: that is what the RFC's timers count from. */
  readonly receivedAt: MonoMs;
}

export type SendOutcome = { readonly ok: true } | { readonly ok: false; readonly code: string };

export interface VrrpSocketCounters {
  readonly received: number;
  /** Failed reads, such as ENETDOWN; reading went on. */
  readonly receiveErrors: number;
  readonly sent: number;
  readonly sendErrors: number;
  /** Packets that the kernel dropped because they were not read in time. */
  readonly drops: number;
}

/** A pair in use by an instance; whoever acquired it releases it. */
export interface VrrpSocket {
  readonly key: string;
  /** For who shows them. */
  readonly fds: { readonly in: number; readonly out: number };
  readonly receiveBufferBytes: number | undefined;
  /** Sends one datagram: IPv4 with its header, IPv6 as payload. Never throws for what the network can cause. */
  send(destination: Uint8Array, bytes: Uint8Array, source: Uint8Array): SendOutcome;
  /** Does all of send() but the sending: the kernel looks for the way and leaves it at that (MSG_PROBE). */
  rehearse(destination: Uint8Array, bytes: Uint8Array, source: Uint8Array): void;
  /** Of the pair, which instances share. */
  counters(): VrrpSocketCounters;
  /** Gives up this VRID; the last one closes the sockets. Calling it twice does nothing. */
  release(): void;
}

export interface VrrpSockets {
  /**
   * Opens the pair or shares the one that is open, for one VRID. The caller opens anew when the interface comes back.
   * @throws SyscallError ENODEV, EPERM, EADDRNOTAVAIL; nothing stays open then
   */
  acquire(endpoint: VrrpEndpoint, vrid: number, options?: VrrpSocketOptions): VrrpSocket;
  /** Reads what waits on all of them now, before timers are acted on: `all` of it unless it is a flood, or no more than a turn reads. */
  drain(all: boolean): void;
  [Symbol.dispose](): void;
}

interface Pair {
  readonly key: string;
  readonly endpoint: VrrpEndpoint;
  readonly options: VrrpSocketOptions;
  readonly receivers: readonly ReceiveSocket[];
  readonly sendFd: Fd;
  readonly vrids: Map<number, number>;
  counters: { received: number; receiveErrors: number; sent: number; sendErrors: number };
  /** What the kernel had dropped when it was closed; it can't be asked after that. */
  dropsAtEnd?: number;
}

interface ReceiveSocket {
  readonly fd: Fd;
  readonly protocol: 112 | 51;
  readonly registration: Registration;
}

/**
 * The VRRP sockets of this process. `onDatagram` is called during reading, with the key of the pair; `now` stamps the datagrams. Those that
 * are read in one go are read inside one call of `together`.
 */
export function openVrrpSockets(
  readiness: Readiness,
  now: () => MonoMs,
  onDatagram: (datagram: VrrpDatagram, key: string) => void,
  together: (read: () => void) => void = (read) => read(),
): VrrpSockets {
  const pairs = new Map<string, Pair>();
  const unfiltered = new Set<Pair>();
  const receiver = openReceiver(RECEIVE_BYTES);

  function read(pair: Pair, fd: Fd, limit: number): void {
    for (let i = 0; i < limit; i++) if (!readOne(pair, fd, receiver, now, onDatagram)) return;
  }

  function open(endpoint: VrrpEndpoint, options: VrrpSocketOptions, vrid: number): Pair {
    const key = endpointKey(endpoint);
    const opened: Fd[] = [];
    const keep = (fd: Fd) => {
      opened.push(fd);
      return fd;
    };
    try {
      const protocols = heardProtocols(endpoint);
      const fds = protocols.map((protocol) => keep(openReceiveSocket({ ...endpoint, protocol }, options, [vrid])));
      const sendFd = keep(openSendSocket(endpoint, options));
      const counters = { received: 0, receiveErrors: 0, sent: 0, sendErrors: 0 };
      const receivers = fds.map((fd, i): ReceiveSocket => {
        const registration = readiness.add(fd, "read", () => together(() => read(pair, fd, MAX_READS_PER_TURN)));
        return { fd, protocol: protocols[i] ?? endpoint.protocol, registration };
      });
      const pair: Pair = { key, endpoint, options, receivers, sendFd, vrids: new Map(), counters };
      return pair;
    } catch (error) {
      for (const fd of opened) close(fd);
      throw error;
    }
  }

  /** Once for all VRIDs that a turn adds: a program grows with them, and several hundred of them take their time. */
  function filterSoon(pair: Pair): void {
    if (unfiltered.size === 0) queueMicrotask(filterAll);
    unfiltered.add(pair);
  }

  function filterAll(): void {
    for (const pair of unfiltered) applyFilter(pair);
    unfiltered.clear();
  }

  function closePair(pair: Pair): void {
    pairs.delete(pair.key);
    unfiltered.delete(pair);
    pair.dropsAtEnd = dropsOf(pair);
    for (const { registration, fd } of pair.receivers) {
      registration.remove();
      close(fd);
    }
    close(pair.sendFd);
  }

  return {
    acquire(endpoint, vrid, options = {}) {
      const key = endpointKey(endpoint);
      const pair = pairs.get(key) ?? open(endpoint, options, vrid);
      pairs.set(key, pair);
      pair.vrids.set(vrid, (pair.vrids.get(vrid) ?? 0) + 1);
      filterSoon(pair);
      let held = true;
      return {
        key,
        fds: { in: pair.receivers[0]?.fd ?? NO_FD, out: pair.sendFd },
        receiveBufferBytes: pair.options.receiveBufferBytes,
        send: (destination, bytes, source) => send(pair, destination, bytes, source),
        rehearse: (destination, bytes, source) => void transmit(pair, destination, bytes, source, MSG_PROBE),
        counters: () => ({ ...pair.counters, drops: dropsOf(pair) }),
        release() {
          if (!held) return;
          held = false;
          const users = (pair.vrids.get(vrid) ?? 1) - 1;
          if (users > 0) pair.vrids.set(vrid, users);
          else pair.vrids.delete(vrid);
          if (pairs.get(key) !== pair) return;
          if (pair.vrids.size === 0) closePair(pair);
          else applyFilter(pair);
        },
      };
    },
    drain(all) {
      const limit = all ? MAX_DRAIN : MAX_READS_PER_TURN;
      together(() => {
        for (const pair of pairs.values()) for (const { fd } of pair.receivers) read(pair, fd, limit);
      });
    },
    [Symbol.dispose]() {
      for (const pair of [...pairs.values()]) closePair(pair);
    },
  };
}

/** One datagram; false when none waits. A failed read is counted and ends the turn: the error is taken, the next one goes on. */
function readOne(
  pair: Pair,
  fd: Fd,
  receiver: Receiver,
  now: () => MonoMs,
  onDatagram: (datagram: VrrpDatagram, key: string) => void,
): boolean {
  let message: ReturnType<Receiver["receive"]>;
  try {
    message = receiver.receive(fd);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    pair.counters.receiveErrors++;
    return false;
  }
  if (!message) return false;
  pair.counters.received++;
  const { from, ancillary } = message;
  if (from.family !== "inet" && from.family !== "inet6") return true;
  const { localAddress, hops, interfaceIndex, arrivedWallMs } = ancillary;
  const ageMs = arrivedWallMs === undefined ? 0 : wallClockMs() - arrivedWallMs;
  onDatagram(
    {
      family: pair.endpoint.family,
      bytes: message.payload,
      source: from.address,
      ...(localAddress && { destination: localAddress }),
      ...(hops !== undefined && pair.endpoint.family === 6 && { hopLimit: hops }),
      truncated: message.truncated,
      ...(interfaceIndex !== undefined && { interfaceIndex }),
      receivedAt: now() - (ageMs > 0 && ageMs < MAX_AGE_MS ? ageMs : 0),
    },
    pair.key,
  );
  return true;
}

/** kernel: SO_MEMINFO is eight words and sk_drops. */
function dropsOf(pair: Pair): number {
  if (pair.dropsAtEnd !== undefined) return pair.dropsAtEnd;
  const words = new Uint32Array(9);
  let drops = 0;
  for (const { fd } of pair.receivers) {
    getsockopt(fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(words.buffer));
    drops += words[8] ?? 0;
  }
  return drops;
}

function send(pair: Pair, destination: Uint8Array, bytes: Uint8Array, source: Uint8Array): SendOutcome {
  const outcome = transmit(pair, destination, bytes, source, 0);
  if (outcome.ok) pair.counters.sent++;
  else pair.counters.sendErrors++;
  return outcome;
}

function transmit(
  { endpoint, sendFd: fd }: Pair,
  destination: Uint8Array,
  bytes: Uint8Array,
  source: Uint8Array,
  more: number,
): SendOutcome {
  const index = endpoint.interface?.index ?? 0;
  // Multicast stays on the link whatever the routing table says.
  const flags = more | (endpoint.target.kind === "multicast" ? MSG_DONTROUTE : 0);
  try {
    const linkLocal = destination[0] === 0xfe || destination[0] === 0xff;
    const to = inetAddress(destination, 0, endpoint.family === 6 && linkLocal ? index : 0);
    const count =
      endpoint.family === 4
        ? sendTo(fd, bytes, to, flags)
        : sendMessage(fd, { parts: [bytes], to, control: [pktinfo6(index, source)] }, flags);
    return count === undefined ? { ok: false, code: "EAGAIN" } : { ok: true };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { ok: false, code: error.code };
  }
}

function applyFilter(pair: Pair): void {
  const { allVrids, sourceMac } = pair.options;
  if (allVrids && !sourceMac) return;
  const { family } = pair.endpoint;
  for (const { fd, protocol } of pair.receivers)
    attachFilter(fd, vridFilter({ family, protocol, vrids: pair.vrids.keys(), sourceMac }));
}
