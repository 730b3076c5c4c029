// What a service manager hears of a director, message by message.
import { describe, expect, test } from "bun:test";
import { createOrphans, PATIENCE_MS } from "../../../../src/process/host/orphans.ts";
import { createServiceNotices, READY_LIMIT_MS, statusLine } from "../../../../src/process/host/service-notices.ts";
import type { RoleName } from "../../../../src/roles/role.ts";
import type { ConfigStatus, ProcessStatus } from "../../../../src/status/schema.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function lab(watchdogMs?: number) {
  const clock = manualClock();
  const sent: string[] = [];
  const stuck: RoleName[] = [];
  const notices = createServiceNotices({
    clock,
    pid: 42,
    send: (lines) => sent.push(lines.join(" ")),
    monotonicMicroseconds: () => 1_234_567,
    stuck: () => stuck,
    ...(watchdogMs === undefined ? {} : { watchdogMs }),
  });
  return { clock, sent, stuck, notices };
}

test("ready when the last of the roles that are needed runs, and once", () => {
  const { notices, sent } = lab();
  notices.expect(["checker", "vrrp"]);
  notices.runs("api");
  notices.runs("vrrp");
  expect(sent).toEqual([]);
  notices.runs("checker");
  notices.runs("checker");
  expect(sent).toEqual(["READY=1 MAINPID=42"]);
});

test("ready after a while all the same: nobody should end a director that mends itself", () => {
  const { notices, sent, clock } = lab();
  notices.expect(["checker"]);
  clock.advance(READY_LIMIT_MS - 1);
  expect(sent).toEqual([]);
  clock.advance(1);
  notices.runs("checker");
  expect(sent).toEqual(["READY=1 MAINPID=42"]);
});

test("a reload has a beginning on the kernel's clock and an end", () => {
  const { notices, sent } = lab();
  notices.reloading();
  expect(sent).toEqual([]);
  notices.expect([]);
  notices.reloading();
  notices.reloaded();
  notices.reloaded();
  expect(sent.slice(1)).toEqual(["RELOADING=1 MONOTONIC_USEC=1234567", "READY=1"]);
});

test("a stop asks for the time it may take, and nothing else comes after it", () => {
  const { notices, sent } = lab();
  notices.expect([]);
  notices.reloading();
  notices.stopping(25_000);
  notices.reloaded();
  notices.stopping(1);
  expect(sent.slice(2)).toEqual(["STOPPING=1 EXTEND_TIMEOUT_USEC=25000000"]);
});

test("signs of life twice in each interval, none while a role is stuck", () => {
  const { sent, stuck, clock } = lab(10_000);
  clock.advance(10_000);
  expect(sent).toEqual(["WATCHDOG=1", "WATCHDOG=1"]);
  stuck.push("vrrp");
  clock.advance(30_000);
  expect(sent).toHaveLength(2);
  stuck.pop();
  clock.advance(5000);
  expect(sent).toHaveLength(3);
});

test("nobody who did not ask hears a sign of life", () => {
  const { sent, clock } = lab();
  clock.advance(100_000);
  expect(sent).toEqual([]);
});

test("the status is one line without control characters, told when it changes", () => {
  const { notices, sent } = lab();
  notices.status("a\nREADY=1");
  notices.status("a\nREADY=1");
  notices.status("b");
  expect(sent).toEqual(["STATUS=a\\x0aREADY=1", "STATUS=b"]);
});

describe("the line", () => {
  const config: ConfigStatus = {
    file: "/k.conf",
    state: "loaded",
    loadedAt: null,
    sha256: null,
    warnings: 0,
    stale: false,
    errors: [],
    errorCount: 0,
    tolerated: [],
    reloads: 0,
    lastReload: null,
  };
  const service = { instances: 0, virtualServers: 1 };
  const waiting: ProcessStatus = {
    role: "vrrp",
    state: "waiting",
    pid: null,
    since: "",
    restarts: 1,
    reason: "ended with status 1",
  };

  test.each([
    ["reading", { ...config, state: "reading" }, undefined, [], "reading the configuration"],
    ["unusable", { ...config, state: "failed" }, undefined, [], "the configuration can't be used"],
    ["all well", config, service, [{ ...waiting, state: "running" }], "VRRP instances: 0, virtual servers: 1"],
    ["a role is down", config, service, [waiting], "vrrp ended with status 1; VRRP instances: 0, virtual servers: 1"],
    [
      "refused",
      { ...config, stale: true, errors: ["/k.conf:3:1: no }"] },
      service,
      [],
      "reload refused: /k.conf:3:1: no }; VRRP instances: 0, virtual servers: 1",
    ],
  ] as const)("%s", (_why, status, of, processes, expected) => {
    expect(statusLine({ ...config, ...status } as ConfigStatus, of, processes)).toBe(expected);
  });
});

describe("orphans", () => {
  function family() {
    const clock = manualClock();
    const zombies = new Set<number>();
    const reaped: number[] = [];
    const orphans = createOrphans({
      clock,
      zombies: () => [...zombies],
      reap: (pid) => {
        zombies.delete(pid);
        reaped.push(pid);
      },
    });
    return { clock, zombies, reaped, orphans };
  }

  test("what ended and stays is waited for", () => {
    const { clock, zombies, reaped, orphans } = family();
    for (const pid of [7, 8]) zombies.add(pid);
    orphans.look();
    clock.advance(2 * PATIENCE_MS);
    expect(reaped).toEqual([7, 8]);
    expect(clock.nextAt()).toBeUndefined();
  });

  test("a child that the runtime waits for is left to it, however late we look", () => {
    const { clock, zombies, reaped, orphans } = family();
    orphans.look();
    zombies.add(9);
    clock.advance(PATIENCE_MS);
    zombies.delete(9);
    clock.advance(10 * PATIENCE_MS);
    expect(reaped).toEqual([]);
  });

  test("a thousand ends are one look", () => {
    const { clock, reaped, orphans, zombies } = family();
    zombies.add(7);
    for (let i = 0; i < 1000; i++) orphans.look();
    clock.advance(PATIENCE_MS);
    expect(clock.nextAt()).toBe(2 * PATIENCE_MS);
    clock.advance(PATIENCE_MS);
    expect(reaped).toEqual([7]);
  });
});
