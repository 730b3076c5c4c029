// Reception: which datagrams are refused, for which reason, under which of keepalived's counters (vrrp.md §7, statements X).
import { describe, expect, test } from "bun:test";
import { ipBytes } from "../../../src/base/ip.ts";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { accept, type ReceiveState, receiverFor, type Verdict } from "../../../src/vrrp/accept.ts";
import { AH_HEADER } from "../../../src/vrrp/auth.ts";
import { type Datagram, describeDatagram, vridOf } from "../../../src/vrrp/datagram.ts";
import { IPV4_HEADER, IPV4_HEADER_BYTES, setChecksum } from "../../../src/vrrp/packet.ts";
import { REFUSALS } from "../../../src/vrrp/refusals.ts";
import { INITIAL_WIRE, type WireState } from "../../../src/vrrp/wire.ts";
import { address, advertFrom, vrrpInstance } from "../../support/vrrp.ts";

const OWN = "192.0.2.1";
const PEER = "192.0.2.2";
const MESSAGE = IPV4_HEADER_BYTES;

const plain2 = vrrpInstance();
const plain3 = vrrpInstance({ version: 3 });
const pass = vrrpInstance({ authentication: { type: "PASS", password: "secret" } });
const ah = vrrpInstance({ authentication: { type: "AH", password: "ahkey" } });
const six = vrrpInstance({ family: 6 });
const peers = (...ips: string[]) => ({
  peers: ips.map((ip) => ({ ip, minTtl: 0, maxTtl: 255 })),
  checkSource: false,
  faultWithoutPeer: false,
  oldChecksum: "auto" as const,
});
const uni = vrrpInstance({ version: 3, unicast: peers(PEER) });
const uniSender = vrrpInstance({ version: 3, unicast: peers(OWN) });

/** With check_unicast_src, as `min_ttl` and `max_ttl` switch it on. */
function checked(ip = PEER, minTtl = 0, maxTtl = 255): VrrpInstance {
  return { ...uni, unicast: { ...peers(), checkSource: true, peers: [{ ip, minTtl, maxTtl }] } };
}

/** A packet that has passed routers. */
function routed(sender: VrrpInstance, ttl: number, source = PEER): Datagram {
  return changed(advertFrom(sender, source), set(8, ttl), { sum: "keep" });
}
const key = (id: number, byte: string) => ({ id, keyHex: byte.repeat(32) });
const hmac = (more: Partial<NonNullable<VrrpInstance["hmac"]>> = {}): NonNullable<VrrpInstance["hmac"]> => ({
  keys: [key(1, "11"), key(2, "22")],
  activeKey: 1,
  timeWindowS: 5,
  antiReplay: "time",
  mode: "enforce",
  ...more,
});
const signed = vrrpInstance({ version: 3, hmac: hmac() });

const WALL = 1_795_000_000_000;

function judge(
  instance: VrrpInstance,
  datagram: Datagram,
  more: Partial<ReceiveState> & { readonly wallMs?: number } = {},
): Verdict {
  const own = ipBytes(instance.family === 4 ? OWN : "fe80::1");
  const state: ReceiveState = { listening: true, own, wire: INITIAL_WIRE, ...more };
  return accept(receiverFor(instance), datagram, state, more.wallMs ?? WALL);
}

function reason(verdict: Verdict): string {
  return verdict.ok ? "accepted" : verdict.reason;
}

/** Changes bytes of an IPv4 datagram and mends the VRRP checksum, unless `keepSum`. */
function changed(
  datagram: Datagram,
  edit: (bytes: Uint8Array) => void,
  options: { readonly sum: "message" | "pseudo" | "keep" },
): Datagram {
  const bytes = datagram.bytes.slice();
  edit(bytes);
  const source = bytes.subarray(12, 16);
  const destination = bytes.subarray(16, 20);
  if (options.sum === "message") setChecksum(bytes.subarray(MESSAGE), { kind: "message" });
  if (options.sum === "pseudo") setChecksum(bytes.subarray(MESSAGE), { kind: "pseudo", source, destination });
  return { ...datagram, bytes };
}

