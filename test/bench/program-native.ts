// Programming IPVS at native speed on a kernel without it: the socket options are answered by a stand-in (stand-in/), which costs both
// directors some 50 µs a call. From exec to the first command and to the full table, CPU until then; and from SIGHUP to one changed weight.
// Usage: bun test/bench/program-native.ts [--rounds N]
import { parseArgs } from "node:util";
import { IP_VS_SO_SET_ADD, IP_VS_SO_SET_ADDDEST, IP_VS_SO_SET_EDITDEST } from "../../src/lvs/codec-sockopt.ts";
import { until } from "../support/until.ts";
import { bigConfig } from "./big-config.ts";
import { median, printOf, type Subject } from "./figure.ts";
import { segmentFor } from "./instances.ts";
import { cpuMs } from "./meter.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { checkersArguments, directorOf, eachSubject } from "./subjects.ts";

const SIZES = [
  { virtualServers: 100, realServers: 10 },
  { virtualServers: 1000, realServers: 10 },
] as const;
const LIMIT_MS = 60_000;
/** One after the other. */
const CHANGED_WEIGHTS = [7, 8, 9];
/** What a start leaves to do is done. */
const SETTLE_MS = 1000;

interface Programmed {
  readonly firstMs: number;
  readonly fullMs: number;
  readonly cpuMs: number;
  readonly changeMs: number;
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
for (const size of SIZES) {
  const results = await eachSubject(async (subject) => {
    const rounds: Programmed[] = [];
    while (rounds.length < Number(values.rounds)) rounds.push(await measure(subject, size));
    return rounds;
  });
  const name = `programming ${size.virtualServers} × ${size.realServers}`;
  const of = (title: string, pick: (round: Programmed) => number) =>
    printOf(results, `${name}: ${title}`, "ms", (rounds) => median(rounds.map(pick)));
  of("exec to first command", ({ firstMs }) => firstMs);
  of("exec to full table", ({ fullMs }) => fullMs);
  of("CPU of it", (round) => round.cpuMs);
  of("SIGHUP to one changed weight", ({ changeMs }) => changeMs);
}
process.exit(0);

async function measure(subject: Subject, size: (typeof SIZES)[number]): Promise<Programmed> {
  using segment = segmentFor(1);
  using ipvs = new IpvsHost();
  using director = directorOf(subject, segment.host(0), bigConfig(size), { wrapper: ipvs.wrapper });
  director.start(...checkersArguments(subject));
  const isEntry = ({ option, errno }: { option: number; errno: number }) =>
    errno === 0 && (option === IP_VS_SO_SET_ADD || option === IP_VS_SO_SET_ADDDEST);
  const entries = size.virtualServers * (1 + size.realServers);
  await until(`${subject}: the full table`, () => ipvs.entries() === entries, LIMIT_MS);
  const used = cpuMs(director.processes());
  const [first, last] = [ipvs.rules[0]?.at ?? Number.NaN, ipvs.rules.findLast(isEntry)?.at ?? Number.NaN];

  const changes: number[] = [];
  for (const weight of CHANGED_WEIGHTS) {
    await Bun.sleep(SETTLE_MS);
    const reloadedAt = performance.timeOrigin + performance.now();
    director.reload(bigConfig({ ...size, firstWeight: weight }));
    const changed = await until(
      `${subject}: weight ${weight}`,
      () => ipvs.rules.find((rule) => rule.option === IP_VS_SO_SET_EDITDEST && rule.weight === weight),
      LIMIT_MS,
    );
    changes.push(changed.at - reloadedAt);
  }
  const [firstMs, fullMs, changeMs] = [first - ipvs.execAt, last - ipvs.execAt, median(changes)];
  console.log(`${subject}: ${JSON.stringify({ firstMs, fullMs, used, changeMs, reads: ipvs.reads })}`);
  return { firstMs, fullMs, cpuMs: used, changeMs };
}
