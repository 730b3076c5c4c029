// What the vrrp role makes of processes that come and go: any user of the machine can have one with a tracked name.
import { expect, test } from "bun:test";
import { inOneGo } from "../../../../src/base/steps.ts";
import type { RunningProcess } from "../../../../src/kernel/process-monitor.ts";
import { TELL_EVERY_MS, trackProcesses } from "../../../../src/roles/vrrp/tracked-processes.ts";
import { bindText } from "../../../support/config.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const INSTANCE = `vrrp_instance V {
  interface eth0
  virtual_router_id 51
  track_process {
    web
  }
  virtual_ipaddress {
    192.0.2.100
  }
}
`;
const WEB: RunningProcess = { comm: "nginx", argv: [] };

function lab(words = "") {
  const clock = manualClock();
  let tell: (pid: number, process: RunningProcess | undefined) => void = () => {};
  const told: number[] = [];
  const never = () => {
    throw new Error("not asked for");
  };
  const ports = {
    clock,
    log: () => {},
    runScript: never,
    prepareFiles: () => undefined,
    openFiles: never,
    openLinks: never,
    openProcesses(_options: unknown, changed: typeof tell) {
      tell = changed;
      return {
        source: "events" as const,
        running: () => new Map<number, RunningProcess>(),
        *setInterest() {},
        setReceiveBuffer() {},
        [Symbol.dispose]() {},
      };
    },
  };
  const tracked = trackProcesses(ports, () => told.push(clock.now()));
  inOneGo(tracked.configure(bindText(`vrrp_track_process web {\n  process nginx\n  ${words}\n}\n${INSTANCE}`).config));
  clock.advance(1000);
  return {
    clock,
    told,
    is: () => tracked.facts().map(({ up, detail }) => [up, detail])[0],
    comes: (pid: number) => tell(pid, WEB),
    goes: (pid: number) => tell(pid, undefined),
  };
}

test("a change is told at once, and what follows closely a moment later, as it is then", () => {
  const { clock, told, is, comes, goes } = lab();
  const at = clock.now();
  comes(1);
  expect([told, is()]).toEqual([[at], [true, "1 of nginx running, 1 wanted"]]);
  goes(1);
  comes(2);
  goes(2);
  expect(told).toEqual([at]);
  clock.advance(TELL_EVERY_MS);
  expect([told, is()]).toEqual([
    [at, at + TELL_EVERY_MS],
    [false, "0 of nginx running, 1 wanted"],
  ]);
  clock.advance(1000);
  comes(3);
  expect(told.at(-1)).toBe(clock.now());
});

test("whoever starts and ends processes without end has no more said than ten times a second", () => {
  const { clock, told, comes, goes } = lab();
  for (let round = 0; round < 10_000; round++) {
    comes(round + 2);
    goes(round + 2);
    if (round % 10 === 0) clock.advance(1);
  }
  // 20,000 changes in a second.
  expect(told.length).toBeLessThanOrEqual(1000 / TELL_EVERY_MS + 1);
  expect(told.length).toBeGreaterThan(5);
});

test("another number alone waits, and does not hold up what matters", () => {
  const { clock, told, is, comes, goes } = lab();
  comes(1);
  clock.advance(1000);
  const before = told.length;
  comes(2);
  expect(told.length).toBe(before);
  clock.advance(TELL_EVERY_MS / 2);
  goes(1);
  goes(2);
  expect([told.length, told.at(-1), is()?.[0]]).toEqual([before + 1, clock.now(), false]);
  clock.advance(1000);
  expect(told.length).toBe(before + 1);
});

test("delays count from the change, whatever else comes", () => {
  const { clock, told, is, comes, goes } = lab("terminate_delay 0.5");
  comes(1);
  clock.advance(1000);
  const at = clock.now();
  goes(1);
  clock.advance(499);
  expect(is()?.[0]).toBe(true);
  clock.advance(1);
  expect([told.at(-1), is()?.[0]]).toEqual([at + 500, false]);
});
