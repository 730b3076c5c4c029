// How long a real server that refuses stays in the table: from its RST, as captured, to the command that takes it out, as the stand-in
// for IPVS (stand-in/) hears it. Many servers, all of which go at once, so each round of checks is a round of samples.
// Usage: bun test/bench/refusal.ts [--rounds N]
import { parseArgs } from "node:util";
import { IP_VS_SO_SET_ADDDEST, IP_VS_SO_SET_DELDEST } from "../../src/lvs/codec-sockopt.ts";
import { Namespace } from "../support/netns.ts";
import { captureOn } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { percentile, printOf, type Subject } from "./figure.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { checkersArguments, directorOf, eachSubject } from "./subjects.ts";

/** Few in a second: what is measured is one of them, not how long a queue gets. */
const SERVERS = 40;
const PORT = 80;
const SERVER = `require("node:net").createServer((socket) => socket.on("error", () => {}).end()).listen(${PORT}, "0.0.0.0", 1024)`;
const LIMIT_MS = 60_000;
/** Its code is warm: it has looked at every server several times. */
const SETTLE_MS = 5000;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const results = await eachSubject(measure);
printOf(results, "refusal to rule removed, p50", "ms", (late) => percentile(late, 0.5), { target: 0.4 });
printOf(results, "refusal to rule removed, p99", "ms", (late) => percentile(late, 0.99));
process.exit(0);

async function measure(subject: Subject): Promise<number[]> {
  using host = new Namespace("bench");
  using capture = await captureOn(host, "lo", `tcp[tcpflags] & tcp-rst != 0 and src port ${PORT}`);
  using ipvs = new IpvsHost();
  using director = directorOf(subject, host, configuration(), { wrapper: ipvs.wrapper });
  const late: number[] = [];
  const count = (option: number, from: number) =>
    new Set(ipvs.rules.slice(from).flatMap((rule) => (rule.option === option ? [rule.destination] : []))).size;
  for (let round = 0; round < Number(values.rounds); round++) {
    const added = ipvs.rules.length;
    const server = host.spawn(process.execPath, ["-e", SERVER]);
    await until("the server listens", () => / 00000000:0050 \S+ 0A /.test(host.run("cat", "/proc/net/tcp").stdout));
    if (round === 0) director.start(...checkersArguments(subject));
    await until(`${subject}: all servers are in`, () => count(IP_VS_SO_SET_ADDDEST, added) === SERVERS, LIMIT_MS);
    await Bun.sleep(SETTLE_MS);
    const [frames, removed] = [capture.frames.length, ipvs.rules.length];
    server.kill("SIGKILL");
    await until(`${subject}: all servers are out`, () => count(IP_VS_SO_SET_DELDEST, removed) === SERVERS, LIMIT_MS);
    const refusals = capture.frames.slice(frames).map(({ at, bytes }) => ({
      at: at * 1000,
      destination: `${bytes.subarray(26, 30).join(".")}:${PORT}`,
    }));
    for (const { at, option, destination } of ipvs.rules.slice(removed)) {
      if (option !== IP_VS_SO_SET_DELDEST) continue;
      // The last one before it: what was being asked while the server went is reset as well.
      const refusal = refusals.findLast((one) => one.destination === destination && one.at < at);
      late.push(at - (refusal?.at ?? Number.NaN));
    }
  }
  console.log(`${subject}: ${late.length} samples, the least ${Math.min(...late).toFixed(3)} ms`);
  return late;
}

function configuration(): string {
  const reals = Array.from(
    { length: SERVERS },
    (_, i) =>
      `  real_server 127.1.0.${i + 1} ${PORT} {\n    TCP_CHECK {\n      connect_timeout 3\n      retry 0\n    }\n  }\n`,
  );
  return `virtual_server 10.9.0.1 80 {\n  delay_loop 2\n  warmup 2\n  alpha\n  lb_algo rr\n  lb_kind DR\n  protocol TCP\n${reals.join("")}}\n`;
}
