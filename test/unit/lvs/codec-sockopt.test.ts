import { describe, expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import { formatIp } from "../../../src/base/ip.ts";
import {
  encodeCommand,
  encodeDaemon,
  encodeGetDestinations,
  encodeGetService,
  encodeGetServices,
  encodeTimeouts,
  saysCommand,
  saysDaemon,
} from "../../../src/lvs/codec-sockopt.ts";
import {
  decodeDaemons,
  decodeDestinations,
  decodeInfo,
  decodeServices,
  decodeTimeouts,
} from "../../../src/lvs/codec-sockopt-answers.ts";
import { COMMAND_BYTES, SERVICE_ENTRY_BYTES } from "../../../src/lvs/codec-sockopt-layout.ts";
import type { Destination, IpvsCommand, Service } from "../../../src/lvs/model.ts";
import { bytesOf, sockoptVectors } from "./vectors.ts";

const text = (raw: Uint8Array) => new TextDecoder().decode(raw.subarray(0, raw.indexOf(0)));

/** struct ip_vs_service_user, read by hand from the header file's offsets. */
function serviceIn(raw: Uint8Array): Service {
  const view = new DataView(raw.buffer, raw.byteOffset);
  const mark = view.getUint32(12, true);
  return {
    family: 4,
    protocol: view.getUint16(0, true),
    address:
      mark !== 0
        ? { kind: "fwmark", mark, family: 4 }
        : { kind: "address", ip: formatIp(raw.subarray(4, 8)), port: view.getUint16(8) },
    scheduler: text(raw.subarray(16, 32)),
    flags: view.getUint32(32, true),
    timeoutS: view.getUint32(36, true),
    netmask: view.getUint32(40),
  };
}

function destinationIn(raw: Uint8Array): Destination | undefined {
  const view = new DataView(raw.buffer, raw.byteOffset);
  const method = ({ 0: "NAT", 2: "TUN", 3: "DR" } as const)[view.getUint32(8, true)];
  if (method === undefined || view.getInt32(12, true) < 0) return undefined;
  return {
    ip: formatIp(raw.subarray(0, 4)),
    port: view.getUint16(4),
    forwarding: { method },
    weight: view.getInt32(12, true),
    upperThreshold: view.getUint32(16, true),
    lowerThreshold: view.getUint32(20, true),
  };
}

const KINDS: Readonly<Record<string, IpvsCommand["kind"]>> = {
  IP_VS_SO_SET_ADD: "addService",
  IP_VS_SO_SET_EDIT: "editService",
  IP_VS_SO_SET_DEL: "deleteService",
  IP_VS_SO_SET_ADDDEST: "addDestination",
  IP_VS_SO_SET_EDITDEST: "editDestination",
  IP_VS_SO_SET_DELDEST: "deleteDestination",
};

function commandIn(kind: IpvsCommand["kind"], raw: Uint8Array): IpvsCommand | undefined {
  const service = serviceIn(raw);
  if (kind === "addService" || kind === "editService") return { kind, service };
  if (kind === "deleteService") return { kind, service };
  const destination = destinationIn(raw.subarray(44));
  return destination && { kind, service, destination };
}

describe("commands", () => {
  const rows = sockoptVectors.flatMap((v) => {
    const kind = KINDS[v.op];
    const raw = bytesOf(v.request_hex);
    // Left out: structures of a wrong length.
    if (!kind || ![44, 68].includes(raw.byteLength)) return [];
    const command = commandIn(kind, raw);
    return command ? [[v.name, v.optname ?? 0, command, raw, v.result] as const] : [];
  });

  test("there are enough of them", () => expect(rows.length).toBeGreaterThan(50));

  test.each(rows)("%s", (_name, option, command, raw, result) => {
    // What the kernel refuses as EFAULT (protocols) is not sent this way.
    if (!saysCommand(command)) {
      expect(result).toBe("EFAULT");
      return;
    }
    const expected = raw.slice();
    // Only the key of the service counts for the rest; the vectors carry what the probe had at hand.
    if (command.kind !== "addService" && command.kind !== "editService") expected.fill(0, 16, 44);
    if (command.kind === "deleteDestination") expected.fill(0, 52);
    // The probe fills in both kinds of key.
    if (command.service.address.kind === "fwmark") expected.fill(0, 4, 12);
    const got = encodeCommand(command, new Uint8Array(COMMAND_BYTES).fill(0xee));
    expect([got.option, toHex(got.value)]).toEqual([option, toHex(expected)]);
  });
});

describe("what has no words here", () => {
  const service: Service = {
    family: 4,
    protocol: 6,
    address: { kind: "address", ip: "192.0.2.1", port: 80 },
    scheduler: "rr",
    flags: 0,
    timeoutS: 0,
    netmask: 0xffff_ffff,
  };
  const destination: Destination = {
    ip: "198.51.100.1",
    port: 80,
    forwarding: { method: "TUN" },
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  };
  const add = (changes: Partial<Destination>): IpvsCommand => ({
    kind: "addDestination",
    service,
    destination: { ...destination, ...changes },
  });
  test.each([
    ["IPv4", { kind: "addService", service }, true],
    ["a mark", { kind: "addService", service: { ...service, address: { kind: "fwmark", mark: 1, family: 4 } } }, true],
    [
      "IPv6",
      {
        kind: "addService",
        service: { ...service, family: 6, address: { kind: "address", ip: "2001:db8::1", port: 80 } },
      },
      false,
    ],
    ["an engine", { kind: "addService", service: { ...service, persistenceEngine: "sip" } }, false],
    ["another protocol", { kind: "deleteService", service: { ...service, protocol: 1 } }, false],
    ["a name of 15", { kind: "addService", service: { ...service, scheduler: "a".repeat(15) } }, true],
    ["a name of 16", { kind: "addService", service: { ...service, scheduler: "a".repeat(16) } }, false],
    ["a name that is not ASCII", { kind: "addService", service: { ...service, scheduler: "ör" } }, false],
    ["a tunnel", add({}), true],
    ["an IPIP tunnel", add({ forwarding: { method: "TUN", tunnel: { type: "ipip" } } }), true],
    ["a GRE tunnel", add({ forwarding: { method: "TUN", tunnel: { type: "gre" } } }), false],
    ["another family", add({ ip: "2001:db8::1" }), false],
    [
      "a deletion of another family",
      { kind: "deleteDestination", service, destination: { ip: "2001:db8::1", port: 1 } },
      false,
    ],
  ] as const satisfies readonly (readonly [string, IpvsCommand, boolean])[])("%s", (_name, command, says) => {
    expect(saysCommand(command)).toBe(says);
  });

  test("daemons with more than a name and a number", () => {
    const daemon = { role: "master", interface: "eth0", syncId: 1 } as const;
    expect(saysDaemon(daemon)).toBe(true);
    const beyond = [
      { maxLen: 1400 },
      { port: 8848 },
      { ttl: 1 },
      { group: "224.0.0.81" },
      { interface: "a".repeat(16) },
    ];
    for (const more of beyond) expect([more, saysDaemon({ ...daemon, ...more })]).toEqual([more, false]);
  });
});

describe("answers", () => {
  const reply = (name: string) => {
    const vector = sockoptVectors.find((v) => v.name === name && v.reply_hex);
    if (!vector) throw new Error(`no vector ${name}`);
    return bytesOf(vector.reply_hex ?? "");
  };

  // The captured answers are cut to two entries, so their count says more than they hold.
  test("services", () => {
    const services = decodeServices(reply("get services header 8 entry 104"));
    expect(services.map((s) => [s.service.protocol, s.service.address, s.service.scheduler, s.destinations])).toEqual([
      [132, { kind: "address", ip: "10.0.0.4", port: 3868 }, "rr", 0],
      [6, { kind: "address", ip: "10.1.0.6", port: 80 }, "lblcr", 0],
    ]);
  });

  test("a persistent service", () => {
    const listed = new Uint8Array(8 + 104);
    listed[0] = 1;
    listed.set(reply("get service size 104"), 8);
    expect(decodeServices(listed).map((s) => [s.service, s.destinations])).toEqual([
      [
        {
          family: 4,
          protocol: 6,
          address: { kind: "address", ip: "10.0.0.1", port: 80 },
          scheduler: "wlc",
          flags: 1,
          timeoutS: 300,
          netmask: 0xffff_ff00,
        },
        8,
      ],
    ]);
  });

  test("destinations", () => {
    const raw = reply("get dests header 24 entry 96 n 7");
    const rows = decodeDestinations(raw).map((d) => [
      d.ip,
      d.port,
      d.forwarding.method,
      d.weight,
      d.localNode ?? false,
    ]);
    expect(rows).toEqual([
      ["10.0.0.18", 8080, "DR", 1, false],
      ["10.0.0.17", 80, "NAT", 3, false],
    ]);
    // Method 1: an address of the machine itself.
    raw[24 + 8] = 1;
    expect(decodeDestinations(raw)[0]).toMatchObject({ forwarding: { method: "DR" }, localNode: true });
  });

  test("information, timeouts, daemons", () => {
    expect(decodeInfo(reply("get info 2"))).toEqual({ version: 0x010201, tableSize: 4096, services: 22 });
    expect(decodeTimeouts(reply("timeout after 2"))).toEqual({ tcp: 900, tcpFin: 120, udp: 60 });
    expect(decodeDaemons(reply("get daemon size 48"))).toEqual([
      { role: "master", interface: "lo", syncId: 10 },
      { role: "backup", interface: "lo", syncId: 11 },
    ]);
  });

  test("the questions have the size the kernel wants", () => {
    const key = { family: 4, protocol: 6, address: { kind: "fwmark", mark: 7, family: 4 } } as const;
    expect(toHex(encodeGetServices(0))).toBe("0000000000000000");
    expect([encodeGetServices(3).byteLength, encodeGetDestinations(key, 3).byteLength]).toEqual([320, 312]);
    expect(toHex(encodeGetDestinations(key, 1).subarray(0, 24))).toBe(
      "060000000000000000000000070000000100000000000000",
    );
  });

  test("the question for one service is an entry with its key, whatever was in the room", () => {
    const room = new Uint8Array(SERVICE_ENTRY_BYTES).fill(0xaa);
    const key = { family: 4, protocol: 17, address: { kind: "address", ip: "10.0.0.1", port: 53 } } as const;
    encodeGetService(key, room);
    expect(toHex(room)).toBe(`110000000a000001003500000000000${"0".repeat(208 - 31)}`);
    const mark = { family: 4, protocol: 6, address: { kind: "fwmark", mark: 7, family: 4 } } as const;
    encodeGetService(mark, room);
    expect(toHex(room)).toBe(`06000000000000000000000007${"0".repeat(208 - 26)}`);
  });

  test("daemons and timeouts as the probe sent them", () => {
    const request = (name: string) => sockoptVectors.find((v) => v.name === name)?.request_hex;
    expect(toHex(encodeDaemon("master", "lo", 10))).toBe(String(request("start daemon master lo")));
    expect(toHex(encodeTimeouts({ tcp: 1, tcpFin: 2, udp: 3 }))).toBe("010000000200000003000000");
    expect(toHex(encodeTimeouts({ tcp: 0, tcpFin: 0, udp: 60 }))).toBe(
      String(request("set timeout 0/0/60 keeps the others")),
    );
  });

  test("no bytes whatever make them throw, and no count makes them read on", () => {
    let state = 7;
    for (let round = 0; round < 5000; round++) {
      const raw = Uint8Array.from({ length: round % 300 }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24;
      });
      decodeServices(raw);
      decodeDestinations(raw);
      decodeDaemons(raw);
      decodeTimeouts(raw);
      decodeInfo(raw);
    }
    expect(decodeServices(new Uint8Array(8 + 104).fill(0xff)).length).toBe(1);
  });
});
