// Every VRRP frame that keepalived put on the wire: decoded as recorded, rebuilt byte for byte, accepted by the other host.
import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { formatIp, ipBytes } from "../../../src/base/ip.ts";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { accept, receiverFor } from "../../../src/vrrp/accept.ts";
import { AH_HEADER, AH_HEADER_BYTES } from "../../../src/vrrp/auth.ts";
import { HMAC_TRAILER } from "../../../src/vrrp/auth-hmac.ts";
import type { Datagram } from "../../../src/vrrp/datagram.ts";
import {
  advertBytes,
  checksumOf,
  decodeAdvert,
  encodeAdvert,
  IPPROTO_AH,
  IPV4_HEADER,
  IPV4_HEADER_BYTES,
} from "../../../src/vrrp/packet.ts";
import { encodeAdvertisement, INITIAL_WIRE } from "../../../src/vrrp/wire.ts";
import { instancesOfConf, type VectorCase, type VectorFrame, vectorCases } from "../../support/vrrp.ts";

const ETHERNET_BYTES = 14;
const IPV6_HEADER_BYTES = 40;
const HOSTS: Record<string, string> = {
  "1": "a.conf",
  a: "a.conf",
  "2": "b.conf",
  b: "b.conf",
  "3": "c.conf",
  c: "c.conf",
};

