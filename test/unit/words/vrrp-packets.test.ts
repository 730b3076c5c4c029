// Words that change which packets are heard and what is sent: each from the text of a configuration to datagrams.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import type { VrrpInstance } from "../../../src/config/model/vrrp.ts";
import { HMAC_TRAILER, HMAC_TRAILER_BYTES } from "../../../src/vrrp/auth-hmac.ts";
import { address, advertFrom, vrrpInstance } from "../../support/vrrp.ts";
import { WALL_START } from "../../support/vrrp-lab.ts";
import { expectWord, globalText, instanceText, started, type WordCase } from "../../support/words.ts";

const PEER = "192.0.2.2";
const KEY = "0123456789abcdef0123456789abcdef";
const OTHER_KEY = "fedcba9876543210fedcba9876543210";

interface Sender extends Partial<VrrpInstance> {
  readonly ttl?: number;
  /** The sender's clock against ours. */
  readonly aheadMs?: number;
}

/** What becomes of the packet of a sender with these settings: `accepted`, or the reason of its refusal. */
function heard({ ttl, aheadMs = 0, ...settings }: Sender): (config: Config) => string {
  return (config) => {
    const bench = started(config);
    const sender = vrrpInstance({ priority: 200, ...settings });
    const source = sender.family === 4 ? PEER : "fe80::2";
    const datagram = advertFrom(sender, source, { wallMs: WALL_START + bench.now + aheadMs });
    if (ttl !== undefined) datagram.bytes[8] = ttl;
    bench.receive(datagram);
    const status = bench.router.status("VI_1", { now: bench.now, wallMs: 0 });
    const [refused] = Object.keys(status?.refused ?? {});
    return refused ?? (status?.master?.address === source ? "accepted" : "unheard");
  };
}

const toUs = (more: Partial<NonNullable<VrrpInstance["unicast"]>> = {}) => ({
  peers: [{ ip: "192.0.2.1", minTtl: 0, maxTtl: 255 }],
  checkSource: false,
  faultWithoutPeer: false,
  oldChecksum: "auto" as const,
  ...more,
});
const signedWith = (id: number, text: string): NonNullable<VrrpInstance["hmac"]> => ({
  keys: [{ id, keyHex: Buffer.from(text).toString("hex") }],
  activeKey: id,
  timeWindowS: 5,
  antiReplay: "time",
  mode: "enforce",
});
const peers = (...lines: string[]) => `unicast_peer {\n${lines.join("\n")}\n}`;
const hmac = (...lines: string[]) => `version 3\nauth_hmac {\n${lines.join("\n")}\n}`;
const ONE_KEY = [`key 1 ${KEY}`, "active_key 1"];

