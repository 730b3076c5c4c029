import { describe, expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import {
  writeCommand,
  writeFlush,
  writeGetDaemons,
  writeGetDestinations,
  writeGetInfo,
  writeGetService,
  writeGetServices,
  writeGetTimeouts,
  writeSetTimeouts,
  writeStartDaemon,
  writeStopDaemon,
} from "../../../src/lvs/codec-genl.ts";
import {
  decodeDaemon,
  decodeDestination,
  decodeInfo,
  decodeService,
  decodeTimeouts,
} from "../../../src/lvs/codec-genl-answers.ts";
import type { IpvsCommand, Service, SyncDaemonState } from "../../../src/lvs/model.ts";
import { type AttributeWriter, attributeWriter, visitAttributes } from "../../../src/net/attributes.ts";
import {
  bodyOf,
  genlVectors,
  inside,
  ipvsadmRuns,
  keepalivedMessages,
  type ShownMessage,
  shownDestination,
  shownKey,
  shownService,
} from "./vectors.ts";

function written(write: (writer: AttributeWriter) => void): Uint8Array {
  const writer = attributeWriter(16);
  write(writer);
  return writer.written().slice();
}

/** Everything captured on the way to the kernel: name, body, fields. */
const requests: readonly (readonly [string, Uint8Array, ShownMessage])[] = [
  ...genlVectors
    .filter((v) => v.result !== "EINVAL" && v.result !== "EAFNOSUPPORT")
    .map((v) => [`probe: ${v.name}`, bodyOf(v.request_hex), v.request_decoded] as const),
  ...keepalivedMessages.map((m, i) => [`keepalived ${i}: ${m.decoded.cmd}`, bodyOf(m.hex), m.decoded] as const),
  ...ipvsadmRuns.flatMap((run) => run.sent.map((m) => [run.command, bodyOf(m.hex), m.decoded] as const)),
];

/** Clears NLA_F_NESTED of the top-level attributes: the kernel takes it or leaves it, and so do programs. */
function withoutNestedFlag(body: Uint8Array): string {
  const copy = body.slice();
  const view = new DataView(copy.buffer);
  visitAttributes(view, 4, copy.byteLength, (type, at) => view.setUint16(at - 2, type, true));
  return toHex(copy);
}

describe("services", () => {
  const KINDS = { IPVS_CMD_NEW_SERVICE: "addService", IPVS_CMD_SET_SERVICE: "editService" } as const;
  const rows = requests.flatMap(([name, body, shown]) => {
    const kind = shown.cmd === "IPVS_CMD_NEW_SERVICE" || shown.cmd === "IPVS_CMD_SET_SERVICE" ? KINDS[shown.cmd] : null;
    const flags = shown.SERVICE?.FLAGS;
    const whole = JSON.stringify(flags)?.includes("0xffffffff");
    // Left out: masks that change some flags only, addresses of 4 bytes, both kinds of key, an empty engine, fwmark 0.
    const odd = /4 bytes|fwmark with|fwmark 0|set empty/.test(name) || String(shown.SERVICE?.ADDR).includes("(4 ");
    return kind && shown.SERVICE && whole && !odd ? [[name, kind, body, shown.SERVICE] as const] : [];
  });

  test("there are enough of them", () => expect(rows.length).toBeGreaterThan(40));

  test.each(rows)("%s", (_name, kind, body, shown) => {
    const command: IpvsCommand = { kind, service: shownService(shown) };
    expect(withoutNestedFlag(written((w) => writeCommand(w, command)))).toBe(withoutNestedFlag(body));
  });

  test("keepalived's bytes are ours to the bit, the nested flag included", () => {
    for (const { hex, decoded } of keepalivedMessages)
      if (decoded.cmd === "IPVS_CMD_NEW_SERVICE" && decoded.SERVICE)
        expect(
          toHex(written((w) => writeCommand(w, { kind: "addService", service: shownService(decoded.SERVICE ?? {}) }))),
        ).toBe(toHex(bodyOf(hex)));
  });
});

describe("destinations", () => {
  const KINDS: Readonly<Record<string, "addDestination" | "editDestination" | "deleteDestination">> = {
    IPVS_CMD_NEW_DEST: "addDestination",
    IPVS_CMD_SET_DEST: "editDestination",
    IPVS_CMD_DEL_DEST: "deleteDestination",
  };
  const rows = requests.flatMap(([name, body, shown]) => {
    const kind = KINDS[shown.cmd ?? ""];
    const destination = shown.DEST && shownDestination({ FWD_METHOD: 0, ...shown.DEST });
    const odd = String(shown.DEST?.ADDR).includes("(4 ") || name.includes("v6 no family");
    return kind && shown.SERVICE && destination && !odd
      ? [[name, kind, body, shown.SERVICE, destination] as const]
      : [];
  });

  test("there are enough of them", () => expect(rows.length).toBeGreaterThan(50));

  test.each(rows)("%s", (_name, kind, body, service, destination) => {
    const ours = written((w) => writeCommand(w, { kind, service: shownKey(service), destination }));
    expect(ours[0]).toBe(body[0] ?? -1);
    // The key must be the same; what else others put into the SERVICE nest, the kernel does not read.
    for (const [type, value] of inside(ours, 1)) expect([type, inside(body, 1).get(type)]).toEqual([type, value]);
    // Of a deletion only the key is ours; ipvsadm and the probes leave the family out or send empty tunnel fields.
    for (const [type, value] of inside(ours, 2))
      if (inside(body, 2).has(type)) expect([type, inside(body, 2).get(type)]).toEqual([type, value]);
    for (const [type, value] of inside(body, 2))
      if (kind !== "deleteDestination" && !inside(ours, 2).has(type))
        expect([type, Number(`0x${value}`)]).toEqual([type, 0]);
  });

  test("keepalived's DEST is ours to the bit", () => {
    let compared = 0;
    for (const { hex, decoded } of keepalivedMessages) {
      const destination = decoded.DEST && shownDestination(decoded.DEST);
      if (decoded.cmd !== "IPVS_CMD_NEW_DEST" || !decoded.SERVICE || !destination) continue;
      const service = shownKey(decoded.SERVICE);
      const ours = written((w) => writeCommand(w, { kind: "addDestination", service, destination }));
      expect([...inside(ours, 2)]).toEqual([...inside(bodyOf(hex), 2)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(10);
  });
});

describe("other commands", () => {
  const one = (op: string, name?: string) => {
    const vector = genlVectors.find((v) => v.op === op && (name === undefined || v.name === name));
    if (!vector) throw new Error(`no vector ${op} ${name}`);
    return vector;
  };
  test.each([
    ["flush", "IPVS_CMD_FLUSH", undefined, writeFlush],
    ["information", "IPVS_CMD_GET_INFO", undefined, writeGetInfo],
    ["timeouts", "IPVS_CMD_GET_CONFIG", undefined, writeGetTimeouts],
    ["dump of services", "IPVS_CMD_GET_SERVICE", "dump services", writeGetServices],
    ["dump of daemons", "IPVS_CMD_GET_DAEMON", undefined, writeGetDaemons],
    [
      "set timeouts",
      "IPVS_CMD_SET_CONFIG",
      "set timeouts",
      (w: AttributeWriter) => writeSetTimeouts(w, { tcp: 901, tcpFin: 121, udp: 301 }),
    ],
    [
      "dump of destinations",
      "IPVS_CMD_GET_DEST",
      "dump dests",
      (w: AttributeWriter) =>
        writeGetDestinations(w, { family: 4, protocol: 6, address: { kind: "address", ip: "10.0.0.1", port: 80 } }),
    ],
    ["stop", "IPVS_CMD_DEL_DAEMON", "stop backup", (w: AttributeWriter) => writeStopDaemon(w, "backup")],
    [
      "start",
      "IPVS_CMD_NEW_DAEMON",
      "daemon master",
      (w: AttributeWriter) => writeStartDaemon(w, { role: "master", interface: "lo", syncId: 10 }),
    ],
  ] as const)("%s", (_name, op, name, write) => {
    expect(withoutNestedFlag(written(write))).toBe(withoutNestedFlag(bodyOf(one(op, name).request_hex)));
  });

  test("one service is asked for by the key that its destinations are asked for", () => {
    const key = { family: 4, protocol: 6, address: { kind: "address", ip: "10.0.0.1", port: 80 } } as const;
    const [asked, destinations] = [writeGetService, writeGetDestinations].map((write) => written((w) => write(w, key)));
    expect(asked?.[0]).toBe(4);
    expect(asked?.subarray(1)).toEqual(destinations?.subarray(1));
  });

  test("a daemon with everything", () => {
    const daemon: SyncDaemonState = {
      role: "backup",
      interface: "lo",
      syncId: 11,
      maxLen: 1400,
      port: 9000,
      ttl: 4,
      group: "239.1.1.1",
    };
    const ours = written((w) => writeStartDaemon(w, daemon));
    const theirs = bodyOf(one("IPVS_CMD_NEW_DAEMON", "daemon backup full").request_hex);
    expect(new Map([...inside(ours, 3)].sort())).toEqual(new Map([...inside(theirs, 3)].sort()));
    expect(decodeDaemon(ours)).toEqual(daemon);
  });

  test("an IPv6 group goes in its own attribute", () => {
    const group = "ff05::100";
    const ours = written((w) => writeStartDaemon(w, { role: "master", interface: "lo", syncId: 1, group }));
    expect(inside(ours, 3).get(6)).toBe("ff050000000000000000000000000100");
    expect(decodeDaemon(ours)?.group).toBe(group);
  });
});

describe("answers", () => {
  const replies = genlVectors.flatMap((v) =>
    (v.replies_hex ?? []).map((hex, i) => [`${v.name} ${i}`, bodyOf(hex), v.replies_decoded?.[i] ?? {}] as const),
  );

  test.each(replies.filter(([, , shown]) => shown.SERVICE))("service: %s", (_name, body, shown) => {
    expect(decodeService(body)?.service).toEqual(shownService(shown.SERVICE ?? {}));
  });

  test.each(replies.filter(([, , shown]) => shown.DEST && shownDestination(shown.DEST)))(
    "destination: %s",
    (_name, body, shown) => {
      const expected = shown.DEST && shownDestination(shown.DEST);
      expect(decodeDestination(body, shown.DEST?.ADDR_FAMILY === 10 ? 6 : 4)).toMatchObject({ ...expected });
    },
  );

  test("daemons, timeouts and the version", () => {
    const daemons = replies.filter(([, , shown]) => shown.DAEMON).map(([, body]) => decodeDaemon(body));
    expect(daemons).toContainEqual({
      role: "backup",
      interface: "lo",
      syncId: 11,
      maxLen: 1400,
      port: 9000,
      ttl: 4,
      group: "239.1.1.1",
    });
    const timeouts = replies.filter(([name]) => name.startsWith("config")).map(([, body]) => decodeTimeouts(body));
    expect(timeouts).toContainEqual({ tcp: 901, tcpFin: 121, udp: 301 });
    const info = replies.find(([name]) => name.startsWith("info"));
    expect(info && decodeInfo(info[1])).toEqual({ version: "1.2.1", tableSize: 4096 });
  });

  const four: Service = {
    family: 4,
    protocol: 17,
    address: { kind: "address", ip: "192.0.2.100", port: 5060 },
    scheduler: "wrr",
    flags: 5,
    timeoutS: 360,
    netmask: 0xffffff00,
    persistenceEngine: "sip",
  };
  test.each([
    ["an address", four],
    ["IPv6", { ...four, family: 6, address: { kind: "address", ip: "2001:db8::100", port: 1 }, netmask: 64 }],
    ["a mark", { ...four, protocol: 6, address: { kind: "fwmark", mark: 0x7fffffff, family: 4 } }],
    [
      "a mark of IPv6",
      { ...four, family: 6, protocol: 6, address: { kind: "fwmark", mark: 1, family: 6 }, netmask: 128 },
    ],
  ] as const satisfies readonly (readonly [string, Service])[])(
    "a service of %s is read as it is written",
    (_what, service) => {
      const body = written((w) => writeCommand(w, { kind: "addService", service }));
      expect(decodeService(body)?.service).toEqual(service);
    },
  );

  test.each([
    { method: "NAT" },
    { method: "DR" },
    { method: "TUN", tunnel: { type: "ipip" } },
    { method: "TUN", tunnel: { type: "gue", port: 6080, checksum: "csum" } },
    { method: "TUN", tunnel: { type: "gre", checksum: "remcsum" } },
  ] as const)("a destination is read as it is written: %p", (forwarding) => {
    const limits = { weight: 2 ** 31 - 1, upperThreshold: 7, lowerThreshold: 3 };
    const destination = { ip: "2001:db8::2", port: 8080, forwarding, ...limits };
    const body = written((w) => writeCommand(w, { kind: "addDestination", service: four, destination }));
    expect(decodeDestination(body, 4)).toMatchObject(destination);
  });

  test("connections of a destination by what they are", () => {
    const body = written((w) => {
      w.rawU32(0);
      const nest = w.open(2);
      w.bytes(1, new Uint8Array([10, 0, 0, 1]), 16);
      w.u16be(2, 80);
      w.u32(7, 4);
      w.u32(8, 5);
      w.u32(9, 6);
      w.close(nest);
    });
    const { activeConnections, inactiveConnections, persistentConnections } = decodeDestination(body, 4) ?? {};
    expect([activeConnections, inactiveConnections, persistentConnections]).toEqual([4, 5, 6]);
  });

  /** An answer with these attributes in the nest `nest` (kernel: IPVS_SVC_ATTR_*, IPVS_DEST_ATTR_*, IPVS_DAEMON_ATTR_*). */
  const answer = (nest: number, attributes: Readonly<Record<number, readonly number[]>>) =>
    written((w) => {
      w.rawU32(0);
      const open = w.open(nest);
      for (const [type, bytes] of Object.entries(attributes)) w.bytes(Number(type), new Uint8Array(bytes));
      w.close(open);
    });
  const SERVICE = { 1: [2, 0], 2: [6, 0], 3: [192, 0, 2, 1], 4: [0, 80], 7: [1, 0, 0, 0], 8: [60, 0, 0, 0] };
  const V6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const known = {
    family: 4,
    protocol: 6,
    address: { kind: "address", ip: "192.0.2.1", port: 80 },
    flags: 1,
    timeoutS: 60,
  };
  test.each([
    ["all of it", {}, known],
    ["no family", { 1: [] }, undefined],
    ["a family of one byte", { 1: [2] }, undefined],
    ["another family than IPv4 and IPv6", { 1: [1, 0] }, undefined],
    ["no address", { 3: [] }, undefined],
    ["an address that is cut short", { 3: [192, 0, 2] }, undefined],
    ["an IPv6 address that is cut short", { 1: [10, 0], 3: V6.slice(1) }, undefined],
    ["no port", { 4: [] }, undefined],
    ["a port of one byte", { 4: [80] }, undefined],
    ["a mark, for which address and port don't matter", { 3: [], 4: [], 5: [7, 0, 0, 0] }, { address: { mark: 7 } }],
    ["a mark that is cut short", { 5: [7, 0, 0] }, known],
    ["flags and time that are cut short", { 7: [1, 0, 0], 8: [60] }, { ...known, flags: 0, timeoutS: 0 }],
    ["a mask that is cut short: the whole address counts", { 9: [255, 0, 0] }, { ...known, netmask: 0xffff_ffff }],
    ["a mask", { 9: [255, 255, 255, 0] }, { ...known, netmask: 0xffff_ff00 }],
    ["a prefix of IPv6", { 1: [10, 0], 3: V6, 9: [64, 0, 0, 0] }, { family: 6, netmask: 64 }],
    ["the flag by which the kernel hashes, which is its own", { 7: [3, 0, 0, 0] }, known],
  ])("a service with %s", (_what, more, expected) => {
    const got = decodeService(answer(1, { ...SERVICE, ...more }))?.service;
    if (expected === undefined) expect(got).toBeUndefined();
    else expect(got).toMatchObject(expected);
  });

  const DESTINATION = {
    1: [10, 0, 0, 1],
    2: [0, 80],
    3: [3, 0, 0, 0],
    4: [1, 0, 0, 0],
    5: [9, 0, 0, 0],
    6: [8, 0, 0, 0],
  };
  const there = {
    ip: "10.0.0.1",
    port: 80,
    forwarding: { method: "DR" },
    weight: 1,
    upperThreshold: 9,
    lowerThreshold: 8,
  };
  test.each([
    ["all of it", {}, there],
    ["no address", { 1: [] }, undefined],
    ["an address that is cut short", { 1: [10, 0, 0] }, undefined],
    ["an IPv6 address that is cut short", { 1: V6.slice(1), 11: [10, 0] }, undefined],
    ["an IPv6 address", { 1: V6, 11: [10, 0] }, { ...there, ip: "2001:db8::1" }],
    ["a family nobody knows: that of the service", { 11: [1, 0] }, there],
    ["no port", { 2: [] }, undefined],
    ["a port of one byte", { 2: [80] }, undefined],
    ["a weight that is cut short", { 4: [1, 0, 0] }, { ...there, weight: 0 }],
    ["thresholds that are cut short", { 5: [9, 0], 6: [8, 0] }, { ...there, upperThreshold: 0, lowerThreshold: 0 }],
    ["NAT", { 3: [0, 0, 0, 0] }, { ...there, forwarding: { method: "NAT" } }],
    [
      "a GUE tunnel with checksums",
      { 3: [2, 0, 0, 0], 13: [1], 14: [23, 192], 15: [1, 0] },
      { ...there, forwarding: { method: "TUN", tunnel: { type: "gue", port: 6080, checksum: "csum" } } },
    ],
  ])("a destination with %s", (_what, more, expected) => {
    const got = decodeDestination(answer(2, { ...DESTINATION, ...more }), 4);
    if (expected === undefined) expect(got).toBeUndefined();
    else expect(got).toMatchObject(expected);
    expect(got?.localNode).toBeUndefined();
  });

  const DAEMON = { 1: [1, 0, 0, 0], 2: [0x6c, 0x6f, 0], 3: [9, 0, 0, 0] };
  const runs = { role: "master", interface: "lo", syncId: 9 };
  test.each([
    ["all it needs", {}, runs],
    ["the other role", { 1: [2, 0, 0, 0] }, { ...runs, role: "backup" }],
    ["a role nobody knows", { 1: [3, 0, 0, 0] }, undefined],
    ["a role that is cut short", { 1: [1, 0, 0] }, undefined],
    ["a name without its end", { 2: [0x6c, 0x6f] }, runs],
    ["a number that is cut short", { 3: [9, 0, 0] }, { ...runs, syncId: 0 }],
    ["a length and a port that are cut short", { 4: [1], 7: [1] }, runs],
    ["length, port and TTL", { 4: [0, 1], 7: [1, 1], 8: [5] }, { ...runs, maxLen: 256, port: 257, ttl: 5 }],
    ["groups that are cut short", { 5: [224, 0, 0], 6: V6.slice(1) }, runs],
    ["a group", { 5: [224, 0, 0, 81] }, { ...runs, group: "224.0.0.81" }],
  ])("a daemon with %s", (_what, more, expected) => {
    expect(decodeDaemon(answer(3, { ...DAEMON, ...more }))).toEqual(expected as never);
  });

  test("the ten counters, each by its number", () => {
    const counted = written((w) => {
      w.rawU32(0);
      const nest = w.open(2);
      w.bytes(1, new Uint8Array([10, 0, 0, 1]));
      w.u16be(2, 80);
      const counters = w.open(10);
      for (let number = 1; number <= 10; number++) w.u32(number, number);
      w.u32(11, 99);
      w.close(counters);
      w.close(nest);
    });
    expect(decodeDestination(counted, 4)?.statistics).toEqual({
      connections: 1,
      inPackets: 2,
      outPackets: 3,
      inBytes: 4,
      outBytes: 5,
      connectionRate: 6,
      inPacketRate: 7,
      outPacketRate: 8,
      inByteRate: 9,
      outByteRate: 10,
    });
  });

  test("64-bit counters win over 32-bit ones, in either order", () => {
    const body = written((w) => {
      w.rawU32(0);
      const nest = w.open(2);
      w.bytes(1, new Uint8Array([10, 0, 0, 1]), 16);
      w.u16be(2, 80);
      w.u32(3, 1);
      const large = w.open(12);
      w.bytes(1, new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0]));
      w.bytes(10, new Uint8Array([5, 0, 0, 0, 0, 0, 0, 0]));
      w.close(large);
      const small = w.open(10);
      w.u32(1, 1);
      w.close(small);
      w.close(nest);
    });
    const seen = decodeDestination(body, 4);
    expect([seen?.statistics.connections, seen?.statistics.outByteRate]).toEqual([0x1_0000_0001, 5]);
    expect([seen?.localNode, seen?.forwarding.method]).toEqual([true, "DR"]);
  });

  test("no bytes whatever make them throw", () => {
    const bodies = [...replies.map(([, body]) => body), ...requests.map(([, body]) => body)];
    let state = 20261123;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % below;
    };
    const decodeAll = (raw: Uint8Array) => {
      decodeService(raw);
      decodeDestination(raw, 4);
      decodeDestination(raw, 6);
      decodeDaemon(raw);
      decodeTimeouts(raw);
      decodeInfo(raw);
    };
    for (let round = 0; round < 20_000; round++) {
      const raw = (bodies[random(bodies.length)] ?? new Uint8Array(0)).slice();
      for (let changes = random(6); changes > 0 && raw.byteLength > 0; changes--)
        raw[random(raw.byteLength)] = random(256);
      decodeAll(raw.subarray(0, random(raw.byteLength + 1)));
      decodeAll(raw);
    }
  });
});
