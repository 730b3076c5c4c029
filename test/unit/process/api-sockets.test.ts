import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenAt, ListeningSocket } from "../../../src/kernel/listening-socket.ts";
import { portHolder, readStart } from "../../../src/kernel/port-holder.ts";
import { createApiSockets, LOOK_EVERY_MS } from "../../../src/process/api-sockets.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab(code: string | undefined) {
  const clock = manualClock();
  const world = { taken: true, present: false };
  const logs: string[] = [];
  const opened: (ListenAt & { readonly namespace?: string | undefined })[] = [];
  const closed: string[] = [];
  let added = 0;
  let looks = 0;
  const isFree = () => code === undefined || (code === "EADDRINUSE" ? !world.taken : world.present);
  const sockets = createApiSockets(
    "/run/lbd",
    { address: "192.0.2.1", port: 812 },
    {
      clock,
      log: ({ message }) => logs.push(message),
      open(at, namespace): ListeningSocket {
        if (at.kind === "tcp" && !isFree()) throw Object.assign(new Error("no"), { code });
        opened.push({ ...at, namespace });
        return {
          kind: at.kind,
          fd: opened.length,
          port: at.kind === "tcp" ? 812 : undefined,
          callerWaits: () => false,
          signal() {},
          quiet() {},
          close: () => void closed.push(at.kind),
        };
      },
      permit: (path) => void opened.push({ kind: "unix", path: `permit ${path}` }),
      holder() {
        looks++;
        return world.taken ? { pid: 7, name: "haproxy" } : undefined;
      },
      isLoopback: () => false,
      added: () => added++,
    },
  );
  sockets.open("blue");
  return { clock, world, logs, opened, closed, sockets, added: () => added, looks: () => looks };
}

test("TCP's is in the network namespace of the director; what is open to a network is said", () => {
  const { opened, logs, sockets, closed } = lab(undefined);
  expect(opened).toEqual([
    { kind: "unix", path: "/run/lbd/api.sock", namespace: undefined },
    { kind: "unix", path: "permit /run/lbd/api.sock" },
    { kind: "tcp", address: "192.0.2.1", port: 812, namespace: "blue" },
  ]);
  expect(logs).toEqual([
    "listening on http://192.0.2.1:812",
    "192.0.2.1 is no loopback address: the status is open to its network",
  ]);
  expect(sockets.facts()).toEqual({ tcp: "listening", tcpAddress: "192.0.2.1:812", socket: "/run/lbd/api.sock" });
  sockets.close();
  expect(closed).toEqual(["unix", "tcp"]);
});

test("a port that another program has is told once, with whose it is, and taken when it is free", () => {
  const { clock, world, logs, sockets, added, looks } = lab("EADDRINUSE");
  clock.advance(60_000);
  const why = "can't listen on 192.0.2.1:812: another program has the port (haproxy, pid 7)";
  expect(logs).toEqual([`${why}; waiting for it, api.sock works meanwhile`]);
  expect(sockets.facts()).toMatchObject({ tcp: "can't listen: another program has the port (haproxy, pid 7)" });
  // Who has it is looked for once: the other sockets and processes of the machine are as many as their users like.
  expect([sockets.all().length, added(), looks()]).toEqual([1, 0, 1]);
  world.taken = false;
  clock.advance(LOOK_EVERY_MS);
  expect([sockets.all().length, added(), sockets.facts().tcp]).toEqual([2, 1, "listening"]);
  expect(clock.nextAt()).toBeUndefined();
});

test("an address that no interface has is waited for; a right that is missing is not", () => {
  const address = lab("EADDRNOTAVAIL");
  address.clock.advance(60_000);
  expect(address.added()).toBe(0);
  address.world.present = true;
  address.clock.advance(LOOK_EVERY_MS);
  expect(address.added()).toBe(1);
  const rights = lab("EACCES");
  expect(rights.clock.nextAt()).toBeUndefined();
  expect(rights.logs[0]).toContain("ports below 1024 need root, api.sock works meanwhile");
});

test("nothing waits after the end", () => {
  const { clock, sockets } = lab("EADDRINUSE");
  sockets.close();
  expect(clock.nextAt()).toBeUndefined();
});

test("of the table of sockets no more is read than its beginning, where those are that listen", () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-table-"));
  const path = join(dir, "tcp");
  writeFileSync(path, "x".repeat(3 * 1024 * 1024));
  expect(readStart(path).length).toBe(1024 * 1024);
  expect(readStart(join(dir, "none"))).toBe("");
  rmSync(dir, { recursive: true });
});

test.each([
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "0.0.0.0", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["0.0.0.0", "127.0.0.9", true],
  ["::1", "::1", true],
  ["127.0.0.1", "localhost", true],
  ["::", "127.0.0.1", true],
])("a listener on %s stands in the way of %s: %p", async (held, wanted, isInTheWay) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, held, resolve));
  const bound = other.address();
  const port = typeof bound === "object" && bound ? bound.port : 0;
  try {
    expect(portHolder(wanted, port)?.pid).toBe(isInTheWay ? process.pid : undefined);
    expect(portHolder(wanted, port) !== undefined).toBe(isInTheWay);
  } finally {
    other.close();
  }
});
