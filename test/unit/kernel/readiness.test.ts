import { afterAll, expect, test } from "bun:test";
import { close, type Fd, O_ASYNC, read, statusFlags } from "../../../ffi/fd.ts";
import { fixed } from "../../../ffi/memory.ts";
import { AF_INET, inetAddress } from "../../../ffi/sockaddr.ts";
import {
  bind,
  getsockname,
  listen,
  recv,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  send,
  socket,
  socketPair,
} from "../../../ffi/socket.ts";
import { openTcp, openUdp } from "../../../src/kernel/check-socket.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import { accept } from "../../support/accept.ts";
import { until } from "../../support/until.ts";

const readiness = openReadiness();
afterAll(() => readiness[Symbol.dispose]());

const LOOPBACK = new Uint8Array([127, 0, 0, 1]);
const into = fixed(4096);

function listenAnywhere(): { fd: Fd; port: number } {
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  bind(fd, inetAddress(LOOPBACK, 0));
  listen(fd, 512);
  const name = getsockname(fd);
  return { fd, port: name.family === "inet" ? name.port : 0 };
}

test("a datagram wakes the loop well before the sweep would", async () => {
  const [a, b] = socketPair(SOCK_DGRAM);
  let got = 0;
  const registration = readiness.add(a, "read", () => {
    while (recv(a, into) !== undefined) got++;
  });
  for (let round = 1; round <= 50; round++) {
    const start = performance.now();
    send(b, new Uint8Array(round % 3));
    await until("the datagram", () => got === round);
    expect(performance.now() - start).toBeLessThan(500);
  }
  registration.remove();
  close(a);
  close(b);
});

test("what was there before add is told, and what a handler leaves is told again", async () => {
  const [a, b] = socketPair(SOCK_DGRAM);
  for (let i = 0; i < 100; i++) send(b, new Uint8Array([i]));
  const seen: number[] = [];
  const start = performance.now();
  const registration = readiness.add(a, "read", () => {
    // One at a time, though all are there.
    if (recv(a, into) !== undefined) seen.push(into[0] ?? -1);
  });
  await until("all of them", () => seen.length === 100);
  expect(performance.now() - start).toBeLessThan(900);
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  registration.remove();
  close(a);
  close(b);
});

test("a flood does not hold the loop, and nothing is lost", async () => {
  const pairs = Array.from({ length: 100 }, () => socketPair(SOCK_DGRAM));
  let got = 0;
  const registrations = pairs.map(([a]) =>
    readiness.add(a, "read", () => {
      if (recv(a, into) !== undefined) got++;
    }),
  );
  for (const [, b] of pairs) for (let i = 0; i < 50; i++) send(b, new Uint8Array(1));
  let turns = 0;
  const turn = () => {
    turns++;
    if (got < 5000) setImmediate(turn);
  };
  setImmediate(turn);
  await until("all of them", () => got === 5000);
  expect(turns).toBeGreaterThan(10);
  for (const registration of registrations) registration.remove();
  for (const pair of pairs) for (const fd of pair) close(fd);
  expect(readiness.watched()).toBe(0);
});

test("a handler may remove another one that is ready in the same batch", async () => {
  const pairs = Array.from({ length: 10 }, () => socketPair(SOCK_DGRAM));
  let runs = 0;
  const registrations = pairs.map(([a]) =>
    readiness.add(a, "read", () => {
      runs++;
      for (const other of registrations) other.remove();
    }),
  );
  for (const [, b] of pairs) send(b, new Uint8Array(1));
  await until("one of them", () => runs > 0);
  // A later event goes by nobody; the pair made now gets the tag of a removed one and hears its own only.
  const [c, d] = socketPair(SOCK_DGRAM);
  let fresh = 0;
  const last = readiness.add(c, "read", () => {
    while (recv(c, into) !== undefined) fresh++;
  });
  send(d, new Uint8Array(1));
  await until("the fresh one", () => fresh === 1);
  expect(runs).toBe(1);
  last.remove();
  for (const pair of [...pairs, [c, d]]) for (const fd of pair) close(fd);
});

test("a brief watch is told what is there, and signals when it was looked at in vain", async () => {
  const [a, b] = socketPair(SOCK_DGRAM | SOCK_NONBLOCK);
  let got = 0;
  const registration = readiness.addBrief(a, "read", () => {
    while (recv(a, into) !== undefined) got++;
  });
  expect(statusFlags(a) & O_ASYNC).toBe(0);
  send(b, new Uint8Array(1));
  await until("the first, without a signal", () => got === 1);
  await until("a look in vain", () => (statusFlags(a) & O_ASYNC) !== 0);
  const start = performance.now();
  send(b, new Uint8Array(1));
  await until("the second, by its signal", () => got === 2);
  expect(performance.now() - start).toBeLessThan(500);
  registration.leave();
  registration.leave();
  registration.remove();
  close(a);
  close(b);
  expect(readiness.watched()).toBe(0);
});

