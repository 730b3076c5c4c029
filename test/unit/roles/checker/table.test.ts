// The kernel's table is kept as it is wanted: what is asked of the kernel, what is ours, what is tried again, what an audit does.
import { describe, expect, test } from "bun:test";
import type { LogLine } from "../../../../src/base/log.ts";
import { serviceKey } from "../../../../src/lvs/keys.ts";
import type { Destination, IpvsCommand, Service, ServiceEntry } from "../../../../src/lvs/model.ts";
import type { DriftFound } from "../../../../src/roles/checker/drift.ts";
import { createTableKeeper } from "../../../../src/roles/checker/table.ts";
import { fakeIpvs } from "../../../support/fake-ipvs.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const keyOf = (port: number) => `10.9.0.1:${port}/tcp`;

function entry(port: number, weights: readonly number[] = [1], scheduler = "rr"): ServiceEntry {
  const service: Service = {
    family: 4,
    protocol: 6,
    address: { kind: "address", ip: "10.9.0.1", port },
    scheduler,
    flags: 0,
    timeoutS: 0,
    netmask: 0xffff_ffff,
  };
  const destinations = weights.map(
    (weight, i): Destination => ({
      ip: `10.9.1.${i + 1}`,
      port: 80,
      forwarding: { method: "NAT" },
      weight,
      upperThreshold: 0,
      lowerThreshold: 0,
    }),
  );
  return { service, destinations };
}

function short(command: IpvsCommand): string {
  const words = `${command.kind} ${serviceKey(command.service)}`;
  if (!("destination" in command)) return words;
  const { destination } = command;
  return `${words} ${destination.ip}${"weight" in destination ? `=${destination.weight}` : ""}`;
}

function lab(initial: readonly ServiceEntry[] = [], own: readonly string[] = []) {
  const clock = manualClock(0);
  const table = fakeIpvs(initial);
  const logs: LogLine[] = [];
  const drifts: DriftFound[] = [];
  const counted: string[] = [];
  let audits = 0;
  const keeper = createTableKeeper({
    clock,
    log: (line) => void logs.push(line),
    table,
    placeOf: ({ service }) => (service.address.kind === "address" ? `k.conf:${service.address.port}` : undefined),
    drifted: (drift) => void drifts.push(drift),
    counted: (key) => void counted.push(key),
    audited: () => void audits++,
    isWatched: () => false,
  });
  keeper.own(own);
  return {
    ...{ clock, table, logs, drifts, counted, keeper },
    audits: () => audits,
    /** Commands that were done since the last call. */
    did: () => table.applied.splice(0).map(short),
    keys: () => table.entries().map(({ service }) => serviceKey(service)),
  };
}

describe("the whole table", () => {
  test("is read once, and made so: ours that nobody wants goes, a stranger's stays", () => {
    const { keeper, table, did, keys } = lab([entry(81), entry(82)], [keyOf(81)]);
    keeper.want([entry(80, [1, 2])]);
    expect(did()).toEqual([
      "addService 10.9.0.1:80/tcp",
      "addDestination 10.9.0.1:80/tcp 10.9.1.1=1",
      "addDestination 10.9.0.1:80/tcp 10.9.1.2=2",
      "deleteDestination 10.9.0.1:81/tcp 10.9.1.1",
      "deleteService 10.9.0.1:81/tcp",
    ]);
    expect([keys().toSorted(), [...keeper.owned], table.reads]).toEqual([[keyOf(80), keyOf(82)], [keyOf(80)], 1]);
    keeper.want([]);
    expect([keys(), [...keeper.owned]]).toEqual([[keyOf(82)], []]);
  });

  test("one that is there as it is wanted is ours from then on, and not touched", () => {
    const { keeper, did } = lab([entry(80)]);
    keeper.want([entry(80)]);
    expect([did(), [...keeper.owned]]).toEqual([[], [keyOf(80)]]);
  });
});

