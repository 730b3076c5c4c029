// The wiring of the vrrp role, line by line, on its bench.
import { describe, expect, test } from "bun:test";
import type { Route } from "../../../../src/config/model/net.ts";
import type { TrackProcess } from "../../../../src/config/model/vrrp.ts";
import { moveLines } from "../../../../src/process/configuration/places.ts";
import { HANDOVER_TOPIC, readHandover } from "../../../../src/roles/handover.ts";
import { HOLD_TOPIC } from "../../../../src/roles/role.ts";
import { address, syncGroup, vrrpInstance } from "../../../support/vrrp.ts";
import { bench, configWith, VI_1, WORLD } from "./bench.ts";

const NO_ACCEPT = vrrpInstance({ accept: false });
const NOBODY = configWith([]);
const ROUTES: readonly Route[] = [
  {
    ...{ family: 4, type: "unicast", destination: { ip: "198.51.100.0", prefix: 24 }, device: "eth0" },
    ...{ onlink: false, metrics: {}, nextHops: [], noTrack: false, origin: VI_1.origin },
  },
];

/** Master after the time that it waits for another one. */
function master(config = configWith([VI_1]), options: Parameters<typeof bench>[0] = {}) {
  const b = bench(options);
  b.start(config);
  b.clock.advance(5000);
  return b;
}

describe("becoming and being master", () => {
  test("adverts, then the address, then announcements, then the notification", () => {
    const b = master();
    expect(b.transitions()).toEqual(["VI_1: INIT → BACKUP", "VI_1: BACKUP → MASTER"]);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0", "192.0.2.100/32 eth0"]);
    expect(b.sent[0]).toMatchObject({ source: "192.0.2.1", vrid: 51, priority: 100 });
    expect(b.frames.length).toBeGreaterThan(0);
    expect(b.notifications.map((one) => ("state" in one ? one.state : ""))).toEqual(["BACKUP", "MASTER"]);
    const gaps = b.sent.slice(1).map(({ at }, i) => at - (b.sent[i]?.at ?? 0));
    expect(new Set(gaps)).toEqual(new Set([1000]));
  });

  test("a better one is heard by the socket's key: the address goes, nobody is resigned to", () => {
    const b = master();
    b.hears(VI_1, "192.0.2.2", 200);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
    expect(b.transitions().at(-1)).toBe("VI_1: MASTER → BACKUP");
    expect(b.sent.at(-1)?.priority).toBe(100);
  });

  test("what waits in the sockets is read before a timer is acted on", () => {
    const b = bench();
    b.start(configWith([VI_1]));
    b.clock.advance(2000);
    b.waits(VI_1, "192.0.2.2", 200);
    b.clock.advance(2000);
    expect(b.transitions()).toEqual(["VI_1: INIT → BACKUP"]);
  });

  test("a flood does not hold up an advert that is due, but is read to its end before a master counts as dead", () => {
    const b = master();
    for (let i = 0; i < 500; i++) b.waits(VI_1, "192.0.2.2", 50);
    b.clock.advance((b.sent.at(-1)?.at ?? 0) + 1000 - b.clock.now());
    expect(b.stillWaiting()).toBeGreaterThan(400);
    const other = bench();
    other.start(configWith([VI_1]));
    other.clock.advance(2000);
    for (let i = 0; i < 500; i++) other.waits(VI_1, "192.0.2.3", 50);
    other.waits(VI_1, "192.0.2.2", 200);
    other.clock.advance(2500);
    expect(other.transitions()).toEqual(["VI_1: INIT → BACKUP"]);
  });

  test("behind a pause of the machine all that waits is read first: somebody may have taken over", () => {
    const b = master();
    const sent = b.sent.length;
    b.clock.skip(5000);
    for (let i = 0; i < 100; i++) b.waits(VI_1, "192.0.2.2", 200);
    b.clock.advance(1);
    expect(b.stillWaiting()).toBe(0);
    expect(b.sent).toHaveLength(sent);
    expect(b.transitions().at(-1)).toBe("VI_1: MASTER → BACKUP");
  });

  test("a datagram of a socket that is nobody's is nobody's", () => {
    const b = master();
    const before = b.status();
    b.role.receive?.("addresses", []);
    expect(b.sockets()).toHaveLength(1);
    expect(b.status()).toBe(before);
  });

  test("a master rehearses its good-bye when it is awake for its adverts, and leaves before it stops", () => {
    const b = master();
    b.clock.advance(5000);
    const [rehearsed, commands] = [b.rehearsedSends.length, b.network.commands.length];
    const wakes = b.turns();
    b.clock.advance(5000);
    expect(b.rehearsedSends.length - rehearsed).toBe(5);
    expect(b.sent.every(({ priority }) => priority > 0)).toBe(true);
    expect([b.network.commands.length, b.turns() - wakes]).toEqual([commands, 5]);
    b.role.leave?.();
    expect(b.sent.at(-1)?.priority).toBe(0);
    const { length } = b.sent;
    void b.role.stop();
    expect(b.sent).toHaveLength(length);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
  });

  test("the takeover is rehearsed: nothing is sent, nothing changes", () => {
    const b = bench();
    b.start(configWith([NO_ACCEPT]));
    b.clock.advance(3000);
    expect(b.sent).toEqual([]);
    expect(b.frames).toEqual([]);
    expect(b.rehearsedSends.length).toBeGreaterThan(0);
    expect(b.network.rehearsed).toContain("add-address 192.0.2.100");
    expect(b.firewalls[0]?.rehearsed.some(({ blocked }) => blocked.length === 1)).toBe(true);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
    expect(b.firewalls[0]?.wishes.some(({ blocked }) => blocked.length > 0)).toBe(false);
  });

  test("adverts that the kernel refuses are said once, counted, and said again when they are sent", () => {
    const b = master();
    b.sending({ ok: false, code: "ENETDOWN" });
    b.clock.advance(3000);
    b.sending({ ok: true });
    b.clock.advance(3000);
    const lines = b.logs.flatMap(({ message }) => (message.includes("advertisements") ? [message] : []));
    expect(lines).toEqual(["VI_1: advertisements can't be sent: ENETDOWN", "VI_1: advertisements are sent again"]);
    expect(b.status()?.transmission).toEqual({ sendErrors: 3, lastSendError: "ENETDOWN", receiveDrops: 7 });
  });
});

