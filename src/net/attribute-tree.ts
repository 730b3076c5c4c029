// Core: netlink attributes as a tree, for messages whose nesting says more than their order of writing (linkinfo, nf_tables).

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER_BYTES = 4;

/** An attribute with bytes, or with attributes inside. */
export type Attribute =
  | { readonly type: number; readonly value: Uint8Array }
  | {
      readonly type: number;
      readonly nested: readonly Attribute[];
      /** rtnetlink's older nests go without NLA_F_NESTED. */
      readonly plain?: boolean;
    };

/** Attributes one after the other behind `head`, each aligned to four bytes. @throws RangeError for one above 64 KiB */
export function encodeAttributes(attributes: readonly Attribute[], head: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(head.byteLength + sizeOf(attributes)));
  bytes.set(head);
  write(attributes, bytes, new DataView(bytes.buffer), head.byteLength);
  return bytes;
}

function sizeOf(attributes: readonly Attribute[]): number {
  return attributes.reduce((sum, attribute) => sum + align(HEADER_BYTES + contentSize(attribute)), 0);
}

function contentSize(attribute: Attribute): number {
  return "value" in attribute ? attribute.value.byteLength : sizeOf(attribute.nested);
}

function write(attributes: readonly Attribute[], bytes: Uint8Array, view: DataView, start: number): void {
  let at = start;
  for (const attribute of attributes) {
    const length = HEADER_BYTES + contentSize(attribute);
    if (length > 0xffff)
      throw new RangeError(`attribute ${attribute.type}: expected up to 65535 bytes (got ${length})`);
    const nestedFlag = "nested" in attribute && !attribute.plain ? NLA_F_NESTED : 0;
    view.setUint16(at, length, true);
    view.setUint16(at + 2, attribute.type | nestedFlag, true);
    if ("value" in attribute) bytes.set(attribute.value, at + HEADER_BYTES);
    else write(attribute.nested, bytes, view, at + HEADER_BYTES);
    at += align(length);
  }
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** The attributes from `start` on, by number; of two with one number the last. Stops at the first that does not fit; never throws. */
export function readAttributes(bytes: Uint8Array, start = 0): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const [type, value] of listAttributes(bytes, start)) found.set(type, value);
  return found;
}

/** As readAttributes(), in order and with repetitions. */
export function listAttributes(bytes: Uint8Array, start = 0): (readonly [number, Uint8Array])[] {
  const list: (readonly [number, Uint8Array])[] = [];
  for (let at = start; at + HEADER_BYTES <= bytes.byteLength; ) {
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    if (length < HEADER_BYTES || at + length > bytes.byteLength) break;
    const type = ((bytes[at + 2] ?? 0) | ((bytes[at + 3] ?? 0) << 8)) & NLA_TYPE_MASK;
    list.push([type, bytes.subarray(at + HEADER_BYTES, at + length)]);
    at += align(length);
  }
  return list;
}

/** A number of one, two or four bytes in machine order; undefined when there is none of that size. */
export function readNumber(value: Uint8Array | undefined): number | undefined {
  if (!value) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (value.byteLength) {
    case 1:
      return view.getUint8(0);
    case 2:
      return view.getUint16(0, true);
    case 4:
      return view.getUint32(0, true);
    default:
      return undefined;
  }
}

/** Text up to its NUL. */
export function readText(value: Uint8Array | undefined): string | undefined {
  if (!value) return undefined;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

// --- numbers as the value of an attribute

/** In machine order. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

/** In machine order. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** In network order. */
export function be64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Undefined for a value of another size. */
export function readBe64(value: Uint8Array | undefined): bigint | undefined {
  return value?.byteLength === 8 ? new DataView(value.buffer, value.byteOffset, 8).getBigUint64(0) : undefined;
}
