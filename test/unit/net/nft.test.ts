import { describe, expect, test } from "bun:test";
import { toHex } from "../../../src/base/bytes.ts";
import { DEFAULT_FIREWALL, type FirewallWish, NO_FIREWALL, virtualServices } from "../../../src/net/firewall-wish.ts";
import { newTable, transaction } from "../../../src/net/nft.ts";
import { type AppliedFirewall, planFirewall, removeFirewall } from "../../../src/net/nft-vrrp.ts";
import type { NetlinkRequest } from "../../../src/net/request.ts";
import { recordedTransactions } from "./vectors.ts";

const view = (m: { type: number; payload: Uint8Array }) => `${m.type.toString(16)} ${toHex(m.payload)}`;
const kinds = (messages: readonly NetlinkRequest[]) => messages.map((m) => m.what);
const wish = (part: Partial<FirewallWish>): FirewallWish => ({ ...NO_FIREWALL, ...part });
const plan = (part: Partial<FirewallWish>, applied: AppliedFirewall = {}) =>
  planFirewall(DEFAULT_FIREWALL, wish(part), applied);

/** The recorded transaction that has a message of this type and text, framing and set elements apart. */
function recorded(name: string, family: number): string[] {
  const all = recordedTransactions(name).filter((batch) =>
    batch.some((m) => m.type === 0x0a00 && m.payload[0] === family),
  );
  return (all[0] ?? []).filter((m) => m.type >> 8 === 10 && m.type !== 0x0a0c).map(view);
}

test("a link-local address is blocked on its own link alone: where packets go to, and where they come from", () => {
  const rules = plan({ blocked: [{ ip: "fe80::1", index: 7 }] }).messages.filter(({ what }) =>
    what.includes("no_accept, link-local"),
  );
  // NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN: the whole destination of the IPv6 header, then the whole source (RFC 8200 §3).
  const whole = (offset: number) => `080003000000${offset.toString(16).padStart(4, "0")}0800040000000010`;
  expect(rules.map(({ payload }) => [24, 8].filter((offset) => toHex(payload).includes(whole(offset))))).toEqual([
    [24],
    [8],
  ]);
});

test("a transaction stands between its beginning and its end, for nftables", () => {
  const [begin, table, end] = transaction([newTable({ family: 2, table: "t" })]);
  // NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END; struct nfgenmsg with res_id NFNL_SUBSYS_NFTABLES (linux/netfilter/nfnetlink.h).
  expect([begin, end].map((one) => one && [one.flags, view(one)])).toEqual([
    [1, "10 0000000a"],
    [1, "11 0000000a"],
  ]);
  expect(table?.what).toContain("table t");
});

describe("messages are those that keepalived sent", () => {
  test.each<[string, number, Partial<FirewallWish>]>([
    ["no-accept", 2, { blocked: [{ ip: "192.0.2.100", index: 2 }] }],
    ["vmac-v4", 2, { vmacs: [{ index: 3, name: "vrrp.51", parentIndex: 2, family: 4 }] }],
  ])("%s: table, chains and rules", (name, family, part) => {
    const ours = plan(part).messages.map(view);
    const theirs = recorded(name, family);
    // The sets have ids of their own, and rules name maps by id there.
    const comparable = theirs.filter((m) => !m.startsWith("a09") && !m.includes("766d61635f6d6170"));
    expect(comparable.length).toBeGreaterThan(1);
    for (const message of comparable) expect(ours).toContain(message);
  });

  test("an element of the set of addresses", () => {
    const element = plan({ blocked: [{ ip: "192.0.2.100", index: 2 }] }).messages.at(-1) ?? plan({}).messages[0];
    const theirs = recordedTransactions("no-accept")
      .flat()
      .filter((m) => m.type === 0x0a0c)
      .map(view);
    const all = plan({ blocked: [{ ip: "192.0.2.100", index: 2 }] }).messages.map(view);
    expect(element).toBeDefined();
    expect(all).toContain(theirs[0] ?? "none recorded");
  });
});

describe("transactions", () => {
  test("nothing wanted, nothing sent", () => expect(plan({}).messages).toEqual([]));

  test("the first address makes the whole table, the next one only an element, the last one goes alone", () => {
    const first = plan({ blocked: [{ ip: "192.0.2.1", index: 2 }] });
    expect(kinds(first.messages).slice(0, 3)).toEqual([
      "table keepalived (ip)",
      "delete table keepalived (ip)",
      "table keepalived (ip)",
    ]);
    expect(kinds(first.messages)).toContain("rule in in: no_accept (ip)");
    const two = [1, 2].map((host) => ({ ip: `192.0.2.${host}`, index: 2 }));
    const second = plan({ blocked: two }, first.applied);
    expect(kinds(second.messages)).toEqual(["add to set vips (ip)"]);
    expect(plan({ blocked: two }, second.applied).messages).toEqual([]);
    const none = plan({}, second.applied);
    expect(kinds(none.messages)).toEqual(["delete from set vips (ip)"]);
    // The table stays until all is removed: no churn at every change of roles.
    expect(kinds(plan({ blocked: two }, none.applied).messages)).toEqual(["add to set vips (ip)"]);
  });

  test("a family that is made ready has its table, and its first address is only an element", () => {
    const ready = plan({ ready: [4] });
    const first = { ready: [4] as const, blocked: [{ ip: "192.0.2.1", index: 2 }] };
    expect(kinds(ready.messages)).toContain("rule in in: no_accept (ip)");
    expect(kinds(ready.messages).every((what) => what.includes("(ip)"))).toBe(true);
    expect(kinds(plan(first, ready.applied).messages)).toEqual(["add to set vips (ip)"]);
  });

  test("families are apart; link-local addresses are keyed with their interface", () => {
    const { messages } = plan({ blocked: [{ ip: "fe80::1", index: 7 }] });
    expect(messages.every((m) => m.payload[0] === 10)).toBe(true);
    const element = messages.find((m) => m.what.startsWith("add to set vips_link_local"));
    expect(toHex(element?.payload ?? new Uint8Array())).toContain("fe80000000000000000000000000000107000000");
  });

  test("services come before the drop, and only where something is blocked", () => {
    const services = virtualServices([]);
    expect(services).toEqual([]);
    const service = { kind: "address" as const, ip: "192.0.2.1", protocol: "TCP" as const, port: 80 };
    expect(plan({ services: [service] }).messages).toEqual([]);
    const rules = kinds(plan({ services: [service], blocked: [{ ip: "192.0.2.1", index: 2 }] }).messages).filter((k) =>
      k.startsWith("rule in in:"),
    );
    expect(rules.at(-1)).toBe("rule in in: no_accept (ip)");
    expect(rules).toContain("rule in in: virtual servers (ip)");
  });

  test("many elements are cut into messages that an attribute can hold", () => {
    const blocked = Array.from({ length: 5000 }, (_, i) => ({ ip: `2001:db8::${i.toString(16)}`, index: 2 }));
    const adds = plan({ blocked }).messages.filter((m) => m.what.startsWith("add to set vips"));
    expect(adds).toHaveLength(10);
    for (const { payload } of adds) expect(payload.byteLength).toBeLessThan(0xffff);
  });

  test("removal can't fail for a table that is not there", () => {
    expect(kinds(removeFirewall(DEFAULT_FIREWALL))).toEqual([
      "table keepalived (ip)",
      "delete table keepalived (ip)",
      "table keepalived (ip6)",
      "delete table keepalived (ip6)",
    ]);
  });
});