describe("--hold-vrrp", () => {
  test("from the start: nothing is sent and nothing is owned until it is let go", () => {
    const b = bench();
    b.role.receive?.(HOLD_TOPIC, true);
    b.start(configWith([VI_1]));
    b.clock.advance(10_000);
    expect([b.transitions(), b.sent, b.network.addresses()]).toEqual([[], [], ["192.0.2.1/24 eth0"]]);
    expect(b.logs.map(({ message }) => message)).toContain("instances are held in INIT (--hold-vrrp)");
    b.role.receive?.(HOLD_TOPIC, false);
    b.clock.advance(5000);
    expect(b.transitions()).toEqual(["VI_1: INIT → BACKUP", "VI_1: BACKUP → MASTER"]);
    expect(b.logs.map(({ message }) => message)).toContain("instances are let go (--hold-vrrp)");
  });

  test("a word that is none, and another's word, hold nobody", () => {
    const b = master();
    b.role.receive?.(HOLD_TOPIC, "true");
    b.role.receive?.("addresses", true);
    expect(b.state()).toBe("MASTER");
    // From the start: whoever is in the election stays in it.
    b.role.receive?.(HOLD_TOPIC, true);
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
    b.network.setCarrier("eth0", false);
    b.network.setCarrier("eth0", true);
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: MASTER → FAULT");
    b.role.receive?.(HOLD_TOPIC, false);
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });
});

describe("announcements beside those of a takeover", () => {
  const frames = (b: ReturnType<typeof bench>, ms: number) => {
    b.frames.splice(0);
    b.clock.advance(ms);
    return b.frames.map(({ index }) => index);
  };

  test("garp_extra_if: one for the virtual MAC that no advert leaves by, each time", () => {
    const announce = { ...VI_1.announce, extraIf: { all: false, everyMs: 60_000 } };
    const extra = (xmitBase: boolean) => {
      const b = master(configWith([vrrpInstance({ announce, vmac: { kind: "macvlan", xmitBase } })]));
      b.clock.advance(30_000);
      return frames(b, 120_000);
    };
    expect([extra(true), extra(false)]).toEqual([[100, 100], []]);
  });

  test("unicast: out of a fault the source address is announced, for the peers may know another way to it", () => {
    const peers = [{ ip: "192.0.2.2", minTtl: 0, maxTtl: 255 }];
    const unicast = { peers, checkSource: false, faultWithoutPeer: false, oldChecksum: "auto" } as const;
    const after = (more: Parameters<typeof vrrpInstance>[0]) => {
      const b = bench();
      b.network.setCarrier("eth0", false);
      b.start(configWith([vrrpInstance({ priority: 100, ...more })]));
      b.clock.advance(1000);
      b.frames.splice(0);
      b.network.setCarrier("eth0", true);
      return b.frames.map(({ index, frame }) => `${index} ${frame.subarray(28, 32).join(".")}`);
    };
    expect([after({ unicast }), after({})]).toEqual([["2 192.0.2.1"], []]);
  });
});

