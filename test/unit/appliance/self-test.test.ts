// What makes a start a good one, what a start on trial fails for, and when the watchdog is not fed.
import { describe, expect, test } from "bun:test";
import { faultsOf, judge, newFaults, STEADY_MS, TRIAL_LIMIT_MS } from "../../../src/appliance/self-test.ts";
import {
  chooseWatchdog,
  GONE_MS,
  judgePulse,
  SILENT_AT_START_MS,
  SILENT_MS,
  SOFTWARE,
} from "../../../src/appliance/watchdog.ts";

test("faults say what they are of", () => {
  expect(faultsOf({ modules: [], network: [], director: true, api: true })).toEqual([]);
  expect(
    faultsOf({
      modules: ["ip_vs: not there"],
      network: ["lan0: no network card fits"],
      director: "starting",
      api: "x",
    }),
  ).toEqual(["modules: ip_vs: not there", "network: lan0: no network card fits", "director: starting", "api: x"]);
});

test.each([
  ["nothing is wrong", [], [], []],
  ["what was wrong before", ["network: a"], ["network: a"], []],
  ["something else", ["network: b"], ["network: a"], ["network: b"]],
  ["a director that was not ready before is not for another reason", ["director: x"], ["director: y"], []],
  ["a director that was", ["director: x"], ["network: y"], ["director: x"]],
])("new faults: %s", (_, now, before, expected) => expect(newFaults(now, before)).toEqual(expected));

const LATE = TRIAL_LIMIT_MS;
test.each([
  ["all is well for long enough", true, [], [], 5000, STEADY_MS, "good"],
  ["all is well for a moment", true, [], [], 5000, STEADY_MS - 1, "wait"],
  ["a fault, and time is left", true, ["network: x"], [], LATE - 1, 0, "wait"],
  ["a fault, and time is over", true, ["network: x"], [], LATE, 0, "failed"],
  ["an old fault", true, ["network: x"], ["network: x"], 5000, STEADY_MS, "good"],
  ["well at last, and time is over", true, [], [], LATE, 0, "good"],
  ["a fault of a slot that works", false, ["network: x"], [], LATE, 0, "good"],
  ["a fault of a slot that works, at the begin", false, ["network: x"], [], 5000, 0, "wait"],
] as const)("a start is judged: %s", (_, trial, faults, before, elapsedMs, steadyMs, kind) =>
  expect(judge({ trial, faults, before, elapsedMs, steadyMs }).kind).toBe(kind),
);

test("a failed trial names what is worse, and how long it was waited for", () =>
  expect(
    judge({
      ...{ trial: true, faults: ["network: a", "director: it does not answer"], before: ["network: a"] },
      ...{ elapsedMs: LATE, steadyMs: 0 },
    }),
  ).toEqual({ kind: "failed", reason: `after ${LATE / 1000} s: director: it does not answer` }));

describe("the watchdog", () => {
  const device = (name: string, identity: string) => ({ name, identity });
  test.each([
    ["none", [], undefined],
    ["the only one", [device("watchdog0", SOFTWARE)], "watchdog0"],
    ["hardware before software", [device("watchdog0", SOFTWARE), device("watchdog1", "iTCO_wdt")], "watchdog1"],
    [
      "the chipset before the controller",
      [device("watchdog0", "IPMI"), device("watchdog1", "i6300ESB timer")],
      "watchdog1",
    ],
    ["the first by number", [device("watchdog10", "a"), device("watchdog2", "b")], "watchdog2"],
  ])("is chosen: %s", (_, devices, name) => expect(chooseWatchdog(devices)?.name).toBe(name));

  test.each([
    ["none runs: it is started again", undefined, undefined, undefined, 1e6, "alive"],
    ["it speaks", 0, 1000, undefined, 1000 + SILENT_MS, "alive"],
    ["it has fallen silent", 0, 1000, undefined, 1001 + SILENT_MS, "kill"],
    ["it starts", 0, undefined, undefined, SILENT_AT_START_MS, "alive"],
    ["it never spoke", 0, undefined, undefined, SILENT_AT_START_MS + 1, "kill"],
    ["it was ended by force", 0, 1000, 50_000, 50_000 + GONE_MS - 1, "alive"],
    ["that was in vain", 0, 1000, 50_000, 50_000 + GONE_MS, "dead"],
  ] as const)("bites only when nothing else helps: %s", (_, startedAt, heardAt, killedAt, now, verdict) =>
    expect(judgePulse({ startedAt, heardAt, killedAt }, now)).toBe(verdict),
  );
});
