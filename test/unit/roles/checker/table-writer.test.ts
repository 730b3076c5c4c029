// Commands to the kernel's table and what comes of each: what is remembered, counted, said, tried again, and told as drift.
import { expect, test } from "bun:test";
import type { LogLine } from "../../../../src/base/log.ts";
import type { CommandResult } from "../../../../src/kernel/ports.ts";
import type { Destination, IpvsCommand, Service } from "../../../../src/lvs/model.ts";
import { createKernelFailures } from "../../../../src/roles/checker/failures.ts";
import { createSeenTable } from "../../../../src/roles/checker/seen-table.ts";
import { createTableWriter } from "../../../../src/roles/checker/table-writer.ts";
import { fakeIpvs } from "../../../support/fake-ipvs.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const SERVICE: Service = {
  family: 4,
  protocol: 6,
  address: { kind: "address", ip: "10.9.0.1", port: 80 },
  scheduler: "rr",
  flags: 0,
  timeoutS: 0,
  netmask: 0xffff_ffff,
};
const KEY = "10.9.0.1:80/tcp";
const DESTINATION: Destination = {
  ip: "10.9.1.1",
  port: 80,
  forwarding: { method: "NAT" },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};
const ADD: IpvsCommand = { kind: "addService", service: SERVICE };
const ADD_TO: IpvsCommand = { kind: "addDestination", service: SERVICE, destination: DESTINATION };
const EDIT: IpvsCommand = { kind: "editDestination", service: SERVICE, destination: { ...DESTINATION, weight: 2 } };

/** The kernel answers as told, and takes `takesMs` for all of it. */
function lab(takesMs = 0) {
  const clock = manualClock(5000);
  const answers = new Map<IpvsCommand, Omit<CommandResult, "command">>();
  const counters: Record<string, number> = {};
  const logs: { readonly kind: string; readonly line: LogLine }[] = [];
  const drifts: string[] = [];
  const places = new Map<IpvsCommand, string>();
  const asked: (readonly IpvsCommand[])[] = [];
  const seen = createSeenTable(fakeIpvs([{ service: SERVICE, destinations: [DESTINATION] }]));
  const failing = createKernelFailures(clock);
  const writer = createTableWriter({
    clock,
    table: {
      apply(commands) {
        asked.push(commands);
        clock.skip(takesMs);
        return commands.map((command) => ({ command, ...answers.get(command) }));
      },
    },
    seen,
    failing,
    drift: {
      tell: ({ command, failure }, found) => void drifts.push(`${command.kind} ${found}${failure ? " in vain" : ""}`),
      forgetOld() {},
    },
    counters,
    log: (kind, line) => void logs.push({ kind, line }),
    placeOf: (command) => places.get(command),
  });
  return {
    ...{ clock, counters, logs, drifts, places, asked, seen, failing },
    refuse: (command: IpvsCommand, code: string, message: string) =>
      void answers.set(command, { failure: { code, message } }),
    already: (command: IpvsCommand) => void answers.set(command, { alreadySo: true }),
    does: (command: IpvsCommand) => void answers.delete(command),
    apply: (
      commands: readonly IpvsCommand[],
      why: "changed" | "drift" = "changed",
      attempt: "first" | "last" = "last",
    ) => [...writer.apply(commands, why, attempt)],
    /** Without those of the time that it took. */
    counted: () => Object.fromEntries(Object.entries(counters).filter(([name]) => !name.includes("duration"))),
  };
}

test("what is done is seen from then on, counted by its kind, and what it took stands in the histogram", () => {
  const { apply, seen, counters, failing, logs } = lab(20);
  expect(apply([ADD, ADD_TO])).toEqual([]);
  expect(seen.get(KEY)).toMatchObject({ service: SERVICE, destinations: [DESTINATION] });
  expect(counters).toEqual({
    'lbd_kernel_ops_total{kind="ipvs",op="addService",result="ok"}': 1,
    'lbd_kernel_ops_total{kind="ipvs",op="addDestination",result="ok"}': 1,
    'lbd_kernel_op_duration_seconds_bucket{kind="ipvs",le="0.001"}': 0,
    'lbd_kernel_op_duration_seconds_bucket{kind="ipvs",le="0.01"}': 0,
    'lbd_kernel_op_duration_seconds_bucket{kind="ipvs",le="0.1"}': 1,
    'lbd_kernel_op_duration_seconds_bucket{kind="ipvs",le="1"}': 1,
    'lbd_kernel_op_duration_seconds_bucket{kind="ipvs",le="+Inf"}': 1,
    'lbd_kernel_op_duration_seconds_sum{kind="ipvs"}': 0.02,
    'lbd_kernel_op_duration_seconds_count{kind="ipvs"}': 1,
  });
  expect([failing.size, logs]).toEqual([0, []]);
});

