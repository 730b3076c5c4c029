// Adapter: checks by one datagram and its answer: DNS_CHECK and UDP_CHECK. The socket is connected, so answers of others never
// arrive, and an unreachable port comes as an error of the next read.
import type { Cancel, Clock } from "../base/clock.ts";
import { bad, failedCall, type Outcome } from "../check/outcome.ts";
import type { CheckEndpoint } from "../config/model/check.ts";
import type { CheckSocket, Opened, SocketSource } from "../kernel/check-socket.ts";
import type { Readiness } from "../kernel/readiness.ts";
import { atDeadline } from "./deadline.ts";
import { sourceOf } from "./stream.ts";

export interface DatagramPorts {
  readonly clock: Clock;
  readonly readiness: Readiness;
  openUdp(source: SocketSource): Opened<CheckSocket>;
}

export interface Question {
  readonly bytes: Uint8Array;
  /** Judges an answer; undefined when it is not ours and waiting goes on. */
  judge(answer: Uint8Array): Outcome | undefined;
  /** What silence until the time limit means. */
  silence(limitMs: number): Outcome;
}

const MAX_DATAGRAM_BYTES = 65_535;
/** Datagrams that are not ours, before others get their turn. */
const MAX_READS_PER_WAKE = 16;
const buffer = new Uint8Array(new ArrayBuffer(MAX_DATAGRAM_BYTES));

/** Sends once and waits for the answer. */
export function startDatagram(
  ports: DatagramPorts,
  endpoint: CheckEndpoint,
  question: Question,
  done: (outcome: Outcome) => void,
): Cancel {
  const opened = ports.openUdp(sourceOf(endpoint));
  if (!opened.ok) {
    done(failedCall(opened.error.syscall, opened.error.code));
    return () => {};
  }
  const socket = opened.value;
  const refused = socket.connect(endpoint.ip, endpoint.port);
  const sent = refused ? undefined : socket.write(question.bytes);
  const failed = refused ?? (sent?.kind === "failed" ? sent.code : undefined);
  if (failed) {
    socket.close();
    done(failedCall(refused ? "connect" : "send", failed));
    return () => {};
  }
  let over = false;
  const finish = (outcome: Outcome | undefined) => {
    if (over) return;
    over = true;
    stopLimit();
    registration.leave();
    socket.close();
    if (outcome) done(outcome);
  };
  const stopLimit = atDeadline(ports.clock, ports.clock.now() + endpoint.connectTimeoutMs, () =>
    finish(question.silence(endpoint.connectTimeoutMs)),
  );
  const registration = ports.readiness.addBrief(socket.fd, "read", () => {
    for (let reads = 0; reads < MAX_READS_PER_WAKE && !over; reads++) {
      const got = socket.read(buffer);
      if (got.kind === "again") return;
      if (got.kind === "failed") finish(failedCall("read", got.code));
      else finishIf(question.judge(buffer.subarray(0, got.count)));
    }
  });
  const finishIf = (outcome: Outcome | undefined) => {
    if (outcome) finish(outcome);
  };
  return () => finish(undefined);
}

/** Silence as a failure. */
export function noReply(limitMs: number): Outcome {
  return bad("timeout", `no answer within ${limitMs} ms`);
}
