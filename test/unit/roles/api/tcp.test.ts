import { expect, test } from "bun:test";
import { createServer } from "node:net";
import type { HttpServer } from "../../../../src/api/server.ts";
import { portHolder } from "../../../../src/kernel/port-holder.ts";
import { createTcpListener, LEAST_LIFE_MS, LOOK_EVERY_MS } from "../../../../src/roles/api/tcp.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function lab(code: string) {
  const clock = manualClock();
  const world = { taken: true, present: false };
  const renewed: string[] = [];
  const logs: string[] = [];
  const states: string[] = [];
  const listener = createTcpListener(
    { address: "192.0.2.1", port: 812 },
    {
      clock,
      log: ({ message }) => logs.push(message),
      open: (): Promise<HttpServer> => Promise.reject(Object.assign(new Error("no"), { code })),
      holder: () => (world.taken ? { pid: 7, name: "haproxy" } : undefined),
      hasAddress: () => world.present,
      renew: (reason) => renewed.push(reason),
      say: (state) => states.push(state),
    },
  );
  return { clock, world, renewed, logs, states, listener };
}

test("a port that another program has is told once, with whose it is, and taken when it is free", async () => {
  const { clock, world, renewed, logs, states, listener } = lab("EADDRINUSE");
  expect(await listener.start()).toBeUndefined();
  clock.advance(60_000);
  expect(logs).toEqual([
    "can't listen on 192.0.2.1:812: another program has the port (haproxy, pid 7); waiting for it, api.sock works meanwhile",
  ]);
  expect([states.length, renewed.length]).toEqual([1, 0]);
  world.taken = false;
  clock.advance(LOOK_EVERY_MS);
  expect(renewed).toEqual(["192.0.2.1:812 can be listened on now"]);
  clock.advance(60_000);
  expect(renewed).toHaveLength(1);
});

test("a process that is young is not renewed", async () => {
  const { clock, world, renewed, listener } = lab("EADDRINUSE");
  await listener.start();
  world.taken = false;
  clock.advance(LEAST_LIFE_MS - 1);
  expect(renewed).toHaveLength(0);
  clock.advance(LOOK_EVERY_MS);
  expect(renewed).toHaveLength(1);
});

test("an address that no interface has is waited for; a right that is missing is not", async () => {
  const address = lab("EADDRNOTAVAIL");
  await address.listener.start();
  address.clock.advance(60_000);
  expect(address.renewed).toHaveLength(0);
  address.world.present = true;
  address.clock.advance(LOOK_EVERY_MS);
  expect(address.renewed).toHaveLength(1);
  const rights = lab("EACCES");
  await rights.listener.start();
  expect(rights.clock.nextAt()).toBeUndefined();
});

test("nothing waits after the stop", async () => {
  const { clock, listener } = lab("EADDRINUSE");
  await listener.start();
  listener.stop();
  expect(clock.nextAt()).toBeUndefined();
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
