import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../src/base/bytes.ts";
import { type MarkedAddress, markingTables } from "../../../src/net/nft-ipvs.ts";
import { splitMessages } from "./vectors.ts";

const SETTINGS = { table: "keepalived_ipvs", priority: -1 };
const at = (ip: string, port: number, mark: number, protocol: MarkedAddress["protocol"] = "TCP"): MarkedAddress => ({
  ip,
  port,
  mark,
  protocol,
});
const view = (m: { type: number; payload: Uint8Array }) => `${m.type.toString(16)} ${toHex(m.payload)}`;
const whats = (marked: readonly MarkedAddress[]) => markingTables(SETTINGS, marked).map(({ what }) => what);

interface Recorded {
  readonly nft_batches: readonly { readonly batch: readonly string[]; readonly hex: string }[];
}

/** Messages of keepalived's transactions: 0xa00 table, 0xa03 chain, 0xa09 map, 0xa06 rule, 0xa0c elements. */
function recorded(type: number): string[] {
  const path = join(import.meta.dirname, "../../golden/vectors/rtnl/nft-ipvs-groups.json");
  const { nft_batches }: Recorded = JSON.parse(readFileSync(path, "utf8"));
  return nft_batches
    .flatMap(({ hex }) => splitMessages(hex))
    .filter((m) => m.type === type)
    .map(view);
}

// The addresses of the recording: a group of both families over TCP, one over UDP, and the same over TCP.
const RECORDED = [
  ...["192.0.2.20", "192.0.2.21", "192.0.2.22"].map((ip) => at(ip, 80, 2000)),
  at("192.0.2.30", 443, 2000),
  at("2001:db8::20", 80, 2000),
];

test("table, chain, map, rule and elements are those that keepalived sent", () => {
  const ours = markingTables(SETTINGS, RECORDED).map(view);
  for (const type of [0xa00, 0xa03]) for (const message of recorded(type)) expect(ours).toContain(message);
  // Maps and rules of TCP; UDP's have numbers of their own.
  const isTcp = (message: string) => message.includes(toHex(new TextEncoder().encode("tcp_map")));
  for (const message of recorded(0xa09).filter(isTcp)) expect(ours).toContain(message);
  const [rule4 = "none", rule6 = "none"] = recorded(0xa06).filter(isTcp);
  expect(ours).toContain(rule4);
  // keepalived names the second map by the first one's number; the kernel finds it by its name.
  expect(ours).toContain(rule6.replace("080004000000000124000180", "080004000000000224000180"));
});

test("an address and a range are elements as keepalived sent them", () => {
  const elements = (marked: readonly MarkedAddress[]) =>
    markingTables(SETTINGS, marked)
      .filter((m) => m.type === 0xa0c)
      .map((m) => sortedAttributes(m.payload));
  const theirs = recorded(0xa0c).map((message) => sortedAttributes(bytesOf(message.slice(4))));
  for (const marked of [RECORDED.slice(0, 3), RECORDED.slice(3, 4), RECORDED.slice(4)])
    expect(theirs).toContain(elements(marked)[0] ?? "");
});

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The attributes of a message in one order; keepalived also gives the number of a set that it made in the same transaction. */
function sortedAttributes(payload: Uint8Array): string {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const parts: string[] = [];
  for (let offset = 4; offset + 4 <= payload.byteLength; ) {
    const length = view.getUint16(offset, true);
    const isSetNumber = view.getUint16(offset + 2, true) === 4;
    if (!isSetNumber) parts.push(toHex(payload.subarray(offset, offset + length)));
    offset += (length + 3) & ~3;
  }
  return [toHex(payload.subarray(0, 4)), ...parts.sort()].join(" ");
}

test("a family without marks has no table; nothing to mark leaves none at all", () => {
  expect(whats([])).toEqual([
    "table keepalived_ipvs (ip)",
    "delete table keepalived_ipvs (ip)",
    "table keepalived_ipvs (ip6)",
    "delete table keepalived_ipvs (ip6)",
  ]);
  expect(whats([at("192.0.2.1", 80, 5, "SCTP")])).toEqual([
    "table keepalived_ipvs (ip)",
    "delete table keepalived_ipvs (ip)",
    "table keepalived_ipvs (ip)",
    "chain in (ip)",
    "set sctp_map (ip)",
    "rule in in: SCTP by sctp_map (ip)",
    "add to set sctp_map (ip)",
    "table keepalived_ipvs (ip6)",
    "delete table keepalived_ipvs (ip6)",
  ]);
});

test("neighbours of one port and mark are one element, over the end of an octet too; port 0 is every port", () => {
  const hex = (marked: readonly MarkedAddress[]) =>
    markingTables(SETTINGS, marked)
      .filter((m) => m.type === 0xa0c)
      .map((m) => toHex(m.payload))
      .join();
  const joined = hex(["192.0.2.255", "192.0.3.0", "192.0.3.1"].map((ip) => at(ip, 80, 1)));
  expect(joined).toContain("c00002ff00500000");
  expect(joined).toContain("c000030100500000");
  expect(joined).not.toContain("c000030000500000");
  const apart = hex([at("192.0.2.1", 80, 1), at("192.0.2.2", 80, 2), at("192.0.2.3", 81, 1)]);
  for (const key of ["c000020100500000", "c000020200500000", "c000020300510000"]) expect(apart).toContain(key);
  const any = hex([at("192.0.2.1", 0, 1)]);
  expect(any).toContain("c000020100000000");
  expect(any).toContain("c0000201ffff0000");
});