const set = (at: number, value: number) => (bytes: Uint8Array) => {
  bytes[at] = value;
};

const from2 = (more: Partial<VrrpInstance> = {}) => advertFrom(vrrpInstance(more), PEER);
const from3 = (more: Partial<VrrpInstance> = {}) => advertFrom(vrrpInstance({ version: 3, ...more }), PEER);

describe("refusals", () => {
  test.each([
    ["X01 TTL 254", plain2, changed(from2(), set(8, 254), { sum: "keep" }), "ttl", "ip_ttl_err"],
    ["X01 hop limit 64", six, { ...advertFrom(six, "fe80::2"), hopLimit: 64 }, "ttl", "ip_ttl_err"],
    ["X02 version 3 at a version 2 instance", plain2, from3(), "version", undefined],
    ["X02 version 2 at a version 3 instance", plain3, from2(), "version", undefined],
    ["X02 version 4", plain3, changed(from3(), set(MESSAGE, 0x41), { sum: "pseudo" }), "version", undefined],
    [
      "X03 wrong checksum, version 2",
      plain2,
      changed(from2(), set(MESSAGE + 2, 200), { sum: "keep" }),
      "checksum",
      undefined,
    ],
    [
      "X03 wrong checksum, version 3",
      plain3,
      changed(from3(), set(MESSAGE + 2, 200), { sum: "keep" }),
      "checksum",
      undefined,
    ],
    [
      "X03 version 3 without pseudo-header",
      plain3,
      changed(from3(), () => {}, { sum: "message" }),
      "checksum",
      undefined,
    ],
    [
      "X03 wrong checksum, IPv6",
      six,
      { ...advertFrom(six, "fe80::2"), source: ipBytes("fe80::3") },
      "checksum",
      undefined,
    ],
    [
      "X04 count says more than there is",
      plain2,
      changed(from2(), set(MESSAGE + 3, 9), { sum: "message" }),
      "length",
      "packet_len_err",
    ],
    [
      "X04 count says less than there is",
      plain2,
      changed(from2({ virtualAddresses: [address("192.0.2.100"), address("192.0.2.101")] }), set(MESSAGE + 3, 1), {
        sum: "message",
      }),
      "length",
      "packet_len_err",
    ],
    [
      "X04 less than its own IP total length",
      plain2,
      { ...from2(), bytes: from2().bytes.subarray(0, 36) },
      "length",
      "packet_len_err",
    ],
    ["X05 other VRID", plain2, from2({ vrid: 52 }), "unknown-vrid", undefined],
    ["X06 type 2", plain2, changed(from2(), set(MESSAGE, 0x22), { sum: "message" }), "type", "invalid_type_rcvd"],
    [
      "X06 type 0, version 3",
      plain3,
      changed(from3(), set(MESSAGE, 0x30), { sum: "pseudo" }),
      "type",
      "invalid_type_rcvd",
    ],
    ["X07 v2: other interval", plain2, from2({ advertMs: 2000 }), "interval", "advert_interval_err"],
    [
      "T14 v3: interval 0",
      plain3,
      changed(from3(), set(MESSAGE + 5, 0), { sum: "pseudo" }),
      "interval",
      "advert_interval_err",
    ],
    ["X08 v2: none instead of PASS", pass, from2(), "auth-type-mismatch", "authtype_mismatch"],
    ["X08 v2: PASS instead of none", plain2, advertFrom(pass, PEER), "auth-type-mismatch", "authtype_mismatch"],
    ["X08 v2: plain at AH", ah, from2(), "auth-type-mismatch", "authtype_mismatch"],
    ["X08 v2: AH at plain", plain2, advertFrom(ah, PEER), "auth-type-mismatch", "authtype_mismatch"],
    [
      "X08 v2: type 7",
      plain2,
      changed(from2(), set(MESSAGE + 4, 7), { sum: "message" }),
      "auth-type-invalid",
      "invalid_authtype",
    ],
    [
      "X09 v2: wrong password",
      pass,
      advertFrom({ ...pass, authentication: { type: "PASS", password: "Secret" } }, PEER),
      "auth-password",
      "auth_failure",
    ],
    [
      "X10 AH: wrong key",
      ah,
      advertFrom({ ...ah, authentication: { type: "AH", password: "other" } }, PEER),
      "auth-ah-icv",
      "auth_failure",
    ],
    [
      "X10 AH: SPI is not the source",
      ah,
      changed(advertFrom(ah, PEER), set(IPV4_HEADER_BYTES + 7, 9), { sum: "keep" }),
      "auth-ah-spi",
      "auth_failure",
    ],
    ["X15 unicast to a multicast instance", plain3, { ...advertFrom(uniSender, PEER) }, "destination", undefined],
    ["X16 multicast to a unicast instance", uni, from3(), "destination", undefined],
    ["another group", plain3, from3({ multicastGroup: "224.0.0.19" }), "destination", undefined],
    ["X17 check_unicast_src: a stranger", checked(), advertFrom(uniSender, "192.0.2.9"), "stranger", undefined],
    ["strict mode: a stranger", { ...uni, strict: true }, advertFrom(uniSender, "192.0.2.9"), "stranger", undefined],
    ["min_ttl: a peer from beyond a router", checked(PEER, 255), routed(uniSender, 254), "ttl", "ip_ttl_err"],
    ["max_ttl: a peer that is too near", checked(PEER, 0, 254), advertFrom(uniSender, PEER), "ttl", "ip_ttl_err"],
    ["min_ttl, one hop more", checked(PEER, 60), routed(uniSender, 59), "ttl", "ip_ttl_err"],
    ["max_ttl, one hop less", checked(PEER, 0, 64), routed(uniSender, 65), "ttl", "ip_ttl_err"],
    [
      "max_ttl in strict mode, one hop less",
      { ...checked(PEER, 0, 64), strict: true },
      routed(uniSender, 65),
      "ttl",
      "ip_ttl_err",
    ],
    ["strict mode: beyond a router", { ...uni, strict: true }, routed(uniSender, 254), "ttl", "ip_ttl_err"],
    ["X18 enforce: no trailer", signed, from3(), "auth-ext-missing", "auth_ext_missing"],
    ["req 2: our own address", plain2, advertFrom(plain2, OWN), "own-address", undefined],
    ["T12 source 0.0.0.0", plain2, advertFrom(plain2, "0.0.0.0"), "source", undefined],
    ["T12 source ::", six, advertFrom(six, "::"), "source", undefined],
    ["T12 source is a group", plain2, advertFrom(plain2, "224.0.0.5"), "source", undefined],
    ["T12 our own IPv6 address", six, advertFrom(six, "fe80::1"), "own-address", undefined],
    ["longer than the buffer", plain2, { ...from2(), truncated: true }, "truncated", undefined],
    ["seven bytes", six, { ...advertFrom(six, "fe80::2"), bytes: new Uint8Array(7) }, "too-short", undefined],
    ["nothing at all", plain2, { ...from2(), bytes: new Uint8Array(0) }, "too-short", undefined],
    ["signed packet where no auth_hmac is configured", plain3, advertFrom(signed, PEER), "length", "packet_len_err"],
    [
      "owner_ignore_adverts",
      vrrpInstance({ priority: 255, ownerIgnoreAdverts: true }),
      from2(),
      "owner-ignores",
      undefined,
    ],
  ] as const)("%s", (_why, instance, datagram, want, counter) => {
    const verdict = judge(instance, datagram);
    expect([reason(verdict), verdict.ok ? undefined : verdict.counter]).toEqual([want, counter]);
  });

  test("a refusal is one and the same object: a flood allocates nothing", () => {
    const bad = changed(from2(), set(8, 1), { sum: "keep" });
    expect(judge(plain2, bad)).toBe(REFUSALS.ttl);
  });

  test("in FAULT, INIT or without an own address nothing is heard", () => {
    expect(reason(judge(plain2, from2(), { listening: false }))).toBe("not-listening");
    expect(reason(judge(plain2, from2(), { own: undefined }))).toBe("not-listening");
  });
});

