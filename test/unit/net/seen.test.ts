// The kernel's tables kept by its messages: one event for each real change, none for the rest.
import { describe, expect, test } from "bun:test";
import type { NetRoute, NetRule, RouteHop } from "../../../src/net/model.ts";
import type { NetMessage } from "../../../src/net/rtnetlink.ts";
import { applyMessage, differences, emptyState, type NetEvent } from "../../../src/net/seen.ts";

const hop = (via: string): RouteHop => ({ via, index: 2, weight: 1, onlink: false });
const to4 = (...vias: string[]): NetRoute => routeOf(4, "198.51.100.0", 24, vias);
const to6 = (...vias: string[]): NetRoute => routeOf(6, "2001:db8:9::", 64, vias);

function routeOf(family: 4 | 6, ip: string, prefix: number, vias: readonly string[]): NetRoute {
  const base = { family, type: 1, tos: 0, table: 254, metric: 0, protocol: 18, scope: 0 };
  return { ...base, destination: { ip, prefix }, hops: vias.map(hop), metrics: new Map() };
}

/** `added route 192.0.2.1`, by the next hops. */
function word(event: NetEvent): string {
  const what =
    event.kind === "route"
      ? event.route.hops.map(({ via }) => via).join("+")
      : event.kind === "address"
        ? event.address.ip
        : "";
  return `${event.change} ${event.kind} ${what}${event.ours ? " (ours)" : ""}`.trim();
}

function lab() {
  const state = emptyState();
  const tell = (route: NetRoute, more: Partial<NetMessage> = {}, keep = true, ours = false) =>
    applyMessage(state, { removed: false, object: { kind: "route", route }, ...more }, () => keep, ours).map(word);
  return { state, tell };
}

const address = (flags: number): NetMessage => ({
  removed: false,
  object: { kind: "address", address: { family: 4, index: 2, ip: "192.0.2.1", prefix: 24, flags } },
});

test("added, the same again, changed, removed, gone already", () => {
  const state = emptyState();
  const tell = (message: NetMessage) => applyMessage(state, message, () => true, true).map(word);
  expect([
    tell(address(0)),
    tell(address(0)),
    tell(address(0x80)),
    tell({ ...address(0x80), removed: true }),
    tell({ ...address(0x80), removed: true }),
  ]).toEqual([
    ["added address 192.0.2.1 (ours)"],
    [],
    ["changed address 192.0.2.1 (ours)"],
    ["removed address 192.0.2.1 (ours)"],
    [],
  ]);
});

test("routes that are not worth keeping are not kept", () => {
  const { state, tell } = lab();
  expect([tell(to4("192.0.2.1"), {}, false), state.routes.size]).toEqual([[], 0]);
});

describe.each([
  ["IPv4", to4, "192.0.2.1", "192.0.2.2"],
  ["IPv6", to6, "fe80::1", "fe80::2"],
] as const)("a route of %s", (_family, to, one, other) => {
  test("of another next hop stands beside the first", () => {
    const { state, tell } = lab();
    tell(to(one));
    expect([tell(to(other)), state.routes.size]).toEqual([[`added route ${other}`], 2]);
  });

  test("that replaces another one: the kernel does not tell that the first is gone", () => {
    const { state, tell } = lab();
    tell(to(one));
    tell({ ...to(one), metric: 5 });
    expect(tell(to(other), { replaces: true })).toEqual([`removed route ${one}`, `added route ${other}`]);
    // Another metric is another prefix, and stays.
    expect(state.routes.size).toBe(2);
  });

  test("that replaces itself is no change", () => {
    const { tell } = lab();
    tell(to(one));
    expect(tell(to(one), { replaces: true })).toEqual([]);
  });
});

test("IPv4 has a route with its next hops as one, IPv6 each next hop by itself", () => {
  const { tell } = lab();
  expect(tell(to4("192.0.2.1", "192.0.2.2"))).toEqual(["added route 192.0.2.1+192.0.2.2"]);
  expect(tell(to6("fe80::1", "fe80::2"))).toEqual(["added route fe80::1", "added route fe80::2"]);
  expect(tell(to6("fe80::2"), { removed: true })).toEqual(["removed route fe80::2"]);
});