describe("a packet is heard", () => {
  const cases: readonly (readonly [...WordCase<string>, sender: Sender])[] = [
    ["vrrp_instance/version", instanceText("«version 3»"), "accepted", "version", { version: 3 }],
    ["global_defs/vrrp_version", globalText("«vrrp_version 3»"), "accepted", "version", { version: 3 }],
    [
      "vrrp_instance/native_ipv6",
      instanceText("«native_ipv6»\nno_virtual_ipaddress\nvirtual_ipaddress {\n}"),
      "accepted",
      "destination",
      { family: 6, version: 3 },
    ],
    [
      "vrrp_instance/authentication",
      instanceText("«authentication {\nauth_type PASS\nauth_pass secret\n}»"),
      "accepted",
      "auth-type-mismatch",
      { authentication: { type: "PASS", password: "secret" } },
    ],
    [
      "vrrp_instance/authentication/auth_type",
      instanceText("authentication {\nauth_type PASS\n«auth_type AH»\nauth_pass secret\n}"),
      "accepted",
      "auth-type-mismatch",
      { authentication: { type: "AH", password: "secret" } },
    ],
    [
      "vrrp_instance/authentication/auth_pass",
      instanceText("authentication {\nauth_type PASS\nauth_pass other\n«auth_pass secret»\n}"),
      "accepted",
      "auth-password",
      { authentication: { type: "PASS", password: "secret" } },
    ],
    [
      "vrrp_instance/auth_hmac",
      instanceText(`version 3\n«auth_hmac {\n${ONE_KEY.join("\n")}\n}»`),
      "accepted",
      "length",
      { version: 3, hmac: signedWith(1, KEY) },
    ],
    [
      "vrrp_instance/auth_hmac/key",
      instanceText(hmac(...ONE_KEY, `«key 2 ${OTHER_KEY}»`)),
      "accepted",
      "auth-ext-unknown-key",
      { version: 3, hmac: signedWith(2, OTHER_KEY) },
    ],
    [
      "vrrp_instance/auth_hmac/time_window",
      instanceText(hmac(...ONE_KEY, "«time_window 60»")),
      "accepted",
      "auth-ext-stale",
      { version: 3, hmac: signedWith(1, KEY), aheadMs: -20_000 },
    ],
    [
      "vrrp_instance/auth_hmac/anti_replay",
      instanceText(hmac(...ONE_KEY, "«anti_replay monotonic»")),
      "accepted",
      "auth-ext-stale",
      { version: 3, hmac: signedWith(1, KEY), aheadMs: -20_000 },
    ],
    [
      "vrrp_instance/auth_hmac/mode",
      instanceText(hmac(...ONE_KEY, "«mode permissive»")),
      "accepted",
      "auth-ext-missing",
      { version: 3 },
    ],
    [
      "unicast_peer/<ip>",
      instanceText(`${peers("192.0.2.3", `«${PEER}»`)}\ncheck_unicast_src`),
      "accepted",
      "stranger",
      { unicast: toUs() },
    ],
    [
      "vrrp_instance/check_unicast_src",
      instanceText(`${peers("192.0.2.3")}\n«check_unicast_src»`),
      "stranger",
      "accepted",
      { unicast: toUs() },
    ],
    [
      "global_defs/vrrp_check_unicast_src",
      globalText("«vrrp_check_unicast_src»", peers("192.0.2.3")),
      "stranger",
      "accepted",
      { unicast: toUs() },
    ],
    [
      "vrrp_instance/strict_mode",
      instanceText(`${peers(PEER)}\n«strict_mode on»`),
      "ttl",
      "accepted",
      { unicast: toUs(), ttl: 254 },
    ],
    [
      "unicast_peer/min_ttl",
      instanceText(peers(`${PEER} «min_ttl 60»`)),
      "ttl",
      "accepted",
      { unicast: toUs(), ttl: 59 },
    ],
    ["unicast_peer/max_ttl", instanceText(peers(`${PEER} «max_ttl 200»`)), "ttl", "accepted", { unicast: toUs() }],
    [
      "vrrp_instance/old_unicast_checksum",
      instanceText(`version 3\n${peers(PEER)}\n«old_unicast_checksum never»`),
      "checksum",
      "accepted",
      { version: 3, unicast: toUs({ oldChecksum: "always" }) },
    ],
    [
      "vrrp_instance/v3_checksum_as_v2",
      instanceText("version 3\n«v3_checksum_as_v2»"),
      "accepted",
      "checksum",
      { version: 3, v3ChecksumAsV2: true },
    ],
    [
      "global_defs/v3_checksum_as_v2",
      globalText("«v3_checksum_as_v2»", "version 3"),
      "accepted",
      "checksum",
      { version: 3, v3ChecksumAsV2: true },
    ],
  ];
  test.each(cases)("%s", (_id, text, seen, otherwise, sender) => expectWord(text, heard(sender), seen, otherwise));
});

describe("an address owner", () => {
  const cases: readonly WordCase<string>[] = [
    ["vrrp_instance/owner_ignore_adverts", instanceText("priority 255\n«owner_ignore_adverts»"), "MASTER", "BACKUP"],
    [
      "global_defs/vrrp_owner_ignore_adverts",
      globalText("«vrrp_owner_ignore_adverts»", "priority 255"),
      "MASTER",
      "BACKUP",
    ],
  ];
  test.each(cases)("%s", (_id, text, seen, otherwise) => {
    const beside = (config: Config) => {
      const bench = started(config);
      bench.receive(advertFrom(vrrpInstance({ priority: 255 }), PEER));
      return bench.state();
    };
    return expectWord(text, beside, seen, otherwise);
  });
});

