// What tells the neighbours, on a socket that only notes: which frames go out, and what a rehearsal may save the real thing.
import { describe, expect, test } from "bun:test";
import { IFF_NOARP, type Link } from "../../../../src/net/model.ts";
import { newPlacement } from "../../../../src/net/placement.ts";
import { emptyState } from "../../../../src/net/seen.ts";
import { createAnnouncer } from "../../../../src/roles/vrrp/announcer.ts";
import { newStation } from "../../../../src/roles/vrrp/station.ts";
import { gratuitousArp, unsolicitedNeighbourAdvert } from "../../../../src/vrrp/announce/frames.ts";
import { announceTargets } from "../../../../src/vrrp/announce/pacing.ts";
import { address, vrrpConfig, vrrpInstance } from "../../../support/vrrp.ts";

const MAC = "02:00:00:00:00:01";
const ETH0: Link = { index: 2, name: "eth0", flags: 1, mtu: 1500, hardwareType: 1, group: 0, mac: MAC };
const IPS = ["192.0.2.100", "192.0.2.101"];

function bench(link: Partial<Link> = {}, ips: readonly string[] = IPS, more: Parameters<typeof vrrpInstance>[0] = {}) {
  const family = ips[0]?.includes(":") ? 6 : 4;
  const virtualAddresses = ips.map((ip) => address(ip));
  const instance = vrrpInstance({ family, interface: "eth0", virtualAddresses, ...more });
  const { global } = vrrpConfig([instance]);
  const sent: Uint8Array[] = [];
  const rehearsed: Uint8Array[] = [];
  const counted: string[] = [];
  let revision = 0;
  let now = 0;
  let forwarding = false;
  const links = new Map([
    [ETH0.index, { ...ETH0, ...link }],
    [3, { ...ETH0, index: 3, name: "eth1" }],
    [4, { ...ETH0, index: 4, name: "vrrp.51", kind: "macvlan", mac: "00:00:5e:00:01:33" }],
  ]);
  const announcer = createAnnouncer({
    clock: { now: () => now, wallMs: () => now, at: () => () => {} },
    frames: {
      send(_, frame) {
        sent.push(frame);
        return { ok: true };
      },
      rehearse: (_, frame) => void rehearsed.push(frame),
      failed: () => 0,
      [Symbol.dispose]: () => {},
    },
    seen: () => ({ ...emptyState(), links }),
    revision: () => revision,
    forwards: () => forwarding,
    sent: (name) => void counted.push(name),
  });
  const station = newStation(newPlacement(instance, new Set(), { ...emptyState(), links }, global));
  station.link = [...links.values()].find(({ name }) => name === (station.vmac?.name ?? "eth0"));
  const targets = announceTargets(instance);
  return {
    /** Links by which the extra ones go out. */
    extra(all: boolean): readonly string[] {
      announcer.announceExtra(station, all);
      return counted.splice(0);
    },
    sent,
    rehearsed,
    counted,
    announce: (rounds: number, rehearsing = false) => announcer.announce([{ station, targets, rounds }], rehearsing),
    /** The reflector hears of another link. */
    change(next: Partial<Link>) {
      links.set(ETH0.index, { ...ETH0, ...next });
      revision++;
    },
    forward(value: boolean, later: number) {
      forwarding = value;
      now += later;
    },
  };
}

const mac = (text: string) => Uint8Array.from(text.split(":"), (octet) => Number.parseInt(octet, 16));

describe("announcements", () => {
  test("every address is heard of before any is repeated", () => {
    const { announce, sent, counted } = bench();
    announce(2);
    const frames = IPS.map((ip) => gratuitousArp(ip, mac(MAC)));
    expect(sent).toEqual([...frames, ...frames]);
    expect(counted).toEqual(["eth0", "eth0", "eth0", "eth0"]);
  });

  test.each([
    ["a link that knows no ARP", { flags: 1 | IFF_NOARP }],
    ["a link that is no Ethernet", { hardwareType: 772 }],
  ])("%s is left out", (_, link) => {
    const { announce, sent } = bench(link);
    announce(1);
    expect(sent).toEqual([]);
  });
});

describe("garp_extra_if", () => {
  const three = [address("192.0.2.100"), address("192.0.2.101"), address("192.0.2.102", { device: "eth1" })];
  test.each([
    ["the virtual MAC sends the adverts itself", { kind: "macvlan", xmitBase: false }, false, []],
    ["all of them: each interface but that", { kind: "macvlan", xmitBase: false }, true, ["eth1"]],
    [
      "adverts leave by the interface below: one for the virtual MAC",
      { kind: "macvlan", xmitBase: true },
      false,
      ["vrrp.51"],
    ],
    ["and with all the others too, one each", { kind: "macvlan", xmitBase: true }, true, ["vrrp.51", "eth1"]],
    ["without a virtual MAC: none", undefined, false, []],
    ["without a virtual MAC, all: each interface that sends no advert", undefined, true, ["eth1"]],
  ] as const)("%s", (_why, vmac, all, by) => {
    const { extra } = bench({}, IPS, { virtualAddresses: three, ...(vmac && { vmac }) });
    expect(extra(all)).toEqual(by);
  });
});

test("whether a link forwards IPv6 is asked again after five seconds", () => {
  const ip = "2001:db8::100";
  const { announce, sent, forward } = bench({}, [ip]);
  announce(1);
  forward(true, 4999);
  announce(1);
  forward(true, 1);
  announce(1);
  expect(sent).toEqual([false, false, true].map((router) => unsolicitedNeighbourAdvert(ip, mac(MAC), { router })));
});

describe("a rehearsal", () => {
  test("sends nothing, and what it made is sent then", () => {
    const { announce, sent, rehearsed, counted } = bench();
    announce(1, true);
    expect([sent.length, counted.length]).toEqual([0, 0]);
    announce(1);
    expect(sent).toHaveLength(2);
    expect(sent.every((frame, i) => frame === rehearsed[i])).toBe(true);
  });

  test("counts for nothing when the link is another one by then", () => {
    const { announce, sent, change } = bench();
    announce(1, true);
    change({ mac: "02:00:00:00:00:02" });
    announce(1);
    expect(sent).toEqual(IPS.map((ip) => gratuitousArp(ip, mac("02:00:00:00:00:02"))));
  });

  test("counts for one announcement: the next one asks again whether the link forwards", () => {
    const ip = "2001:db8::100";
    const { announce, sent, forward } = bench({}, [ip]);
    announce(1, true);
    announce(1);
    forward(true, 5001);
    announce(1);
    expect(sent).toEqual([false, true].map((router) => unsolicitedNeighbourAdvert(ip, mac(MAC), { router })));
  });
});
