// `--keep-health`: a director that comes back within minutes begins with what was known at its orderly end, until each check's first run.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Config } from "../../../../src/config/model/config.ts";
import type { RealServer } from "../../../../src/config/model/lvs.ts";
import { KEPT_FOR_MS, openKeptHealth } from "../../../../src/roles/checker/kept-health.ts";
import { journalPath } from "../../../../src/roles/journal.ts";
import { configOf, realServer, tcpCheck, timing, virtualServer } from "../../../support/model.ts";
import { bench, machine } from "./bench.ts";

const WARMUP_MS = 20_000;

function server(host: number, alpha = false, port = 80): RealServer {
  const check = tcpCheck(`10.9.1.${host}`, { timing: timing({ delayLoopMs: 1000, warmupMs: WARMUP_MS, alpha }) });
  return realServer(host, { checks: [{ ...check, endpoint: { ...check.endpoint, port } }] });
}

/** 1 is down at the end, 2 is up; 3 and 4 start as down (alpha) and are up and down. */
const config = configOf([virtualServer([server(1), server(2), server(3, true), server(4, true)])]);
const DOWN = ["10.9.1.1", "10.9.1.4"];

/** Runs for a minute and ends in order; then another machine, with what was left in the run directory. */
function restart(after: Config = config, { laterMs = 61_000, keepHealth = true, crashed = false } = {}) {
  const first = bench({ keepHealth });
  for (const ip of DOWN) first.fails(ip);
  first.start(config);
  first.clock.advance(60_000);
  expect(first.shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1 10.9.1.3=1");
  if (!crashed) void first.role.stop();
  const on = machine();
  on.health = first.machine.health;
  // A random part of the warm-up that is nearly all of it.
  const second = bench({ on, session: "2:2", keepHealth, laterMs, random: 0.9 });
  second.start(after);
  return second;
}

test("servers stand as they did: none that is dead is in the table, and none that is well is out of it", () =>
  expect(restart().shown()).toBe("10.9.0.1:80 rr: 10.9.1.2=1 10.9.1.3=1"));

test("one that came back meanwhile does not wait for its warm-up; one that is not is told of as down", () => {
  const b = restart();
  b.fails("10.9.1.4");
  b.clock.advance(100);
  expect(b.shown()).toBe("10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1 10.9.1.3=1");
  expect(b.notified().filter((text) => text.includes("10.9.1.4"))).toEqual([
    "RS [10.9.1.4]:tcp:80 [10.9.0.1]:tcp:80 DOWN",
  ]);
});

test("one that was up leaves with its first failure", () => {
  const b = restart();
  b.fails("10.9.1.3");
  b.clock.advance(WARMUP_MS + 2000);
  expect(b.shown()).not.toContain("10.9.1.3");
});

const AS_EVER = "10.9.0.1:80 rr: 10.9.1.1=1 10.9.1.2=1";
test.each([
  ["the option is not given", config, { keepHealth: false }],
  ["it is too old", config, { laterMs: 60_000 + KEPT_FOR_MS + 1 }],
  ["the clock says it is yet to come", config, { laterMs: -3_600_000 }],
  ["there was no orderly end", config, { crashed: true }],
  [
    "the checks ask something else",
    configOf([virtualServer([server(1, false, 81), server(2, false, 81), server(3, true, 81), server(4, true, 81)])]),
    {},
  ],
] as const)("a start is as ever when %s", (_, after, options) => expect(restart(after, options).shown()).toBe(AS_EVER));

test("it counts once", () => expect(restart().machine.health).toBeUndefined());

test("a file that somebody else wrote is none", () => {
  const runDir = mkdtempSync(join(tmpdir(), "lbd-kept-"));
  try {
    const path = journalPath(runDir, "checker", "health");
    mkdirSync(dirname(path));
    const weights = { a: { up: true, weight: { set: 3 } }, c: { up: false, weight: { add: -5 } } };
    const kept = { atMs: 1, checks: { ...weights, b: { up: false } } };
    const journal = openKeptHealth(runDir);
    journal.write(kept);
    expect(journal.read()).toEqual(kept);
    writeFileSync(path, '{"atMs":1,"checks":{"a":{"up":true,"weight":{"add":"5"}}}}');
    expect(journal.read()).toEqual({ atMs: 1, checks: { a: { up: true } } });
    for (const text of [
      "",
      "[]",
      '{"atMs":"1","checks":{}}',
      '{"atMs":1,"checks":[]}',
      '{"atMs":1,"checks":{"a":{}}}',
    ]) {
      writeFileSync(path, text);
      expect(journal.read()).toBeUndefined();
    }
  } finally {
    rmSync(runDir, { recursive: true });
  }
});
