// Many services in a kernel that refuses much: how much work it takes, counted in steps over maps and sets, not in time.
import { expect, test } from "bun:test";
import type { Config } from "../../../../src/config/model/config.ts";
import { TOLD_AT_ONCE } from "../../../../src/roles/checker/reports.ts";
import { configOf, ORIGIN, realServer, tcpCheck, timing, virtualServer } from "../../../support/model.ts";
import { bench } from "./bench.ts";

const SERVICES = 2000;
const SERVERS = 4;

const fileCheck = (file: string) =>
  ({ kind: "FILE_CHECK", id: file, timing: timing(), origin: ORIGIN, file, weight: 0, reverse: false }) as const;

const ip = (net: number, n: number) => `10.${net}.${n >> 8}.${n & 255}`;

function many(services: number, servers: number): Config {
  return configOf(
    Array.from({ length: services }, (_service, i) => {
      const address = ip(9, i);
      return virtualServer(
        Array.from({ length: servers }, (_server, j) => {
          const host = ip(20 + (j % 200), i * Math.ceil(servers / 200) + Math.floor(j / 200));
          return realServer(1, {
            id: `${host}:80`,
            ip: host,
            checks: [tcpCheck(host, { timing: timing({ delayLoopMs: 1000 }) })],
          });
        }),
        {
          id: `${address}:80/tcp`,
          name: { kind: "address", text: address },
          services: [{ kind: "address", ip: address, port: 80 }],
          scheduler: "mh",
        },
      );
    }),
  );
}

/** Steps that are taken over maps and sets while `run` runs. */
function steps(run: () => void): number {
  const iterators = [new Map()[Symbol.iterator](), new Set()[Symbol.iterator]()].map((one) =>
    Object.getPrototypeOf(one),
  );
  const originals = iterators.map((prototype) => prototype.next);
  let count = 0;
  for (const [i, prototype] of iterators.entries())
    prototype.next = function next(this: unknown) {
      count++;
      return originals[i].call(this);
    };
  try {
    run();
  } finally {
    for (const [i, prototype] of iterators.entries()) prototype.next = originals[i];
  }
  return count;
}

test("steps are counted", () => {
  const map = new Map(Array.from({ length: 100 }, (_one, i) => [i, i]));
  expect(steps(() => void [...map])).toBeGreaterThanOrEqual(100);
  expect(steps(() => map.forEach(() => {}))).toBeLessThan(10);
  expect(
    steps(() => {
      for (const _ of map.values());
    }),
  ).toBeGreaterThanOrEqual(100);
});

function refusing(services: number, servers: number) {
  const b = bench();
  b.table.failWith = ({ kind }) => (kind === "addService" ? "ENOENT" : undefined);
  const config = many(services, servers);
  return { b, config };
}

test("a scheduler is missing: a report of everything costs as much as there are services and servers", () => {
  const { b, config } = refusing(SERVICES, SERVERS);
  const started = steps(() => b.start(config));
  b.clock.advance(0);
  const reported = steps(() => {
    void b.role.snapshot();
    b.clock.advance(0);
  });
  const objects = SERVICES * (1 + SERVERS);
  expect(started).toBeLessThan(60 * objects);
  expect(reported).toBeLessThan(20 * objects);
  expect(b.status("10.9.0.7:80/tcp").reason).toContain("addService 10.9.0.7:80/tcp: ENOENT");
});

test("a report of everything takes many turns, in which checks run; who comes meanwhile is told the same", async () => {
  const b = bench();
  b.start(many(SERVICES, SERVERS));
  b.clock.advance(0);
  const from = b.updates.length;
  const since = () => b.updates.slice(from).flatMap((one) => (one.kind === "virtual-server" ? [one.value.id] : []));
  const first = b.role.snapshot();
  expect(since().length).toBeLessThanOrEqual(TOLD_AT_ONCE / (1 + SERVERS));
  const second = b.role.snapshot();
  b.clock.advance(0);
  await Promise.all([first, second]);
  expect(new Set(since()).size).toBe(SERVICES);
  expect(since().length).toBeLessThan(SERVICES + 2 * TOLD_AT_ONCE);
});

