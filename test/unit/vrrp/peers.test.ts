// Which unicast peers are behind a router, and what the configuration alone shows of the address that peers hear us from.
import { describe, expect, test } from "bun:test";
import { beyondText, peersBeyond } from "../../../src/vrrp/peers.ts";
import { bindText } from "../../support/config.ts";
import { vrrpInstance } from "../../support/vrrp.ts";

const NETWORKS = [
  { ip: "192.0.2.1", prefix: 24 },
  { ip: "10.1.2.3", prefix: 30 },
  { ip: "198.51.100.7", prefix: 32 },
  { ip: "2001:db8:0:1::1", prefix: 61 },
];

function unicast(...ips: string[]) {
  const peers = ips.map((ip) => ({ ip, minTtl: 0, maxTtl: 255 }));
  return vrrpInstance({ unicast: { peers, checkSource: false, faultWithoutPeer: false, oldChecksum: "auto" } });
}

test.each([
  ["192.0.2.254", false],
  ["192.0.3.1", true],
  ["10.1.2.0", false],
  ["10.1.2.4", true],
  ["198.51.100.7", false],
  ["198.51.100.8", true],
  ["2001:db8:0:7::9", false],
  ["2001:db8:0:8::9", true],
  ["fe80::9", false],
  ["fe81::9", false],
  ["febf::9", false],
  ["fec0::9", true],
  ["fe7f::9", true],
])("%s is beyond: %p", (ip, beyond) => {
  expect(peersBeyond(unicast(ip), NETWORKS)).toEqual(beyond ? [ip] : []);
});

test("all of them in one sentence, and nothing for multicast", () => {
  expect(beyondText(unicast("192.0.2.9", "203.0.113.1", "203.0.113.2"), NETWORKS)).toBe(
    "unicast_peer 203.0.113.1, 203.0.113.2 are on no connected network: a router lies between, or the address is another one",
  );
  expect(beyondText(vrrpInstance(), NETWORKS)).toBeUndefined();
});

describe("B13: IPv6 unicast without unicast_src_ip", () => {
  const findings = (peer: string, lines = "") =>
    bindText(`vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  ${lines}
  unicast_peer {
    ${peer}
  }
  virtual_ipaddress {
    ${peer.includes(":") ? "fe80::100" : "192.0.2.100"}
  }
}
`).diagnostics.filter(({ code }) => code === "unicast-source");
  test("is told, with the line to add", () => {
    const [finding] = findings("2001:db8::2");
    expect(finding?.severity).toBe("warning");
    expect(finding?.message).toContain("link-local");
    expect(finding?.hint).toContain("unicast_src_ip");
  });

  test.each([
    ["with the address", "2001:db8::2", "unicast_src_ip 2001:db8::1"],
    ["with mcast_src_ip, which is the same", "2001:db8::2", "mcast_src_ip 2001:db8::1"],
    ["with link-local peers", "fe80::2", ""],
    ["over IPv4", "192.0.2.2", ""],
  ])("not %s", (_what, peer, lines) => {
    expect(findings(peer, lines)).toEqual([]);
  });
});
