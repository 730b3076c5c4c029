// Adapter: short texts between two processes of a director over a UNIX socket that keeps their bounds (SOCK_SEQPACKET): a process that
// ends in the middle of one leaves no half of it. The parent has made it (introductions.ts).
import { close, type Fd } from "../../ffi/fd.ts";
import { recv, send } from "../../ffi/socket.ts";
import type { Readiness } from "./readiness.ts";

/** A longer one is not sent. */
const MAX_MESSAGE_BYTES = 65_536;
/** What may wait for a process that does not read. */
const MAX_QUEUED = 4096;
/** Read at a time, so that others get their turn. */
const MESSAGES_PER_TURN = 32;

export interface MessageSocket {
  /** False when it is too long, too many wait, or the other side is gone. */
  send(text: string): boolean;
  /** Messages that the other side has not taken yet. */
  waiting(): number;
  close(): void;
}

export interface MessageEvents {
  message(text: string): void;
  /** The other side is gone. Once, and not after close(). */
  closed(): void;
}

/** Over a non-blocking descriptor, which it owns from now on. */
export function openMessages(readiness: Readiness, fd: Fd, events: MessageEvents): MessageSocket {
  const buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const waiting: Uint8Array[] = [];
  let open = true;

  function end(): void {
    if (!open) return;
    open = false;
    registration.leave();
    close(fd);
  }

  function fail(): void {
    if (!open) return;
    end();
    events.closed();
  }

  function flush(): void {
    try {
      for (let next = waiting[0]; open && next; next = waiting[0]) {
        if (send(fd, next) === undefined) {
          registration.setInterest("read-write");
          return;
        }
        waiting.shift();
      }
      registration.setInterest("read");
    } catch {
      fail();
    }
  }

  function read(): void {
    try {
      for (let turn = 0; open && turn < MESSAGES_PER_TURN; turn++) {
        const count = recv(fd, buffer);
        if (count === undefined) return;
        if (count === 0) {
          fail();
          return;
        }
        events.message(decoder.decode(buffer.subarray(0, count)));
      }
    } catch {
      fail();
    }
  }

  const registration = readiness.add(fd, "read", ({ readable, writable, failed }) => {
    if (readable || failed) read();
    if (open && writable && waiting.length > 0) flush();
  });
  return {
    send(text) {
      const bytes = encoder.encode(text);
      if (!open || bytes.byteLength > MAX_MESSAGE_BYTES || waiting.length >= MAX_QUEUED) return false;
      waiting.push(bytes);
      if (waiting.length === 1) flush();
      return open;
    },
    waiting: () => waiting.length,
    close: end,
  };
}
