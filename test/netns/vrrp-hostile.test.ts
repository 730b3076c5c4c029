// Ring netns: nothing from outside may silence a master (X01–X25). A hostile host on the segment sends junk with the master's
// VRID; advertisements keep their interval, memory stays, the log stays small, and a valid stronger master is still obeyed.
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type Kind } from "../support/daemon.ts";
import { vrrpFrames } from "../support/frames.ts";
import { type Namespace, netnsReason } from "../support/netns.ts";
import { saying } from "../support/saying.ts";
import { addressesOf, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 120_000;
/** Two intervals: an advertisement may be late on a busy machine, but none is left out. */
const SKIPPED_S = 2;
const SUBJECT: Kind = process.env.LBD_SUBJECT === "keepalived" ? "keepalived" : "lbd";
const VIP = "192.0.2.100/32";

function config(priority: number, extra = ""): string {
  return `vrrp_instance V1 {
  interface eth0
  version 2
  virtual_router_id 51
  priority ${priority}
  advert_int 1
  ${extra}
  virtual_ipaddress {
    192.0.2.100
  }
}
`;
}

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

/** One advertisement that is wrong in a known way, as bytes behind the IP header. */
function advert(change: {
  priority?: number;
  version?: number;
  type?: number;
  vrid?: number;
  interval?: number;
  auth?: number;
  spoilChecksum?: boolean;
  cut?: number;
}): Uint8Array {
  const body = new Uint8Array(20);
  body[0] = ((change.version ?? 2) << 4) | (change.type ?? 1);
  body[1] = change.vrid ?? 51;
  body[2] = change.priority ?? 200;
  body[3] = 1;
  body[4] = change.auth ?? 0;
  body[5] = change.interval ?? 1;
  body.set([192, 0, 2, 100], 8);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((body[i] ?? 0) << 8) | (body[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = (~sum & 0xffff) ^ (change.spoilChecksum ? 0x0101 : 0);
  body[6] = checksum >> 8;
  body[7] = checksum & 255;
  return body.subarray(0, change.cut ?? 20);
}

/** Starts the hostile host: it stops by itself. */
function sendJunk(
  host: Namespace,
  ttl: number,
  packetsPerSecond: number,
  seconds: number,
  bodies: readonly Uint8Array[],
) {
  const script = join(import.meta.dir, "../support/junk-sender.ts");
  const hex = bodies.map((body) => Buffer.from(body).toString("hex"));
  return host.spawn(process.execPath, [
    script,
    "192.0.2.2",
    String(ttl),
    String(packetsPerSecond),
    String(seconds),
    ...hex,
  ]);
}

const JUNK: readonly (readonly [string, number, Parameters<typeof advert>[0]])[] = [
  ["X01 TTL below 255", 64, {}],
  ["X02 another version", 255, { version: 3 }],
  ["X03 a wrong checksum", 255, { spoilChecksum: true }],
  ["X04 too short", 255, { cut: 12 }],
  ["X06 another type", 255, { type: 2 }],
  ["X07 another interval", 255, { interval: 7 }],
  ["X08 another authentication", 255, { auth: 1 }],
  ["X05 another VRID", 255, { vrid: 99 }],
];

describe.skipIf(reason !== undefined)("a hostile host", () => {
  for (const [title, ttl, change] of JUNK)
    test.concurrent(
      `X22 ${title}: the master goes on advertising`,
      async () => {
        using segment = new Segment("victim", "hostile");
        const capture = await segment.capture("proto 112 and src host 192.0.2.1");
        using a = new Daemon(SUBJECT, segment.host(0), config(100)).start();
        await until("master", () => addressesOf(segment.host(0)).includes(VIP), 20_000);
        const seen = vrrpFrames(capture.frames).length;
        // All but the first, which is a valid advertisement with a TTL of 255.
        const sender = sendJunk(segment.host(1), ttl, 20, 8, [advert(change)]);
        await until("the sender ends", () => sender.exitCode !== null, 30_000);
        const during = vrrpFrames(capture.frames).slice(seen);
        expect(during.length).toBeGreaterThanOrEqual(7);
        expect(during.every((frame) => frame.priority === 100)).toBe(true);
        await saying(a, () => expect(longestGap(during)).toBeLessThan(SKIPPED_S), loadFacts);
        expect(addressesOf(segment.host(0))).toContain(VIP);
      },
      LIMIT_MS,
    );

  test(
    "X23 X24 X25 a flood: interval, memory and log stay, and a valid stronger master is obeyed at once",
    async () => {
      using segment = new Segment("victim", "hostile", "strong");
      const capture = await segment.capture("proto 112 and (src host 192.0.2.1 or src host 192.0.2.3)");
      using a = new Daemon(SUBJECT, segment.host(0), config(100)).start();
      await until("master", () => addressesOf(segment.host(0)).includes(VIP), 20_000);
      const seen = vrrpFrames(capture.frames).length;
      const logBefore = a.output.length;
      const memoryBefore = residentKb(a);
      const sender = sendJunk(
        segment.host(1),
        255,
        50_000,
        8,
        JUNK.slice(1).map(([, , change]) => advert(change)),
      );
      let sent = "";
      sender.stdout?.on("data", (chunk: Buffer) => {
        sent += chunk.toString();
      });
      await until("the flood ends", () => sender.exitCode !== null, 40_000);
      expect(Number(sent)).toBeGreaterThan(200_000);
      const during = vrrpFrames(capture.frames).slice(seen);
      await saying(
        a,
        () => {
          expect(during.length).toBeGreaterThanOrEqual(7);
          expect(longestGap(during)).toBeLessThan(SKIPPED_S);
        },
        loadFacts,
      );
      expect(a.output.length - logBefore).toBeLessThan(20_000);
      expect(residentKb(a) - memoryBefore).toBeLessThan(60_000);
      using _strong = new Daemon(SUBJECT, segment.host(2), config(200)).start();
      await until("the victim gives way", () => !addressesOf(segment.host(0)).includes(VIP), 20_000);
    },
    LIMIT_MS,
  );
});

/** Between two advertisements in a row, as the bridge saw them, in seconds. */
function longestGap(frames: readonly { readonly at: number }[]): number {
  return Math.max(...frames.slice(1).map((frame, i) => frame.at - (frames[i]?.at ?? 0)));
}

/** How busy the machine is: whether the product or the machine was late. */
function loadFacts(): string {
  const pressure = existsSync("/proc/pressure/cpu") ? readFileSync("/proc/pressure/cpu", "utf8") : "";
  return `load ${readFileSync("/proc/loadavg", "utf8")}${pressure}`;
}

function residentKb(daemon: Daemon): number {
  const sizes = daemon
    .processes()
    .map((pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0);
}
