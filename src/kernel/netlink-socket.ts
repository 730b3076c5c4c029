// Adapter: a netlink socket for questions and commands. The kernel works on a request inside the call that sends it, and on the next
// piece of a dump inside the call that takes one: when an answer is not there at once, there is none. Multicast is the reflector's.
import { EAGAIN, EINTR, EMSGSIZE, SyscallError } from "../../ffi/errno.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { lastErrno, libc } from "../../ffi/index.ts";
import { AF_NETLINK } from "../../ffi/sockaddr.ts";
import { bind, MSG_DONTWAIT, MSG_TRUNC, SOCK_RAW, socket, trySetsockopt } from "../../ffi/socket.ts";
import { type AttributeWriter, attributeWriter } from "../net/attributes.ts";
import { beginMessage, type DecodedMessages, decodeMessages, endMessage, setMessageFlags } from "../net/message.ts";
import { type NetlinkRequest, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "../net/request.ts";
import { type ReceiveBuffer, setReceiveBuffer } from "./receive-buffer.ts";

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
export const NETLINK_GENERIC = 16;

const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

/** Requests on the way at a time: their answers all fit the receive buffer, even when every one is an error. */
const WINDOW_REQUESTS = 128;
const WINDOW_BYTES = 64 * 1024;
/** kernel: no dump comes in larger pieces than 32 KiB. */
const RECEIVE_BYTES = 64 * 1024;
/** Unless somebody asks for another. */
const RECEIVE_BUFFER: ReceiveBuffer = { bytes: 1024 * 1024, force: true };
/** kernel: doubles it, so the answers of a whole window fit. */
const LEAST_RECEIVE_BUFFER_BYTES = 128 * 1024;
/** A table that changes all the time is read this often; the last reading is taken as it is. */
const MAX_DUMP_TRIES = 4;

/** What became of one request: errno 0 is done. */
export interface NetlinkAnswer {
  readonly errno: number;
  /** The kernel's own words, when it has any. */
  readonly text?: string;
}

/** Writes what follows nlmsghdr. */
export type WriteBody = (writer: AttributeWriter) => void;

export interface NetlinkSocket {
  readonly fd: Fd;
  /**
   * Sends `count` commands of one message type in order; the kernel goes on after a failed one. One answer each.
   * @throws SyscallError when the socket itself fails: then nobody knows how far it went
   */
  transact(type: number, count: number, write: (writer: AttributeWriter, index: number) => void): NetlinkAnswer[];
  /** The same for requests that are encoded already, each with its own type and flags. @throws SyscallError */
  requestAll(requests: readonly NetlinkRequest[]): NetlinkAnswer[];
  /** One question with at most one answer message, a copy. @throws SyscallError with the kernel's errno */
  ask(type: number, what: string, write: WriteBody): Uint8Array | undefined;
  /**
   * Reads a dump; `visit` sees each payload, which is only good inside it. A dump that changed while it was read is read again,
   * after a `restart` that forgets what was seen.
   * @throws SyscallError with the kernel's errno
   */
  dump(type: number, what: string, write: WriteBody, visit: (payload: Uint8Array) => void, restart?: () => void): void;
  /** Dumps are filtered by the kernel as their request says (since 4.20), and a request that it does not understand is refused. */
  setStrictCheck(on: boolean): void;
  /** `*_netlink_cmd_rcv_bufs`; undefined: 1 MiB. Never less than the answers to a window of requests take. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}

/** Opens a socket of a netlink protocol. @throws SyscallError EPROTONOSUPPORT when the kernel has no such protocol */
export function openNetlink(protocol: number): NetlinkSocket {
  const fd = socket(AF_NETLINK, SOCK_RAW, protocol);
  try {
    configure(fd);
  } catch (error) {
    close(fd);
    throw error;
  }
  const exchange = exchangeOn(fd);
  const { writer } = exchange;
  let isOpen = true;

  return {
    fd,
    transact: (type, count, write) =>
      pipeline(exchange, count, (index, number) => {
        const mark = beginMessage(writer, type, NLM_F_REQUEST, number);
        write(writer, index);
        endMessage(writer, mark);
        return { mark, flags: NLM_F_REQUEST };
      }),
    requestAll: (requests) =>
      pipeline(exchange, requests.length, (index, number) => {
        const request = requests[index];
        if (!request) throw new RangeError(`request ${index} of ${requests.length}`);
        const mark = beginMessage(writer, request.type, request.flags, number);
        writer.raw(request.payload);
        endMessage(writer, mark);
        return { mark, flags: request.flags };
      }),
    ask(type, what, write) {
      const number = exchange.nextSequence();
      writer.truncate(0);
      const mark = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_ACK, number);
      write(writer);
      endMessage(writer, mark);
      exchange.send();
      let found: Uint8Array | undefined;
      for (let received = exchange.receive(); received; received = exchange.receive()) {
        for (const message of received.messages) {
          if (message.kind === "overrun" || message.sequence !== number) continue;
          if (message.kind === "data") found = message.payload.slice();
          else if (message.errno !== 0) throw failed(what, message);
          else return found;
        }
      }
      throw failed(what, NO_ANSWER);
    },
    dump(type, what, write, visit, restart) {
      for (let tries = 1; ; tries++) {
        const number = exchange.nextSequence();
        writer.truncate(0);
        const mark = beginMessage(writer, type, NLM_F_REQUEST | NLM_F_DUMP, number);
        write(writer);
        endMessage(writer, mark);
        exchange.send();
        const interrupted = readDump(exchange, number, what, visit);
        if (!interrupted || tries >= MAX_DUMP_TRIES) return;
        restart?.();
      }
    },
    setStrictCheck: (on) =>
      void trySetsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, new Uint8Array([on ? 1 : 0, 0, 0, 0])),
    setReceiveBuffer({ bytes, force } = RECEIVE_BUFFER) {
      setReceiveBuffer(fd, { bytes: Math.max(bytes, LEAST_RECEIVE_BUFFER_BYTES), force });
    },
    [Symbol.dispose]() {
      if (!isOpen) return;
      isOpen = false;
      close(fd);
    },
  };
}

