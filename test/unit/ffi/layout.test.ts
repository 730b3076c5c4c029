import { describe, expect, test } from "bun:test";
import { errnoName, SyscallError } from "../../../ffi/errno.ts";
import { decodeWatchEvents } from "../../../ffi/inotify.ts";
import { bytes, cstring, i32, layout, u8, u16, u16be, u32, u64 } from "../../../ffi/layout.ts";
import { decodeControl, encodeControl } from "../../../ffi/message.ts";
import { decodeSocketAddress, encodeSocketAddress, type SocketAddress } from "../../../ffi/sockaddr.ts";

const hex = (raw: Uint8Array) => Buffer.from(raw).toString("hex");

describe("layout", () => {
  const ALL = layout(
    {
      a: u8(0),
      b: u16(2),
      c: u16be(4),
      d: u32(8),
      e: u32(12),
      f: i32(16),
      g: u64(24),
      h: bytes(32, 4),
      i: cstring(36, 4),
    },
    48,
  );
  const values = {
    a: 1,
    b: 0x0203,
    c: 0x0405,
    d: 0x06070809,
    e: 0x0a0b0c0d,
    f: -2,
    g: 0x1122334455667788n,
    h: new Uint8Array([1, 2, 3, 4]),
    i: "abc",
  };

  test("puts each field at its offset in its byte order, and reads it back", () => {
    const raw = ALL.encode(values);
    expect(hex(raw)).toBe(
      "01000302040500000908070" + "60d0c0b0afeffffff0000000088776655443322110102030461626300" + "0000000000000000",
    );
    expect(ALL.decode(raw)).toEqual(values);
  });

  test("clears what was there before", () => {
    const into = new Uint8Array(48).fill(0xff);
    expect(hex(ALL.encode({ a: 1 }, into))).toBe(`01${"00".repeat(47)}`);
  });

  test.each([
    ["u8 above", { a: 256 }, "field a: expected 0..255 (got 256)"],
    ["u16 below", { b: -1 }, "field b: expected 0..65535 (got -1)"],
    ["a fraction", { c: 1.5 }, "field c: expected 0..65535 (got 1.5)"],
    ["i32 above", { f: 2 ** 31 }, "field f: expected -2147483648..2147483647"],
    ["u64 above", { g: 2n ** 64n }, "field g: expected 0..2^64-1"],
    ["bytes too long", { h: new Uint8Array(5) }, "field h: expected up to 4 bytes (got 5)"],
    ["text without room for its NUL", { i: "abcd" }, "field i: expected text of up to 3 bytes"],
    ["text with a NUL", { i: "a\0" }, "field i: expected text of up to 3 bytes"],
  ] as const)("refuses %s", (_why, bad, message) => {
    expect(() => ALL.encode(bad)).toThrow(message);
  });

  test("says when bytes are missing", () => {
    expect(() => ALL.decode(new Uint8Array(47))).toThrow("structure of 48 bytes (got 47)");
  });
});

describe("errno", () => {
  test.each([
    [2, "ENOENT"],
    [-17, "EEXIST"],
    [11, "EAGAIN"],
    [95, "EOPNOTSUPP"],
    [4242, "E4242"],
  ])("%d is %s", (number, name) => {
    expect(errnoName(number)).toBe(name as ReturnType<typeof errnoName>);
  });

  test("the error names call, code and object", () => {
    const error = new SyscallError("setsockopt", 92, "fd 5 level 0 option 1154");
    expect(error.message).toBe("setsockopt: ENOPROTOOPT (fd 5 level 0 option 1154)");
    expect([error.code, error.errno]).toEqual(["ENOPROTOOPT", 92]);
  });
});

describe("socket addresses", () => {
  const samples: readonly (readonly [string, SocketAddress, string])[] = [
    ["inet", { family: "inet", address: new Uint8Array([192, 0, 2, 1]), port: 80 }, "02000050c00002010000000000000000"],
    [
      "inet6",
      { family: "inet6", address: new Uint8Array(16).fill(1), port: 443, scopeId: 3 },
      "0a0001bb000000000101010101010101010101010101010103000000",
    ],
    ["netlink", { family: "netlink", portId: 7, groups: 1 }, "100000000700000001000000"],
    [
      "packet",
      {
        family: "packet",
        interfaceIndex: 2,
        protocol: 0x0806,
        packetType: 0,
        hardwareAddress: new Uint8Array([255, 255, 255, 255, 255, 255]),
      },
      "1100080602000000000000" + "06ffffffffffff0000",
    ],
    ["unix", { family: "unix", path: "/a" }, "01002f6100"],
    ["abstract unix", { family: "unix", path: "\0ab" }, "0100006162"],
  ];

  test.each(samples)("%s has the kernel's bytes, and comes back", (_name, address, expected) => {
    const raw = encodeSocketAddress(address);
    expect(hex(raw)).toBe(expected);
    expect(decodeSocketAddress(raw)).toEqual(address);
  });

  test("a wrong port or address length is refused", () => {
    expect(() => encodeSocketAddress({ family: "inet", address: new Uint8Array(4), port: 65536 })).toThrow("port");
    expect(() => encodeSocketAddress({ family: "inet", address: new Uint8Array(16), port: 1 })).toThrow("4 bytes");
  });
});

describe("decoders of the kernel's bytes never throw", () => {
  // Deterministic noise: the seed is the round.
  function noise(seed: number): Uint8Array {
    let state = seed * 2654435761 + 1;
    return Uint8Array.from({ length: seed % 61 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24 > 200 ? 0 : state >>> 24;
    });
  }

  test.each([
    ["socket address", decodeSocketAddress],
    ["control data", decodeControl],
    ["inotify events", decodeWatchEvents],
  ] as const)("%s", (_name, decode) => {
    for (let seed = 0; seed < 3000; seed++) {
      const raw = noise(seed);
      for (const family of [1, 2, 10, 16, 17]) {
        decode(raw);
        if (raw.byteLength > 1) raw.set([family, 0]);
      }
      decode(raw);
    }
  });

  test("control data is split at 8-byte borders", () => {
    const messages = [
      { level: 1, type: 2, data: new Uint8Array([1]) },
      { level: 3, type: 4, data: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) },
    ];
    expect(decodeControl(encodeControl(messages))).toEqual(messages);
  });
});