test("what was missed is found between two states, and is nobody's own doing", () => {
  const [from, to] = [emptyState(), emptyState()];
  const put = (state: typeof from, route: NetRoute) =>
    applyMessage(state, { removed: false, object: { kind: "route", route } }, () => true, true);
  put(from, to4("192.0.2.1"));
  put(from, to6("fe80::1"));
  put(to, { ...to6("fe80::1"), protocol: 4 });
  put(to, to4("192.0.2.2"));
  applyMessage(to, address(0), () => true, true);
  expect(differences(from, to).map(word)).toEqual([
    "added address 192.0.2.1",
    "removed route 192.0.2.1",
    "changed route fe80::1",
    "added route 192.0.2.2",
  ]);
  expect(differences(to, to)).toEqual([]);
});

test("of links too: what a dump finds is nobody's own doing, and says how it was", () => {
  const link = (index: number, flags: number) => ({
    index,
    name: `eth${index}`,
    flags,
    mtu: 1500,
    hardwareType: 1,
    group: 0,
  });
  const [from, to] = [emptyState(), emptyState()];
  for (const [index, flags] of [
    [1, 1],
    [2, 1],
    [3, 1],
  ] as const)
    from.links.set(index, link(index, flags));
  for (const [index, flags] of [
    [2, 1],
    [3, 0],
    [4, 1],
  ] as const)
    to.links.set(index, link(index, flags));
  expect(differences(from, to)).toEqual([
    { kind: "link", change: "removed", link: link(1, 1), before: link(1, 1), ours: false },
    { kind: "link", change: "changed", link: link(3, 0), before: link(3, 1), ours: false },
    { kind: "link", change: "added", link: link(4, 1), ours: false },
  ]);
});

test("an event is whole: what it is of, what changed, how a link was before, and whose doing it was", () => {
  const base = { index: 2, name: "eth0", flags: 0x43, mtu: 1500, hardwareType: 1, group: 0 };
  const rule: NetRule = {
    ...{ family: 4, priority: 1, invert: false, tos: 0, l3mdev: false, protocol: 18 },
    action: { kind: "table", table: 77 },
  };
  const { address: one } = address(0).object as { readonly address: object };
  const route = { ...to4("192.0.2.1"), metrics: new Map([[2, 1500]]) };
  const state = emptyState();
  const tell = (object: object, removed = false, ours = false) =>
    applyMessage(state, { removed, object } as NetMessage, () => true, ours);
  expect<unknown>([
    tell({ kind: "link", link: base }),
    tell({ kind: "link", link: { ...base, mtu: 1400 } }, false, true),
    tell({ kind: "link", link: { ...base, mtu: 1400 } }, true),
    tell({ kind: "address", address: one }, false, true),
    tell({ kind: "rule", rule }),
    tell({ kind: "rule", rule: { ...rule, protocol: 4 } }, false, true),
    tell({ kind: "rule", rule }, true, true),
    tell({ kind: "route", route }, false, true),
    tell({ kind: "route", route: { ...route, metrics: new Map([[2, 1500]]) } }),
    tell({ kind: "route", route: { ...route, metrics: new Map([[2, 1400]]) } }),
  ]).toEqual([
    [{ kind: "link", change: "added", link: base, ours: false }],
    [{ kind: "link", change: "changed", link: { ...base, mtu: 1400 }, before: base, ours: true }],
    [
      {
        ...{ kind: "link", change: "removed", link: { ...base, mtu: 1400 } },
        ...{ before: { ...base, mtu: 1400 }, ours: false },
      },
    ],
    [{ kind: "address", change: "added", address: one, ours: true }],
    [{ kind: "rule", change: "added", rule, ours: false }],
    [{ kind: "rule", change: "changed", rule: { ...rule, protocol: 4 }, ours: true }],
    [{ kind: "rule", change: "removed", rule, ours: true }],
    [{ kind: "route", change: "added", route, ours: true }],
    [],
    [{ kind: "route", change: "changed", route: { ...route, metrics: new Map([[2, 1400]]) }, ours: false }],
  ]);
  const other = emptyState();
  other.rules.set("r", rule);
  other.routes.set("t", route);
  expect<unknown>(differences(emptyState(), other)).toEqual([
    { kind: "route", change: "added", route, ours: false },
    { kind: "rule", change: "added", rule, ours: false },
  ]);
  expect<unknown>(differences(other, emptyState())).toEqual([
    { kind: "route", change: "removed", route, ours: false },
    { kind: "rule", change: "removed", rule, ours: false },
  ]);
});
