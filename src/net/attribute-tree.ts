// Core: netlink attributes as a tree, for messages whose nesting says more than their order of writing (linkinfo, nf_tables).

const NLA_F_NESTED = 0x8000;
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
