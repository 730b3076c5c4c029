import { expect, test } from "bun:test";
import { encodeAttributes } from "../../../src/net/attribute-tree.ts";
import { decodeLink } from "../../../src/net/links.ts";

const text = (value: string) => new TextEncoder().encode(`${value}\0`);

/** RTM_NEWLINK of a link of some kind, whose first own attribute is a number. */
function newLink(kind: string, value: number): Uint8Array {
  const header = new Uint8Array(16);
  new DataView(header.buffer).setUint32(4, 7, true);
  const data = { type: 2, plain: true, nested: [{ type: 1, value: Uint8Array.of(value & 0xff, value >> 8, 0, 0) }] };
  const info = { type: 18, plain: true, nested: [{ type: 1, value: text(kind) }, data] } as const;
  return encodeAttributes([{ type: 3, value: text("blue") }, info], header);
}

test("a VRF shows its table, a macvlan its mode, and neither the other's", () => {
  expect(decodeLink(newLink("vrf", 1001))).toMatchObject({ index: 7, name: "blue", kind: "vrf", vrfTable: 1001 });
  expect(decodeLink(newLink("vrf", 1001))).not.toHaveProperty("mode");
  expect(decodeLink(newLink("macvlan", 1))).toMatchObject({ kind: "macvlan", mode: 1 });
  expect(decodeLink(newLink("macvlan", 1))).not.toHaveProperty("vrfTable");
});
