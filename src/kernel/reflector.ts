// Adapter: one socket that hears what changes in the kernel's links, addresses, routes and rules, and the picture that follows from
// it. The groups are joined before the tables are read, so nothing in between is lost; when the kernel had to drop messages
// (ENOBUFS), the tables are read again and the difference is told as events.
import { ENOBUFS, SyscallError } from "../../ffi/errno.ts";
import { close } from "../../ffi/fd.ts";
import { AF_NETLINK } from "../../ffi/sockaddr.ts";
import { bind, recvFrom, SOCK_NONBLOCK, SOCK_RAW, setsockoptInt, socket } from "../../ffi/socket.ts";
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import { decodeMessages } from "../net/message.ts";
import { addressKey, IFA_F_DEPRECATED, IFA_F_PERMANENT, type NetRoute, type SeenTables } from "../net/model.ts";
import type { NetCommand } from "../net/plan.ts";
import { decodeNetMessage, type NetMessage, type NetObject, RTNLGRP } from "../net/rtnetlink.ts";
import { applyMessage, differences, type NetEvent, type SeenState } from "../net/seen.ts";
import { NETLINK_ROUTE } from "./netlink-socket.ts";
import type { Readiness } from "./readiness.ts";
import { type ReceiveBuffer, setReceiveBuffer } from "./receive-buffer.ts";
import type { CommandOutcome, Rtnetlink, TableScope } from "./rtnetlink.ts";

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
/** keepalived asks for 64 KiB and loses changes; this holds some ten thousand. */
const RECEIVE_BUFFER: ReceiveBuffer = { bytes: 4 * 1024 * 1024, force: true };
const RECEIVE_BYTES = 64 * 1024;
/** Datagrams read before other sockets get a turn. */
const MAX_READS_PER_TURN = 64;
/** Datagrams read by drain(): as many as the events of the largest change that we make ourselves. */
const MAX_DRAIN = 20_000;
/** The tables are not read more often than this, however fast others change them. */
const MIN_RESYNC_MS = 250;

export interface ReflectorOptions {
  readonly scope: TableScope;
  /** Absent: 4 MiB. */
  readonly receiveBuffer?: ReceiveBuffer;
}

export interface ReflectorCounters {
  readonly messages: number;
  /** Messages that did not come from the kernel, and were dropped. */
  readonly strangers: number;
  /** Times that the kernel dropped messages for us. */
  readonly overruns: number;
  /** Times that the tables were read again because of that. */
  readonly resyncs: number;
  /** Changes that only reading the tables again brought to light. */
  readonly missed: number;
}

export interface Reflector {
  /** The tables as far as heard; changes under the reader's hands. */
  readonly seen: SeenTables;
  /** As long as it is the same, so is `seen`. */
  readonly revision: number;
  counters(): ReflectorCounters;
  /** Reads what waits now. */
  drain(): void;
  /** Runs commands; settle() follows. @throws SyscallError when the command socket fails */
  apply(commands: readonly NetCommand[]): readonly CommandOutcome[];
  /**
   * Works in the echo of what was applied, which the kernel has queued by then: `seen` is current afterwards, and the events of these
   * changes have `ours`. Of its own, because it takes longer than the commands, and neighbours wait for an announcement.
   */
  settle(): void;
  /** Does all of apply() but the commands. @throws SyscallError when the command socket fails */
  rehearse(commands: readonly NetCommand[]): void;
  /** Reads the tables and tells what was missed as events; how many there were. @throws SyscallError */
  audit(): number;
  /** Listens for another scope from now on (a reload that brings the first route). @throws SyscallError */
  setScope(scope: TableScope): void;
  /** `vrrp_netlink_monitor_rcv_bufs`; undefined: 4 MiB. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}

/**
 * Opens it and reads the tables; what is there at first makes no events. `onEvents` gets the changes of one turn together; events
 * that this process' commands caused have `ours`.
 * @throws SyscallError
 */
export function openReflector(
  readiness: Readiness,
  clock: Clock,
  commands: Rtnetlink,
  options: ReflectorOptions,
  onEvents: (events: readonly NetEvent[]) => void,
): Reflector {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_ROUTE);
  const buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  const counters = { messages: 0, strangers: 0, overruns: 0, resyncs: 0, missed: 0 };
  const joined = new Set<number>();
  let scope = options.scope;
  let lost = false;
  let lastResyncAt: MonoMs = Number.NEGATIVE_INFINITY;
  let waiting: Cancel | undefined;
  let open = true;
  let revision = 0;

  let state: SeenState;
  try {
    bind(fd, { family: "netlink", portId: 0, groups: 0 });
    setReceiveBuffer(fd, options.receiveBuffer ?? RECEIVE_BUFFER);
    join();
    state = commands.read(scope);
  } catch (error) {
    close(fd);
    throw error;
  }
  const registration = readiness.add(fd, "read", () => read(MAX_READS_PER_TURN));

  function join(): void {
    const groups = [
      RTNLGRP.link,
      RTNLGRP.ipv4Address,
      RTNLGRP.ipv6Address,
      ...(scope.routeProtocols.length > 0 ? [RTNLGRP.ipv4Route, RTNLGRP.ipv6Route] : []),
      ...(scope.rules ? [RTNLGRP.ipv4Rule, RTNLGRP.ipv6Rule] : []),
    ];
    for (const group of groups) {
      if (joined.has(group)) continue;
      setsockoptInt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
      joined.add(group);
    }
  }