describe("what an instance needs", () => {
  const faults = (b: ReturnType<typeof bench>) => b.status()?.faults.join() ?? "";
  const unicast = { checkSource: false, oldChecksum: "auto", peers: [] } as const;

  test.each([
    [
      "unicast_fault_no_peer without a peer",
      { unicast: { ...unicast, faultWithoutPeer: true } },
      "no unicast_peer, and unicast_fault_no_peer is set",
    ],
    [
      "track_src_ip and an address that is not here",
      { sourceIp: "192.0.2.9", trackSourceIp: true },
      "source address 192.0.2.9 is not on this machine",
    ],
  ] as const)("%s: a fault that says so", (_why, more, text) => {
    const b = bench();
    b.start(configWith([vrrpInstance(more)]));
    b.clock.advance(5000);
    expect(b.state()).toBe("FAULT");
    expect(faults(b)).toContain(text);
  });

  test.each([
    ["no peer, and nobody asked for a fault", { unicast: { ...unicast, faultWithoutPeer: false } }],
    ["an address that is not here, and nobody tracks it", { sourceIp: "192.0.2.9" }],
    ["an address that is tracked and here", { sourceIp: "192.0.2.1", trackSourceIp: true }],
  ] as const)("%s: none", (_why, more) => {
    const b = master(configWith([vrrpInstance(more)]));
    expect(b.state()).toBe("MASTER");
  });

  test("the tracked source address goes and comes back", () => {
    const b = master(configWith([vrrpInstance({ sourceIp: "192.0.2.1", trackSourceIp: true })]));
    b.network.removeAddress("eth0", "192.0.2.1");
    expect(b.transitions().at(-1)).toBe("VI_1: MASTER → FAULT");
    b.network.addAddress("eth0", "192.0.2.1");
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });

  test("a VRF, where it has no interface: a fault while there is none of that name", () => {
    const { interface: _none, ...rest } = vrrpInstance({ vrf: "red", sourceIp: "192.0.2.1" });
    const b = bench();
    b.start(configWith([{ ...rest, virtualAddresses: [address("192.0.2.100", { device: "eth0" })] }]));
    expect([b.state(), b.sockets()]).toEqual(["FAULT", []]);
    expect(faults(b)).toContain("no VRF red");
    b.network.addLink("red", 7);
    b.clock.advance(5000);
    expect([b.state(), b.sockets()]).toEqual(["MASTER", ["4/112/7/multicast/224.0.0.18"]]);
    b.network.removeLink("red");
    expect([b.transitions().at(-1), b.sockets()]).toEqual(["VI_1: MASTER → FAULT", []]);
  });

  test("a virtual interface: a fault with the kernel's reason while it can't be made, and no socket", () => {
    const b = bench();
    const { ensure } = b.network.virtuals;
    Object.assign(b.network.virtuals, { ensure: () => ({ ok: false, reason: "EPERM" }) });
    b.start(configWith([vrrpInstance({ vmac: { kind: "macvlan", xmitBase: false } })]));
    expect([b.state(), b.sockets()]).toEqual(["FAULT", []]);
    expect(faults(b)).toContain("virtual interface vrrp.51: EPERM");
    Object.assign(b.network.virtuals, { ensure });
    b.clock.advance(15_000);
    expect(b.state()).toBe("MASTER");
  });

  test("a virtual interface of one address: the same", () => {
    const b = bench();
    Object.assign(b.network.virtuals, { ensure: () => ({ ok: false, reason: "EPERM" }) });
    b.start(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.100", { useVmac: true })] })]));
    expect(b.state()).toBe("FAULT");
    expect(faults(b)).toContain("EPERM");
  });

  test("vmac_xmit_base: it hears on the interface below and on the virtual MAC", () => {
    const b = bench();
    b.start(configWith([vrrpInstance({ vmac: { kind: "macvlan", xmitBase: true } })]));
    expect(b.sockets().toSorted()).toEqual(["4/112/100/multicast/224.0.0.18", "4/112/2/multicast/224.0.0.18"]);
    expect(b.sent.every(({ socket }) => socket.startsWith("4/112/2/"))).toBe(true);
  });
});

describe("the packet filter", () => {
  test("blocks before the address is there, and until it is gone (D13b)", () => {
    const b = master(configWith([NO_ACCEPT]));
    b.hears(NO_ACCEPT, "192.0.2.2", 200);
    const own = b.network.commands.filter((line) => /^filter|192\.0\.2\.100/.test(line));
    expect(own.slice(own.indexOf("filter 192.0.2.100"))).toEqual([
      "filter 192.0.2.100",
      "add-address 192.0.2.100",
      "delete-address 192.0.2.100",
      "filter",
    ]);
    expect(b.firewalls[0]?.wishes.at(-1)?.blocked).toEqual([]);
  });

  test("stands before a takeover needs it, and only where something is not accepted", () => {
    const b = bench();
    b.start(configWith([NO_ACCEPT]));
    expect(b.firewalls[0]?.wishes.at(-1)?.ready).toEqual([4]);
    const other = bench();
    other.start(configWith([VI_1]));
    expect(other.firewalls).toEqual([]);
  });

  test("lets through what IPVS serves, and a reload that changes nothing writes nothing", () => {
    const b = master(configWith([NO_ACCEPT]));
    const before = b.network.commands.length;
    b.reload(configWith([NO_ACCEPT]));
    expect(b.network.commands.slice(before)).toEqual([]);
  });

  test("goes with the configuration that needs it, and what a dead process left goes too", () => {
    const b = master(configWith([NO_ACCEPT]));
    b.reload(configWith([VI_1]));
    expect(b.firewalls[0]?.removed).toBe(true);
    const journal = { world: WORLD, keys: ["2|192.0.2.100/32"] };
    const after = bench({ journal });
    after.start(configWith([VI_1]));
    expect(after.firewalls[0]?.removed).toBe(true);
  });

  test("another table: the next one is whole before the old one goes", () => {
    const b = master(configWith([NO_ACCEPT]));
    const nftables = { table: "lbd", priority: -1, counters: false, ifindex: false };
    b.reload(configWith([NO_ACCEPT], { global: { nftables } }));
    expect(b.firewalls.map(({ settings, removed }) => [settings.table, removed])).toEqual([
      ["keepalived", true],
      ["lbd", false],
    ]);
    expect(b.firewalls[1]?.wishes[0]?.blocked).toEqual([{ ip: "192.0.2.100", index: 2 }]);
  });

  test("other settings of the same table: it is made anew in its place, and not taken away", () => {
    const b = master(configWith([NO_ACCEPT]));
    const nftables = { table: "keepalived", priority: 5, counters: false, ifindex: false };
    b.reload(configWith([NO_ACCEPT], { global: { nftables } }));
    expect(b.firewalls.map(({ settings, removed }) => [settings.priority, removed])).toEqual([
      [-1, false],
      [5, false],
    ]);
    expect(b.firewalls[1]?.wishes.at(-1)?.blocked).toEqual([{ ip: "192.0.2.100", index: 2 }]);
  });

  test("without one in the kernel the instance works, and that is said", () => {
    const b = master(configWith([NO_ACCEPT]), { nftFails: true });
    expect(b.state()).toBe("MASTER");
    expect(b.logs.some(({ message }) => message.startsWith("no packet filter here"))).toBe(true);
  });

  test("somebody else's change is found by the audit", () => {
    const b = master(configWith([NO_ACCEPT]));
    const [firewall] = b.firewalls;
    if (firewall) firewall.gone = true;
    b.clock.advance(6000);
    expect(b.logs.some(({ message }) => message.includes("packet filter was changed by somebody else"))).toBe(true);
  });
});

describe("what others do to the tables", () => {
  test("a removed address is put back at once, with who it was", () => {
    const b = master();
    b.network.removeAddress("eth0", "192.0.2.100", 4242);
    b.clock.advance(50);
    expect(b.network.addresses()).toContain("192.0.2.100/32 eth0");
    expect(b.logs.some(({ message }) => message.includes("process 4242 (ip)"))).toBe(true);
  });

  test("no_track: left so, even when a tracked one of the same batch is put back", () => {
    const untracked = address("192.0.2.101", { noTrack: true });
    const b = master(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.100"), untracked] })]));
    b.network.removeAddress("eth0", "192.0.2.101");
    b.network.removeAddress("eth0", "192.0.2.100");
    b.clock.advance(20_000);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0", "192.0.2.100/32 eth0"]);
  });

  test("no_track is wanted again with the next mastership", () => {
    const config = configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.101", { noTrack: true })] })]);
    const b = master(config);
    b.network.removeAddress("eth0", "192.0.2.101");
    b.clock.advance(6000);
    expect(b.network.addresses()).not.toContain("192.0.2.101/32 eth0");
    b.hears(vrrpInstance({ virtualAddresses: [address("192.0.2.101")] }), "192.0.2.2", 200);
    b.clock.advance(6000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
    expect(b.network.addresses()).toContain("192.0.2.101/32 eth0");
  });

  test("no_track is wanted again after a reload, also of the static part (D13b)", () => {
    const statics = { staticAddresses: [address("192.0.2.50", { device: "eth0", noTrack: true })] };
    const b = master(configWith([VI_1], statics));
    b.network.removeAddress("eth0", "192.0.2.50");
    b.clock.advance(20_000);
    expect(b.network.addresses()).not.toContain("192.0.2.50/32 eth0");
    b.reload(configWith([VI_1], statics));
    expect(b.network.addresses()).toContain("192.0.2.50/32 eth0");
  });

  test("a loss of what is not wanted any more is forgotten: the same one of the next mastership is told anew", () => {
    const b = master();
    const lose = () => b.network.removeAddress("eth0", "192.0.2.100");
    const told = () => b.events("drift").filter(({ to }) => to === "repaired").length;
    b.clock.advance(1000);
    lose();
    lose();
    b.clock.advance(100);
    expect(told()).toBe(1);
    // Backup over the next audit, and master again before one loss would be told twice.
    b.hears(VI_1, "192.0.2.2", 200);
    b.clock.advance(2000);
    b.hears(VI_1, "192.0.2.2", 200);
    b.clock.advance(4000);
    expect(b.state()).toBe("MASTER");
    lose();
    b.clock.advance(100);
    expect(told()).toBe(2);
  });

  test("what nobody told is found by the audit, and told as drift", () => {
    const b = master();
    b.network.loseAddress("eth0", "192.0.2.100");
    b.clock.advance(6000);
    expect(b.network.addresses()).toContain("192.0.2.100/32 eth0");
    expect(b.events("drift").length).toBeGreaterThan(0);
  });

  test("a virtual interface that nobody told of is made anew by the audit, and told as drift", () => {
    const b = master(configWith([vrrpInstance({ vmac: { kind: "macvlan", xmitBase: false } })]));
    const made = () => b.network.commands.filter((command) => command === "ensure vrrp.51").length;
    expect([made(), b.network.addresses()]).toEqual([1, ["192.0.2.1/24 eth0", "192.0.2.100/32 vrrp.51"]]);
    b.clock.advance(20_000);
    expect(made()).toBe(1);
    b.network.loseLink("vrrp.51");
    b.clock.advance(10_000);
    expect(made()).toBe(2);
    expect(b.events("drift")).toMatchObject([
      { subject: "virtual interface vrrp.51", to: "repaired", reason: "made anew" },
    ]);
  });

  test("a static address that goes is put back, and said so with who it was", () => {
    const b = master(configWith([VI_1], { staticAddresses: [address("192.0.2.50", { device: "eth0" })] }));
    b.network.removeAddress("eth0", "192.0.2.50", 4242);
    b.clock.advance(1);
    expect(b.network.addresses()).toContain("192.0.2.50/32 eth0");
    const said = b.logs.filter(
      ({ message }) => message.includes("192.0.2.50") && message.includes("process 4242 (ip)"),
    );
    expect(said.map(({ level }) => level)).toEqual(["warning"]);
    expect(b.events("drift")).toMatchObject([{ subject: "static", to: "repaired" }]);
  });

  test("the audit reads behind an advert that is due soon, and waits a second for such a moment at most", () => {
    const audits = (advertMs: number, at: number) => {
      const b = bench();
      b.start(configWith([vrrpInstance({ version: 3, advertMs, priority: 255 })]));
      b.clock.advance(at);
      return b.network.audits();
    };
    // Every five seconds, where adverts are far.
    expect([audits(60_000, 4999), audits(60_000, 5000), audits(60_000, 10_000)]).toEqual([0, 1, 2]);
    // One is due at 5040: a millisecond behind it.
    expect([audits(1260, 5000), audits(1260, 5040), audits(1260, 5041)]).toEqual([0, 0, 1]);
    // Always one within 50 ms: after a second nevertheless.
    expect([audits(40, 5990), audits(40, 6050)]).toEqual([0, 1]);
  });

  test("routes go without a word: with a link or an IPv4 address all is read anew at once, once", () => {
    const looks = (config: typeof NOBODY, act: (b: ReturnType<typeof bench>) => void) => {
      const b = master(config);
      b.network.addAddress("eth0", "192.0.2.7");
      b.network.addAddress("eth0", "2001:db8::7", 64);
      const before = b.network.audits();
      act(b);
      b.clock.advance(1);
      return b.network.audits() - before;
    };
    const routed = configWith([vrrpInstance({ routes: ROUTES })]);
    expect(looks(routed, ({ network }) => network.setCarrier("eth0", false))).toBe(1);
    expect(looks(routed, ({ network }) => network.removeLink("eth0"))).toBe(1);
    expect(looks(routed, ({ network }) => network.removeAddress("eth0", "192.0.2.7"))).toBe(1);
    expect(looks(routed, ({ network }) => network.addAddress("eth0", "192.0.2.8"))).toBe(0);
    expect(looks(routed, ({ network }) => network.removeAddress("eth0", "2001:db8::7"))).toBe(0);
    expect(looks(configWith([VI_1]), ({ network }) => network.removeAddress("eth0", "192.0.2.7"))).toBe(0);
    const twice = ({ network }: ReturnType<typeof bench>) => {
      network.removeAddress("eth0", "192.0.2.7");
      network.setCarrier("eth0", false);
    };
    expect(looks(routed, twice)).toBe(1);
  });

  test("what could not be had is tried again by the audit", () => {
    const b = bench();
    b.socketsFail(true);
    b.start(configWith([VI_1]));
    expect(b.transitions()).toEqual(["VI_1: INIT → FAULT"]);
    b.socketsFail(false);
    b.clock.advance(6000);
    expect(b.transitions().at(-1)).toBe("VI_1: FAULT → BACKUP");
  });

  test("a link without carrier is a fault, and a link that works again ends it", () => {
    const b = master();
    b.network.setCarrier("eth0", false);
    expect(b.transitions().at(-1)).toBe("VI_1: MASTER → FAULT");
    b.network.setCarrier("eth0", true);
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });

  test("an interface that goes takes the socket along, and one of its name brings it back", () => {
    const b = master();
    b.network.removeLink("eth0");
    expect(b.sockets()).toEqual([]);
    b.network.addLink("eth0", 3);
    b.network.addAddress("eth0", "192.0.2.1");
    b.clock.advance(5000);
    expect(b.sockets()).toEqual(["4/112/3/multicast/224.0.0.18"]);
    expect(b.network.addresses()).toContain("192.0.2.100/32 eth0");
  });

  test("track_group: a static address that can't be put back is a fault of its instances", () => {
    const statics = {
      staticAddresses: [address("192.0.2.50", { device: "eth9", trackGroup: "G" })],
      trackGroups: [{ name: "G", instances: ["VI_1"], origin: VI_1.origin }],
    };
    const b = master(configWith([VI_1], statics));
    expect(b.transitions().at(-1)).toContain("FAULT");
    b.network.addLink("eth9", 9);
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });
});

describe("the sync daemon of an instance", () => {
  test("changes its role with the instance, both ways", () => {
    const { lvs } = configWith([]).global;
    const syncDaemon = { interface: "eth0", instance: VI_1.name, syncId: 1, origin: VI_1.origin };
    const b = bench();
    const roles = () => b.ipvs.daemons().map(({ role }) => role);
    b.start(configWith([VI_1], {}, { lvs: { ...lvs, syncDaemon } }));
    expect(roles()).toEqual(["backup"]);
    b.clock.advance(5000);
    expect(roles()).toEqual(["master"]);
    b.hears(VI_1, "192.0.2.2", 200);
    expect([b.transitions().at(-1), roles()]).toEqual(["VI_1: MASTER → BACKUP", ["backup"]]);
  });
});

describe("kernel settings", () => {
  const PATH = "net/ipv4/conf/eth0/promote_secondaries";
  const promoting = configWith([vrrpInstance({ promoteSecondaries: true })]);

  function promoted() {
    const b = bench();
    b.sysctls.set(PATH, "0");
    b.start(promoting);
    return b;
  }

  test("are set with the configuration, and a reload that wants the same writes nothing (D14)", () => {
    const b = promoted();
    b.reload(configWith([vrrpInstance({ promoteSecondaries: true })]));
    expect(b.sysctlWrites).toEqual([`${PATH}=1`]);
    b.reload(configWith([VI_1]));
    expect(b.sysctlWrites).toEqual([`${PATH}=1`, `${PATH}=0`]);
  });

  test("changed by somebody else: set again by the audit, and told", () => {
    const b = promoted();
    b.sysctls.set(PATH, "0");
    b.clock.advance(6000);
    expect(b.sysctls.get(PATH)).toBe("1");
    expect(b.events("drift").map(({ subject }) => subject)).toEqual(["kernel settings"]);
  });

  test("go back at the end", async () => {
    const b = promoted();
    await b.role.stop();
    expect(b.sysctls.get(PATH)).toBe("0");
  });
});

describe("trackers", () => {
  const tracking = { interfaces: [], scripts: [], processes: [], bfd: [] };
  const file = { name: "F", path: "/f", weight: 1, reverse: false, origin: VI_1.origin };

  test("a file that nobody tracks any more, or that lies elsewhere, is watched no more", () => {
    const uses = { ...tracking, files: [{ name: "F", weight: 1, reverse: false, origin: VI_1.origin }] };
    const tracked = vrrpInstance({ tracking: uses });
    const b = master(configWith([tracked], { files: [file] }));
    b.fileHas("/f", "-20");
    b.reload(configWith([tracked], { files: [{ ...file, path: "/g" }] }));
    expect(b.watchedFiles()).toEqual(["/g"]);
    b.fileHas("/f", "-30");
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.priority).toBe(100);
    b.fileHas("/g", "-40");
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.priority).toBe(60);
    b.reload(configWith([VI_1]));
    expect(b.watchedFiles()).toEqual([]);
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.priority).toBe(100);
  });

  test("a file's value is a part of the priority that is sent, and its change an event", () => {
    const uses = { ...tracking, files: [{ name: "F", weight: 1, reverse: false, origin: VI_1.origin }] };
    const b = master(configWith([vrrpInstance({ tracking: uses })], { files: [file] }));
    b.fileHas("/f", "-20");
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.priority).toBe(80);
    expect(b.events("tracker").map(({ subject, to }) => [subject, to])).toEqual([["file F", "value -20"]]);
  });

  test("all processes are looked at anew only when other ones are tracked (D18)", () => {
    const uses = [{ name: "P", weight: 10, reverse: false, origin: VI_1.origin }];
    const counted = { params: [], paramMatch: "none" as const, quorum: 1, terminateDelayMs: 0, forkDelayMs: 0 };
    const how = { weight: 10, reverse: false, fullCommand: false, origin: VI_1.origin };
    const process: TrackProcess = { name: "P", process: "haproxy", ...counted, ...how };
    const processes = [process];
    const config = (priority: number, more = processes) =>
      configWith([vrrpInstance({ priority, tracking: { ...tracking, files: [], processes: uses } })], {
        processes: more,
      });
    const b = bench();
    b.start(config(100));
    b.reload(config(110));
    expect(b.interests()).toBe(1);
    b.reload(config(110, [{ ...process, process: "nginx" }]));
    expect(b.interests()).toBe(2);
  });

  test("sessions of BFD that came before the configuration count from the start", () => {
    const uses = { ...tracking, files: [], bfd: [{ name: "B", reverse: false, origin: VI_1.origin }] };
    const startsWith = (up: boolean) => {
      const b = bench();
      b.role.receive?.("bfd", { B: { up, detail: "nothing heard" } });
      b.start({
        ...configWith([vrrpInstance({ tracking: uses })]),
        bfd: [{ name: "B", weight: 0, reverse: false }] as never,
      });
      b.clock.advance(5000);
      return b;
    };
    // One that nobody has told of is a fault as well, so only the one that is up shows that it was kept.
    expect(startsWith(true).transitions()).toEqual(["VI_1: INIT → BACKUP", "VI_1: BACKUP → MASTER"]);
    const b = startsWith(false);
    expect(b.transitions()).toEqual(["VI_1: INIT → FAULT"]);
    b.role.receive?.("bfd", { B: { up: true, detail: "neighbour is up" } });
    b.clock.advance(5000);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });
});

