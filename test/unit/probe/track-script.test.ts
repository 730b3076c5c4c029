import { expect, test } from "bun:test";
import type { TrackScript } from "../../../src/config/model/vrrp.ts";
import {
  afterScriptRun,
  initialScriptState,
  type ScriptRunResult,
  trackScript,
} from "../../../src/probe/track-script.ts";
import { manualClock } from "../../support/manual-clock.ts";

const origin = { file: "k.conf", line: 1, column: 1 };
const script = (change: Partial<TrackScript> = {}): TrackScript => ({
  name: "chk",
  origin,
  command: { argv: ["/chk"], origin },
  intervalMs: 1000,
  timeoutMs: 1000,
  weight: 0,
  reverse: false,
  rise: 1,
  fall: 1,
  initFail: false,
  ...change,
});

test.each([
  ["unknown takes the first good run", {}, "+", "1"],
  ["unknown takes the first bad run, whatever fall says", { fall: 3 }, "-", "0"],
  ["unknown takes the first good run, whatever rise says", { rise: 3 }, "+", "1"],
  ["fall 3", { fall: 3 }, "+--+---", "1111110"],
  ["rise 2", { rise: 2 }, "-+-++", "00001"],
  ["init_fail is bad at once and needs rise", { initFail: true, rise: 2 }, "+-++", "0001"],
])("S42 %s", (_why, change, runs, states) => {
  let state = initialScriptState(script(change), 0);
  let seen = "";
  for (const [at, run] of [...runs].entries()) {
    state = afterScriptRun(script(change), state, { ok: run === "+", detail: run }, at);
    seen += state.up === null ? "?" : state.up ? "1" : "0";
  }
  expect(seen).toBe(states);
});

test("S42 runs start an interval apart, and a long one is never overlapped", async () => {
  const clock = manualClock();
  const starts: number[] = [];
  const finish: ((result: ScriptRunResult) => void)[] = [];
  const tracker = trackScript(
    script(),
    clock,
    () => {
      starts.push(clock.now());
      return new Promise((resolve) => finish.push(resolve));
    },
    () => {},
  );
  clock.advance(0);
  clock.advance(2500);
  expect(starts).toEqual([0]);
  finish.shift()?.({ ok: true, detail: "exit 0" });
  await Promise.resolve();
  await Promise.resolve();
  expect(tracker.state().up).toBe(true);
  clock.advance(500);
  expect(starts).toEqual([0, 3000]);
  tracker.stop();
  clock.advance(10_000);
  expect(starts).toEqual([0, 3000]);
});

test("S42 a run that is overdue has failed at once, and the next waits until it is gone", async () => {
  const clock = manualClock();
  const late: ((result: ScriptRunResult) => void)[] = [];
  const gone: ((result: ScriptRunResult) => void)[] = [];
  let changes = 0;
  const tracker = trackScript(
    script(),
    clock,
    (_script, overdue) => {
      late.push(overdue);
      return new Promise((resolve) => gone.push(resolve));
    },
    () => changes++,
  );
  clock.advance(0);
  late[0]?.({ ok: false, detail: "took longer than 500 ms" });
  expect(tracker.state()).toMatchObject({ up: false, detail: "took longer than 500 ms" });
  clock.advance(2500);
  expect(late).toHaveLength(1);
  gone[0]?.({ ok: false, detail: "ended" });
  await Promise.resolve();
  await Promise.resolve();
  clock.advance(500);
  expect([late.length, changes, tracker.state().detail]).toEqual([2, 1, "took longer than 500 ms"]);
  tracker.stop();
});

test("a reload keeps what is known", () => {
  const kept = { up: true, detail: "exit 0", sinceMs: 5, contrary: 0 };
  const tracker = trackScript(
    script(),
    manualClock(10),
    async () => ({ ok: true, detail: "" }),
    () => {},
    kept,
  );
  expect(tracker.state()).toEqual(kept);
  tracker.stop();
});
