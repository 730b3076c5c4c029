// What is known of the kernel's table: what a look finds after the kernel, somebody else or this process has changed a service.
import { expect, test } from "bun:test";
import { serviceKey } from "../../../../src/lvs/keys.ts";
import {
  type IpvsCommand,
  NOTHING_COUNTED,
  type SeenDestination,
  type SeenService,
  type Service,
  type ServiceEntry,
} from "../../../../src/lvs/model.ts";
import { createSeenTable } from "../../../../src/roles/checker/seen-table.ts";
import { fakeIpvs } from "../../../support/fake-ipvs.ts";

const SERVICE: Service = {
  family: 4,
  protocol: 6,
  address: { kind: "address", ip: "10.9.0.1", port: 80 },
  scheduler: "rr",
  flags: 0,
  timeoutS: 0,
  netmask: 0xffff_ffff,
};
const DESTINATION = {
  ip: "10.9.1.1",
  port: 80,
  forwarding: { method: "NAT" },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
} as const;
const ENTRY: ServiceEntry = { service: SERVICE, destinations: [DESTINATION] };
const KEY = serviceKey(SERVICE);

/** A table that was read and looked at, so that the kernel's last answer is known. */
function looked() {
  const table = fakeIpvs([ENTRY]);
  const seen = createSeenTable(table);
  seen.readAll();
  seen.look(KEY, SERVICE);
  return { table, look: () => seen.look(KEY, SERVICE), remember: seen.remember, seen };
}

test("nothing moved, counters moved, something else did", () => {
  const { table, look } = looked();
  expect(look()).toBe("same");
  table.counted.set(KEY, 7);
  expect(look()).toBe("counted");
  table.put({ ...ENTRY, destinations: [{ ...DESTINATION, weight: 3 }] });
  expect(look()).toBe("other");
  expect(look()).toBe("same");
});

test.each<[string, IpvsCommand]>([
  ["a weight", { kind: "editDestination", service: SERVICE, destination: { ...DESTINATION, weight: 5 } }],
  [
    "another destination",
    { kind: "addDestination", service: SERVICE, destination: { ...DESTINATION, ip: "10.9.1.2" } },
  ],
  ["one less", { kind: "deleteDestination", service: SERVICE, destination: DESTINATION }],
  ["a scheduler", { kind: "editService", service: { ...SERVICE, scheduler: "wlc" } }],
  ["the service itself", { kind: "deleteService", service: SERVICE }],
])("%s that we changed: it is found when somebody has set it back to what the kernel said before", (_what, command) => {
  const { table, look, remember } = looked();
  table.apply([command]);
  remember(command);
  table.put(ENTRY);
  expect(look()).toBe("other");
});

test.each<[string, IpvsCommand]>([
  ["a weight", { kind: "editDestination", service: SERVICE, destination: { ...DESTINATION, weight: 5 } }],
  ["a scheduler", { kind: "editService", service: { ...SERVICE, scheduler: "wlc" } }],
  ["the service itself", { kind: "deleteService", service: SERVICE }],
])("%s that we changed is nothing new", (_what, command) => {
  const { table, look, remember } = looked();
  table.apply([command]);
  remember(command);
  expect(look()).toBe("same");
});

/** Two answers of the kernel for one service, the second of them changed. */
function changed(change: (found: SeenService) => SeenService): string {
  const [first] = fakeIpvs([ENTRY]).read();
  if (!first) throw new Error("nothing there");
  let now = first;
  const answers: SeenService[] = [];
  const seen = createSeenTable({
    read: () => [now],
    askService: () => new Uint8Array([answers.push(now) - 1]),
    decodeService: (answer) => answers[answer[0] ?? 0],
  });
  seen.readAll();
  seen.look(KEY, SERVICE);
  now = change(first);
  return seen.look(KEY, SERVICE);
}

const destinationOf = (part: Partial<SeenDestination>) => (found: SeenService) => ({
  ...found,
  destinations: found.destinations.map((one) => ({ ...one, ...part })),
});

test.each(Object.keys(NOTHING_COUNTED))("the counter %s counts, of a service and of a destination", (name) => {
  const statistics = { ...NOTHING_COUNTED, [name]: 1 };
  expect(changed((found) => ({ ...found, statistics }))).toBe("counted");
  expect(changed(destinationOf({ statistics }))).toBe("counted");
  expect(changed((found) => ({ ...found, statistics: { ...NOTHING_COUNTED } }))).toBe("same");
});

test.each([
  ["connections that are open", { activeConnections: 1 }, "counted"],
  ["connections that are closing", { inactiveConnections: 1 }, "counted"],
  ["connections that are remembered", { persistentConnections: 1 }, "counted"],
  ["the address came to this machine", { localNode: true }, "other"],
  ["a weight", { weight: 7 }, "other"],
  ["nothing", {}, "same"],
] as const)("of a destination: %s", (_what, part, is) => {
  expect(changed(destinationOf(part))).toBe(is);
});

test("a mark is asked for by the protocol that it was made with, whatever is wanted now", () => {
  const mark: Service = { ...SERVICE, address: { kind: "fwmark", mark: 5, family: 4 }, protocol: 17 };
  const table = fakeIpvs([{ service: mark, destinations: [] }]);
  const seen = createSeenTable(table);
  seen.readAll();
  const key = serviceKey(mark);
  expect(seen.look(key, { ...mark, protocol: 6 })).toBe("same");
  table.drop(key);
  expect([seen.look(key, { ...mark, protocol: 6 }), seen.has(key)]).toEqual(["other", false]);
  expect(seen.look(key, { ...mark, protocol: 6 })).toBe("same");
});

test("what the kernel said before the whole table was read says nothing any more", () => {
  const { table, look, seen } = looked();
  table.put({ ...ENTRY, destinations: [] });
  seen.readAll();
  table.put(ENTRY);
  expect(look()).toBe("other");
});
