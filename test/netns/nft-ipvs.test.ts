// The tables of `nftables_ipvs` in a real kernel, as nft(8) shows them: those that keepalived made (nft-ipvs-groups.json).
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openGroupMarkTables } from "../../src/kernel/nft-groups.ts";
import type { MarkedAddress } from "../../src/net/nft-ipvs.ts";
import { Namespace, netnsReason } from "../support/netns.ts";

const at = (ip: string, port: number, mark: number, protocol: MarkedAddress["protocol"] = "TCP"): MarkedAddress => ({
  ip,
  port,
  mark,
  protocol,
});
const NAMES = ["192.0.2.40", "192.0.2.41", "192.0.2.42", "192.0.2.43"];
const RECORDED = [
  ...["192.0.2.20", "192.0.2.21", "192.0.2.22"].map((ip) => at(ip, 80, 2000)),
  at("192.0.2.30", 443, 2000),
  at("2001:db8::20", 80, 2000),
  ...NAMES.map((ip) => at(ip, 53, 2001, "UDP")),
  ...NAMES.map((ip) => at(ip, 53, 2002)),
];

/** The recorded listing; four neighbours, which keepalived has as an address and a range, are one element of ours. */
function recorded(): string {
  const path = join(import.meta.dirname, "../golden/vectors/rtnl/nft-ipvs-groups.json");
  const { nft_ruleset }: { nft_ruleset: readonly string[] } = JSON.parse(readFileSync(path, "utf8"));
  return nft_ruleset
    .join("\n")
    .replaceAll(/192\.0\.2\.40 \. 53 : (\S+),\s+192\.0\.2\.41-192\.0\.2\.43 \. 53 : \S+/g, "192.0.2.40/30 . 53 : $1");
}

describe.skipIf(netnsReason() !== undefined)("nftables_ipvs", () => {
  test("made, found missing and made again, changed, removed", () => {
    using host = new Namespace("marks");
    using tables = openGroupMarkTables({ table: "keepalived_ipvs", priority: -1 }, host.name);
    const listing = () => host.run("nft", "list", "ruleset").stdout;
    expect(tables.set(RECORDED)).toBeUndefined();
    expect(listing().trim()).toBe(recorded().trim());
    expect(tables.audit()).toBe(false);
    host.run("nft", "delete", "table", "ip6", "keepalived_ipvs");
    expect(tables.audit()).toBe(true);
    expect(listing().trim()).toBe(recorded().trim());
    expect(tables.set([at("192.0.2.1", 0, 7, "SCTP")])).toBeUndefined();
    expect(listing()).toContain("192.0.2.1 . 0-65535 : 0x00000007");
    expect(listing()).not.toContain("ip6");
    expect(tables.remove()).toBeUndefined();
    expect(listing()).toBe("");
  });
});
