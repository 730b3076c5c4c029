// Adapter: commands to the kernel's network tables by rtnetlink, hundreds at a time, and reading the tables whole. Every answer is
// tied to its object and has a meaning (rtnl.md §8).
import { errnoName, SyscallError } from "../../ffi/errno.ts";
import { getsockname } from "../../ffi/socket.ts";
import { dumpAddresses } from "../net/addresses.ts";
import { decodeLink, dumpLinks, getLink } from "../net/links.ts";
import type { Link } from "../net/model.ts";
import type { NetCommand } from "../net/plan.ts";
import { type NetlinkRequest, NLM_F_ACK } from "../net/request.ts";
import { dumpRoutes } from "../net/routes.ts";
import {
  decodeNetMessage,
  encodeCommand,
  errorMeaning,
  type Meaning,
  type NetMessage,
  routeProtocolOf,
} from "../net/rtnetlink.ts";
import { dumpRules } from "../net/rules.ts";
import { applyMessage, emptyState, type SeenState } from "../net/seen.ts";
import { NETLINK_ROUTE, type NetlinkAnswer, openNetlink } from "./netlink-socket.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";

/** kernel: netlink_rcv_skb() acknowledges it, and that is all. */
const NLMSG_NOOP = 1;
const RTM_NEWADDR = 20;
const RTM_NEWLINK = 16;
const RTM_NEWROUTE = 24;
const RTM_NEWRULE = 32;

export interface CommandOutcome {
  readonly command: NetCommand;
  readonly meaning: "done" | Meaning;
  /** Name of the errno, when it was not done. */
  readonly code?: string;
  /** `address 192.0.2.1/24 on interface 3: EPERM`, with the kernel's own words when it had any. */
  readonly message?: string;
}

/** What is read besides links and addresses. */
export interface TableScope {
  /** rtm_protocol numbers of the routes that matter; none: routes are not looked at. */
  readonly routeProtocols: readonly number[];
  readonly rules: boolean;
}

