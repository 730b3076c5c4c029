import { dlopen } from "bun:ffi";
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adoptListener, placeholderName } from "../../../src/kernel/adopted-listener.ts";
import { openListeningSocket } from "../../../src/kernel/listening-socket.ts";
import { until } from "../../support/until.ts";

const F_SETFL = 4;
const F_SETSIG = 10;
const SIGUSR2 = 12;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
const { symbols } = dlopen("libc.so.6", { fcntl: { args: ["i32", "i32", "i32"], returns: "i32" } });
const control = (fd: number, command: number, value: number) => expect(symbols.fcntl(fd, command, value)).toBe(0);

const dir = mkdtempSync(join(tmpdir(), "lbd-adopted-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A server of the runtime's that listens on what was opened elsewhere. */
async function serverOn(fd: number) {
  const server = createServer((request, response) => response.end(`served ${request.url}`));
  const path = placeholderName();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { server, adopted: adoptListener(path, fd) };
}

test("nobody can have the placeholder's name before it is bound", () => {
  const names = Array.from({ length: 100 }, placeholderName);
  expect(new Set(names).size).toBe(100);
  // Nothing of it is to be known from outside, and no two have more in common than chance gives them.
  expect(names.every((name) => /^\0lbd-placeholder-[0-9a-f-]{36}$/.test(name))).toBe(true);
});

test("a server answers on a socket that was opened elsewhere, and only from when it may", async () => {
  const socket = openListeningSocket({ kind: "tcp", address: "127.0.0.1", port: 0 });
  const { server, adopted } = await serverOn(socket.fd);
  let answered = false;
  const early = fetch(`http://127.0.0.1:${socket.port}/early`).then((answer) => {
    answered = true;
    return answer.text();
  });
  await until("the caller waits", () => socket.callerWaits());
  expect(answered).toBe(false);
  adopted.admit();
  expect(await early).toBe("served /early");
  server.close();
  // Its own descriptor is gone, the socket is not: who calls now waits.
  const late = connect(socket.port ?? 0, "127.0.0.1");
  await until("the next caller waits", () => socket.callerWaits());
  late.destroy();
  socket.close();
});

test("who is handed the socket can't have another signal sent to whoever opened it", async () => {
  const socket = openListeningSocket({ kind: "tcp", address: "127.0.0.1", port: 0 });
  const got: string[] = [];
  const [io, other] = [() => void got.push("SIGIO"), () => void got.push("SIGUSR2")];
  process.on("SIGIO", io);
  process.on("SIGUSR2", other);
  socket.signal();
  socket.quiet();
  // As another process could that has the descriptor too.
  control(socket.fd, F_SETSIG, SIGUSR2);
  control(socket.fd, F_SETFL, O_NONBLOCK | O_ASYNC);
  const first = connect(socket.port ?? 0, "127.0.0.1");
  await until("the first caller waits", () => socket.callerWaits());
  await Bun.sleep(20);
  expect(got).toEqual([]);
  socket.signal();
  const second = connect(socket.port ?? 0, "127.0.0.1");
  await until("a signal", () => got.length > 0);
  expect(got).not.toContain("SIGUSR2");
  for (const caller of [first, second]) caller.destroy();
  socket.close();
  process.off("SIGIO", io);
  process.off("SIGUSR2", other);
});

test("a UNIX socket is its owner's alone, and signals say that somebody calls", async () => {
  const path = join(dir, "a.sock");
  const socket = openListeningSocket({ kind: "unix", path });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  let signals = 0;
  const count = () => signals++;
  process.on("SIGIO", count);
  socket.signal();
  expect(socket.callerWaits()).toBe(false);
  const caller = connect(path);
  await until("the signal", () => signals === 1);
  expect(socket.callerWaits()).toBe(true);
  socket.quiet();
  const second = connect(path);
  await until("both are connected", () => !caller.connecting && !second.connecting);
  expect(signals).toBe(1);
  caller.destroy();
  second.destroy();
  process.off("SIGIO", count);
  socket.close();
  expect(existsSync(path)).toBe(true);
});

test("the port that another socket has, and an address that is not here, have their codes", () => {
  const socket = openListeningSocket({ kind: "tcp", address: "::1", port: 0 });
  const again = () => openListeningSocket({ kind: "tcp", address: "::1", port: socket.port ?? 0 });
  expect(again).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  expect(() => openListeningSocket({ kind: "tcp", address: "192.0.2.77", port: 0 })).toThrow(
    expect.objectContaining({ code: "EADDRNOTAVAIL" }),
  );
  socket.close();
});

test("a name on which the runtime does not listen is an error", () => {
  expect(() => adoptListener(placeholderName(), 0)).toThrow("not among the descriptors");
});