  /** kernel: IPv6 address messages don't say who asked, so what we have just done is looked up here. */
  const expected = new Set<string>();
  const unsettled: CommandOutcome[] = [];
  /** Addresses that the kernel has spoken of since: somebody may have taken away again what we have just added. */
  const spokenOf = new Set<string>();
  const isOurs = (change: NetMessage, port: number) =>
    port === commands.portId || (expected.size > 0 && expected.has(changeKey(change.removed, change.object)));

  const keepRoute = (route: NetRoute) => scope.routeProtocols.includes(route.protocol);

  function read(limit: number): void {
    const events: NetEvent[] = [];
    for (let i = 0; open && i < limit; i++) {
      const datagram = receive();
      if (datagram === "none") break;
      if (datagram === "skip") continue;
      takeIn(datagram, events);
    }
    if (events.length > 0) onEvents(events);
    if (lost) resyncSoon();
  }

  function receive(): Uint8Array | "none" | "skip" {
    try {
      const received = recvFrom(fd, buffer);
      if (!received) return "none";
      // Only the kernel speaks for the kernel: any local process may send to our port.
      if (received.from.family !== "netlink" || received.from.portId !== 0) {
        counters.strangers++;
        return "skip";
      }
      return buffer.subarray(0, received.count);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (error.errno === ENOBUFS) counters.overruns++;
      lost = true;
      return "skip";
    }
  }

  function takeIn(datagram: Uint8Array, events: NetEvent[]): void {
    revision++;
    for (const message of decodeMessages(datagram).messages) {
      counters.messages++;
      if (message.kind === "overrun") {
        counters.overruns++;
        lost = true;
      }
      // What is queued behind a loss would be worked into a wrong picture: it is read anew anyway.
      if (message.kind !== "data" || lost) continue;
      const change = decodeNetMessage(message.type, message.payload, message.flags);
      if (!change) continue;
      if (unsettled.length > 0 && change.object.kind === "address") spokenOf.add(addressKey(change.object.address));
      const ours = isOurs(change, message.port);
      const found = applyMessage(state, change, keepRoute, ours);
      // Port 0 is the kernel itself.
      if (ours || message.port === 0) events.push(...found);
      else for (const event of found) events.push({ ...event, by: message.port });
    }
  }

  /** kernel: an IPv6 address is told of by a work queue, some time after it was acknowledged. */
  function takeForGranted(outcomes: readonly CommandOutcome[]): void {
    const events: NetEvent[] = [];
    for (const { command, meaning } of outcomes) {
      if (command.kind !== "add-address" || (meaning !== "done" && meaning !== "already-so")) continue;
      const { address } = command;
      if (spokenOf.has(addressKey(address))) continue;
      const flags = address.flags | IFA_F_PERMANENT | (address.preferredS === 0 ? IFA_F_DEPRECATED : 0);
      const object = { kind: "address" as const, address: { ...address, flags, scope: address.scope ?? 0 } };
      events.push(...applyMessage(state, { removed: false, object }, keepRoute, true));
      revision++;
    }
    if (events.length > 0) onEvents(events);
  }

  function resyncSoon(): void {
    if (waiting) return;
    const earliest = lastResyncAt + MIN_RESYNC_MS;
    if (clock.now() >= earliest) resync();
    else
      waiting = clock.at(earliest, () => {
        waiting = undefined;
        if (open) resync();
      });
  }

  function resync(): number {
    // What is queued is older than the reading to come.
    for (let i = 0; i < MAX_DRAIN && receive() !== "none"; i++);
    if (lost) counters.resyncs++;
    lost = false;
    lastResyncAt = clock.now();
    const before = state;
    state = commands.read(scope);
    revision++;
    const events = differences(before, state);
    counters.missed += events.length;
    if (events.length > 0) onEvents(events);
    return events.length;
  }

  return {
    get seen() {
      return state;
    },
    get revision() {
      return revision;
    },
    counters: () => ({ ...counters }),
    drain: () => read(MAX_DRAIN),
    apply(list) {
      // What others did before is theirs.
      read(MAX_DRAIN);
      const outcomes = commands.apply(list);
      for (const { command, meaning } of outcomes)
        if (meaning === "done" && (command.kind === "add-address" || command.kind === "delete-address"))
          expected.add(changeKey(command.kind === "delete-address", { kind: "address", address: command.address }));
      unsettled.push(...outcomes);
      return outcomes;
    },
    settle() {
      if (unsettled.length === 0) return;
      read(MAX_DRAIN);
      expected.clear();
      takeForGranted(unsettled.splice(0));
      spokenOf.clear();
    },
    rehearse(list) {
      read(MAX_DRAIN);
      commands.rehearse(list);
      read(MAX_DRAIN);
    },
    audit() {
      read(MAX_DRAIN);
      return resync();
    },
    setScope(next) {
      if (sameScope(scope, next)) return;
      scope = next;
      join();
      resync();
    },
    setReceiveBuffer: (wish) => setReceiveBuffer(fd, wish ?? RECEIVE_BUFFER),
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      waiting?.();
      registration.remove();
      close(fd);
    },
  };
}

function sameScope(a: TableScope, b: TableScope): boolean {
  return a.rules === b.rules && a.routeProtocols.join() === b.routeProtocols.join();
}

/** Only addresses need it; empty for the rest. */
function changeKey(removed: boolean, object: NetObject): string {
  return object.kind === "address" ? `${removed ? "-" : "+"}${addressKey(object.address)}` : "";
}
