// Ring netns: instances made by chance (test/interop/random.ts), as lbd and as Debian's keepalived in a namespace each: the last
// advertisement of every instance is the same to the byte, and every address is announced as often.
import { describe, expect, test } from "bun:test";
import { toHex } from "../../src/base/bytes.ts";
import { sampleOf, VRRP_CONFIGS } from "../interop/random.ts";
import { Daemon, type Kind } from "../support/daemon.ts";
import { gratuitousArps, unsolicitedNeighbours, vrrpFrames } from "../support/frames.ts";
import { netnsReason } from "../support/netns.ts";
import { type Frame, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 120_000;
const CONFIGS = 2;
const INSTANCES = 12;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

/** On one link that is up, and with a master soon. */
function hurried(text: string): string {
  return text
    .replace(/advert_int (?:10|40|3\.333|2)$/gm, "advert_int 1")
    .replaceAll("interface eth1", "interface eth0")
    .replaceAll(" scope link", "")
    .replace(/^preempt_delay.*$/gm, "");
}

/** Everything but what counts up: the identification of the IP header, the sequence number of AH and the digest over it. */
function advertisements(frames: readonly Frame[]): string[] {
  const last = new Map<number, string>();
  for (const frame of vrrpFrames(frames)) {
    const { at: _at, identification: _identification, ah, body, ...rest } = frame;
    last.set(frame.vrid, JSON.stringify({ ...rest, ah: ah?.spi, body: toHex(body) }));
  }
  return [...last.values()].sort();
}

function announcements(frames: readonly Frame[]): string[] {
  const counts = new Map<string, number>();
  const all = [
    ...gratuitousArps(frames).map(({ at: _at, ...frame }) => JSON.stringify(frame)),
    ...unsolicitedNeighbours(frames).map(({ at: _at, ...frame }) => JSON.stringify(frame)),
  ];
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([one, count]) => `${count} × ${one}`).sort();
}

/** A segment with one host of fixed addresses, what is sent there, and the unicast peers as if they were there. */
async function observed(kind: Kind, text: string) {
  const segment = new Segment("a");
  const host = segment.host(0);
  host.batch("link set eth0 address 02:00:00:00:00:01", "link set eth0 down", "link set eth0 up");
  host.batch(
    "addr add 2001:db8::1/64 dev eth0 nodad",
    ...["192.0.2.98", "192.0.2.99", "fe80::99"].map((ip) => `neigh add ${ip} lladdr 02:00:00:00:00:99 dev eth0`),
  );
  const capture = await segment.capture("vrrp or ah or arp or icmp6 or ip6 proto 112");
  const daemon = new Daemon(kind, host, text).start();
  return {
    frames: capture.frames,
    [Symbol.dispose]() {
      daemon[Symbol.dispose]();
      segment[Symbol.dispose]();
    },
  };
}

describe.skipIf(reason !== undefined)("on the wire as keepalived", () => {
  test.each(sampleOf(VRRP_CONFIGS, CONFIGS).map((text, i) => [i, text] as const))(
    "instances made by chance, number %d",
    async (_i, made) => {
      const text = hurried(made);
      using theirs = await observed("keepalived", text);
      using ours = await observed("lbd", text);
      // Both announce twice, the second time after up to eight seconds, and some again and again.
      const seen = ({ frames }: typeof ours) => ({ adverts: advertisements(frames), told: announcements(frames) });
      const all = (side: typeof ours) => seen(side).adverts.length === INSTANCES && seen(side).told.length >= INSTANCES;
      await until("all are master", () => all(theirs) && all(ours), LIMIT_MS / 3);
      const same = () => JSON.stringify(seen(ours)) === JSON.stringify(seen(theirs));
      await until("both have sent the same", same, LIMIT_MS / 3).catch(() => {});
      expect({ text, ...seen(ours) }).toEqual({ text, ...seen(theirs) });
    },
    LIMIT_MS,
  );
});
