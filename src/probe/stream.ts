// Adapter: one TCP connection of a check: connects, plays a conversation, and ends in an outcome within its time limit whatever
// the other side does. Sockets and readiness are handed in; what a server can do is a value, never an exception.
import type { Cancel, Clock, MonoMs } from "../base/clock.ts";
import { familyOf } from "../base/ip.ts";
import { bad, failedCall, good, type Outcome } from "../check/outcome.ts";
import type { CheckEndpoint } from "../config/model/check.ts";
import type { CheckSocket, Opened, SocketSource } from "../kernel/check-socket.ts";
import type { Interest, Readiness, Ready, Registration } from "../kernel/readiness.ts";
import { atDeadline } from "./deadline.ts";

/** What is said once connected. */
export interface Conversation {
  /** Sent first; absent when the server speaks first. */
  readonly opening?: Uint8Array;
  /** Takes bytes (overwritten afterwards): a line to send, the outcome, or undefined when more must come. */
  feed(bytes: Uint8Array): { readonly send: string } | Outcome | undefined;
  /** The other side has closed. */
  end(): Outcome;
}

export interface StreamPorts {
  readonly clock: Clock;
  readonly readiness: Readiness;
  openTcp(source: SocketSource): Opened<CheckSocket>;
}

/** Bytes taken from one socket before others get their turn. */
const READ_BYTES = 65_536;
const readBuffer = new Uint8Array(new ArrayBuffer(READ_BYTES));

/** The limits of one attempt: `connect_timeout` for connecting and for each silence, twice that for the whole (reliability.md 4). */
export interface TimeLimit {
  /** Something came or went: the silence begins anew. */
  progress(): void;
  readonly stop: Cancel;
}

/** Watches one attempt; `expired` is told whether it was silence or the whole that took too long. */
export function startTimeLimit(clock: Clock, limitMs: number, expired: (silent: boolean) => void): TimeLimit {
  const startedAt = clock.now();
  const wholeAt = startedAt + 2 * limitMs;
  let silentAt: MonoMs = startedAt + limitMs;
  let stop = atDeadline(clock, silentAt, check);
  // One timer: progress only notes the time, and the timer looks when it fires.
  function check(): void {
    const due = Math.min(silentAt, wholeAt);
    if (clock.now() < due) stop = atDeadline(clock, due, check);
    else expired(silentAt <= wholeAt);
  }
  return {
    progress() {
      silentAt = clock.now() + limitMs;
    },
    stop: () => stop(),
  };
}

/** Made once per endpoint: a configuration keeps its objects until the next reload. */
const sources = new WeakMap<CheckEndpoint, SocketSource>();

/** Where the sockets of an endpoint come from. */
export function sourceOf(endpoint: CheckEndpoint): SocketSource {
  const known = sources.get(endpoint);
  if (known) return known;
  const { ip, fwmark, bindIp, bindPort, bindInterface } = endpoint;
  const source = { family: familyOf(ip), fwmark, bindIp, bindPort, bindInterface };
  sources.set(endpoint, source);
  return source;
}

export interface Established {
  readonly socket: CheckSocket;
  readonly registration: Registration;
}

export type Connected =
  | ({ readonly kind: "socket" } & Established)
  | { readonly kind: "failed"; readonly outcome: Outcome };

