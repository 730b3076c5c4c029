import { expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import { encodeAttributes } from "../../../src/net/attribute-tree.ts";
import { decodeLink } from "../../../src/net/links.ts";
import { createStackedLink } from "../../../src/net/stacked-links.ts";

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

// IFLA_IFNAME, IFLA_LINKINFO with IFLA_INFO_KIND and IFLA_INFO_DATA, IFLA_LINK; nests without NLA_F_NESTED, as ip(8) sends them.
test.each([
  [
    "a VLAN: its number and 802.1Q, on the link below",
    createStackedLink("v", { kind: "vlan", id: 5, lower: 2 }),
    "0500030076000000 20001200 0800 0100 766c616e 14000200 0600010005000000 0600050081000000 0800050002000000",
  ],
  [
    "a dummy has nothing but its kind",
    createStackedLink("d", { kind: "dummy" }),
    "0500030064000000 10001200 0900 0100 64756d6d79000000",
  ],
])("%s", (_why, { payload }, attributes) => {
  expect(toHex(payload)).toBe("00".repeat(16) + attributes.replaceAll(" ", ""));
});