describe("a reload", () => {
  test("that changes nothing sends nothing early, writes nothing and keeps the state", () => {
    const b = master();
    const commands = b.network.commands.length;
    const sent = b.sent.length;
    b.reload(configWith([VI_1]));
    expect(b.network.commands).toHaveLength(commands);
    expect(b.sent).toHaveLength(sent);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });

  test("of the very same parts looks at no instance, but for those that lack something", () => {
    const config = configWith([NO_ACCEPT]);
    const b = master(config);
    const before = [
      b.network.commands.length,
      b.journals.length,
      b.acquired(),
      b.sysctlWrites.length,
      b.updates.length,
    ];
    b.reload({ ...config, vrrp: { ...config.vrrp } });
    b.clock.advance(0);
    const after = [b.network.commands.length, b.journals.length, b.acquired(), b.sysctlWrites.length, b.updates.length];
    expect(after).toEqual(before);
    const lacking = bench();
    lacking.socketsFail(true);
    lacking.start(config);
    expect(lacking.transitions()).toEqual(["VI_1: INIT → FAULT"]);
    lacking.socketsFail(false);
    lacking.reload(config);
    expect(lacking.transitions().at(-1)).toBe("VI_1: FAULT → BACKUP");
  });

  test("in which lines moved reports what is to be changed where it stands now, and nothing else", () => {
    const lab = vrrpInstance({ origin: { file: "k.conf", line: 7, column: 1 } });
    const config = configWith([lab]);
    const b = master(config);
    b.hears(vrrpInstance({ advertMs: 3000 }), "192.0.2.2");
    b.clock.advance(3000);
    const remedy = () => b.status()?.refusedMasters[0]?.remedy;
    expect(remedy()).toContain("vrrp_instance VI_1 (k.conf:7)");
    const from = b.network.commands.length;
    moveLines(config, 5);
    b.reload({ ...config, vrrp: { ...config.vrrp } });
    b.clock.advance(3000);
    expect(remedy()).toContain("vrrp_instance VI_1 (k.conf:12)");
    expect(b.network.commands.slice(from)).toEqual([]);
  });

  test("a fact that is known already is not told again, and counts in the next priority", () => {
    const uses = [{ name: "F", weight: 1, reverse: false, origin: VI_1.origin }];
    const tracking = { interfaces: [], scripts: [], processes: [], bfd: [], files: uses };
    const file = { name: "F", path: "/f", weight: 1, reverse: false, origin: VI_1.origin };
    const b = master(configWith([vrrpInstance({ tracking })], { files: [file] }));
    b.fileHas("/f", "5");
    b.fileHas("/f", "6");
    b.reload(configWith([vrrpInstance({ tracking, priority: 110 })], { files: [file] }));
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.priority).toBe(116);
    expect(b.events("tracker").map(({ to }) => to)).toEqual(["value 5", "value 6"]);
  });

  test("the journal names what goes until it is gone", () => {
    const b = master();
    const before = b.journals.length;
    b.reload(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.102")] })]));
    expect(b.journals.slice(before).map(({ keys }) => keys.toSorted())).toEqual([
      ["2|192.0.2.100/32", "2|192.0.2.102/32"],
      ["2|192.0.2.102/32"],
    ]);
  });

  test("an instance that goes resigns by its old socket, and leaves nothing", () => {
    const b = master();
    b.reload(NOBODY);
    expect(b.sent.at(-1)?.priority).toBe(0);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
    expect(b.sockets()).toEqual([]);
    expect(b.updates.some((one) => one.kind === "vrrp-gone" && one.name === "VI_1")).toBe(true);
  });

  test("peers beyond the link are told of where they are new, and of nobody else's again", () => {
    const peersOf = (ip: string) => ({
      unicast: {
        peers: [{ ip, minTtl: 0, maxTtl: 255 }],
        checkSource: false,
        faultWithoutPeer: false,
        oldChecksum: "auto" as const,
      },
    });
    const far = vrrpInstance({ name: "FAR", vrid: 52, ...peersOf("203.0.113.9") });
    const near = vrrpInstance({ ...peersOf("192.0.2.2") });
    const b = bench();
    const told = () => b.logs.splice(0).filter(({ message }) => message.includes("203.0.113.9"));
    b.start(configWith([near]));
    expect(told()).toEqual([]);
    b.reload(configWith([near, far]));
    expect(told()).toHaveLength(1);
    b.reload(configWith([vrrpInstance({ priority: 90, ...peersOf("192.0.2.2") }), far]));
    expect(told()).toEqual([]);
    b.reload(configWith([far]));
    b.reload(configWith([{ ...far, priority: 90 }]));
    expect(told()).toHaveLength(1);
  });

  test("addresses come and go while the master stays one", () => {
    const b = master();
    b.reload(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.102")] })]));
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0", "192.0.2.102/32 eth0"]);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });

  test("another name is the same instance, and names may be exchanged", () => {
    const one = vrrpInstance({ name: "A" });
    const two = vrrpInstance({ name: "B", vrid: 52, virtualAddresses: [address("192.0.2.110")] });
    const b = master(configWith([one, two]));
    const commands = b.network.commands.length;
    b.reload(configWith([vrrpInstance({ ...one, name: "B" }), vrrpInstance({ ...two, name: "A" })]));
    expect(b.network.commands).toHaveLength(commands);
    b.hears(one, "192.0.2.2", 200);
    expect(b.transitions().at(-1)).toBe("B: MASTER → BACKUP");
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0", "192.0.2.110/32 eth0"]);
  });

  test("the journal names what the next configuration has, before it is there", () => {
    const b = master();
    b.reload(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.102")] })]));
    expect(b.journals.at(-1)?.keys).toEqual(["2|192.0.2.102/32"]);
  });

  test("fifo_write_vrrp_states_on_reload repeats the state", () => {
    const b = master();
    const before = b.notifications.length;
    b.reload(configWith([VI_1], {}, { fifoWriteVrrpStatesOnReload: true }));
    expect(b.notifications.slice(before).map((one) => ("state" in one ? one.state : ""))).toEqual(["MASTER"]);
  });

  test("fifo_write_vrrp_states_on_reload repeats the states of groups, then those of instances", () => {
    const two = [VI_1, vrrpInstance({ name: "VI_2", vrid: 52, virtualAddresses: [address("192.0.2.101")] })];
    const groups = { syncGroups: [syncGroup("G", ["VI_1", "VI_2"])] };
    const b = master(configWith(two, groups));
    const before = b.notifications.length;
    b.reload(configWith(two, groups, { fifoWriteVrrpStatesOnReload: true }));
    const said = b.notifications
      .slice(before)
      .map((one) => ("state" in one ? `${one.kind} ${one.name} ${one.state}` : ""));
    expect(said).toEqual(["group G MASTER", "instance VI_1 MASTER", "instance VI_2 MASTER"]);
    b.reload(configWith(two, groups));
    expect(b.notifications).toHaveLength(before + 3);
  });

  test("the state of a group is told, and again when it changes", () => {
    const b = master(configWith([VI_1], { syncGroups: [syncGroup("G", ["VI_1"])] }));
    const told = () =>
      b.updates.flatMap((one) => (one.kind === "sync-group" ? [`${one.value.name} ${one.value.state}`] : []));
    b.clock.advance(3000);
    expect(told().at(-1)).toBe("G MASTER");
    b.network.setCarrier("eth0", false);
    b.clock.advance(3000);
    expect(told().at(-1)).toBe("G FAULT");
  });
});

describe("the end", () => {
  test("resigns, takes everything away, forgets the journal", async () => {
    const statics = { staticAddresses: [address("192.0.2.50", { device: "eth0" })] };
    const b = master(configWith([NO_ACCEPT], statics));
    await b.role.stop();
    expect(b.sent.at(-1)?.priority).toBe(0);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
    expect(b.journalCleared()).toBe(true);
    expect(b.firewalls[0]?.removed).toBe(true);
    const sent = b.sent.length;
    b.clock.advance(10_000);
    expect(b.sent).toHaveLength(sent);
  });

  test("-V: resigns, and the addresses stay", async () => {
    const b = master(configWith([VI_1]), { releaseVrrp: false });
    await b.role.stop();
    expect(b.sent.at(-1)?.priority).toBe(0);
    expect(b.network.addresses()).toContain("192.0.2.100/32 eth0");
    expect(b.journalCleared()).toBe(false);
  });

  test("before a configuration there is nothing to end", () => {
    expect(bench().role.stop()).toBeUndefined();
  });
});

test("a hundred packets that each take addresses away are one change of the tables", () => {
  const many = Array.from({ length: 100 }, (_, n) =>
    vrrpInstance({ name: `I${n}`, vrid: n + 1, virtualAddresses: [address(`198.51.100.${n}`)] }),
  );
  const b = master(configWith(many));
  const owned = () => b.network.addresses().filter((one) => one.startsWith("198.51.100.")).length;
  expect(owned()).toBe(100);
  const during: number[] = [];
  b.together(() => {
    for (const instance of many) {
      b.hears(instance, "192.0.2.2", 254);
      during.push(owned());
    }
  });
  expect(new Set(during)).toEqual(new Set([100]));
  expect(owned()).toBe(0);
});

describe("the log", () => {
  test("whoever is master twenty times a second costs a few lines, and then one with their number", () => {
    const fast = vrrpInstance({ version: 3, advertMs: 10 });
    const b = bench();
    b.start(configWith([fast]));
    const MINUTE_MS = 60_000;
    for (let now = 0; now < MINUTE_MS; now += 50) {
      b.hears(fast, "192.0.2.2", 254);
      b.clock.advance(50);
    }
    expect(b.transitions().length).toBeGreaterThan(2000);
    const about = () => b.logs.filter(({ message }) => message.startsWith("VI_1: "));
    expect(about().length).toBeLessThan(40);
    b.hears(fast, "192.0.2.2", 254);
    b.clock.advance(20);
    b.clock.advance(2 * MINUTE_MS);
    expect(about().some(({ message }) => / \(\d{4} more in 60 s\)$/.test(message))).toBe(true);
  });

  test("what is held back of it is said at the end", async () => {
    const fast = vrrpInstance({ version: 3, advertMs: 10 });
    const b = bench();
    b.start(configWith([fast]));
    for (let n = 0; n < 100; n++) {
      b.hears(fast, "192.0.2.2", 254);
      b.clock.advance(50);
    }
    await b.role.stop();
    expect(b.logs.some(({ message }) => message.startsWith("VI_1: MASTER to STOP"))).toBe(true);
  });
});

describe("after a crash", () => {
  test("what the dead process had and nobody wants goes; what is wanted stays", () => {
    const b = bench({ journal: { world: WORLD, keys: ["2|192.0.2.77/32", "2|192.0.2.100/32"] } });
    b.network.addAddress("eth0", "192.0.2.77", 32);
    b.start(configWith([VI_1]));
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
  });
});

describe("another process takes the place of this one", () => {
  test("masters speak once more and are named, and nothing is done behind that", () => {
    const b = master();
    const before = b.sent.length;
    b.role.handOver?.();
    expect(b.sent.slice(before)).toMatchObject([{ at: 5000, vrid: 51, priority: 100 }]);
    expect(b.published).toEqual([{ topic: HANDOVER_TOPIC, value: { masters: ["VI_1"], spokeAtMs: 5000 } }]);
    b.hears(VI_1, "192.0.2.2", 200);
    b.clock.advance(5000);
    expect([b.sent.length, b.network.addresses()]).toEqual([before + 1, ["192.0.2.1/24 eth0", "192.0.2.100/32 eth0"]]);
  });

  test("the one that comes is master from its start, with the addresses that are there", () => {
    const b = bench();
    b.network.addAddress("eth0", "192.0.2.100", 32, { protocol: 18 });
    b.role.receive?.(HANDOVER_TOPIC, { masters: ["VI_1"], spokeAtMs: -200 });
    b.start(configWith([VI_1]));
    expect(b.transitions()).toEqual(["VI_1: INIT → MASTER"]);
    expect(b.sent).toMatchObject([{ at: 0, vrid: 51, priority: 100 }]);
    expect(b.network.commands).toEqual([]);
  });

  test("without a word of the one before, or with one that is none, it starts as ever", () => {
    for (const word of [
      undefined,
      null,
      { masters: "VI_1", spokeAtMs: 0 },
      { masters: ["VI_1"] },
      { masters: ["VI_1"], spokeAtMs: Number.NaN },
    ]) {
      expect(readHandover(word)).toBeUndefined();
      const b = bench();
      b.role.receive?.(HANDOVER_TOPIC, word);
      b.start(configWith([VI_1]));
      expect(b.transitions()).toEqual(["VI_1: INIT → BACKUP"]);
    }
  });
});
