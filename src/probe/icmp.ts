// Adapter: PING_CHECK. A raw socket hears every echo reply of the machine, so one socket per kind of source is shared by all
// attempts, and is closed when nobody waits on it.
import type { Cancel, Clock } from "../base/clock.ts";
import { familyOf, formatIp } from "../base/ip.ts";
import { bad, failedCall, good, type Outcome } from "../check/outcome.ts";
import { echoRequest, isEchoReply, NONCE_BYTES } from "../check/ping.ts";
import type { CheckEndpoint } from "../config/model/check.ts";
import type { Opened, PingSocket, SocketSource } from "../kernel/check-socket.ts";
import type { Readiness, Registration } from "../kernel/readiness.ts";
import { atDeadline } from "./deadline.ts";
import { sourceOf } from "./stream.ts";

export interface PingPorts {
  readonly clock: Clock;
  readonly readiness: Readiness;
  random(): number;
  openPing(source: SocketSource): Opened<PingSocket>;
}

export interface Pinger {
  start(endpoint: CheckEndpoint, done: (outcome: Outcome) => void): Cancel;
}

interface Waiting {
  readonly ip: string;
  readonly sequence: number;
  readonly nonce: Uint8Array;
  readonly answered: () => void;
}

interface Shared {
  readonly socket: PingSocket;
  readonly registration: Registration;
  readonly waiting: Set<Waiting>;
}

const MAX_MESSAGES_PER_WAKE = 64;

export function createPinger(ports: PingPorts): Pinger {
  const sockets = new Map<string, Shared>();
  const id = Math.floor(ports.random() * 0x10000);
  let lastSequence = 0;

  function sharedSocket(source: SocketSource): Opened<Shared> {
    const name = JSON.stringify([source.family, source.bindIp, source.bindInterface, source.fwmark]);
    const known = sockets.get(name);
    if (known) return { ok: true, value: known };
    const opened = ports.openPing(source);
    if (!opened.ok) return opened;
    const socket = opened.value;
    const waiting = new Set<Waiting>();
    const registration = ports.readiness.add(socket.fd, "read", () => hear(socket, source, waiting));
    const shared = { socket, registration, waiting };
    sockets.set(name, shared);
    return { ok: true, value: shared };
  }

  function hear(socket: PingSocket, source: SocketSource, waiting: Set<Waiting>): void {
    for (let count = 0; count < MAX_MESSAGES_PER_WAKE && waiting.size > 0; count++) {
      const reply = socket.receive();
      if (!reply) return;
      const from = formatIp(reply.from);
      for (const one of waiting) {
        if (one.ip !== from || !isEchoReply(source.family, reply.message, id, one.sequence, one.nonce)) continue;
        one.answered();
        break;
      }
    }
  }

  function leave(shared: Shared, one: Waiting): void {
    shared.waiting.delete(one);
    if (shared.waiting.size > 0) return;
    shared.registration.remove();
    shared.socket.close();
    for (const [name, open] of sockets) if (open === shared) sockets.delete(name);
  }

  return {
    start(endpoint, done) {
      const shared = sharedSocket(sourceOf(endpoint));
      if (!shared.ok) {
        done(failedCall(shared.error.syscall, shared.error.code));
        return () => {};
      }
      lastSequence = (lastSequence + 1) & 0xffff;
      const sequence = lastSequence;
      const nonce = Uint8Array.from({ length: NONCE_BYTES }, () => Math.floor(ports.random() * 256));
      let over = false;
      const finish = (outcome: Outcome | undefined) => {
        if (over) return;
        over = true;
        stopLimit();
        leave(shared.value, one);
        if (outcome) done(outcome);
      };
      const one: Waiting = { ip: endpoint.ip, sequence, nonce, answered: () => finish(good("echo reply")) };
      const { connectTimeoutMs } = endpoint;
      const stopLimit = atDeadline(ports.clock, ports.clock.now() + connectTimeoutMs, () =>
        finish(bad("timeout", `no echo reply within ${connectTimeoutMs} ms`)),
      );
      shared.value.waiting.add(one);
      const sent = shared.value.socket.send(endpoint.ip, echoRequest(familyOf(endpoint.ip), id, sequence, nonce));
      if (sent.kind === "failed") finish(failedCall("send", sent.code));
      return () => finish(undefined);
    },
  };
}
