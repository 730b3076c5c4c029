import { expect, test } from "bun:test";
import { withSections } from "../../../appliance/uki.ts";

const PE_AT = 64;
const OPTIONAL_BYTES = 240;

/** A program with one section of 0x200 bytes at 0x1000, and a header of `headerBytes`. */
function program(headerBytes = 0x400): Buffer {
  const bytes = Buffer.alloc(headerBytes + 0x200, 0xcc).fill(0, 0, headerBytes);
  bytes.writeUInt32LE(PE_AT, 0x3c);
  bytes.write("PE\0\0", PE_AT, "latin1");
  bytes.writeUInt16LE(1, PE_AT + 6);
  bytes.writeUInt16LE(OPTIONAL_BYTES, PE_AT + 20);
  const optional = PE_AT + 24;
  bytes.writeUInt32LE(0x1000, optional + 32);
  bytes.writeUInt32LE(0x200, optional + 36);
  bytes.writeUInt32LE(0x2000, optional + 56);
  bytes.writeUInt32LE(headerBytes, optional + 60);
  bytes.writeUInt32LE(0x1234, optional + 64);
  return bytes;
}

function sectionsOf(bytes: Buffer) {
  const count = bytes.readUInt16LE(PE_AT + 6);
  return Array.from({ length: count }, (_, n) => {
    const at = PE_AT + 24 + OPTIONAL_BYTES + 40 * n;
    const [size = 0, address = 0, stored = 0, offset = 0] = [8, 12, 16, 20].map((field) =>
      bytes.readUInt32LE(at + field),
    );
    const name = bytes.toString("latin1", at, at + 8).replace(/\0+$/, "");
    return { name, size, address, stored, content: bytes.toString("latin1", offset, offset + size) };
  });
}

test("sections come behind those that are there, each at its page and its sector", () => {
  const made = Buffer.from(
    withSections(program(), [
      [".osrel", Buffer.from("ID=lbd\n")],
      [".linux", Buffer.alloc(0x1001, "k")],
      [".initrd", Buffer.from("root")],
    ]),
  );
  expect(sectionsOf(made).slice(1)).toEqual([
    { name: ".osrel", size: 7, address: 0x2000, stored: 0x200, content: "ID=lbd\n" },
    { name: ".linux", size: 0x1001, address: 0x3000, stored: 0x1200, content: "k".repeat(0x1001) },
    { name: ".initrd", size: 4, address: 0x5000, stored: 0x200, content: "root" },
  ]);
  // SizeOfImage is the end of the last; a checksum that would be wrong is none.
  expect([made.readUInt32LE(PE_AT + 24 + 56), made.readUInt32LE(PE_AT + 24 + 64)]).toEqual([0x6000, 0]);
  expect(made.length % 0x200).toBe(0);
  expect(made.subarray(0x400, 0x600).every((byte) => byte === 0xcc)).toBe(true);
});

test("a header without room is an error, and so is what is no program", () => {
  expect(() => withSections(program(PE_AT + 24 + OPTIONAL_BYTES + 40 + 39), [[".osrel", Buffer.from("x")]])).toThrow(
    "no room for 1 more",
  );
  expect(() => withSections(Buffer.alloc(512), [])).toThrow("no PE file");
});