/** What a socket says and hears: one request or one window of them at a time. */
interface Exchange {
  /** Of what send() sends. */
  readonly writer: AttributeWriter;
  nextSequence(): number;
  send(): void;
  receive(): DecodedMessages | undefined;
}

function exchangeOn(fd: Fd): Exchange {
  const writer = attributeWriter(WINDOW_BYTES + 4096);
  const buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  let sequence = 0;

  /** The number of the next request; never 0, which is the kernel's own for events. */
  function nextSequence(): number {
    sequence = (sequence + 1) >>> 0 || 1;
    return sequence;
  }

  function send(): void {
    const bytes = writer.written();
    for (;;) {
      if (libc.send(fd, bytes, bytes.byteLength, 0) >= 0) return;
      const errno = lastErrno();
      if (errno !== EINTR) throw new SyscallError("send", errno, `netlink ${bytes.byteLength} bytes`);
    }
  }

  /** What the kernel has said since; undefined when that was all. */
  function receive(): DecodedMessages | undefined {
    for (;;) {
      const count = libc.recv(fd, buffer, buffer.byteLength, MSG_TRUNC | MSG_DONTWAIT);
      if (count > buffer.byteLength) throw new SyscallError("recv", EMSGSIZE, `netlink answer of ${count} bytes`);
      if (count >= 0) return decodeMessages(buffer.subarray(0, count));
      const errno = lastErrno();
      if (errno === EAGAIN) return undefined;
      if (errno !== EINTR) throw new SyscallError("recv", errno, "netlink answer");
    }
  }

  return { writer, nextSequence, send, receive };
}

/** Sends requests in windows; only the last one of a window is acknowledged, the others answer when they fail. */
function pipeline(
  exchange: Exchange,
  count: number,
  write: (index: number, sequence: number) => { readonly mark: number; readonly flags: number },
): NetlinkAnswer[] {
  const { writer } = exchange;
  const answers: NetlinkAnswer[] = new Array(count).fill(DONE);
  for (let start = 0; start < count; ) {
    writer.truncate(0);
    let index = start;
    let first = 0;
    let last: { readonly mark: number; readonly flags: number } | undefined;
    let lastSequence = 0;
    for (; index < count && index - start < WINDOW_REQUESTS && writer.length() < WINDOW_BYTES; index++) {
      lastSequence = exchange.nextSequence();
      if (index === start) first = lastSequence;
      last = write(index, lastSequence);
      // The numbers wrapped: let this window end, so that they are consecutive in each.
      if (lastSequence === 0xffff_ffff) {
        index++;
        break;
      }
    }
    if (last) setMessageFlags(writer, last.mark, last.flags | NLM_F_ACK);
    exchange.send();
    collect(exchange, answers, start, first, lastSequence);
    start = index;
  }
  return answers;
}

function collect(exchange: Exchange, answers: NetlinkAnswer[], start: number, first: number, last: number): void {
  for (let received = exchange.receive(); received; received = exchange.receive()) {
    for (const message of received.messages) {
      if (message.kind !== "answer" || message.sequence < first || message.sequence > last) continue;
      const { errno, text } = message;
      if (errno !== 0) answers[start + message.sequence - first] = text === undefined ? { errno } : { errno, text };
      if (message.sequence === last) return;
    }
  }
  answers[start + last - first] = NO_ANSWER;
}

function readDump(exchange: Exchange, number: number, what: string, visit: (payload: Uint8Array) => void): boolean {
  let interrupted = false;
  for (let received = exchange.receive(); received; received = exchange.receive()) {
    interrupted ||= received.interrupted;
    for (const message of received.messages) {
      if (message.kind === "overrun" || message.sequence !== number) continue;
      if (message.kind === "data") visit(message.payload);
      else if (message.errno !== 0) throw failed(what, message);
      else if (message.kind === "done") return interrupted;
    }
  }
  throw failed(what, NO_ANSWER);
}

const DONE: NetlinkAnswer = { errno: 0 };
/** kernel: netlink_rcv_skb() acknowledges everything but EINTR (a sync daemon stopped before its thread first ran). */
const NO_ANSWER: NetlinkAnswer = { errno: EINTR, text: "no answer: the kernel was interrupted" };

function failed(what: string, message: { readonly errno: number; readonly text?: string }): SyscallError {
  return new SyscallError("netlink", message.errno, message.text === undefined ? what : `${what}: ${message.text}`);
}

function configure(fd: Fd): void {
  bind(fd, { family: "netlink", portId: 0, groups: 0 });
  setReceiveBuffer(fd, RECEIVE_BUFFER);
  // Errors without a copy of the request, with the kernel's words. Kernels that know neither answer at more length.
  const on = new Uint8Array([1, 0, 0, 0]);
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) trySetsockopt(fd, SOL_NETLINK, option, on);
}
