// What a network has beside links: leases of DHCP, name servers; and the configuration of time and log.
import { describe, expect, test } from "bun:test";
import { readDhcpEvent, withLeases } from "../../../src/appliance/network/lease.ts";
import type { Network } from "../../../src/appliance/network/model.ts";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { resolverOf } from "../../../src/appliance/network/resolver.ts";
import { createSyslogQueue, framed, syslogMessage } from "../../../src/appliance/syslog.ts";
import { chronyConfiguration } from "../../../src/appliance/time.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

function network(ethernets: string, said: readonly string[] = []): Network {
  const findings = createFindings();
  const read = readNetwork(
    { name: "network.yaml", text: `network: {version: 2, ethernets: ${ethernets}}\n` },
    findings,
  );
  expect(findings.list.map(({ message }) => message)).toEqual([...said]);
  return read;
}

const BOUND =
  "event=bound\nip=192.0.2.77\nmask=24\nsubnet=255.255.255.0\nrouter=192.0.2.1 192.0.2.2\ndns=192.0.2.53 192.0.2.54\ndomain=example.org\nntpsrv=192.0.2.3\n";

describe("what udhcpc's script wrote down", () => {
  test("is a lease", () => {
    expect(readDhcpEvent(BOUND)).toEqual({
      kind: "bound",
      lease: {
        address: { ip: "192.0.2.77", family: 4, prefix: 24 },
        routers: ["192.0.2.1", "192.0.2.2"],
        routes: [],
        nameservers: ["192.0.2.53", "192.0.2.54"],
        searchDomains: ["example.org"],
        timeServers: ["192.0.2.3"],
      },
    });
  });

  test.each([
    ["event=renew\nip=192.0.2.77\nmask=32\n", "bound"],
    ["event=leasefail\n", "silence"],
    ["event=deconfig\ninterface=eth0\n", "lost"],
    ["event=nak\n", "lost"],
    ["", undefined],
    ["event=bound\nip=192.0.2.77\n", undefined],
    ["event=bound\nip=elsewhere\nmask=24\n", undefined],
    ["event=bound\nip=192.0.2.77\nmask=99\n", undefined],
    ["event=bound\nip=2001:db8::1\nmask=24\n", undefined],
  ])("%j is %p", (text, kind) => {
    expect(readDhcpEvent(text)?.kind as string | undefined).toBe(kind);
  });

  test("gives nothing to files and routes that is not what it should be", () => {
    const event = readDhcpEvent(
      `${BOUND.replace("example.org", "a\tb;rm --x .org ok.example")}search=x.example $(y) z.example\nstaticroutes=10.0.0.0/8 192.0.2.9 bad 1 0.0.0.0/0 0.0.0.0 1.2.3.4/33 192.0.2.1 odd\ndns=evil\nevent=deconfig\n`,
    );
    expect(event).toMatchObject({
      kind: "bound",
      lease: {
        searchDomains: ["x.example", "z.example", "a", "ok.example"],
        nameservers: ["192.0.2.53", "192.0.2.54"],
        routes: [
          { to: { ip: "10.0.0.0", prefix: 8 }, via: "192.0.2.9" },
          { to: { ip: "0.0.0.0", prefix: 0 }, via: "0.0.0.0" },
        ],
      },
    });
  });
});

describe("a network with a lease", () => {
  const leaseOf = (text: string) => {
    const event = readDhcpEvent(text);
    if (event?.kind !== "bound") throw new Error("no lease");
    return new Map([["eth0", event.lease]]);
  };
  const brief = ({ links }: Network) =>
    links.map(({ addresses, routes, nameservers }) => ({
      addresses: addresses.map(({ ip, prefix }) => `${ip}/${prefix}`),
      routes: routes.map(({ to, via, metric, onLink, scope }) => [`${to.ip}/${to.prefix}`, via, metric, onLink, scope]),
      nameservers,
    }));

  test("has its address, its first router at DHCP's metric, and its name servers behind the written ones", () => {
    const wished = network(
      "{eth0: {dhcp4: true, addresses: [198.51.100.5/24], nameservers: {addresses: [198.51.100.53]}}}",
    );
    expect(brief(withLeases(wished, leaseOf(BOUND)))).toEqual([
      {
        addresses: ["198.51.100.5/24", "192.0.2.77/24"],
        routes: [["0.0.0.0/0", "192.0.2.1", 100, false, undefined]],
        nameservers: ["198.51.100.53", "192.0.2.53", "192.0.2.54"],
      },
    ]);
  });

  test("has its routes and then no router; a gateway of zeros is the link, and nothing is on the link of a single address", () => {
    const routes = "staticroutes=10.0.0.0/8 192.0.2.9 192.0.2.0/28 0.0.0.0\n";
    expect(
      brief(withLeases(network("{eth0: {dhcp4: yes}}"), leaseOf(BOUND.replace("mask=24", "mask=32") + routes)))[0]
        ?.routes,
    ).toEqual([
      ["10.0.0.0/8", "192.0.2.9", 100, true, undefined],
      ["192.0.2.0/28", undefined, 100, false, "link"],
    ]);
  });

  test("is as it was where nobody asked for one, and has an address once", () => {
    const wished = network("{eth0: {addresses: [192.0.2.5/24]}}");
    expect(withLeases(wished, leaseOf(BOUND))).toEqual(wished);
    expect(
      brief(withLeases(network("{eth0: {dhcp4: true, addresses: [192.0.2.77/24]}}"), leaseOf(BOUND)))[0]?.addresses,
    ).toEqual(["192.0.2.77/24"]);
  });
});

