// Core: netlink attributes written straight into one growing buffer, and visited by offset: for the hot paths (thousands of IPVS
// objects), where a small array per attribute would be most of the cost. attribute-tree.ts is the comfortable form.
// Numbers are in machine order (little endian) unless the name says BE.

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const ATTRIBUTE_HEADER_BYTES = 4;

/** Bytes that grow at their end. */
export interface AttributeWriter {
  /** Bytes so far. */
  length(): number;
  /** What was written: a view, good until more is written or it is cleared. */
  written(): Uint8Array;
  /** Forgets everything behind `length`. */
  truncate(length: number): void;
  /** Raw numbers and bytes, for headers. */
  rawU8(value: number): void;
  rawU16(value: number): void;
  rawU32(value: number): void;
  raw(bytes: Uint8Array): void;
  /** Overwrites four bytes written before. */
  patchU16(at: number, value: number): void;
  patchU32(at: number, value: number): void;
  u8(type: number, value: number): void;
  u16(type: number, value: number): void;
  u16be(type: number, value: number): void;
  u32(type: number, value: number): void;
  u32be(type: number, value: number): void;
  /** The bytes, and zeros up to `sizeBytes`. */
  bytes(type: number, value: Uint8Array, sizeBytes?: number): void;
  /** UTF-8 with a NUL behind it. */
  text(type: number, value: string): void;
  /** Opens a nest; close() takes what this gave. */
  open(type: number): number;
  /** @throws RangeError for more than 65535 bytes: a nest can't say it */
  close(mark: number): void;
}

/** An empty writer; it doubles when it is full. */
export function attributeWriter(initialBytes = 4096): AttributeWriter {
  let buffer = new Uint8Array(new ArrayBuffer(initialBytes));
  let view = new DataView(buffer.buffer);
  let at = 0;
  const encoder = new TextEncoder();

  /** Makes room, and says where it starts; the room is all zero. */
  function take(sizeBytes: number): number {
    const start = at;
    at += sizeBytes;
    if (at > buffer.byteLength) {
      const larger = new Uint8Array(new ArrayBuffer(Math.max(2 * buffer.byteLength, at)));
      larger.set(buffer.subarray(0, start));
      buffer = larger;
      view = new DataView(buffer.buffer);
    } else buffer.fill(0, start, at);
    return start;
  }

  /** An attribute's header and room for its value; where the value starts. */
  function header(type: number, valueBytes: number): number {
    const start = take(ATTRIBUTE_HEADER_BYTES + align4(valueBytes));
    view.setUint16(start, ATTRIBUTE_HEADER_BYTES + valueBytes, true);
    view.setUint16(start + 2, type, true);
    return start + ATTRIBUTE_HEADER_BYTES;
  }

  return {
    length: () => at,
    written: () => buffer.subarray(0, at),
    truncate(length) {
      at = length;
    },
    rawU8(value) {
      const start = take(1);
      view.setUint8(start, value);
    },
    rawU16(value) {
      const start = take(2);
      view.setUint16(start, value, true);
    },
    rawU32(value) {
      const start = take(4);
      view.setUint32(start, value, true);
    },
    raw(bytes) {
      const start = take(bytes.byteLength);
      buffer.set(bytes, start);
    },
    patchU16: (start, value) => view.setUint16(start, value, true),
    patchU32: (start, value) => view.setUint32(start, value, true),
    u8(type, value) {
      const start = header(type, 1);
      view.setUint8(start, value);
    },
    u16(type, value) {
      const start = header(type, 2);
      view.setUint16(start, value, true);
    },
    u16be(type, value) {
      const start = header(type, 2);
      view.setUint16(start, value);
    },
    u32(type, value) {
      const start = header(type, 4);
      view.setUint32(start, value, true);
    },
    u32be(type, value) {
      const start = header(type, 4);
      view.setUint32(start, value);
    },
    bytes(type, value, sizeBytes = value.byteLength) {
      const start = header(type, sizeBytes);
      buffer.set(value, start);
    },
    text(type, value) {
      const encoded = encoder.encode(value);
      const start = header(type, encoded.byteLength + 1);
      buffer.set(encoded, start);
    },
    open: (type) => header(type | NLA_F_NESTED, 0) - ATTRIBUTE_HEADER_BYTES,
    close(mark) {
      if (at - mark > 0xffff) throw new RangeError(`nested attribute: expected up to 65535 bytes (got ${at - mark})`);
      view.setUint16(mark, at - mark, true);
    },
  };
}

/**
 * Shows each attribute between two offsets: its number without flags, where its value starts, and how long it is. Stops at the
 * first that does not fit and then answers false; never throws by itself.
 */
export function visitAttributes(
  view: DataView,
  start: number,
  end: number,
  visit: (type: number, at: number, sizeBytes: number) => void,
): boolean {
  const limit = Math.min(end, view.byteLength);
  let at = start;
  while (at + ATTRIBUTE_HEADER_BYTES <= limit) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > limit) return false;
    const type = view.getUint16(at + 2, true) & NLA_TYPE_MASK;
    visit(type, at + ATTRIBUTE_HEADER_BYTES, length - ATTRIBUTE_HEADER_BYTES);
    at += align4(length);
  }
  return at >= limit;
}

function align4(length: number): number {
  return (length + 3) & ~3;
}