describe("other addresses in the packets of the same master", () => {
  const cases: readonly WordCase<number>[] = [
    ["vrrp_instance/skip_check_adv_addr", instanceText("«skip_check_adv_addr»"), 1, 3],
    ["global_defs/vrrp_skip_check_adv_addr", globalText("«vrrp_skip_check_adv_addr»"), 1, 3],
  ];
  test.each(cases)("%s: counted once, or each time", (_id, text, seen, otherwise) => {
    const counted = (config: Config) => {
      const bench = started(config);
      for (let i = 0; i < 3; i++) bench.hear(PEER, 200, { virtualAddresses: [address("192.0.2.200")] });
      return bench.router.status("VI_1", { now: bench.now, wallMs: 0 })?.counters.addr_list_err ?? 0;
    };
    return expectWord(text, counted, seen, otherwise);
  });
});

/** The datagrams of the first advertisement of a master. */
function sent(config: Config) {
  const bench = started(config);
  bench.run(10_000);
  const first = bench.log.find(({ action }) => action.kind === "send")?.action;
  if (first?.kind !== "send") throw new Error("nothing was sent");
  return first.datagrams;
}

describe("a packet is sent", () => {
  const bytesAt =
    (...at: number[]) =>
    (config: Config) =>
      at.map((i) => sent(config)[0]?.bytes.at(i));
  test.each<readonly [...WordCase<unknown>, look: (config: Config) => unknown]>([
    ["vrrp_instance/priority", instanceText("«priority 150»"), [150], [100], bytesAt(22)],
    ["vrrp_instance/virtual_router_id", instanceText("«virtual_router_id 52»"), [52], [51], bytesAt(21)],
    ["vrrp_instance/advert_int", instanceText("«advert_int 2»"), [2], [1], bytesAt(25)],
    ["vrrp_instance/unicast_ttl", instanceText(`${peers(PEER)}\n«unicast_ttl 64»`), [64], [255], bytesAt(8)],
    [
      "vrrp_instance/auth_hmac/active_key",
      instanceText(hmac(...ONE_KEY, `key 2 ${OTHER_KEY}`, "«active_key 2»")),
      2,
      1,
      (config) =>
        HMAC_TRAILER.fields.keyId.get(sent(config)[0]?.bytes.slice(-HMAC_TRAILER_BYTES) ?? new Uint8Array(), 0),
    ],
  ])("%s", (_id, text, seen, otherwise, look) => expectWord(text, look, seen, otherwise));
});

describe("what an instance needs to be heard", () => {
  test("vrrp_instance/unicast_fault_no_peer", () =>
    expectWord(
      instanceText("unicast_src_ip 192.0.2.1\n«unicast_fault_no_peer»"),
      (config) => started(config).state(),
      "FAULT",
      "BACKUP",
    ));

  const sockets = (config: Config) =>
    started(config)
      .router.sockets()
      .map(({ key }) => key);
  test.each<WordCase<readonly string[]>>([
    [
      "vrrp_instance/interface",
      instanceText("interface eth0\n«interface eth1»"),
      ["4/112/eth1/224.0.0.18"],
      ["4/112/eth0/224.0.0.18"],
    ],
    [
      "vrrp_instance/use_vmac",
      instanceText("«use_vmac»"),
      ["4/112/eth0/vmac VI_1/224.0.0.18"],
      ["4/112/eth0/224.0.0.18"],
    ],
    [
      "vrrp_instance/vmac_xmit_base",
      instanceText("use_vmac\n«vmac_xmit_base»"),
      ["4/112/eth0/224.0.0.18"],
      ["4/112/eth0/vmac VI_1/224.0.0.18"],
    ],
  ])("%s: the socket it is heard on", (_id, text, seen, otherwise) => expectWord(text, sockets, seen, otherwise));
});
