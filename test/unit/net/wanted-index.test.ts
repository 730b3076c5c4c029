// What is wanted, part by part: the same part on the same interfaces is not worked out again.
import { expect, test } from "bun:test";
import type { TablesPart } from "../../../src/net/parts.ts";
import { wantedPart } from "../../../src/net/wanted-index.ts";
import { address } from "../../support/vrrp.ts";

const NOTHING_LEFT = new Map();
type Link = readonly [name: string, index: number];
const on = (...indexes: readonly Link[]) => {
  const links = new Map(indexes);
  return (name: string) => {
    const index = links.get(name);
    return index === undefined ? undefined : { index };
  };
};

function part(...devices: readonly string[]): TablesPart {
  const addresses = devices.map((device, i) => address(`192.0.2.${i + 1}`, { device }));
  return { owner: "A", addresses, routes: [], rules: [] };
}

test("is the same as long as its interfaces are", () => {
  const both = part("eth0", "eth1");
  const links = on(["eth0", 2], ["eth1", 3]);
  const first = wantedPart(both, links, NOTHING_LEFT);
  expect(wantedPart(both, links, NOTHING_LEFT)).toBe(first);
  expect(wantedPart(part("eth0", "eth1"), links, NOTHING_LEFT)).not.toBe(first);
});

test("follows an interface that comes back with another index, goes, or comes", () => {
  const both = part("eth0", "eth1");
  const keys = (...links: readonly Link[]) => [...wantedPart(both, on(...links), NOTHING_LEFT).wishes.keys()];
  expect(keys(["eth0", 2], ["eth1", 3])).toEqual(["2|192.0.2.1/32", "3|192.0.2.2/32"]);
  expect(keys(["eth0", 2], ["eth1", 4])).toEqual(["2|192.0.2.1/32", "4|192.0.2.2/32"]);
  expect(keys(["eth0", 2])).toEqual(["2|192.0.2.1/32"]);
  expect(wantedPart(both, on(["eth0", 2]), NOTHING_LEFT).waiting).toHaveLength(1);
  expect(keys(["eth0", 2], ["eth1", 4])).toEqual(["2|192.0.2.1/32", "4|192.0.2.2/32"]);
});

test("without what was left, and with it again", () => {
  const one = part("eth0");
  const links = on(["eth0", 2]);
  expect([...wantedPart(one, links, NOTHING_LEFT).wishes.keys()]).toEqual(["2|192.0.2.1/32"]);
  expect(wantedPart(one, links, new Map([["2|192.0.2.1/32", "A"]])).wishes.size).toBe(0);
  expect(wantedPart(one, links, NOTHING_LEFT).wishes.size).toBe(1);
});