test("DHCPv6 is a finding, and asking for none is not", () => {
  network("{eth0: {dhcp6: true}}", ["DHCPv6 is not spoken here"]);
  network("{eth0: {dhcp6: false, dhcp4: no}}");
});

test("name servers and domains of all links, each once, as many as count", () => {
  expect(
    resolverOf(
      network(
        "{a: {nameservers: {addresses: [192.0.2.1, 192.0.2.2], search: [a.example]}}, b: {nameservers: {addresses: [192.0.2.1, '2001:db8::53'], search: [a.example, b.example]}}}",
      ),
    ),
  ).toEqual({
    text: "# By lbd, from network.yaml and DHCP.\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 2001:db8::53\nsearch a.example b.example\noptions timeout:2 attempts:2\n",
    faults: [],
  });
  expect(
    resolverOf(
      network(
        "{a: {nameservers: {addresses: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4], search: [a, b, c, d, e, f, g]}}}",
      ),
    ).faults,
  ).toEqual(["of 4 name servers 3 are asked: not 192.0.2.4", "of 7 search domains 6 count: not g"]);
  expect(resolverOf(network("{a: {}}")).text).toBe("# By lbd, from network.yaml and DHCP.\n");
});

test("chronyd gets the servers, sets a clock that is wrong by years, and answers nobody", () => {
  const places = { folder: "/run/x/chrony", account: "_chrony" };
  expect(chronyConfiguration([], places)).toBeUndefined();
  const text = chronyConfiguration(["ntp.example.org", "192.0.2.3"], places) ?? "";
  expect(text.split("\n").slice(0, 3)).toEqual([
    "server ntp.example.org iburst",
    "server 192.0.2.3 iburst",
    "makestep 1 3",
  ]);
  expect(text).toContain("port 0\ncmdport 0\nbindcmdaddress /\n");
});

describe("syslog", () => {
  const line = (message: string, level: "error" | "info" = "info") => ({
    id: 1,
    at: "2026-12-01T05:00:00.123Z",
    level,
    area: "vrrp",
    message,
  });

  test.each([
    [
      line("V: BACKUP to MASTER"),
      "director1",
      "<30>1 2026-12-01T05:00:00.123Z director1 lbd - vrrp - V: BACKUP to MASTER",
    ],
    [line("ü ☃", "error"), "a b\u0001", "<27>1 2026-12-01T05:00:00.123Z ab lbd - vrrp - ü ☃"],
    [{ ...line("x"), area: "" }, "", "<30>1 2026-12-01T05:00:00.123Z - lbd - - - x"],
  ])("%j", (kept, hostname, expected) => {
    expect(syslogMessage(kept, hostname)).toBe(expected);
  });

  test("over TCP says how many bytes come", () => {
    expect(Buffer.from(framed("ü☃")).toString()).toBe("5 ü☃");
  });

  test("a queue that is full lets the oldest go, and knows how many", () => {
    const queue = createSyslogQueue(1000);
    for (let n = 0; n < 20; n++) queue.put(line(`${n}`));
    expect(queue.lost()).toBe(11);
    expect(queue.lost()).toBe(0);
    expect([queue.take()?.message, queue.take()?.message]).toEqual(["11", "12"]);
    queue.put(line("x".repeat(5000)));
    expect(queue.take()?.message).toBe("x".repeat(5000));
    expect(queue.take()).toBeUndefined();
  });
});