describe("acceptance", () => {
  test.each([
    ["v2", plain2, from2()],
    ["v3", plain3, from3()],
    ["PASS", pass, advertFrom(pass, PEER)],
    [
      "P16 passwords are compared in 8 bytes",
      vrrpInstance({ authentication: { type: "PASS", password: "12345678" } }),
      advertFrom(vrrpInstance({ authentication: { type: "PASS", password: "123456789" } }), PEER),
    ],
    ["AH", ah, advertFrom(ah, PEER)],
    ["v3 IPv6", six, advertFrom(six, "fe80::2")],
    [
      "v2 IPv6",
      vrrpInstance({ family: 6, version: 2 }),
      advertFrom(vrrpInstance({ family: 6, version: 2 }), "fe80::2"),
    ],
    ["X12 reserved bits", plain3, changed(from3(), set(MESSAGE + 4, 0xf0), { sum: "pseudo" })],
    [
      "X14 Ethernet padding behind the datagram",
      plain3,
      { ...from3(), bytes: new Uint8Array([...from3().bytes, ...new Uint8Array(14)]) },
    ],
    ["T5 padding inside the total length", plain3, padded(from3(), 14)],
    ["unicast", uni, advertFrom(uniSender, PEER)],
    [
      "T3 unicast, old checksum form",
      uni,
      advertFrom({ ...uniSender, unicast: { ...peers(OWN), oldChecksum: "always" } }, PEER),
    ],
    [
      "T3 old form configured, RFC form received",
      { ...uni, unicast: { ...peers(PEER), oldChecksum: "always" as const } },
      advertFrom(uniSender, PEER),
    ],
    ["v3_checksum_as_v2 on both", { ...plain3, v3ChecksumAsV2: true }, from3({ v3ChecksumAsV2: true })],
    ["v3_checksum_as_v2 here, RFC there", { ...plain3, v3ChecksumAsV2: true }, from3()],
    ["X21 permissive: no trailer", vrrpInstance({ version: 3, hmac: hmac({ mode: "permissive" }) }), from3()],
    ["X21 receive-only: no trailer", vrrpInstance({ version: 3, hmac: hmac({ mode: "receive-only" }) }), from3()],
    [
      "X21 receive-only: with trailer",
      vrrpInstance({ version: 3, hmac: hmac({ mode: "receive-only" }) }),
      advertFrom(signed, PEER, { wallMs: WALL }),
    ],
    ["X18 enforce: with trailer", signed, advertFrom(signed, PEER, { wallMs: WALL })],
    ["X18 the other key", signed, advertFrom({ ...signed, hmac: hmac({ activeKey: 2 }) }, PEER, { wallMs: WALL })],
    [
      "auth_hmac, v2",
      vrrpInstance({ hmac: hmac() }),
      advertFrom(vrrpInstance({ hmac: hmac() }), PEER, { wallMs: WALL }),
    ],
    [
      "auth_hmac, IPv6",
      vrrpInstance({ family: 6, hmac: hmac() }),
      advertFrom(vrrpInstance({ family: 6, hmac: hmac() }), "fe80::2", { wallMs: WALL }),
    ],
    ["unicast: a peer from beyond a router", uni, routed(uniSender, 1)],
    ["X17 unicast: a sender that no list names", uni, advertFrom(uniSender, "192.0.2.9")],
    ["the same from beyond a router", uni, routed(uniSender, 61, "192.0.2.9")],
    ["min_ttl lets routed peers in", checked(PEER, 60), routed(uniSender, 64)],
    ["min_ttl itself", checked(PEER, 60), routed(uniSender, 60)],
    ["max_ttl itself", checked(PEER, 0, 64), routed(uniSender, 64)],
    ["strict mode where only max_ttl is said", { ...checked(PEER, 0, 64), strict: true }, routed(uniSender, 3)],
    ["check_unicast_src asks for no TTL", checked(), routed(uniSender, 3)],
    ["strict mode where min_ttl is said", { ...checked(PEER, 60), strict: true }, routed(uniSender, 64)],
  ] as const)("%s", (_why, instance, datagram) => {
    expect(reason(judge(instance, datagram))).toBe("accepted");
  });

  test("old_unicast_checksum never refuses the old form", () => {
    const never = { ...uni, unicast: { ...peers(PEER), oldChecksum: "never" as const } };
    const old = advertFrom({ ...uniSender, unicast: { ...peers(OWN), oldChecksum: "always" } }, PEER);
    expect(reason(judge(never, old))).toBe("checksum");
  });

  test("T16 IPv6 unicast: keepalived's hop limit of 64 passes, min_ttl 255 refuses it", () => {
    const instance = vrrpInstance({ family: 6, unicast: peers("2001:db8::2") });
    const sender = vrrpInstance({ family: 6, unicast: peers("2001:db8::1") });
    const datagram = { ...advertFrom(sender, "2001:db8::2"), hopLimit: 64 };
    const own = { own: ipBytes("2001:db8::1") };
    expect(reason(judge(instance, datagram, own))).toBe("accepted");
    expect(reason(judge({ ...instance, strict: true }, datagram, own))).toBe("accepted");
    const near = { ...peers(), checkSource: true, peers: [{ ip: "2001:db8::2", minTtl: 255, maxTtl: 255 }] };
    expect(reason(judge({ ...instance, unicast: near }, datagram, own))).toBe("ttl");
  });

  test("X11 v3: another interval is accepted and handed on", () => {
    expect(judge(plain3, from3({ advertMs: 250 }))).toMatchObject({
      ok: true,
      advertMs: 250,
      differences: ["interval"],
    });
  });

  test("X13 another address list is counted, not dropped", () => {
    const other = from2({ virtualAddresses: [address("192.0.2.101")] });
    expect(judge(plain2, other)).toMatchObject({ ok: true, differences: ["address-list"] });
    const skip = vrrpInstance({ skipCheckAdvertAddresses: true });
    expect(judge(skip, other, { masterAddress: PEER })).toMatchObject({ ok: true, differences: [] });
    expect(judge(skip, other, { masterAddress: "192.0.2.9" })).toMatchObject({
      ok: true,
      differences: ["address-list"],
    });
  });

  test("addresses in another order are the same list", () => {
    const list = ["192.0.2.9", "192.0.2.100", "10.0.0.1"].map((ip) => address(ip));
    const receiver = vrrpInstance({ virtualAddresses: list });
    expect(judge(receiver, from2({ virtualAddresses: list.toReversed() }))).toMatchObject({
      ok: true,
      differences: [],
    });
  });

  test.each([
    ["192.0.2.2", 1],
    ["192.0.1.255", -1],
    ["192.0.3.0", 1],
    ["10.255.255.255", -1],
  ] as const)("S16 S17 %s against 192.0.2.1", (sender, order) => {
    expect(judge(plain2, advertFrom(plain2, sender))).toMatchObject({ ok: true, sender, order });
  });
});