/** Connects; `done` is called once unless cancelled before. The time limit is the caller's. */
export function connectTcp(
  ports: StreamPorts,
  endpoint: CheckEndpoint,
  onReady: (ready: Ready) => void,
  done: (result: Connected) => void,
): Cancel {
  const failed = (outcome: Outcome): Cancel => {
    done({ kind: "failed", outcome });
    return () => {};
  };
  const opened = ports.openTcp(sourceOf(endpoint));
  if (!opened.ok) return failed(failedCall(opened.error.syscall, opened.error.code));
  const socket = opened.value;
  const refused = socket.connect(endpoint.ip, endpoint.port);
  if (refused) {
    socket.close();
    return failed(failedCall("connect", refused));
  }
  let connecting = true;
  const registration = ports.readiness.addBrief(socket.fd, "write", (ready) => {
    if (!connecting) {
      onReady(ready);
      return;
    }
    connecting = false;
    // Writable and no more: connected. A failed attempt is told as such, and the socket knows why.
    const error = ready.failed ? socket.takeError() : undefined;
    if (error === undefined) {
      done({ kind: "socket", socket, registration });
      return;
    }
    registration.leave();
    socket.close();
    done({ kind: "failed", outcome: failedCall("connect", error) });
  });
  return () => {
    if (!connecting) return;
    connecting = false;
    registration.leave();
    socket.close();
  };
}

/** Tries one connection. Without a conversation, being connected is success (TCP_CHECK). */
export function startStream(
  ports: StreamPorts,
  endpoint: CheckEndpoint,
  conversation: Conversation | undefined,
  done: (outcome: Outcome) => void,
): Cancel {
  let open: { socket: CheckSocket; registration: Registration } | undefined;
  let unsent: Uint8Array | undefined;
  let interest: Interest = "write";
  let over = false;
  let cancelConnect: Cancel = () => {};

  function finish(outcome: Outcome | undefined): void {
    if (over) return;
    over = true;
    limit.stop();
    cancelConnect();
    if (open) {
      open.registration.leave();
      // A fixed source port must not rest in TIME_WAIT: the next check needs it.
      if (endpoint.bindPort) open.socket.reset();
      else open.socket.close();
    }
    if (outcome) done(outcome);
  }

  const limit = startTimeLimit(ports.clock, endpoint.connectTimeoutMs, (silent) => {
    finish(timedOut(open !== undefined, silent, endpoint.connectTimeoutMs));
  });

  function connected(result: Connected): void {
    if (result.kind === "failed") {
      finish(result.outcome);
      return;
    }
    open = result;
    if (!conversation) {
      finish(good("connected"));
      return;
    }
    limit.progress();
    if (conversation.opening) send(conversation.opening);
    else listen();
  }

  function send(bytes: Uint8Array): void {
    if (!open || over) return;
    const wrote = open.socket.write(bytes);
    if (wrote.kind === "failed") {
      // An answer may lie there from before the connection broke: reading tells.
      if (wrote.code === "EPIPE" || wrote.code === "ECONNRESET") listen();
      else finish(failedCall("write", wrote.code));
      return;
    }
    const count = wrote.kind === "done" ? wrote.count : 0;
    unsent = count < bytes.byteLength ? bytes.subarray(count) : undefined;
    listen();
  }

  /** Asks for what is waited for; a system call only where that changed. */
  function listen(): void {
    const next = unsent ? "read-write" : "read";
    if (next === interest) return;
    interest = next;
    open?.registration.setInterest(next);
  }

  function onReady(ready: Ready): void {
    if (over || !open || !conversation) return;
    if (ready.writable && unsent) send(unsent);
    if (over || !(ready.readable || ready.failed)) return;
    const got = open.socket.read(readBuffer);
    if (got.kind === "again") return;
    if (got.kind === "failed") {
      finish(failedCall("read", got.code));
      return;
    }
    if (got.count === 0) {
      finish(conversation.end());
      return;
    }
    limit.progress();
    const next = conversation.feed(readBuffer.subarray(0, got.count));
    if (!next) return;
    if ("send" in next) send(new TextEncoder().encode(next.send));
    else finish(next);
  }

  cancelConnect = connectTcp(ports, endpoint, onReady, connected);
  return () => finish(undefined);
}

/** What ran out, in words. */
export function timedOut(connected: boolean, silent: boolean, limitMs: number): Outcome {
  if (!connected) return bad("timeout", `no connection within ${limitMs} ms`);
  return silent
    ? bad("timeout", `no answer within ${limitMs} ms`)
    : bad("timeout", `answer not complete within ${2 * limitMs} ms`);
}
