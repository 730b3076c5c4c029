import { describe, expect, test } from "bun:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { attributeWriter, visitAttributes } from "../../../src/net/attributes.ts";
import { decodeFamily, writeGetFamily } from "../../../src/net/genetlink.ts";
import { beginMessage, decodeMessages, endMessage, setMessageFlags } from "../../../src/net/message.ts";
import { controllerReply, keepalivedMessages } from "../lvs/vectors.ts";

const bytes = (hex: string) => fromHex(hex) ?? new Uint8Array(0);

describe("attributes", () => {
  test("each kind has its length, its padding and its byte order", () => {
    const writer = attributeWriter(4);
    writer.u8(1, 0xab);
    writer.u16(2, 0x1234);
    writer.u16be(3, 0x1234);
    writer.u32(4, 0x12345678);
    writer.u32be(5, 0x12345678);
    writer.text(6, "rr");
    writer.bytes(7, new Uint8Array([1, 2]), 6);
    expect(toHex(writer.written())).toBe(
      [
        "05000100ab000000",
        "0600020034120000",
        "0600030012340000",
        "0800040078563412",
        "0800050012345678",
        "0700060072720000",
        "0a000700010200000000" + "0000",
      ].join(""),
    );
  });

  test("nests know their length, and a cleared writer holds nothing old", () => {
    const writer = attributeWriter(8);
    writer.bytes(9, new Uint8Array(64).fill(0xff));
    writer.truncate(0);
    const outer = writer.open(1);
    const inner = writer.open(2);
    writer.u8(3, 1);
    writer.close(inner);
    writer.close(outer);
    expect(toHex(writer.written())).toBe("100001800c0002800500030001000000");
  });

  test("a nest that is too long is refused", () => {
    const writer = attributeWriter();
    const nest = writer.open(1);
    writer.raw(new Uint8Array(65_532));
    expect(() => writer.close(nest)).toThrow("expected up to 65535 bytes");
  });

  test.each([
    [
      "all of them",
      "08000100010000000500028002000000",
      true,
      [
        [1, 4],
        [2, 1],
      ],
    ],
    ["no padding at the end", "050002000a", true, [[2, 1]]],
    ["a length below the header", "0300010000000000", false, []],
    ["a length beyond the end", "0800010001000000ff00020000000000", false, [[1, 4]]],
    ["a rest that is no header", "08000100010000000800", false, [[1, 4]]],
  ] as const)("reading: %s", (_why, hex, whole, expected) => {
    const raw = bytes(hex);
    const seen: number[][] = [];
    const view = new DataView(raw.buffer);
    expect(visitAttributes(view, 0, raw.byteLength, (type, _at, size) => seen.push([type, size]))).toBe(whole);
    expect(seen).toEqual(expected.map((row) => [...row]));
  });
});

describe("messages", () => {
  test("a request is framed, padded, and its flags can be changed later", () => {
    const writer = attributeWriter();
    const mark = beginMessage(writer, 0x20, 1, 7);
    writer.rawU8(0xaa);
    endMessage(writer, mark);
    setMessageFlags(writer, mark, 5);
    const second = beginMessage(writer, 0x21, 1, 8);
    endMessage(writer, second);
    expect(toHex(writer.written())).toBe(
      "11000000200005000700000000000000aa000000" + "10000000210001000800000000000000",
    );
  });

  test("an error with the request capped and the kernel's words", () => {
    const words = "0b00010053616964206e6f00";
    const raw = bytes(`30000000 0200 0003 05000000 00000000 fdffffff 68000000 2000 0500 05000000 00000000 ${words}`);
    expect(decodeMessages(raw)).toEqual({
      messages: [{ kind: "answer", sequence: 5, errno: 3, text: "Said no" }],
      interrupted: false,
      leftBytes: 0,
    });
  });

  test("an error with the whole request before the words", () => {
    const request = "14000000 2000 0500 06000000 00000000 01020304";
    const raw = bytes(`34000000 0200 0002 06000000 00000000 fdffffff ${request} 0a0001006e6f70650000 0000`);
    expect(decodeMessages(raw).messages).toEqual([{ kind: "answer", sequence: 6, errno: 3, text: "nope" }]);
  });

  test.each([
    [
      "an acknowledgement",
      "24000000 0200 0001 05000000 00000000 00000000 00000000 0000 0000 05000000 00000000",
      "answer",
    ],
    ["the end of a dump", "14000000 0300 0200 05000000 00000000 00000000", "done"],
    ["an overrun", "10000000 0400 0000 00000000 00000000", "overrun"],
    ["data", "14000000 2000 0200 05000000 00000000 01010000", "data"],
  ] as const)("%s", (_why, hex, kind) => {
    const { messages, leftBytes } = decodeMessages(bytes(hex));
    expect([messages.map((m) => m.kind), leftBytes]).toEqual([[kind], 0]);
    for (const message of messages) if ("errno" in message) expect(Object.is(message.errno, 0)).toBe(true);
  });

  test("a dump that was disturbed says so, and a broken tail is counted", () => {
    const raw = bytes("14000000 2000 1200 05000000 00000000 01010000 ff000000 2000");
    const { messages, interrupted, leftBytes } = decodeMessages(raw);
    expect([messages.length, interrupted, leftBytes]).toEqual([1, true, 6]);
  });

  test("no bytes whatever make it throw or run for ever", () => {
    let state = 99;
    for (let round = 0; round < 20_000; round++) {
      const raw = Uint8Array.from({ length: round % 97 }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state >>> 24 > 120 ? 0 : state >>> 24;
      });
      // Often the length and the type are possible, so that what is behind them is read.
      if (raw.byteLength > 8) raw.set([round % 64, 0, 0, 0, round % 5, 0, 0, round % 4], 0);
      decodeMessages(raw);
      decodeFamily(raw);
    }
  });
});

describe("the controller", () => {
  test("asks as keepalived asks", () => {
    const writer = attributeWriter();
    const mark = beginMessage(writer, 0x10, 5, 0);
    writeGetFamily(writer, "IPVS");
    endMessage(writer, mark);
    const theirs = bytes(keepalivedMessages[0]?.hex ?? "");
    expect(toHex(writer.written().subarray(18))).toBe(toHex(theirs.subarray(18)));
    expect(toHex(writer.written().subarray(0, 8))).toBe(toHex(theirs.subarray(0, 8)));
  });

  test("answers with a number", () => {
    const { messages } = decodeMessages(bytes(controllerReply));
    const [message] = messages;
    const payload = message?.kind === "data" ? message.payload : bytes(controllerReply);
    expect(decodeFamily(payload)).toEqual({ id: 0x20, name: "IPVS", version: 1, maxAttribute: 6 });
    expect(decodeFamily(new Uint8Array(0))).toBeUndefined();
  });

  // CTRL_ATTR_FAMILY_ID 1 (u16), CTRL_ATTR_FAMILY_NAME 2 (text with its NUL); linux/genetlink.h.
  test.each([
    ["both", [0x20, 0], [0x58, 0], { id: 0x20, name: "X", version: 0, maxAttribute: 0 }],
    ["a name without a letter", [0x20, 0], [0], undefined],
    ["a number that is cut short", [0x20], [0x58, 0], undefined],
  ] as const)("is no answer without number and name: %s", (_what, id, name, expected) => {
    const writer = attributeWriter();
    writer.rawU32(0);
    writer.bytes(1, Uint8Array.from(id));
    writer.bytes(2, Uint8Array.from(name));
    expect(decodeFamily(writer.written())).toEqual(expected as never);
  });
});
