// Ring netns: lbd beside Debian's keepalived and beside itself, on a real segment. Each row of the table is one kind of VRRP; in
// each the subject is master once and backup once. VRRP statements named in the titles are those of docs/vrrp.md.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { Daemon, type Kind } from "../support/daemon.ts";
import { gratuitousArps, groupReports, unsolicitedNeighbours, type VrrpFrame, vrrpFrames } from "../support/frames.ts";
import { netnsReason } from "../support/netns.ts";
import { addressesOf, type Capture, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 60_000;
const FILTER = "proto 112 or proto 51 or ip6 proto 112 or arp or icmp6 or igmp";

/** `LBD_SUBJECT=keepalived` runs the tests on keepalived itself, to see that they ask for nothing that it would not give. */
const SUBJECT: Kind = process.env.LBD_SUBJECT === "keepalived" ? "keepalived" : "lbd";

interface Flavour {
  readonly title: string;
  readonly version: 2 | 3;
  readonly family: 4 | 6;
  readonly unicast?: boolean;
  readonly auth?: string;
  readonly advertInt: number;
}

const FLAVOURS: readonly Flavour[] = [
  { title: "v2 IPv4 multicast", version: 2, family: 4, advertInt: 1 },
  { title: "v2 IPv4 unicast", version: 2, family: 4, unicast: true, advertInt: 1 },
  { title: "v2 IPv4 PASS", version: 2, family: 4, auth: "PASS", advertInt: 1 },
  { title: "v2 IPv4 AH", version: 2, family: 4, auth: "AH", advertInt: 1 },
  { title: "v2 IPv4 AH unicast", version: 2, family: 4, auth: "AH", unicast: true, advertInt: 1 },
  { title: "v3 IPv4 multicast", version: 3, family: 4, advertInt: 0.2 },
  { title: "v3 IPv4 unicast", version: 3, family: 4, unicast: true, advertInt: 0.2 },
  { title: "v3 IPv6 multicast", version: 3, family: 6, advertInt: 0.2 },
  { title: "v3 IPv6 unicast", version: 3, family: 6, unicast: true, advertInt: 0.2 },
];

const VIP = { 4: "192.0.2.100", 6: "2001:db8::100" } as const;
const WITH_PREFIX = { 4: "192.0.2.100/32", 6: "2001:db8::100/128" } as const;

function configuration(flavour: Flavour, host: number, priority: number, extra = ""): string {
  const { version, family, unicast, auth, advertInt } = flavour;
  const own = family === 4 ? `192.0.2.${host + 1}` : `2001:db8::${host + 1}`;
  const peer = family === 4 ? `192.0.2.${2 - host}` : `2001:db8::${2 - host}`;
  return `vrrp_instance V1 {
  interface eth0
  version ${version}
  virtual_router_id 51
  priority ${priority}
  advert_int ${advertInt}
  garp_master_delay 1
  ${unicast ? `unicast_src_ip ${own}\n  unicast_peer {\n    ${peer}\n  }` : ""}
  ${auth ? `authentication {\n    auth_type ${auth}\n    auth_pass secret12\n  }` : ""}
  ${extra}
  virtual_ipaddress {
    ${VIP[family]}
  }
}
`;
}

/** Seconds after which a backup of this priority takes over (RFC 9568 §6.1; v2: RFC 3768 §6.2). */
function masterDownS({ version, advertInt }: Flavour, priority: number): number {
  const skew = version === 2 ? (256 - priority) / 256 : ((256 - priority) * advertInt) / 256;
  return 3 * advertInt + skew;
}

/** Below this lateness a takeover counts as on time: two busy cores run this beside other rings. */
const LATE_S = 1.0;

function advertsFrom(capture: Capture, segment: Segment, host: number): VrrpFrame[] {
  const mac = /ether (\S+)/.exec(segment.host(host).ip("-o link show eth0").replace("link/ether", "ether"))?.[1];
  return vrrpFrames(capture.frames).filter((frame) => frame.sourceMac === mac);
}

function owns(segment: Segment, host: number, family: 4 | 6): boolean {
  return addressesOf(segment.host(host)).includes(WITH_PREFIX[family]);
}

const peers: readonly Kind[] = SUBJECT === "lbd" ? ["keepalived", "lbd"] : ["keepalived"];
const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)("beside a peer", () => {
  for (const peerKind of peers)
    for (const flavour of FLAVOURS)
      test.concurrent(
        `${SUBJECT} beside ${peerKind}, ${flavour.title}: yields, takes over, leaves [P01-P19 P23-P27 S01 S03 S07-S09 S15 S20]`,
        () => bothRoles(flavour, peerKind),
        LIMIT_MS,
      );
});