test("what is left in the kernel of a descriptor that was closed reaches nobody else", async () => {
  const [a, b] = socketPair(SOCK_DGRAM | SOCK_NONBLOCK);
  let old = 0;
  const first = readiness.addBrief(a, "read", () => old++);
  // A second descriptor of the same socket, as a child has it between fork and exec: the set goes on watching.
  const child = Bun.spawn(["sleep", "10"], { stdin: a });
  first.leave();
  close(a);
  send(b, new Uint8Array(1));
  const [c, d] = socketPair(SOCK_DGRAM | SOCK_NONBLOCK);
  let told = 0;
  const second = readiness.add(c, "read", () => told++);
  let turns = 0;
  const turn = () => {
    if (++turns < 20) setImmediate(turn);
  };
  setImmediate(turn);
  await until("some turns of the loop", () => turns === 20);
  expect([old, told]).toEqual([0, 0]);
  second.remove();
  child.kill();
  await child.exited;
  for (const fd of [b, c, d]) close(fd);
});

test("an exception of a handler is reported, and others go on", async () => {
  const errors: unknown[] = [];
  const own = openReadiness((error) => errors.push(error));
  const [a, b] = socketPair(SOCK_DGRAM);
  const registration = own.add(a, "read", () => {
    recv(a, into);
    throw new Error("handler");
  });
  send(b, new Uint8Array(1));
  await until("the report", () => errors.length === 1);
  send(b, new Uint8Array(1));
  await until("the next", () => errors.length === 2);
  registration.remove();
  own[Symbol.dispose]();
  close(a);
  close(b);
});

test("a check's connection: under way, writable when it stands, data, end", async () => {
  const server = listenAnywhere();
  const opened = openTcp({ family: 4, bindIp: "127.0.0.9", fwmark: 0 });
  if (!opened.ok) throw opened.error;
  const client = opened.value;
  const events: string[] = [];
  let interest: { remove(): void; setInterest(i: "read"): void } | undefined;
  interest = readiness.add(client.fd, "write", (ready) => {
    if (ready.writable && events.length === 0) {
      events.push(`connected ${client.takeError()}`);
      expect(client.write(new Uint8Array([1, 2, 3]))).toEqual({ kind: "done", count: 3 });
      client.shutdownWrite();
      interest?.setInterest("read");
    } else if (ready.readable) {
      const io = client.read(into);
      events.push(io.kind === "done" ? `read ${io.count}` : io.kind);
    }
  });
  expect(client.connect("127.0.0.1", server.port)).toBeUndefined();
  const accepted = await until("the connection", () => accept(server.fd));
  expect(accepted.peer).toMatchObject({ family: "inet", address: new Uint8Array([127, 0, 0, 9]) });
  await until("the data", () => (read(accepted.fd, into) === 3 ? true : undefined));
  send(accepted.fd, new Uint8Array(10));
  await until("the answer", () => events.includes("read 10"));
  close(accepted.fd);
  await until("the end", () => events.includes("read 0"));
  interest.remove();
  client.close();
  client.close();
  expect(events[0]).toBe("connected undefined");
  close(server.fd);
});

test("refused, wrong source and unknown interface are values", async () => {
  const server = listenAnywhere();
  close(server.fd);
  const opened = openTcp({ family: 4 });
  if (!opened.ok) throw opened.error;
  const client = opened.value;
  let outcome: string | undefined;
  const registration = readiness.add(client.fd, "write", () => {
    outcome ??= client.takeError() ?? "connected";
    registration.remove();
  });
  outcome = client.connect("127.0.0.1", server.port);
  expect(await until("the outcome", () => outcome)).toBe("ECONNREFUSED");
  client.reset();

  const elsewhere = openTcp({ family: 4, bindIp: "192.0.2.77" });
  expect(elsewhere.ok ? "open" : elsewhere.error.code).toBe("EADDRNOTAVAIL");
  const nowhere = openTcp({ family: 4, bindInterface: "no-such-if" });
  expect(nowhere.ok ? "open" : nowhere.error.code).toBe("ENODEV");
});

test("UDP: a closed port is told", async () => {
  const opened = openUdp({ family: 4 });
  if (!opened.ok) throw opened.error;
  const client = opened.value;
  const free = listenAnywhere();
  expect(client.connect("127.0.0.1", free.port)).toBeUndefined();
  let told: string | undefined;
  const registration = readiness.add(client.fd, "read", () => {
    const io = client.read(into);
    if (io.kind === "failed") told = io.code;
  });
  client.write(new Uint8Array([1]));
  expect(await until("the error", () => told)).toBe("ECONNREFUSED");
  registration.remove();
  client.close();
  close(free.fd);
});