describe("X10 P19 AH sequence", () => {
  const at = (sequence: number): WireState => ({ ...INITIAL_WIRE, ahSequence: sequence });
  test("must grow; accepting adopts it; refusing does not", () => {
    const seven = advertFrom(ah, PEER, { wire: at(6) });
    expect(AH_HEADER.fields.sequence.get(seven.bytes, IPV4_HEADER_BYTES)).toBe(7);
    expect(judge(ah, seven, { wire: at(6) })).toMatchObject({ ok: true, wire: { ahSequence: 7 } });
    expect(reason(judge(ah, seven, { wire: at(7) }))).toBe("auth-ah-replay");
    expect(reason(judge(ah, seven, { wire: at(100) }))).toBe("auth-ah-replay");
  });

  test("P18 multicast keeps the TTL in the value, unicast does not", () => {
    const flip = (d: Datagram) => changed(d, set(8, 254), { sum: "keep" });
    const unicast = vrrpInstance({
      authentication: { type: "AH", password: "k" },
      unicast: { ...peers(PEER), ttl: 254 },
    });
    const sender = vrrpInstance({ authentication: { type: "AH", password: "k" }, unicast: peers(OWN) });
    expect(reason(judge(unicast, flip(advertFrom(sender, PEER))))).toBe("accepted");
    expect(reason(judge(ah, flip(advertFrom(ah, PEER))))).toBe("ttl");
  });
});