test("who looks no more is not told the rest", async () => {
  const b = bench();
  b.start(many(SERVICES, SERVERS));
  b.clock.advance(0);
  const told = b.role.snapshot();
  b.watch(false);
  await told;
  const from = b.updates.length;
  b.clock.advance(0);
  expect(b.updates.slice(from).filter(({ kind }) => kind === "virtual-server")).toEqual([]);
});

test("a scheduler is missing: one failure for each service, and ten lines of log with the number of the rest", () => {
  const { b, config } = refusing(200, SERVERS);
  b.start(config);
  b.clock.advance(10_000);
  expect(b.fact("ipvsFailures")).toBe(200);
  const lines = b.logs.filter(({ area, level }) => area === "ipvs" && level === "error").map(({ message }) => message);
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toMatch(/ENOENT; trying again \(190 more in 10 s\)$/);
});

test("a scheduler is missing: retries come together, and servers are not tried without their service", () => {
  const { b, config } = refusing(50, SERVERS);
  b.start(config);
  const calls: number[] = [];
  const { apply } = b.table;
  b.table.apply = (commands) => {
    calls.push(commands.length);
    return apply(commands);
  };
  // 1, 2, 4 … seconds after one another; the verdicts between ask for nothing.
  b.clock.advance(9000);
  expect(calls.length).toBeLessThanOrEqual(4);
  b.table.failWith = () => undefined;
  b.clock.advance(60_000);
  expect(b.table.entries()).toHaveLength(50);
  expect(b.table.entries().every(({ destinations }) => destinations.length === SERVERS)).toBe(true);
  expect(b.fact("ipvsFailures")).toBe(0);
});

test("every server of a large service is refused: its place in the file is found without a search for each", () => {
  const b = bench();
  b.table.failWith = ({ kind }) => (kind === "addDestination" ? "ENOMEM" : undefined);
  const config = many(1, 2000);
  const { origin } = config.virtualServers[0]?.realServers[0] ?? {};
  let looks = 0;
  const watched = config.virtualServers.map((virtualServer) => ({
    ...virtualServer,
    realServers: virtualServer.realServers.map((server) => ({
      ...server,
      get ip() {
        looks++;
        return server.ip;
      },
    })),
  }));
  b.start({ ...config, virtualServers: watched });
  expect(looks).toBeLessThan(30 * 2000);
  expect(b.status("10.9.0.0:80/tcp").reason).toContain(`${origin?.file}:${origin?.line}`);
});

test("a watched file changes: only its own checks are looked at", () => {
  const b = bench();
  const virtualServers = Array.from({ length: 500 }, (_one, i) =>
    virtualServer([realServer(1, { checks: [fileCheck(`/run/weight-${i}`)] })], {
      id: `${ip(9, i)}:80/tcp`,
      services: [{ kind: "address", ip: ip(9, i), port: 80 }],
    }),
  );
  b.start(configOf(virtualServers));
  b.clock.advance(3000);
  b.starts.length = 0;
  const taken = steps(() => b.fileChanged("/run/weight-7"));
  expect(taken).toBeLessThan(10);
  b.clock.advance(0);
  expect(b.starts.map(({ attempt: { check } }) => check.kind === "FILE_CHECK" && check.file)).toEqual([
    "/run/weight-7",
  ]);
  b.clock.advance(10);
  // The same after a reload that takes half of them away, and no longer for those that went.
  b.role.reload(configOf(virtualServers.slice(0, 250)));
  b.starts.length = 0;
  b.fileChanged("/run/weight-300");
  b.fileChanged("/run/weight-7");
  b.clock.advance(0);
  expect(b.starts).toHaveLength(1);
});