describe("some services", () => {
  test("are made so, and the others not looked at", () => {
    const { keeper, table, did } = lab();
    keeper.want([entry(80), entry(81)]);
    did();
    table.drop(keyOf(81));
    keeper.update([entry(80, [5])], []);
    expect(did()).toEqual(["editDestination 10.9.0.1:80/tcp 10.9.1.1=5"]);
    expect(table.looks).toBe(0);
    keeper.update([entry(82)], [keyOf(80)]);
    expect(did()).toEqual([
      "addService 10.9.0.1:82/tcp",
      "addDestination 10.9.0.1:82/tcp 10.9.1.1=1",
      "deleteDestination 10.9.0.1:80/tcp 10.9.1.1",
      "deleteService 10.9.0.1:80/tcp",
    ]);
    expect([...keeper.owned]).toEqual([keyOf(81), keyOf(82)]);
  });

  test("none: the kernel is not asked", () => {
    const { keeper, did, clock } = lab();
    const next = clock.nextAt();
    keeper.update([], []);
    expect([did(), clock.nextAt()]).toEqual([[], next]);
  });

  test("one that can't be removed stays ours, and is tried again until it is gone", () => {
    const { keeper, table, clock, did, keys } = lab();
    keeper.want([entry(80, [])]);
    did();
    table.failWith = ({ kind }) => (kind === "deleteService" ? "EPERM" : undefined);
    keeper.update([], [keyOf(80)]);
    expect([did(), [...keeper.owned], keeper.failures.size]).toEqual([[], [keyOf(80)], 1]);
    table.failWith = () => undefined;
    clock.advance(1000);
    expect([did(), keys(), keeper.failures.size]).toEqual([["deleteService 10.9.0.1:80/tcp"], [], 0]);
    clock.advance(5000);
    expect([...keeper.owned]).toEqual([]);
  });
});

describe("the table is not as we thought", () => {
  test("somebody made the service meanwhile: it is looked at, and made as it is wanted at once", () => {
    const { keeper, table, did, logs } = lab();
    table.put(entry(80, [7, 1], "wlc"));
    keeper.want([entry(80, [1])]);
    expect(did()).toEqual([
      "addService 10.9.0.1:80/tcp",
      "addDestination 10.9.0.1:80/tcp 10.9.1.1=1",
      "editService 10.9.0.1:80/tcp",
      "editDestination 10.9.0.1:80/tcp 10.9.1.1=1",
      "deleteDestination 10.9.0.1:80/tcp 10.9.1.2",
    ]);
    expect([table.entries(), logs, keeper.failures.size]).toEqual([[entry(80, [1])], [], 0]);
  });

  test("a destination that was to be changed is gone: it is added", () => {
    const { keeper, table, did, drifts } = lab();
    keeper.want([entry(80, [1, 1])]);
    did();
    table.put(entry(80, [1]));
    keeper.update([entry(80, [1, 9])], []);
    expect([did(), drifts]).toEqual([["addDestination 10.9.0.1:80/tcp 10.9.1.2=9"], []]);
  });

  test("and can't be read either: it is said, and the next audit does it", () => {
    const { keeper, table, clock, logs, keys } = lab();
    keeper.want([entry(80)]);
    table.drop(keyOf(80));
    table.onLook = () => {
      throw new Error("ENOBUFS");
    };
    keeper.update([entry(80, [2])], []);
    expect(logs.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "error IPVS table can't be read: ENOBUFS; trying again",
    ]);
    expect([keys(), keeper.metrics()['lbd_kernel_ops_total{kind="ipvs",op="read",result="failed"}']]).toEqual([[], 1]);
    table.onLook = () => {};
    clock.advance(5000);
    expect(table.entries()).toEqual([entry(80, [2])]);
  });
});