describe("auth_hmac", () => {
  const at = (wallMs: number, wire?: WireState) => advertFrom(signed, PEER, wire ? { wallMs, wire } : { wallMs });

  test("X18 unknown key, wrong value, malformed", () => {
    const otherKey = advertFrom({ ...signed, hmac: hmac({ keys: [key(3, "33")], activeKey: 3 }) }, PEER, {
      wallMs: WALL,
    });
    expect(reason(judge(signed, otherKey))).toBe("auth-ext-unknown-key");
    const wrong = advertFrom({ ...signed, hmac: hmac({ keys: [key(1, "99")] }) }, PEER, { wallMs: WALL });
    expect(reason(judge(signed, wrong))).toBe("auth-ext-invalid-hmac");
    const trailer = at(WALL).bytes.byteLength - 28;
    for (const offset of [0, 2, 3])
      expect(reason(judge(signed, changed(at(WALL), set(trailer + offset, 9), { sum: "keep" })))).toBe(
        "auth-ext-malformed",
      );
    const forged = changed(at(WALL), set(MESSAGE + 2, 250), { sum: "keep" });
    setChecksum(forged.bytes.subarray(MESSAGE, trailer), {
      kind: "pseudo",
      source: ipBytes(PEER),
      destination: ipBytes("224.0.0.18"),
    });
    expect(reason(judge(signed, forged))).toBe("auth-ext-invalid-hmac");
  });

  test.each([
    [0, "accepted"],
    [5, "accepted"],
    [6, "auth-ext-stale"],
    [-5, "accepted"],
    [-6, "auth-ext-stale"],
  ])("X19 a sender %d s ahead: %s", (aheadS, want) => {
    expect(reason(judge(signed, at(WALL + aheadS * 1000)))).toBe(want);
  });

  test("X19 monotonic mode has no window", () => {
    const instance = { ...signed, hmac: hmac({ antiReplay: "monotonic" }) };
    expect(reason(judge(instance, at(WALL - 10 * 86_400_000)))).toBe("accepted");
  });

  test("X20 replay, also of an older one; another sender counts for itself", () => {
    const first = judge(signed, at(WALL));
    if (!first.ok) throw new Error(first.reason);
    expect(reason(judge(signed, at(WALL), { wire: first.wire }))).toBe("auth-ext-replay");
    expect(reason(judge(signed, at(WALL - 500), { wire: first.wire }))).toBe("auth-ext-replay");
    expect(reason(judge(signed, at(WALL + 1), { wire: first.wire }))).toBe("accepted");
    expect(reason(judge(signed, advertFrom(signed, "192.0.2.3", { wallMs: WALL }), { wire: first.wire }))).toBe(
      "accepted",
    );
  });

  test("X20 a packet from a fast clock can not be played again once its mark is old", () => {
    const fast = judge(signed, at(WALL + 5000));
    if (!fast.ok) throw new Error(fast.reason);
    for (const later of [1000, 5999, 6000, 9000, 10_000])
      expect(reason(judge(signed, at(WALL + 5000), { wire: fast.wire, wallMs: WALL + later }))).toBe("auth-ext-replay");
    expect(reason(judge(signed, at(WALL + 5000), { wire: fast.wire, wallMs: WALL + 11_000 }))).toBe("auth-ext-stale");
  });

  test("P22 sequences grow within one clock tick and after the clock stepped back a little", () => {
    let wire = INITIAL_WIRE;
    let heard = INITIAL_WIRE;
    for (const wallMs of [WALL, WALL, WALL, WALL - 2000, WALL - 1999, WALL + 5]) {
      const verdict = judge(signed, advertFrom(signed, PEER, { wallMs, wire }), { wire: heard });
      if (!verdict.ok) throw new Error(verdict.reason);
      heard = verdict.wire;
      wire = { ...wire, hmacSequence: heard.hmacMarks[0]?.sequence ?? 0n };
    }
  });

  test("four multicast senders are remembered, the least recent makes room", () => {
    let wire = INITIAL_WIRE;
    for (let i = 2; i <= 6; i++) {
      const verdict = judge(signed, advertFrom(signed, `192.0.2.${i}`, { wallMs: WALL + i }), {
        wire,
        wallMs: WALL + i,
      });
      if (!verdict.ok) throw new Error(verdict.reason);
      wire = verdict.wire;
    }
    expect(wire.hmacMarks.map((mark) => mark.sender).sort()).toEqual([
      "192.0.2.3",
      "192.0.2.4",
      "192.0.2.5",
      "192.0.2.6",
    ]);
  });
});

