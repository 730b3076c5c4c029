// Adapter: how the parent makes two of its processes known to each other: it hands each one end of a pair of sockets, over a socket that
// both were born with (SCM_RIGHTS, unix(7)). So none of them has to open, name or judge a UNIX socket, and none may.
import { asFd, close, type Fd } from "../../ffi/fd.ts";
import { type ControlMessage, openReceiver, sendMessage } from "../../ffi/message.ts";
import { SOCK_NONBLOCK, SOCK_SEQPACKET, shutdown, socketPair } from "../../ffi/socket.ts";
import { type MessageEvents, type MessageSocket, openMessages } from "./message-socket.ts";
import type { Readiness } from "./readiness.ts";

const SHUT_RD = 0;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** The descriptor arrives closed on exec. */
const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** A word says who is at the other end. */
const WORD_BYTES = 64;

/** Descriptors of two connected sockets that keep the bounds of messages, closed on exec. @throws SyscallError EMFILE */
export function openMessagePair(): readonly [ours: number, theirs: number] {
  return socketPair(SOCK_SEQPACKET | SOCK_NONBLOCK);
}

/**
 * The pair over which a process hears from its parent of others. Only the parent speaks. kernel: descriptors on their way count for the user, and
 * where the reader never comes they keep all of root's processes without CAP_SYS_RESOURCE from handing any over (unix(7), ETOOMANYREFS).
 * @throws SyscallError EMFILE
 */
export function openIntroductions(): readonly [ours: number, theirs: number] {
  const pair = openMessagePair();
  shutdown(asFd(pair[0]), SHUT_RD);
  return pair;
}

/** A process as its parent introduces it: what it is called, and the parent's end of the socket that it was born with. */
export interface Acquaintance {
  readonly name: string;
  readonly through: number;
}

/** Connects two processes. False when one of them takes nothing, or is gone. @throws SyscallError EMFILE */
export function introduce(one: Acquaintance, other: Acquaintance): boolean {
  const [end, otherEnd] = openMessagePair().map(asFd);
  if (end === undefined || otherEnd === undefined) return false;
  try {
    return handOver(asFd(one.through), end, other.name) && handOver(asFd(other.through), otherEnd, one.name);
  } finally {
    close(end);
    close(otherEnd);
  }
}

function handOver(through: Fd, end: Fd, word: string): boolean {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setInt32(0, end, true);
  const control: ControlMessage[] = [{ level: SOL_SOCKET, type: SCM_RIGHTS, data }];
  try {
    return sendMessage(through, { parts: [new TextEncoder().encode(word)], control }) !== undefined;
  } catch {
    return false;
  }
}

/** Its end of a connection, and who the parent says is at the other one. Has to be opened. */
export type Introduced = (open: (events: MessageEvents) => MessageSocket, word: string) => void;

/** Takes what is handed over for as long as this process lives. @param through a descriptor that it was born with */
export function takeIntroductions(readiness: Readiness, through: number, introduced: Introduced): void {
  const fd = asFd(through);
  const receiver = openReceiver(WORD_BYTES);
  const registration = readiness.add(fd, "read", () => {
    for (;;) {
      const message = receiver.receive(fd, MSG_CMSG_CLOEXEC);
      // No word: the parent is gone, which its channel tells.
      if (!message || message.payload.byteLength === 0) {
        if (message) registration.remove();
        return;
      }
      const word = new TextDecoder().decode(message.payload);
      for (const { level, type, data } of message.control) {
        if (level !== SOL_SOCKET || type !== SCM_RIGHTS) continue;
        const end = descriptorIn(data);
        introduced((events) => openMessages(readiness, end, events), word);
      }
    }
  });
}

function descriptorIn(data: Uint8Array): Fd {
  return asFd(new DataView(data.buffer, data.byteOffset, data.byteLength).getInt32(0, true));
}
