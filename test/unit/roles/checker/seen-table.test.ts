// What is known of the kernel's table: what a look finds after the kernel, somebody else or this process has changed a service.
import { expect, test } from "bun:test";
import { serviceKey } from "../../../../src/lvs/keys.ts";
import type { IpvsCommand, Service, ServiceEntry } from "../../../../src/lvs/model.ts";
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
  return { table, look: () => seen.look(KEY, SERVICE), remember: seen.remember };
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
