// Kernel calls that failed: how many there are, when each is tried again, and what says nothing of its own.
import { expect, test } from "bun:test";
import type { Destination, IpvsCommand, Service } from "../../../../src/lvs/model.ts";
import { createKernelFailures } from "../../../../src/roles/checker/failures.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const service = (port: number): Service => ({
  family: 4,
  protocol: 6,
  address: { kind: "address", ip: "10.9.0.1", port },
  scheduler: "rr",
  flags: 0,
  timeoutS: 0,
  netmask: 0xffff_ffff,
});
const destination = (host: number): Destination => ({
  ip: `10.9.1.${host}`,
  port: 80,
  forwarding: { method: "NAT" },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
});
const add = (port: number): IpvsCommand => ({ kind: "addService", service: service(port) });
const addTo = (port: number, host: number): IpvsCommand => ({
  kind: "addDestination",
  service: service(port),
  destination: destination(host),
});
const failure = (message: string) => ({ code: "EPERM", message });

function lab() {
  const clock = manualClock(0);
  return { clock, failures: createKernelFailures(clock) };
}

test("pauses double from a second to a minute, and stand on whole seconds", () => {
  const { clock, failures } = lab();
  clock.skip(300);
  const pauses: number[] = [];
  for (let i = 0; i < 9; i++) {
    failures.note(addTo(80, 1), failure("no"));
    const due = failures.nextRetryAt() ?? 0;
    pauses.push(failures.of(addTo(80, 1))?.retryMs ?? 0);
    expect([due % 1000, due - clock.now() >= pauses[i]!, due - clock.now() < pauses[i]! + 1000]).toEqual([
      0,
      true,
      true,
    ]);
    expect(failures.rests(addTo(80, 1))).toBe(true);
    clock.skip(due - clock.now());
    expect(failures.rests(addTo(80, 1))).toBe(false);
  }
  expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test("one is counted once however often it fails, and no more when it is done", () => {
  const { failures } = lab();
  for (let i = 0; i < 3; i++) failures.note(addTo(80, 1), failure(`no ${i}`));
  failures.note(addTo(80, 2), failure("nor this"));
  failures.note(addTo(81, 1), failure("elsewhere"));
  expect([failures.size, failures.ofService("10.9.0.1:80/tcp", 9)]).toEqual([3, ["no 2", "nor this"]]);
  expect([failures.some(2), failures.some(9)]).toEqual([
    ["no 2", "nor this"],
    ["no 2", "nor this", "elsewhere"],
  ]);
  expect(failures.ofService("10.9.0.1:80/tcp", 1)).toEqual(["no 2"]);
  failures.done(addTo(80, 1));
  failures.done(addTo(80, 1));
  failures.done(addTo(82, 1));
  expect([failures.size, [...failures.services()]]).toEqual([2, ["10.9.0.1:80/tcp", "10.9.0.1:81/tcp"]]);
  failures.done(addTo(80, 2));
  failures.done(addTo(81, 1));
  expect([failures.size, [...failures.services()], failures.nextRetryAt()]).toEqual([0, [], undefined]);
});

test("the next try is that of the one that waits the shortest", () => {
  const { clock, failures } = lab();
  failures.note(add(80), failure("a"));
  clock.skip(5000);
  failures.note(add(81), failure("b"));
  expect(failures.nextRetryAt()).toBe(1000);
  failures.done(add(80));
  expect(failures.nextRetryAt()).toBe(6000);
});

test("a destination rests with its service, and its failure then says nothing of its own", () => {
  const { clock, failures } = lab();
  failures.note(add(80), failure("no scheduler"));
  expect([failures.rests(addTo(80, 1)), failures.followsFromService(addTo(80, 1))]).toEqual([true, true]);
  expect([failures.rests(addTo(81, 1)), failures.followsFromService(addTo(81, 1))]).toEqual([false, false]);
  expect(failures.followsFromService(add(80))).toBe(false);
  clock.skip(1000);
  expect(failures.rests(addTo(80, 1))).toBe(false);
});

test("what is not to be done any more is forgotten: of some services, or of all", () => {
  const { failures } = lab();
  for (const command of [addTo(80, 1), addTo(80, 2), addTo(81, 1)]) failures.note(command, failure("no"));
  failures.keepOnly([addTo(80, 2)], new Set(["10.9.0.1:80/tcp", "10.9.0.9:80/tcp"]));
  expect([failures.size, [...failures.services()]]).toEqual([2, ["10.9.0.1:80/tcp", "10.9.0.1:81/tcp"]]);
  failures.keepOnly([], new Set(["10.9.0.1:80/tcp"]));
  expect([failures.size, [...failures.services()]]).toEqual([1, ["10.9.0.1:81/tcp"]]);
  failures.keepOnly([addTo(80, 1)]);
  expect([failures.size, failures.nextRetryAt()]).toEqual([0, undefined]);
});