test("the VRID is found behind IP options and AH, and nowhere in short packets", () => {
  expect(vridOf(from2())).toBe(51);
  expect(vridOf(advertFrom(ah, PEER))).toBe(51);
  expect(vridOf(advertFrom(six, "fe80::2"))).toBe(51);
  expect(vridOf({ ...from2(), bytes: from2().bytes.subarray(0, 25) })).toBe(-1);
  const options = new Uint8Array([...from2().bytes.subarray(0, 20), 0x94, 4, 0, 0, ...from2().bytes.subarray(20)]);
  options[0] = 0x46;
  IPV4_HEADER.fields.totalLength.set(options, 0, options.byteLength);
  expect(vridOf({ ...from2(), bytes: options })).toBe(51);
  expect(reason(judge(plain2, { ...from2(), bytes: options }))).toBe("accepted");
});

test("a datagram in words", () => {
  expect(describeDatagram(from2())).toBe(
    "VRRPv2, vrid 51, priority 100, auth type 0, interval 1 s, 1 addresses, TTL 255, 20 bytes",
  );
  expect(describeDatagram({ ...from2(), bytes: new Uint8Array(3) })).toBe("3 bytes, no VRRP header");
});

test("X22 req 1: refusing reads nothing but its arguments, 100,000 times in well under two seconds", () => {
  const receiver = receiverFor(plain2);
  const state: ReceiveState = Object.freeze({ listening: true, own: ipBytes(OWN), wire: Object.freeze(INITIAL_WIRE) });
  const bad = [set(8, 1), set(MESSAGE, 0x31), set(MESSAGE + 2, 9)].map((edit) =>
    changed(from2(), edit, { sum: "keep" }),
  );
  const started = performance.now();
  for (let i = 0; i < 100_000; i++) accept(receiver, bad[i % 3] ?? from2(), state, 0);
  expect(performance.now() - started).toBeLessThan(2000);
});

/** Zeros behind the message that the IP total length counts. */
function padded(datagram: Datagram, more: number): Datagram {
  const bytes = new Uint8Array(datagram.bytes.byteLength + more);
  bytes.set(datagram.bytes);
  IPV4_HEADER.fields.totalLength.set(bytes, 0, bytes.byteLength);
  return { ...datagram, bytes };
}