async function bothRoles(flavour: Flavour, peerKind: Kind): Promise<void> {
  const { family } = flavour;
  using segment = new Segment("subject", "peer");
  const capture = await segment.capture(FILTER);
  using subject = new Daemon(SUBJECT, segment.host(0), configuration(flavour, 0, 100)).start();
  await until("the subject is master while alone", () => owns(segment, 0, family), 20_000);
  checkFormat(
    flavour,
    await until("two advertisements on the wire", () => {
      const adverts = advertsFrom(capture, segment, 0);
      return adverts.length >= 2 && adverts;
    }),
  );
  checkAnnouncements(flavour, capture);
  if (family === 4 && !flavour.unicast) checkJoined(advertsFrom(capture, segment, 0), capture);

  using peer = new Daemon(peerKind, segment.host(1), configuration(flavour, 1, 150)).start();
  await until(
    "the subject yields to a higher priority",
    () => owns(segment, 1, family) && !owns(segment, 0, family),
    20_000,
  );
  const lastOfPeer = () => advertsFrom(capture, segment, 1).at(-1)?.at;
  await until("an advertisement of the peer", () => lastOfPeer() !== undefined);

  peer.kill();
  await until("the subject takes over from a dead peer", () => owns(segment, 0, family), 20_000);
  // The capture may lag behind the tables: what the subject sent before it yielded is not its takeover.
  const waited = await until("its advertisement", () => {
    const last = lastOfPeer() ?? 0;
    const takeover = advertsFrom(capture, segment, 0).find(({ at }) => at > last);
    return takeover && takeover.at - last;
  });
  expect(waited).toBeGreaterThan(masterDownS(flavour, 100) - 0.05);
  expect(waited).toBeLessThan(masterDownS(flavour, 100) + LATE_S);

  expect(await subject.stop()).toBe(0);
  expect(owns(segment, 0, family)).toBe(false);
  const adverts = await until("priority 0", () => {
    const all = advertsFrom(capture, segment, 0);
    return all.at(-1)?.priority === 0 && all;
  });
  expect(adverts.filter((advert) => advert.priority === 0).length).toBeLessThanOrEqual(2);
}

function checkFormat(flavour: Flavour, adverts: readonly VrrpFrame[]): void {
  const { version, family, unicast, auth, advertInt } = flavour;
  const group = family === 4 ? "224.0.0.18" : "ff02::12";
  const peer = family === 4 ? "192.0.2.2" : "2001:db8::2";
  for (const advert of adverts) {
    expect(advert).toMatchObject({
      version,
      type: 1,
      vrid: 51,
      priority: 100,
      count: 1,
      checksumGood: true,
      tos: 0xc0,
    });
    expect(advert.destination).toBe(unicast ? peer : group);
    if (!unicast) expect(advert.destinationMac).toBe(family === 4 ? "01:00:5e:00:00:12" : "33:33:00:00:00:12");
    if (!(unicast && SUBJECT === "keepalived")) expect(advert.ttl).toBe(255);
    expect(advert.fragment).toBe(0);
    if (family === 4) expect(advert.identification).not.toBe(0);
    if (family === 6 && !unicast) expect(advert.source).toStartWith("fe80:");
    else expect(advert.source).toBe(family === 4 ? "192.0.2.1" : "2001:db8::1");
    expect(advert.interval).toBe(version === 2 ? advertInt : advertInt * 100);
    if (version === 2) expect(advert.authType).toBe(auth === "PASS" ? 1 : auth === "AH" ? 2 : 0);
    if (version === 2) expect(advert.body.length).toBe(20);
    if (auth === "PASS") expect(Buffer.from(advert.body.subarray(12, 20)).toString()).toBe("secret12");
    if (auth === "AH") expect(advert.ah?.spi).toBe(advert.source);
  }
  const sequences = adverts.map((advert) => advert.ah?.sequence ?? 0);
  if (auth === "AH") expect(sequences).toEqual(sequences.map((_, i) => (sequences[0] ?? 0) + i));
}

/** P26: others' switches let advertisements through from the first on. */
function checkJoined([first]: readonly VrrpFrame[], capture: Capture): void {
  const own = groupReports(capture.frames).filter(({ sourceMac }) => sourceMac === first?.sourceMac);
  const joined = own.find(({ group }) => group === "224.0.0.18");
  expect(joined?.at ?? Number.POSITIVE_INFINITY).toBeLessThan(first?.at ?? 0);
}

function checkAnnouncements(flavour: Flavour, capture: Capture): void {
  if (flavour.family === 6) {
    const neighbours = unsolicitedNeighbours(capture.frames).filter((na) => na.target === VIP[6]);
    expect(neighbours.length).toBeGreaterThan(0);
    for (const na of neighbours) expect(na.flags & 0x60).toBe(0x20);
    return;
  }
  const arps = gratuitousArps(capture.frames).filter((arp) => arp.senderIp === VIP[4]);
  expect(arps.length).toBeGreaterThan(0);
  for (const arp of arps)
    expect(arp).toMatchObject({
      operation: 1,
      destinationMac: "ff:ff:ff:ff:ff:ff",
      senderMac: arp.sourceMac,
      targetMac: "ff:ff:ff:ff:ff:ff",
    });
}
