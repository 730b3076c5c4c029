// Adapter: one socket that hears what changes in the kernel's links, addresses, routes and rules, and the picture that follows from
// it. The groups are joined before the tables are read, so nothing in between is lost; when the kernel had to drop messages
// (ENOBUFS), the tables are read again and the difference is told as events.
import { close } from "../../ffi/fd.ts";
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import { decodeMessages } from "../net/message.ts";
import type { NetRoute, SeenTables } from "../net/model.ts";
import type { NetCommand } from "../net/plan.ts";
import { decodeNetMessage, RTNLGRP, routeProtocolOf } from "../net/rtnetlink.ts";
import { applyMessage, differences, type NetEvent, type SeenState } from "../net/seen.ts";
import { openChangeSocket } from "./change-socket.ts";
import { ownEcho } from "./own-echo.ts";
import type { Readiness } from "./readiness.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";
import type { CommandOutcome, Rtnetlink, TableScope } from "./rtnetlink.ts";

/** Datagrams read before other sockets get a turn. */
const MAX_READS_PER_TURN = 64;
/** Datagrams read by drain(): as many as the events of the largest change that we make ourselves. */
const MAX_DRAIN = 20_000;
/**
 * The same in time: it takes half of this for two thousand addresses of our own. Who sends router advertisements has the kernel tell of an
 * address 40,000 times a second: beyond it the tables are read, which costs less.
 */
const MAX_DRAIN_MS = 150;
/** Datagrams that are worked in before the tables are read anyway: only by them is known who made a change. */
const MAX_AUDIT = 1024;
/** The tables are not read more often than this, however fast others change them. */
const MIN_RESYNC_MS = 250;

export interface ReflectorOptions {
  readonly scope: TableScope;
  /** Absent: 4 MiB. */
  readonly receiveBuffer?: ReceiveBuffer;
}

export interface ReflectorCounters {
  readonly messages: number;
  /** Of them, those about routes of other protocols: not looked at. */
  readonly foreignRoutes: number;
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
  const socket = openChangeSocket(options.receiveBuffer);
  const echo = ownEcho(commands);
  const counters = { messages: 0, foreignRoutes: 0, strangers: 0, overruns: 0, resyncs: 0, missed: 0 };
  let scope = options.scope;
  let lost = false;
  let lastResyncAt: MonoMs = Number.NEGATIVE_INFINITY;
  let waiting: Cancel | undefined;
  let open = true;
  let revision = 0;

  let state: SeenState;
  try {
    socket.join(groupsOf(scope));
    state = commands.read(scope);
  } catch (error) {
    close(socket.fd);
    throw error;
  }
  const registration = readiness.add(socket.fd, "read", () => read(MAX_READS_PER_TURN));

  const keepRoute = (route: NetRoute) => scope.routeProtocols.includes(route.protocol);
  const isForeignRoute = (type: number, payload: Uint8Array) => {
    const protocol = routeProtocolOf(type, payload);
    return protocol !== undefined && !scope.routeProtocols.includes(protocol);
  };

  function read(limit: number): void {
    const events: NetEvent[] = [];
    const until = limit > MAX_READS_PER_TURN ? clock.now() + MAX_DRAIN_MS : Number.POSITIVE_INFINITY;
    for (let i = 0; open && i < limit; i++) {
      if (i % MAX_READS_PER_TURN === 0 && i > 0 && clock.now() > until) {
        lost = true;
        break;
      }
      const datagram = receive();
      if (datagram === "none") break;
      if (datagram === "skip") continue;
      takeIn(datagram, events);
    }
    if (events.length > 0) onEvents(events);
    if (lost) resyncSoon();
  }

  function receive(): Uint8Array | "none" | "skip" {
    const received = socket.receive();
    if (received === "stranger") counters.strangers++;
    else if (received === "overrun" || received === "failed") {
      if (received === "overrun") counters.overruns++;
      lost = true;
    } else return received;
    return "skip";
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
      if (isForeignRoute(message.type, message.payload)) {
        counters.foreignRoutes++;
        continue;
      }
      const change = decodeNetMessage(message.type, message.payload, message.flags);
      if (!change) continue;
      const ours = echo.hear(change, message.port);
      const found = applyMessage(state, change, keepRoute, ours);
      // Port 0 is the kernel itself.
      if (ours || message.port === 0) events.push(...found);
      else for (const event of found) events.push({ ...event, by: message.port });
    }
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
      echo.applied(outcomes);
      return outcomes;
    },
    settle() {
      if (!echo.waits()) return;
      read(MAX_DRAIN);
      const events: NetEvent[] = [];
      for (const object of echo.settle()) {
        events.push(...applyMessage(state, { removed: false, object }, keepRoute, true));
        revision++;
      }
      if (events.length > 0) onEvents(events);
    },
    rehearse(list) {
      read(MAX_DRAIN);
      commands.rehearse(list);
      read(MAX_DRAIN);
    },
    audit() {
      read(MAX_AUDIT);
      return resync();
    },
    setScope(next) {
      if (sameScope(scope, next)) return;
      scope = next;
      socket.join(groupsOf(scope));
      resync();
    },
    setReceiveBuffer: socket.setReceiveBuffer,
    [Symbol.dispose]() {
      if (!open) return;
      open = false;
      waiting?.();
      registration.remove();
      close(socket.fd);
    },
  };
}

function groupsOf(scope: TableScope): readonly number[] {
  return [
    RTNLGRP.link,
    RTNLGRP.ipv4Address,
    RTNLGRP.ipv6Address,
    ...(scope.routeProtocols.length > 0 ? [RTNLGRP.ipv4Route, RTNLGRP.ipv6Route] : []),
    ...(scope.rules ? [RTNLGRP.ipv4Rule, RTNLGRP.ipv6Rule] : []),
  ];
}

function sameScope(a: TableScope, b: TableScope): boolean {
  return a.rules === b.rules && a.routeProtocols.join() === b.routeProtocols.join();
}
