import { expect, test } from "bun:test";
import type { TrackProcess } from "../../../src/config/model/vrrp.ts";
import { initialProcessState, processMatches, settleProcess, stepProcess } from "../../../src/vrrp/track-process.ts";
import { trackFileValue } from "../../../src/vrrp/track-value.ts";

const tracker = (change: Partial<TrackProcess> = {}): TrackProcess => ({
  name: "web",
  origin: { file: "k.conf", line: 1, column: 1 },
  process: "nginx",
  params: [],
  paramMatch: "none",
  weight: 0,
  reverse: false,
  quorum: 1,
  terminateDelayMs: 0,
  forkDelayMs: 0,
  fullCommand: false,
  ...change,
});

test.each([
  ["short name", {}, "nginx", ["/usr/sbin/nginx", "-g"], true],
  ["another name", {}, "nginxx", ["nginx"], false],
  ["names are cut at 15 bytes by the kernel", { process: "a-very-long-process" }, "a-very-long-pro", [], true],
  ["full command", { process: "/usr/sbin/nginx", fullCommand: true }, "nginx", ["/usr/sbin/nginx"], true],
  ["parameters exactly", { process: "x", params: ["-a"], paramMatch: "exact" }, "x", ["x", "-a"], true],
  ["parameters exactly, one more", { process: "x", params: ["-a"], paramMatch: "exact" }, "x", ["x", "-a", "b"], false],
  ["initial: the last goes on", { process: "x", params: ["-a"], paramMatch: "initial" }, "x", ["x", "-abc"], true],
  // As keepalived 2.2.7 counted them.
  ["initial: more may follow", { process: "x", params: ["-a"], paramMatch: "initial" }, "x", ["x", "-abc", "d"], true],
  ["initial: the same", { process: "x", params: ["-a", "b"], paramMatch: "initial" }, "x", ["x", "-a", "b"], true],
  [
    "initial: only the last goes on",
    { process: "x", params: ["-a", "b"], paramMatch: "initial" },
    "x",
    ["x", "-ab", "b"],
    false,
  ],
  ["initial: one is missing", { process: "x", params: ["-a", "b"], paramMatch: "initial" }, "x", ["x", "-a"], false],
  ["initial: none, and there are", { process: "x", paramMatch: "initial" }, "x", ["x", "-a"], true],
  ["initial: none, and there are none", { process: "x", paramMatch: "initial" }, "x", ["x"], true],
  ["partial: none, and there are", { process: "x", paramMatch: "partial" }, "x", ["x", "-a"], true],
  ["partial: one is missing", { process: "x", params: ["-a", "b"], paramMatch: "partial" }, "x", ["x", "-a"], false],
  [
    "a name is not the program that was started",
    { process: "x", params: ["-a"], paramMatch: "exact" },
    "x",
    ["/bin/x", "-a"],
    false,
  ],
  ["full command: any may follow", { process: "/bin/x", fullCommand: true }, "x", ["/bin/x", "-a"], true],
  [
    "a blank in a parameter",
    { process: "x", params: ["-f", "a b"], paramMatch: "exact" },
    "x",
    ["x", "-f", "a b"],
    true,
  ],
  ["no parameters allowed", { process: "x", paramMatch: "exact" }, "x", ["x", "-a"], false],
  ["partial: not a longer one", { process: "x", params: ["-a"], paramMatch: "partial" }, "x", ["x", "-ab"], false],
  ["partial: only the leading", { process: "x", params: ["-a"], paramMatch: "partial" }, "x", ["x", "-a", "d"], true],
] as const)("match: %s", (_why, change, comm, argv, matches) => {
  expect(processMatches(tracker(change), { comm, argv })).toBe(matches);
});

test.each([
  ["one is enough", {}, 1, true],
  ["none", {}, 0, false],
  ["quorum 2", { quorum: 2 }, 1, false],
  ["too many", { quorumMax: 2 }, 3, false],
  ["none may run, none runs", { quorumMax: 0 }, 0, true],
  ["none may run, one runs", { quorumMax: 0 }, 1, false],
])("quorum: %s", (_why, change, count, up) => {
  expect(initialProcessState(tracker(change), count, 0).up).toBe(up);
});

test("a restart within terminate_delay is not noticed", () => {
  const t = tracker({ terminateDelayMs: 500 });
  let state = initialProcessState(t, 1, 0);
  state = stepProcess(t, state, 0, 100);
  expect([state.up, state.changeAt]).toEqual([true, 600]);
  state = stepProcess(t, state, 1, 400);
  expect([state.up, state.changeAt]).toEqual([true, undefined]);
  state = stepProcess(t, state, 0, 1000);
  expect(settleProcess(state, 1499).up).toBe(true);
  expect(settleProcess(state, 1500)).toMatchObject({ up: false, sinceMs: 1500 });
});

test.each([
  ["", 0],
  ["  12 ", 12],
  ["-5\n", -5],
  ["0x10", 16],
  ["010", 8],
  ["abc", 0],
  ["7abc", 7],
  ["99999999999", 0x7fffffff],
  ["0", 0],
])("tracked file %j is %d", (text, value) => {
  expect(trackFileValue(text)).toBe(value);
});
