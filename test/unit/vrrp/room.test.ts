// What fits an advertisement: the numbers for a frame of 1500 bytes are keepalived's.
import { expect, test } from "bun:test";
import { addressRoom, fitAddresses } from "../../../src/vrrp/room.ts";
import { address, vrrpInstance } from "../../support/vrrp.ts";

const many = (count: number) => Array.from({ length: count }, (_, i) => address(`2001:db8::${(i + 1).toString(16)}`));

test.each([
  ["version 3, IPv6", { family: 6, version: 3 }, 1500, 89],
  ["version 3, IPv4", { family: 4, version: 3 }, 1500, 364],
  ["version 2", { family: 4, version: 2 }, 1500, 362],
  ["AH", { family: 4, version: 2, authentication: { type: "AH", password: "a" } }, 1500, 356],
  ["a small MTU", { family: 6, version: 3 }, 1280, 76],
  ["hardly any", { family: 6, version: 3 }, 68, 0],
] as const)("%s", (_why, as, mtu, room) => {
  expect(addressRoom(vrrpInstance(as), mtu)).toBe(room);
});

test("what has no room is excluded, first of all excluded ones", () => {
  const instance = vrrpInstance({ family: 6, version: 3, virtualAddresses: many(91), excludedAddresses: many(1) });
  const fitted = fitAddresses(instance, 1500);
  expect(fitted.virtualAddresses).toEqual(instance.virtualAddresses.slice(0, 89));
  expect(fitted.excludedAddresses.map(({ ip }) => ip)).toEqual(["2001:db8::5a", "2001:db8::5b", "2001:db8::1"]);
  expect(fitAddresses(instance, 9000)).toBe(instance);
});
