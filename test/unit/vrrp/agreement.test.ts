// Routers that do not agree with us are an error at once, in whatever state we are, with both addresses, the likely cause and the line to
// change; and never said to have fallen silent while they are heard.
import { describe, expect, test } from "bun:test";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { vrrpErrors } from "../../../src/status/text-vrrp.ts";
import type { Datagram } from "../../../src/vrrp/datagram.ts";
import { adviceFor } from "../../../src/vrrp/senders.ts";
import { advertFrom, HMAC, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";
import { type Lab, lab } from "../../support/vrrp-lab.ts";
import { configOf, instanceText, started } from "../../support/words.ts";

const PEER = "192.0.2.2";
const PASS = { authentication: { type: "PASS", password: "one" } } as const;

const statusOf = (bench: Lab) => bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
const logged = (bench: Lab, level: string) =>
  bench.log.flatMap(({ action }) =>
    action.kind === "log" && action.line.level === level ? [action.line.message] : [],
  );
const events = (bench: Lab) =>
  bench.log.flatMap(({ action }) => (action.kind === "event" && action.event === "vrrp-peer" ? [action.to] : []));

describe("a live master that we refuse", () => {
  test.each([
    ["password", PASS, { authentication: { type: "PASS", password: "two" } }, "its password differs", "authentication"],
    ["interval", {}, { advertMs: 3000 }, "it has 3 s, we have 1 s", "advert_int"],
    ["version", {}, { version: 3 }, "it speaks version 3, we speak version 2", "version"],
    ["auth_hmac", { hmac: HMAC }, { hmac: undefined }, "does not sign with auth_hmac", "auth_hmac"],
  ] as const)("%s: an error with the first packet, as master and as backup", (_why, own, theirs, cause, keyword) => {
    for (const priority of [100, 255]) {
      const bench = lab([vrrpInstance({ priority, ...own } as Partial<VrrpInstance>)]);
      expect(bench.state()).toBe(priority === 255 ? "MASTER" : "BACKUP");
      bench.hear(PEER, 100, theirs as Partial<VrrpInstance>);
      const [error, ...more] = logged(bench, "error");
      expect(more).toEqual([]);
      for (const part of [PEER, "192.0.2.1", cause, `${keyword} of vrrp_instance VI_1 (test.conf:1)`])
        expect(error).toContain(part);
      expect(events(bench)).toEqual(["refused"]);
      expect(statusOf(bench)?.refusedMasters).toMatchObject([{ address: PEER, own: "192.0.2.1", priority: 100 }]);
      const [line = ""] = vrrpErrors(statusOf(bench) ?? (undefined as never));
      for (const part of ["ERROR", PEER, "192.0.2.1", cause, keyword]) expect(line).toContain(part);
    }
  });

  test("TTL of a multicast packet", () => {
    const bench = lab([vrrpInstance()]);
    const datagram = advertFrom(vrrpInstance(), PEER);
    datagram.bytes[8] = 254;
    bench.receive(datagram);
    expect(statusOf(bench)?.refusedMasters).toMatchObject([{ reason: "ttl", address: PEER }]);
  });

  test("the line to change is named with its file and number", () => {
    const config = configOf(instanceText("version 2\nadvert_int 2"));
    const bench = started(config);
    bench.receive(advertFrom(vrrpInstance(), PEER));
    expect(statusOf(bench)?.refusedMasters[0]?.remedy).toMatch(/^advert_int \(.+:5\) has to be the same on both$/);
  });

  test("a damaged packet is none, two of the same sender are one", () => {
    const bench = lab([vrrpInstance()]);
    const spoilt = () => {
      const datagram = advertFrom(vrrpInstance(), PEER);
      datagram.bytes[26] = (datagram.bytes[26] ?? 0) ^ 1;
      bench.receive(datagram);
    };
    spoilt();
    expect(statusOf(bench)?.refusedMasters).toEqual([]);
    spoilt();
    expect(statusOf(bench)?.refusedMasters).toMatchObject([{ reason: "checksum" }]);
  });

  test("a resignation, and what is no advertisement of a master, are none", () => {
    const bench = lab([vrrpInstance()]);
    bench.hear(PEER, 0, { version: 3 });
    bench.hear("192.0.2.1", 200);
    expect(statusOf(bench)?.refusedMasters).toEqual([]);
  });

  test("it is over once it agrees, and once it is not heard any more", () => {
    const bench = lab([vrrpInstance({ priority: 50 })]);
    bench.hear(PEER, 100, { version: 3 });
    bench.hear(PEER, 100);
    expect(statusOf(bench)?.refusedMasters).toEqual([]);
    expect(events(bench)).toEqual(["refused", "agreed"]);
    bench.run(70_000);
    bench.hear(PEER, 100, { version: 3 });
    bench.run(35_000);
    expect(statusOf(bench)?.refusedMasters).toEqual([]);
    expect(events(bench)).toEqual(["refused", "agreed", "refused", "agreed"]);
  });

  test("one that was heard as backup is named when we become master beside it", () => {
    const bench = lab([vrrpInstance({ ...PASS })]);
    for (let i = 0; i < 5; i++) {
      bench.hear(PEER, 100, { authentication: { type: "PASS", password: "two" } });
      bench.run(1000);
    }
    expect(bench.state()).toBe("MASTER");
    expect(logged(bench, "warning").filter((line) => line.includes("two masters"))).toHaveLength(1);
    expect(statusOf(bench)?.foreignMaster?.address).toBe(PEER);
  });

  test.each([1000, 3000, 40_000])("every %d ms: never said to have fallen silent while it is heard", (advertMs) => {
    const bench = lab([vrrpInstance({ version: 3, priority: 255, advertMs: 1000, ...{ hmac: HMAC } })]);
    for (let i = 0; i < 6; i++) {
      bench.hear(PEER, 100, { advertMs, hmac: { ...HMAC, mode: "receive-only" } });
      bench.run(advertMs);
    }
    const all = ["info", "warning", "error"].flatMap((level) => logged(bench, level)).join("\n");
    expect(all).not.toContain("silent");
    expect(all).not.toContain("nothing from");
    expect(events(bench)).toEqual(["refused"]);
    expect(statusOf(bench)?.refusedMasters).toHaveLength(1);
  });

  test("a flood from ever new addresses makes a handful of errors and events", () => {
    const bench = lab([vrrpInstance({ priority: 255 })]);
    for (let i = 0; i < 5000; i++) {
      bench.hear(`10.${i >> 8}.${i & 255}.1`, 100, { version: 3 });
      bench.run(1);
    }
    expect(events(bench).length).toBeLessThanOrEqual(8);
    expect(logged(bench, "error").length).toBeLessThanOrEqual(4);
  });
});

test("CARP with our number is recognised by name, whatever version we speak", () => {
  for (const version of [2, 3] as const) {
    const bench = lab([vrrpInstance({ version })]);
    bench.receive(carp(51));
    const [refused] = statusOf(bench)?.refusedMasters ?? [];
    expect(refused?.likelyCause).toBe("CARP, not VRRP, with the same number 51");
    expect(refused?.remedy).toContain(
      "virtual_router_id of vrrp_instance VI_1 (test.conf:1), or the vhid of the other",
    );
    expect(statusOf(bench)?.refused).toEqual({ carp: 1 });
  }
});

/** As ucarp sends it: version 2, type 1, seven words of authentication. */
function carp(vhid: number): Datagram {
  const model = advertFrom(vrrpInstance(), PEER).bytes.slice(0, 20);
  const bytes = new Uint8Array(20 + 36);
  bytes.set(model);
  new DataView(bytes.buffer).setUint16(2, bytes.byteLength);
  bytes.set([0x21, vhid, 100, 7, 0, 1, 0x12, 0x34], 20);
  return { family: 4, bytes, source: Uint8Array.of(192, 0, 2, 2) };
}

describe("who advertises to a unicast instance", () => {
  const unicast = (...ips: string[]): NonNullable<VrrpInstance["unicast"]> => ({
    peers: ips.map((ip) => ({ ip, minTtl: 0, maxTtl: 255 })),
    checkSource: false,
    faultWithoutPeer: false,
    oldChecksum: "auto",
  });
  const bench = (...ips: string[]) =>
    lab([vrrpInstance({ version: 3, unicast: unicast(...ips), sourceIp: "192.0.2.1" })]);

  test("a sender that no list names is obeyed, shown and told of once", () => {
    const one = bench("192.0.2.3");
    for (let i = 0; i < 3; i++) one.hear(PEER, 200);
    expect(one.state()).toBe("BACKUP");
    expect(statusOf(one)?.master?.address).toBe(PEER);
    expect(statusOf(one)?.senders).toEqual([{ address: PEER, listed: false, hops: 255 }]);
    expect(statusOf(one)?.advice.join()).toContain(`${PEER} advertises to us and unicast_peer does not name it`);
    expect(logged(one, "warning")).toHaveLength(1);
    expect(statusOf(one)?.refused).toEqual({});
  });

  test("where the TTL shows no router the stricter form is suggested, and not where there is one", () => {
    const near = bench(PEER);
    near.hear(PEER, 200);
    expect(statusOf(near)?.advice.join()).toContain("min_ttl 255");
    const far = bench(PEER);
    const datagram = advertFrom(vrrpInstance({ version: 3, unicast: unicast("192.0.2.1") }), PEER, { priority: 200 });
    datagram.bytes[8] = 254;
    far.receive(datagram);
    expect(statusOf(far)?.senders).toEqual([{ address: PEER, listed: true, hops: 254 }]);
    expect(statusOf(far)?.advice).toEqual([]);
  });

  test.each([
    ["strict mode", { unicast: unicast(PEER), strict: true }],
    ["packets that must carry an HMAC", { unicast: unicast(PEER), hmac: { ...HMAC, mode: "enforce" } }],
    ["a min_ttl that one peer has", { unicast: { ...unicast(), peers: [{ ip: PEER, minTtl: 1, maxTtl: 255 }] } }],
    ["a peer that no list names", { unicast: unicast("192.0.2.3") }],
    ["multicast, where the TTL is looked at anyway", {}],
  ] as const)("min_ttl is not suggested beside %s", (_why, more) => {
    const heard = [{ address: PEER, hops: 255 }];
    expect(adviceFor(vrrpInstance({ version: 3, ...more }), heard).join()).not.toContain("min_ttl");
    expect(adviceFor(vrrpInstance({ version: 3, unicast: unicast(PEER) }), heard).join()).toContain("min_ttl");
    expect(adviceFor(vrrpInstance({ version: 3, unicast: unicast(PEER) }), [])).toEqual([]);
  });

  test("our own address among the peers gets no packet", () => {
    const one = lab(
      vrrpConfig([vrrpInstance({ priority: 255, unicast: unicast("192.0.2.1", PEER), sourceIp: "192.0.2.1" })]),
    );
    const sent = one.log.flatMap(({ action }) => (action.kind === "send" ? action.datagrams : []));
    expect(sent.map(({ destination }) => destination.join("."))).toEqual([PEER]);
  });
});