test("nothing to do: the kernel is not asked, and nothing is counted", () => {
  const { apply, asked, counters } = lab();
  expect([apply([]), asked, counters]).toEqual([[], [], {}]);
});

test("what was there already is done, but how it is set nobody knows: the service is to be looked at", () => {
  const { apply, already, refuse, seen, failing, counted } = lab();
  refuse(ADD, "EPERM", "no");
  apply([ADD]);
  already(ADD);
  expect(apply([ADD])).toEqual([KEY]);
  expect([seen.has(KEY), failing.size]).toEqual([true, 0]);
  expect(counted()).toEqual({
    'lbd_kernel_ops_total{kind="ipvs",op="addService",result="failed"}': 1,
    'lbd_kernel_ops_total{kind="ipvs",op="addService",result="already"}': 1,
  });
});

test.each(["ESRCH", "ENOENT", "EEXIST"])(
  "%s means at first that the table is not as we thought; behind a look it is a failure like others",
  (code) => {
    const { apply, refuse, failing, logs, seen } = lab();
    refuse(EDIT, code, "editDestination: no");
    expect(apply([EDIT], "changed", "first")).toEqual([KEY]);
    expect([failing.size, logs]).toEqual([0, []]);
    expect(apply([EDIT], "changed", "last")).toEqual([]);
    expect([failing.size, logs.length, seen.has(KEY)]).toEqual([1, 1, false]);
    // One that failed already fails once more: no second look at the table.
    expect(apply([EDIT], "changed", "first")).toEqual([]);
    expect([failing.of(EDIT)?.retryMs, logs.length]).toEqual([2000, 1]);
  },
);

test("a refusal is said with its place, once as long as it is the same, and noted for the next try", () => {
  const { apply, refuse, places, logs, failing } = lab();
  refuse(ADD_TO, "EPERM", "addDestination: EPERM");
  places.set(ADD_TO, "k.conf:12");
  expect(apply([ADD_TO], "changed", "first")).toEqual([]);
  apply([ADD_TO]);
  const message = "k.conf:12: addDestination: EPERM; trying again";
  expect(logs).toEqual([{ kind: "addDestination EPERM", line: { level: "error", area: "ipvs", message } }]);
  expect(failing.of(ADD_TO)?.failure).toEqual({ code: "EPERM", message: "k.conf:12: addDestination: EPERM" });
  places.delete(ADD_TO);
  apply([ADD_TO]);
  expect(logs.at(-1)?.line.message).toBe("addDestination: EPERM; trying again");
  refuse(ADD_TO, "ENOMEM", "addDestination: ENOMEM");
  apply([ADD_TO]);
  expect(logs.map(({ kind }) => kind)).toEqual([
    "addDestination EPERM",
    "addDestination EPERM",
    "addDestination ENOMEM",
  ]);
});

test("of a service that can't be made its destinations' failures say nothing of their own", () => {
  const { apply, refuse, logs, failing, counted } = lab();
  refuse(ADD, "EPERM", "addService: EPERM");
  refuse(ADD_TO, "EPERM", "addDestination: EPERM");
  apply([ADD, ADD_TO]);
  expect([logs.map(({ kind }) => kind), failing.size]).toEqual([["addService EPERM"], 1]);
  expect(counted()['lbd_kernel_ops_total{kind="ipvs",op="addDestination",result="failed"}']).toBe(1);
});

test("drift: each command tells what was found before it, and whether it was put right", () => {
  const { apply, refuse, drifts, counted, seen } = lab();
  seen.readAll();
  refuse(ADD, "EPERM", "no");
  apply([EDIT, ADD], "drift");
  expect(drifts).toEqual([
    "editDestination weight was 1, wanted 2, set back",
    "addService was missing, added again in vain",
  ]);
  expect(counted()).toMatchObject({
    'lbd_drift_detected_total{kind="ipvs"}': 2,
    'lbd_drift_repaired_total{kind="ipvs"}': 1,
  });
  // What failed before is tried again: nobody has changed anything.
  apply([ADD], "drift");
  expect([drifts.length, counted()['lbd_drift_detected_total{kind="ipvs"}']]).toEqual([2, 2]);
});

test("what we want otherwise is no drift", () => {
  const { apply, drifts, counted } = lab();
  apply([EDIT]);
  expect([drifts, counted()['lbd_drift_detected_total{kind="ipvs"}']]).toEqual([[], undefined]);
});
