// A backup that takes over 1,000 addresses of one instance: from Master_Down_Interval (RFC 9568 §6.1) behind the dead master's last
// advertisement to the first announcement of the last address. The master dies by losing the segment, as in failover.ts.
// Usage: bun test/bench/takeover.ts [--rounds N]
import { parseArgs } from "node:util";
import { gratuitousArps } from "../support/frames.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { median, printOf, type Subject } from "./figure.ts";
import { BACKUP_PRIORITY, lastOfMaster, MASTER_PRIORITY, masterAdvertisesAlone, masterDownMs } from "./pair.ts";
import { directorOf, eachSubject } from "./subjects.ts";

const ADDRESSES = 1000;
const ADVERT_INT = 0.1;
const LIMIT_MS = 60_000;
/** So many advertisements of the master and of nobody else: 3 s, in which the backup has put everything down. */
const ALONE = 30;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const results = await eachSubject(measure);
printOf(results, "takeover of 1,000 addresses, the last one", "ms", (late) => median(late), { target: 22 });
process.exit(0);

async function measure(subject: Subject): Promise<number[]> {
  using segment = new Segment("master", "backup");
  const capture = await segment.capture("proto 112 or arp");
  using _master = directorOf(subject, segment.host(0), configuration(MASTER_PRIORITY)).start();
  using _backup = directorOf(subject, segment.host(1), configuration(BACKUP_PRIORITY)).start();
  const backupMac = /ether (\S+)/.exec(segment.host(1).ip("link show eth0"))?.[1];
  const late: number[] = [];
  while (late.length < Number(values.rounds)) {
    const from = capture.frames.length;
    const fresh = () => capture.frames.slice(from);
    await until(`${subject} master advertises alone`, () => masterAdvertisesAlone(fresh(), ALONE), LIMIT_MS);
    // It may have been master itself, when it had just started.
    const cutAt = capture.frames.length;
    segment.blackhole(0, "cut");
    const firsts = await until(
      `${subject} backup announces all`,
      () => {
        const seen = new Map<string, number>();
        for (const { sourceMac, senderIp, at } of gratuitousArps(capture.frames.slice(cutAt)))
          if (sourceMac === backupMac && !seen.has(senderIp)) seen.set(senderIp, at);
        return seen.size === ADDRESSES && seen;
      },
      LIMIT_MS,
    );
    late.push((Math.max(...firsts.values()) - lastOfMaster(fresh())) * 1000 - masterDownMs(3, ADVERT_INT));
    segment.blackhole(0, "healed");
  }
  console.log(`${subject}: ${late.map((ms) => ms.toFixed(1)).join(" ")} ms`);
  return late;
}

/** What doesn't fit into an advertisement is in the block of excluded ones. */
function configuration(priority: number): string {
  const [own, ...excluded] = Array.from({ length: ADDRESSES }, (_, i) => `    10.30.${i >> 8}.${i & 255}`);
  return `${EARNEST}vrrp_instance V1 {
  interface eth0
  version 3
  virtual_router_id 51
  priority ${priority}
  advert_int ${ADVERT_INT}
  virtual_ipaddress {
${own}
  }
  virtual_ipaddress_excluded {
${excluded.join("\n")}
  }
}
`;
}
