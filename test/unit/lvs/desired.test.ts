import { describe, expect, test } from "bun:test";
import type { RealServer, VirtualServer } from "../../../src/config/model/lvs.ts";
import { desiredDestinations, serviceOf } from "../../../src/lvs/desired.ts";
import { configOf, realServer, sorryServer, virtualServer, wantedTable } from "../../support/model.ts";

/** `1=1 2=0`: last part of the address and weight. */
function table(
  vs: VirtualServer,
  quorumUp: boolean,
  states: Readonly<Record<number, readonly [boolean, number]>>,
): string {
  const realServers = new Map(
    Object.entries(states).map(([host, [healthy, weight]]) => [`10.9.1.${host}:80`, { healthy, weight }]),
  );
  return desiredDestinations(vs, { quorumUp, realServers })
    .map((d) => `${d.ip.split(".")[3]}=${d.weight}`)
    .join(" ");
}

const three = (part: Partial<RealServer> = {}) => [realServer(1, part), realServer(2, part), realServer(3, part)];
const UP = [true, 1] as const;
const DOWN = [false, 1] as const;
const plain = virtualServer(three());
const inhibiting = virtualServer(three({ inhibitOnFailure: true }));
const sorry = virtualServer(three(), { sorryServer: sorryServer({ weight: 4 }) });
const sorryInhibit = virtualServer(three({ inhibitOnFailure: true }), { sorryServer: sorryServer({ inhibit: true }) });

describe("destinations", () => {
  test.each([
    ["all up", plain, true, { 1: UP, 2: UP, 3: UP }, "1=1 2=1 3=1"],
    ["unknown counts as up", plain, true, {}, "1=1 2=1 3=1"],
    ["a failed one leaves", plain, true, { 1: DOWN, 2: UP, 3: UP }, "2=1 3=1"],
    ["dynamic weight", plain, true, { 1: [true, 253], 2: [true, 0], 3: UP }, "1=253 2=0 3=1"],
    ["inhibit: a failed one stays with weight 0", inhibiting, true, { 1: DOWN, 2: UP, 3: UP }, "1=0 2=1 3=1"],
    ["quorum lost without a sorry server changes nothing", plain, false, { 1: DOWN, 2: DOWN, 3: UP }, "3=1"],
    ["quorum lost with one: live servers leave, it comes", sorry, false, { 1: DOWN, 2: DOWN, 3: UP }, "8=4"],
    ["quorum there: it waits outside", sorry, true, { 1: DOWN, 2: UP, 3: UP }, "2=1 3=1"],
    ["sorry inhibit, not needed", sorryInhibit, true, { 1: DOWN, 2: UP, 3: UP }, "1=0 2=1 3=1 8=0"],
    ["sorry inhibit, needed", sorryInhibit, false, { 1: DOWN, 2: DOWN, 3: UP }, "1=0 2=0 3=0 8=1"],
  ] as const)("%s", (_why, vs, quorumUp, states, expected) => {
    expect(table(vs, quorumUp, states)).toBe(expected);
  });

  test("a sorry server that is a real server, too, serves while the quorum is lost", () => {
    const vs = virtualServer([realServer(8, { inhibitOnFailure: true })], {
      sorryServer: sorryServer({ inhibit: true }),
    });
    expect(table(vs, false, { 8: DOWN })).toBe("8=1");
    expect(table(vs, true, { 8: UP })).toBe("8=1");
  });

  test("one server named twice is one destination", () => {
    expect(table(virtualServer([realServer(1), realServer(1, { weight: 9 })]), true, {})).toBe("1=1");
  });
});

describe("services", () => {
  const address = { kind: "address", ip: "10.9.0.1", port: 80 } as const;

  test.each([
    ["plain", {}, { protocol: 6, flags: 0, timeoutS: 0, netmask: 0xffffffff }],
    ["UDP, one-packet", { protocol: "UDP", flags: 4 }, { protocol: 17, flags: 4 }],
    ["SCTP", { protocol: "SCTP" }, { protocol: 132 }],
    ["persistence sets the flag", { persistence: { timeoutS: 50 } }, { flags: 1, timeoutS: 50, netmask: 0xffffffff }],
    [
      "granularity",
      { persistence: { timeoutS: 50, granularity: "255.255.255.0" } },
      { flags: 1, timeoutS: 50, netmask: 0xffffff00 },
    ],
    ["a length is for IPv6", { persistence: { timeoutS: 1, granularity: "64" } }, { netmask: 0xffffffff }],
    ["engine", { persistenceEngine: "sip" }, { persistenceEngine: "sip" }],
  ] as const)("%s", (_why, part, expected) => {
    expect(serviceOf(virtualServer([], part as Partial<VirtualServer>), address)).toMatchObject(expected);
  });

  test.each([
    ["each client for itself", undefined, 128],
    ["granularity", "64", 64],
    ["a mask is for IPv4", "255.255.255.0", 128],
  ])("IPv6 by the address, also in a group of both families: %s", (_why, granularity, netmask) => {
    const persistence = { timeoutS: 1, ...(granularity === undefined ? {} : { granularity }) };
    const six = { kind: "address", ip: "2001:db8::1", port: 80 } as const;
    expect(serviceOf(virtualServer([], { persistence }), six)).toMatchObject({ family: 6, netmask });
  });

  test("a mark has family and protocol of its own (ipvs.md §1.2)", () => {
    const mark = { kind: "fwmark", mark: 5, family: 6 } as const;
    expect(serviceOf(virtualServer([], { protocol: "UDP" }), mark)).toMatchObject({
      family: 6,
      protocol: 6,
      address: mark,
    });
  });

  test("a group is several services; DR and TUN carry each service's port, NAT the server's", () => {
    const services = [address, { ...address, port: 443 }];
    const vs = virtualServer([realServer(1, { forwarding: { method: "DR" } }), realServer(2)], { services });
    const entries = wantedTable(configOf([vs]), () => ({ quorumUp: true, realServers: new Map() }));
    expect(entries.map((e) => e.destinations.map((d) => `${d.ip}:${d.port}`))).toEqual([
      ["10.9.1.1:80", "10.9.1.2:80"],
      ["10.9.1.1:443", "10.9.1.2:80"],
    ]);
  });

  test("the first of two virtual servers with one address has it", () => {
    const config = configOf([virtualServer([realServer(1)]), virtualServer([realServer(2)], { id: "again" })]);
    const entries = wantedTable(config, () => ({ quorumUp: true, realServers: new Map() }));
    expect(entries.map((e) => e.destinations.map((d) => d.ip))).toEqual([["10.9.1.1"]]);
  });
});
