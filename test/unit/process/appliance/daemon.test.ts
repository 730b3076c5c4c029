// The director as a child: started again later each time, ended in order, by force when it does not go.
import { expect, test } from "bun:test";
import type { LogLine } from "../../../../src/base/log.ts";
import { createDaemon } from "../../../../src/process/appliance/daemon.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function bench() {
  const clock = manualClock();
  const said: LogLine[] = [];
  const signals: string[] = [];
  const ends: ((how: string) => void)[] = [];
  const daemon = createDaemon({
    clock,
    log: (line) => said.push(line),
    start(ended) {
      ends.push(ended);
      return { pid: 100 + ends.length, signal: (name) => signals.push(name) };
    },
  });
  return { clock, said, signals, ends, daemon };
}

test("it is started again, later each time, and at once after a steady minute", () => {
  const { clock, said, ends, daemon } = bench();
  daemon.start();
  for (const wait of [250, 500, 1000]) {
    ends.at(-1)?.("status 1");
    const before = ends.length;
    clock.advance(wait - 1);
    expect(ends.length).toBe(before);
    clock.advance(1);
    expect(ends.length).toBe(before + 1);
  }
  clock.advance(60_000);
  ends.at(-1)?.("SIGSEGV");
  expect(said.at(-1)?.message).toBe("the director ended (SIGSEGV), again in 250 ms");
  expect(daemon.failures).toBe(4);
});

test("it never waits longer than ten seconds", () => {
  const { clock, said, ends, daemon } = bench();
  daemon.start();
  for (let n = 0; n < 10; n++) {
    ends.at(-1)?.("status 1");
    clock.advance(10_000);
  }
  expect(said.at(-1)?.message).toContain("again in 10000 ms");
});

test("it is ended in order, and by force when it stays", async () => {
  const { clock, signals, ends, daemon } = bench();
  daemon.start();
  const stopped = daemon.stop(20_000);
  expect(signals).toEqual(["SIGTERM"]);
  clock.advance(20_000);
  expect(signals).toEqual(["SIGTERM", "SIGKILL"]);
  ends.at(-1)?.("SIGKILL");
  await stopped;
  expect([daemon.failures, daemon.pid]).toEqual([0, undefined]);
});

test("one that waits for its next start is stopped by not starting it", async () => {
  const { clock, ends, daemon } = bench();
  daemon.start();
  ends.at(-1)?.("status 1");
  await daemon.stop(1000);
  clock.advance(60_000);
  expect(ends.length).toBe(1);
});

test("one that runs already is taken over, and the next one is started", () => {
  const clock = manualClock();
  let startedOnes = 0;
  let end: (how: string) => void = () => {};
  const daemon = createDaemon({
    clock,
    log: () => {},
    start() {
      startedOnes++;
      return { pid: 200, signal() {} };
    },
    adopt(ended) {
      end = ended;
      return { pid: 100, signal() {} };
    },
  });
  daemon.start();
  expect([daemon.pid, startedOnes]).toEqual([100, 0]);
  end("it is gone");
  expect(daemon.pid).toBeUndefined();
  clock.advance(250);
  expect([daemon.pid, startedOnes, daemon.failures]).toEqual([200, 1, 1]);
});
