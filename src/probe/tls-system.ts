// Adapter: TLS of the system's library over the socket of a check. The library only turns bytes into bytes; what goes over the
// network, when, and for how long is ours as everywhere.
import type { CheckSocket } from "../kernel/check-socket.ts";
import type { Interest, Ready, Registration } from "../kernel/readiness.ts";
import type { TlsSession } from "../kernel/system-tls.ts";
import type { TlsConnection, TlsHandlers } from "./tls-connect.ts";

/** Bytes taken from the network before others get their turn. */
const READ_BYTES = 65_536;
const networkBuffer = new Uint8Array(new ArrayBuffer(READ_BYTES));
/** No record is longer than 16 kB. */
const plainBuffer = new Uint8Array(new ArrayBuffer(16_384));

export interface SystemTlsConnection extends TlsConnection {
  /** Says the first word; handlers are called from here on. */
  start(): void;
  onReady(ready: Ready): void;
}

/** What it takes over. */
export interface SystemTlsParts {
  readonly socket: CheckSocket;
  readonly registration: Registration;
  readonly session: TlsSession;
  /** How the socket is closed. */
  closeSocket(): void;
}

/** Speaks TLS on a connected socket. */
export function connectSystemTls(
  { socket, registration, session, closeSocket }: SystemTlsParts,
  handlers: TlsHandlers,
): SystemTlsConnection {
  let secured = false;
  let over = false;
  let unsent = new Uint8Array(0);
  /** The other side takes nothing any more. */
  let mute = false;
  let interest: Interest | undefined;

  function terminate(): void {
    if (over) return;
    over = true;
    registration.leave();
    closeSocket();
    session.free();
  }

  function closed(error: string | undefined): void {
    if (over) return;
    // What we have to say on it (an alert) is sent if there is room for it.
    flush();
    terminate();
    handlers.closed(error);
  }

  /** What the library wants sent, as far as the network takes it. The name of the error, if there is one. */
  function flush(): string | undefined {
    while (!mute) {
      if (unsent.byteLength === 0) {
        const count = session.outgoing(plainBuffer);
        if (count === 0) return undefined;
        unsent = plainBuffer.slice(0, count);
      }
      const wrote = socket.write(unsent);
      if (wrote.kind === "again") return undefined;
      if (wrote.kind === "failed") {
        mute = true;
        unsent = new Uint8Array(0);
        return wrote.code;
      }
      unsent = unsent.subarray(wrote.count);
    }
    return undefined;
  }

  /** A server that asks for answers and takes none is not heard either, so nothing piles up here. */
  function listen(): void {
    if (over) return;
    const next = unsent.byteLength === 0 ? "read" : "write";
    if (next === interest) return;
    interest = next;
    registration.setInterest(next);
  }

  /** Goes on as far as what has come allows. */
  function proceed(): void {
    if (!secured) {
      const step = session.handshake();
      if (step === "closed") closed(undefined);
      else if (typeof step === "object") closed(step.error);
      if (step !== "done" || over) return;
      secured = true;
      handlers.secured();
    }
    while (!over) {
      const got = session.read(plainBuffer);
      if (got === "more") return;
      if (typeof got === "number") handlers.data(plainBuffer.subarray(0, got));
      else closed(got === "closed" ? undefined : got.error);
    }
  }

  function settle(): void {
    if (over) return;
    const failed = flush();
    // An answer may lie there from before the connection broke: reading tells.
    if (failed !== undefined && failed !== "EPIPE" && failed !== "ECONNRESET") closed(`write: ${failed}`);
    listen();
  }

  return {
    start() {
      proceed();
      settle();
    },
    onReady(ready) {
      if (over) return;
      if (ready.readable || ready.failed) {
        const got = socket.read(networkBuffer);
        if (got.kind === "failed") {
          closed(`read: ${got.code}`);
          return;
        }
        if (got.kind === "done" && got.count === 0) {
          closed(undefined);
          return;
        }
        if (got.kind === "done") {
          session.receive(networkBuffer.subarray(0, got.count));
          proceed();
        }
      }
      settle();
    },
    write(text) {
      if (over) return;
      const step = session.write(new TextEncoder().encode(text));
      if (typeof step === "object") closed(step.error);
      settle();
    },
    terminate,
  };
}