export interface Rtnetlink {
  /** Netlink port of the command socket: changes that it asked for carry it. */
  readonly portId: number;
  /** Runs the commands in order, goes on after a failed one; one outcome each. @throws SyscallError when the socket fails */
  apply(commands: readonly NetCommand[]): readonly CommandOutcome[];
  /**
   * Does all of apply() but the commands: the kernel is asked for nothing. The list, handed to apply() next, is encoded already.
   * @throws SyscallError when the socket fails
   */
  rehearse(commands: readonly NetCommand[]): void;
  /** Runs requests in order; one answer each. @throws SyscallError when the socket fails */
  requestAll(requests: readonly NetlinkRequest[]): readonly NetlinkAnswer[];
  /** One request that must succeed. @throws SyscallError with the kernel's errno */
  request(request: NetlinkRequest): void;
  /** A link by name; undefined when there is none. @throws SyscallError */
  link(name: string): Link | undefined;
  /** The tables as they are now. @throws SyscallError */
  read(scope: TableScope): SeenState;
  /** `vrrp_netlink_cmd_rcv_bufs`, at least what a burst of failures needs; undefined: 1 MiB. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}

/** @throws SyscallError when the kernel has no rtnetlink for us */
export function openRtnetlink(): Rtnetlink {
  const socket = openNetlink(NETLINK_ROUTE);
  const name = getsockname(socket.fd);
  /** What was rehearsed last is at hand when it is applied. */
  let rehearsed: { readonly commands: readonly NetCommand[]; readonly requests: readonly NetlinkRequest[] } | undefined;

  function dump(
    request: NetlinkRequest,
    answerType: number,
    isWanted: (payload: Uint8Array) => boolean,
    state: () => SeenState,
    restart: () => void,
  ): void {
    const keep = (message: NetMessage | undefined) => {
      if (message) applyMessage(state(), message, () => true, false);
    };
    const visit = (payload: Uint8Array) => {
      if (isWanted(payload)) keep(decodeNetMessage(answerType, payload));
    };
    const write = (writer: { raw(bytes: Uint8Array): void }) => writer.raw(request.payload);
    socket.dump(request.type, request.what, write, visit, restart);
  }

  /** One table at a time, each into a state of its own: a dump that has to be read again forgets only its own. */
  function readInto(
    total: SeenState,
    request: NetlinkRequest,
    answerType: number,
    isWanted: (payload: Uint8Array) => boolean = () => true,
  ): void {
    let part = emptyState();
    dump(
      request,
      answerType,
      isWanted,
      () => part,
      () => {
        part = emptyState();
      },
    );
    for (const [key, value] of part.links) total.links.set(key, value);
    for (const [key, value] of part.addresses) total.addresses.set(key, value);
    for (const [key, value] of part.routes) total.routes.set(key, value);
    for (const [key, value] of part.rules) total.rules.set(key, value);
  }

  /** kernel: the protocol that is asked for counts on a socket with this check alone, and others' tables may have a million routes. */
  function readRoutes(total: SeenState, family: 4 | 6, protocol: number): void {
    const isWanted = (payload: Uint8Array) => routeProtocolOf(RTM_NEWROUTE, payload) === protocol;
    socket.setStrictCheck(true);
    try {
      readInto(total, dumpRoutes(family, protocol), RTM_NEWROUTE, isWanted);
    } finally {
      socket.setStrictCheck(false);
    }
  }

  return {
    portId: name.family === "netlink" ? name.portId : 0,
    apply(commands) {
      const requests = rehearsed?.commands === commands ? rehearsed.requests : commands.map(encodeQuietly);
      rehearsed = undefined;
      const answers = socket.requestAll(requests);
      return commands.map((command, i) => outcome(command, requests[i]?.what ?? "", answers[i] ?? { errno: 0 }));
    },
    rehearse(commands) {
      const requests = commands.map(encodeQuietly);
      rehearsed = { commands, requests };
      const answers = socket.requestAll(requests.map((request) => ({ ...request, type: NLMSG_NOOP })));
      commands.map((command, i) => outcome(command, "", answers[i] ?? { errno: 0 }));
    },
    requestAll: (requests) => socket.requestAll(requests),
    request(request) {
      const [answer] = socket.requestAll([request]);
      if (!answer || answer.errno === 0) return;
      throw new SyscallError("rtnetlink", answer.errno, withText(request.what, answer));
    },
    link(linkName) {
      const request = getLink(linkName);
      try {
        const payload = socket.ask(request.type, request.what, (writer) => writer.raw(request.payload));
        return payload && decodeLink(payload);
      } catch (error) {
        if (error instanceof SyscallError && error.code === "ENODEV") return undefined;
        throw error;
      }
    },
    read(scope) {
      const state = emptyState();
      readInto(state, dumpLinks(), RTM_NEWLINK);
      for (const family of [4, 6] as const) {
        readInto(state, dumpAddresses(family), RTM_NEWADDR);
        if (scope.rules) readInto(state, dumpRules(family), RTM_NEWRULE);
        for (const protocol of scope.routeProtocols) readRoutes(state, family, protocol);
      }
      return state;
    },
    setReceiveBuffer: (wish) => socket.setReceiveBuffer(wish),
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

/** Only failures answer, and the last one of a window: half the messages. */
function encodeQuietly(command: NetCommand): NetlinkRequest {
  const request = encodeCommand(command);
  return { ...request, flags: request.flags & ~NLM_F_ACK };
}

function outcome(command: NetCommand, what: string, answer: NetlinkAnswer): CommandOutcome {
  if (answer.errno === 0) return { command, meaning: "done" };
  const code = errnoName(answer.errno);
  const message = `${withText(what, answer)}: ${code}`;
  return { command, meaning: errorMeaning(command.kind, code), code, message };
}

function withText(what: string, answer: NetlinkAnswer): string {
  return answer.text === undefined ? what : `${what}: ${answer.text}`;
}
