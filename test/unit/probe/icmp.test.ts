// PING_CHECK: one raw socket for all that ask from one place, and none when nobody waits. Sockets are the test's own.
import { expect, test } from "bun:test";
import type { Fd } from "../../../ffi/fd.ts";
import { ipBytes } from "../../../src/base/ip.ts";
import type { Outcome } from "../../../src/check/outcome.ts";
import type { SocketSource } from "../../../src/kernel/check-socket.ts";
import type { Readiness } from "../../../src/kernel/readiness.ts";
import { createPinger } from "../../../src/probe/icmp.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { endpoint } from "../../support/model.ts";

function lab() {
  const clock = manualClock();
  const sockets: {
    source: SocketSource;
    sent: [string, Uint8Array][];
    replies: [string, Uint8Array][];
    closed: boolean;
  }[] = [];
  const hears = new Map<number, () => void>();
  const state = { fails: false, random: 0 };
  const readiness = {
    add(fd: Fd, _interest: unknown, hear: () => void) {
      hears.set(fd, hear);
      return { remove: () => void hears.delete(fd) };
    },
  } as unknown as Readiness;
  const pinger = createPinger({
    clock,
    readiness,
    random: () => (state.random = (state.random + 0.37) % 1),
    openPing(source) {
      const one = { source, sent: [] as [string, Uint8Array][], replies: [] as [string, Uint8Array][], closed: false };
      const fd = (sockets.push(one) - 1) as Fd;
      return {
        ok: true,
        value: {
          fd,
          send(ip, message) {
            one.sent.push([ip, message]);
            return state.fails ? { kind: "failed", code: "ENETUNREACH" } : { kind: "done", count: message.byteLength };
          },
          receive() {
            const next = one.replies.shift();
            return next && { from: ipBytes(next[0]), message: next[1] };
          },
          close() {
            one.closed = true;
          },
        },
      };
    },
  });
  const outcomes: string[] = [];
  const ping = (ip: string, part = {}) =>
    pinger.start(endpoint(ip, 0, part), ({ ok, reason }: Outcome) => outcomes.push(`${ip} ${ok}: ${reason}`));
  /** The reply to a request that was sent, from anywhere. */
  const answer = (socket: number, request: number, from?: string) => {
    const one = sockets[socket];
    const [ip, message] = one?.sent[request] ?? ["", new Uint8Array()];
    const reply = message.slice();
    reply[0] = 0;
    one?.replies.push([from ?? ip, reply]);
    hears.get(socket)?.();
  };
  return { clock, sockets, hears, state, outcomes, ping, answer };
}

test("all from one place share a socket, and it goes with the last of them; another place has its own", () => {
  const { sockets, hears, outcomes, ping, answer, clock } = lab();
  for (const ip of ["10.9.1.1", "10.9.1.2"]) ping(ip);
  ping("10.9.1.1", { fwmark: 7 });
  expect(sockets.map(({ source, sent }) => [source.fwmark, sent.length])).toEqual([
    [0, 2],
    [7, 1],
  ]);
  answer(0, 1);
  expect([outcomes, sockets[0]?.closed]).toEqual([["10.9.1.2 true: echo reply"], false]);
  answer(0, 0);
  expect([outcomes.length, sockets[0]?.closed, hears.has(0), hears.has(1)]).toEqual([2, true, false, true]);
  // The next one opens anew.
  ping("10.9.1.1");
  expect(sockets).toHaveLength(3);
  answer(2, 0);
  answer(1, 0);
  expect(clock.nextAt()).toBeUndefined();
});

test("only its own reply answers a request: not another's, not from elsewhere, not one of before", () => {
  const { sockets, outcomes, ping, answer } = lab();
  ping("10.9.1.1");
  ping("10.9.1.1");
  const [first, second] = sockets[0]?.sent.map(([, message]) => new DataView(message.buffer).getUint16(6)) ?? [];
  expect(first).not.toBe(second);
  answer(0, 0, "10.9.1.9");
  expect(outcomes).toEqual([]);
  answer(0, 0);
  answer(0, 0);
  expect(outcomes).toEqual(["10.9.1.1 true: echo reply"]);
  expect(sockets[0]?.closed).toBe(false);
});

test("silence, a refusal to send, and a cancelled one leave nothing open", () => {
  const { clock, sockets, state, outcomes, ping } = lab();
  ping("10.9.1.1");
  clock.advance(999);
  expect(outcomes).toEqual([]);
  clock.advance(1);
  expect([outcomes.splice(0), sockets[0]?.closed]).toEqual([["10.9.1.1 false: no echo reply within 1000 ms"], true]);
  ping("10.9.1.2")();
  clock.advance(5000);
  expect([outcomes, sockets[1]?.closed, clock.nextAt()]).toEqual([[], true, undefined]);
  state.fails = true;
  ping("10.9.1.3");
  expect(outcomes).toEqual([expect.stringMatching(/^10\.9\.1\.3 false: .*send: ENETUNREACH/)]);
  expect([sockets[2]?.closed, clock.nextAt()]).toEqual([true, undefined]);
});