describe("what fails", () => {
  test("is said with its place and tried again in time, not before; then nothing is left to try", () => {
    const { keeper, table, clock, did, logs, keys } = lab();
    let tries = 0;
    table.failWith = ({ kind, service }) => {
      if (kind !== "addService" || serviceKey(service) !== keyOf(80)) return undefined;
      tries++;
      return "EPERM";
    };
    keeper.want([entry(80)]);
    expect([tries, logs.map(({ message }) => message)]).toEqual([
      1,
      ["k.conf:80: addService 10.9.0.1:80/tcp: EPERM; trying again"],
    ]);
    // Asked for again before its time it rests, another service does not.
    keeper.update([entry(80, [3]), entry(81)], []);
    expect([tries, keys()]).toEqual([1, [keyOf(81)]]);
    clock.advance(999);
    expect(tries).toBe(1);
    table.failWith = () => undefined;
    did();
    clock.advance(1);
    expect(did()).toEqual(["addService 10.9.0.1:80/tcp", "addDestination 10.9.0.1:80/tcp 10.9.1.1=3"]);
    expect([keeper.failures.size, keeper.failures.some(5)]).toEqual([0, []]);
  });

  test("is forgotten with what wanted it", () => {
    const { keeper, table, clock } = lab();
    table.failWith = ({ kind }) => (kind === "addService" ? "EPERM" : undefined);
    keeper.want([entry(80)]);
    expect(keeper.failures.ofService(keyOf(80), 5)).toEqual(["k.conf:80: addService 10.9.0.1:80/tcp: EPERM"]);
    keeper.update([], [keyOf(80)]);
    expect([keeper.failures.size, [...keeper.owned], clock.nextAt()]).toEqual([0, [], 5000]);
  });
});

describe("the audit", () => {
  test("puts back what others changed, and tells it; a stranger's service is nobody's", () => {
    const { keeper, table, clock, did, drifts, audits, logs } = lab([entry(81, [])], []);
    keeper.want([entry(80, [1])]);
    did();
    table.put(entry(80, [9, 9]));
    clock.advance(5000);
    expect(did()).toEqual(["editDestination 10.9.0.1:80/tcp 10.9.1.1=1", "deleteDestination 10.9.0.1:80/tcp 10.9.1.2"]);
    expect(audits()).toBe(1);
    const reason = "changed by another program (ipvsadm or another director)";
    expect(drifts).toEqual([
      {
        subject: "destination 10.9.1.1:80 of 10.9.0.1:80/tcp",
        found: "weight was 9, wanted 1, set back",
        repaired: true,
        reason,
      },
      {
        subject: "destination 10.9.1.2:80 of 10.9.0.1:80/tcp",
        found: "is not ours, removed",
        repaired: true,
        reason,
      },
    ]);
    expect(logs.map(({ level, message }) => `${level} ${message}`)).toEqual(
      drifts.map(({ subject, found }) => `warning drift: ${subject} ${found}: ${reason}`),
    );
    clock.advance(5000);
    expect([did(), drifts.length, audits()]).toEqual([[], 2, 2]);
  });

  test("says whose counters moved, and takes that for no drift", () => {
    const { keeper, table, clock, counted, drifts } = lab();
    keeper.want([entry(80), entry(81)]);
    clock.advance(5000);
    counted.length = 0;
    table.counted.set(keyOf(81), 7);
    clock.advance(5000);
    expect([counted, drifts, keeper.seen(keyOf(81))?.statistics.connections]).toEqual([[keyOf(81)], [], 7]);
  });

  test("one object's drift is told again a minute later", () => {
    const { keeper, table, clock, drifts } = lab();
    keeper.want([entry(80)]);
    const told: number[] = [];
    for (let at = 0; at < 90_000; at += 5000) {
      table.put(entry(80, [9]));
      clock.advance(5000);
      told.push(drifts.length);
    }
    expect([told[0], told[11], told.at(-1)]).toEqual([1, 1, 2]);
  });

  test("a table that can't be read three times in a row is an error; a look that works begins the count anew", () => {
    const { keeper, table, clock } = lab();
    keeper.want([entry(80)]);
    const failing = () => {
      throw new Error("ENOBUFS");
    };
    table.onLook = failing;
    clock.advance(10_000);
    table.onLook = () => {};
    clock.advance(5000);
    table.onLook = failing;
    clock.advance(10_000);
    expect(() => clock.advance(5000)).toThrow("IPVS table can't be read, 3 times in a row: ENOBUFS");
  });

  test("at the end nothing is left to wake up for, and what was held back is said", () => {
    const { keeper, table, clock, logs } = lab();
    table.failWith = ({ kind }) => (kind === "addService" ? "EPERM" : undefined);
    keeper.want(Array.from({ length: 20 }, (_, i) => entry(100 + i, [])));
    expect(logs).toHaveLength(10);
    keeper.stop();
    expect(logs.at(-1)?.message).toEndWith("(10 more in 10 s)");
    expect(clock.nextAt()).toBeUndefined();
  });
});