interface Taken {
  readonly family: 4 | 6;
  readonly packet: Uint8Array;
  /** VRRP message with what follows. */
  readonly payload: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

function take(frame: VectorFrame): Taken {
  const packet = (fromHex(frame.hex) ?? new Uint8Array()).subarray(ETHERNET_BYTES);
  const { ip } = frame.decoded;
  const family = ip.version === 4 ? 4 : 6;
  const end = family === 4 ? ip.total_length : IPV6_HEADER_BYTES + ip.payload_length;
  const headers =
    family === 6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES + (ip.protocol === IPPROTO_AH ? AH_HEADER_BYTES : 0);
  return {
    family,
    packet: packet.subarray(0, end),
    payload: packet.subarray(headers, end),
    source: ipBytes(ip.src),
    destination: ipBytes(ip.dst),
  };
}

function asReceived(taken: Taken, hopLimit: number): Datagram {
  if (taken.family === 4) return { family: 4, bytes: taken.packet, source: taken.source };
  return { family: 6, bytes: taken.payload, source: taken.source, destination: taken.destination, hopLimit };
}

/** Configurations of the sending host, newest last. */
function senderInstances(vector: VectorCase, frame: VectorFrame): readonly VrrpInstance[] {
  const own = HOSTS[String(frame.decoded.ip.src).at(-1) ?? ""] ?? "";
  const files = [...vector.confs.keys()].filter((file) => file[0] === own[0]);
  return files
    .flatMap((file) => instancesOfConf(vector.confs.get(file) ?? ""))
    .filter((instance) => instance.vrid === frame.decoded.vrrp.vrid);
}

const frames = vectorCases().flatMap((vector) =>
  vector.frames
    .filter((frame) => frame.kind === "vrrp")
    .map((frame, i) => [`${vector.name} #${i}`, vector, frame] as const),
);

test("there are vectors of every kind", () => {
  expect(frames.length).toBeGreaterThan(150);
});

describe("P06 P07 P08 P09 P10 P11 P12 P16 decoding", () => {
  test.each(frames)("%s decodes as recorded", (_name, _vector, frame) => {
    const { family, payload } = take(frame);
    const decoded = decodeAdvert(payload, family);
    if (!decoded.ok) throw new Error(decoded.error.kind);
    const { value } = decoded;
    const size = family === 4 ? 4 : 16;
    const want = frame.decoded.vrrp;
    const addresses = Array.from({ length: value.addressCount }, (_, i) =>
      formatIp(value.addresses.subarray(i * size, (i + 1) * size)),
    );
    expect({
      version: value.version as number,
      type: value.type,
      vrid: value.vrid,
      priority: value.priority,
      count: value.addressCount,
      addresses,
      checksum: `0x${value.checksum.toString(16).padStart(4, "0")}`,
    }).toEqual({
      version: want.version,
      type: want.type,
      vrid: want.vrid,
      priority: want.priority,
      count: want.count_ip,
      addresses: want.addresses,
      checksum: want.checksum,
    });
    if (value.version === 3)
      expect([value.reserved, value.maxAdvertCs]).toEqual([want.reserved, want.max_adver_int_cs]);
    else
      expect([value.authType, value.advertS, toHex(value.authData)]).toEqual([
        want.auth_type,
        want.adver_int_s,
        want.auth_data ?? "",
      ]);
    const messageBytes = advertBytes(value.version, family, value.addressCount);
    expect(toHex(encodeAdvert(value))).toBe(toHex(payload.subarray(0, messageBytes)));
    if (want.auth_hmac) {
      const trailer = HMAC_TRAILER.decode(payload, messageBytes);
      expect([
        trailer.scheme,
        trailer.keyId,
        trailer.reserved,
        trailer.seconds,
        trailer.fraction,
        trailer.counter,
      ]).toEqual([
        want.auth_hmac.ext_type,
        want.auth_hmac.key_id,
        want.auth_hmac.reserved,
        want.auth_hmac.sec,
        want.auth_hmac.subsec,
        want.auth_hmac.ctr,
      ]);
    }
  });
});

describe("P01 P02 P13 P14 P15 P17 P18 P19 P20 P21 P23 P24 P27 encoding", () => {
  test.each(frames)("%s is rebuilt from its configuration", (_name, vector, frame) => {
    const taken = take(frame);
    const want = frame.decoded.vrrp;
    const hmac = want.auth_hmac;
    const sequence = hmac ? (BigInt(hmac.sec) << 32n) | (BigInt(hmac.subsec) << 16n) | BigInt(hmac.ctr) : 0n;
    const ahSequence = frame.decoded.ah ? frame.decoded.ah.sequence - 1 : 0;
    const id = taken.family === 4 ? IPV4_HEADER.fields.id.get(taken.packet, 0) : 1;
    const rebuilt = senderInstances(vector, frame).flatMap((instance) => {
      const wire = {
        ...INITIAL_WIRE,
        ipId: id - 1,
        ahSequence,
        ...(hmac ? { hmacSequence: sequence - 1n } : {}),
      };
      // A clock just behind the last number signed: the next one is last + 1.
      const wallMs = hmac ? hmac.sec * 1000 : 0;
      const sent = encodeAdvertisement(instance, wire, taken.source, want.priority, wallMs);
      expect(sent.wire.ipId).toBe(id);
      return sent.datagrams.filter((d) => toHex(d.destination) === toHex(taken.destination)).map((d) => toHex(d.bytes));
    });
    expect(rebuilt).toContain(toHex(taken.family === 4 ? taken.packet : taken.payload));
  });
});

describe("X-ring: the other host accepts", () => {
  test.each(frames)("%s", (name, vector, frame) => {
    const taken = take(frame);
    const own = HOSTS[String(frame.decoded.ip.src).at(-1) ?? ""] ?? "";
    const others = [...vector.confs.keys()].filter((file) => file[0] !== own[0] && file[0] !== "c");
    const instance = instancesOfConf(vector.confs.get(others[0] ?? own) ?? "").find(
      (one) => one.vrid === frame.decoded.vrrp.vrid,
    );
    if (!instance) throw new Error("no configuration for the receiver");
    const ownIp = taken.family === 4 ? "192.0.2.77" : "fe80::77";
    const hmac = frame.decoded.vrrp.auth_hmac;
    const verdict = accept(
      receiverFor(instance),
      asReceived(taken, frame.decoded.ip.hop_limit ?? 0),
      { listening: true, own: ipBytes(ownIp), wire: INITIAL_WIRE },
      hmac ? hmac.sec * 1000 : 0,
    );
    const signedToPlain = name.startsWith("hmac-permissive-vs-plain") && hmac !== undefined;
    // One conf only: the sender's own, whose peers do not hold it.
    if (signedToPlain) expect(verdict).toMatchObject({ ok: false, reason: "length" });
    else
      expect(verdict).toMatchObject({
        ok: true,
        priority: frame.decoded.vrrp.priority,
        sender: frame.decoded.ip.src,
      });
  });
});

test.each([
  ["v2 IPv4 covers the message only", "v2-noauth", "message"],
  ["v3 IPv4 has a pseudo-header", "v3-ipv4", "pseudo"],
  ["v3_checksum_as_v2 covers the message only", "v3-csum-as-v2", "message"],
] as const)("P13 P14 %s", (_why, name, kind) => {
  const frame = vectorCases()
    .find((vector) => vector.name === name)
    ?.frames.find((f) => f.kind === "vrrp");
  if (!frame) throw new Error(name);
  const { payload, source, destination } = take(frame);
  const other =
    kind === "message" ? ({ kind: "pseudo", source, destination } as const) : ({ kind: "message" } as const);
  const own = kind === "message" ? ({ kind: "message" } as const) : ({ kind: "pseudo", source, destination } as const);
  expect(checksumOf(payload, own)).toBe(0);
  expect(checksumOf(payload, other)).not.toBe(0);
});

test("P19 AH: sequences of the recording, one mastership after the other", () => {
  const vector = vectorCases().find((one) => one.name === "v2-ah");
  const sequences = (vector?.frames ?? [])
    .filter((frame) => frame.kind === "vrrp")
    .map((frame) => {
      const { packet } = take(frame);
      return [
        formatIp(IPV4_HEADER.fields.source.get(packet, 0)),
        AH_HEADER.fields.sequence.get(packet, IPV4_HEADER_BYTES),
      ];
    });
  expect(new Set(sequences.map(([, n]) => n)).size).toBe(sequences.length);
});
