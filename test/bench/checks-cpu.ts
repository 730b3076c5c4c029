// CPU time for 1,000 TCP and HTTP checks, beside keepalived, with the same file, the same server, the same time; all processes of a
// director, so what it costs at rest is in it. In the guest with its IPVS, or at native speed with a stand-in for it (stand-in/).
// Usage: bun test/bench/checks-cpu.ts [--stand-in] [--rate CHECKS_PER_SECOND] [--warm-up CHECKS] [--checks N]
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { Namespace } from "../support/netns.ts";
import { until } from "../support/until.ts";
import { printOf, type Subject, type Targets } from "./figure.ts";
import { cpuMs } from "./meter.ts";
import { IpvsHost } from "./stand-in/stand-in.ts";
import { allSubjects, directorOf, eachSubject, ipvsArguments } from "./subjects.ts";

interface Kind {
  readonly title: string;
  readonly check: string;
  /** At native speed. */
  readonly ms: Targets;
}

const KINDS: readonly Kind[] = [
  { title: "TCP", check: "TCP_CHECK {\n      connect_timeout 3\n    }", ms: { target: 120 } },
  {
    title: "HTTP",
    check: "HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n      connect_timeout 3\n    }",
    ms: { target: 170 },
  },
];
const LIMIT_MS = 300_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "stand-in": { type: "boolean", default: false },
    rate: { type: "string", default: "800" },
    /** A director runs for months: what its code takes to get warm, ten seconds of an emulated machine, is not counted. */
    "warm-up": { type: "string", default: "8000" },
    checks: { type: "string", default: "4000" },
  },
});
const rate = Number(values.rate);
if (positionals[0] === "serve") serve();
else await compare();

/** Answers on every address of 127/8 and says how many came. */
function serve(): void {
  let count = 0;
  createServer((socket) => {
    count++;
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
    socket.on("error", () => socket.destroy());
  }).listen(80, "0.0.0.0", 1024, () => setInterval(() => console.log(count), 50));
}

async function compare(): Promise<void> {
  // The emulated machine has no room for two.
  const over = values["stand-in"] ? allSubjects : eachSubject;
  for (const { title, check, ms } of KINDS) {
    const results = await over((subject) => measure(subject, configuration(check)));
    const name = `CPU of 1,000 ${title} checks, ${rate} a second`;
    printOf(results, name, "ms", (perThousand) => perThousand, values["stand-in"] ? ms : {});
  }
  process.exit(0);
}

/** Each server is asked twice a second, where there are many, else once. */
function configuration(check: string): string {
  const period = rate >= 400 ? 0.5 : 1;
  const reals = Array.from(
    { length: rate * period },
    (_, i) => `  real_server 127.1.${i >> 8}.${i & 255} 80 {\n    ${check}\n  }\n`,
  );
  return `virtual_server 127.9.0.1 80 {\n  delay_loop ${period}\n  warmup ${period}\n  lb_algo rr\n  lb_kind DR\n  protocol TCP\n${reals.join("")}}\n`;
}

/** CPU milliseconds of all the director's processes for 1,000 checks. */
async function measure(subject: Subject, text: string): Promise<number> {
  using host = new Namespace("bench");
  const server = host.spawn(process.execPath, [import.meta.path, "serve"]);
  let served = 0;
  server.stdout?.on("data", (chunk: Buffer) => {
    served = Number(chunk.toString().trim().split("\n").at(-1));
  });
  using ipvs = new IpvsHost();
  const wrapper = values["stand-in"] ? ipvs.wrapper : [];
  using director = directorOf(subject, host, text, { wrapper });
  director.start(...(values["stand-in"] ? ipvsArguments(subject) : []), ...(subject === "keepalived" ? ["-C"] : []));
  await until(`${subject} checks`, () => served > Number(values["warm-up"]), LIMIT_MS);
  const [servedBefore, before] = [served, cpuMs(director.processes())];
  await until(`${values.checks} checks`, () => served - servedBefore >= Number(values.checks), LIMIT_MS);
  const perThousand = ((cpuMs(director.processes()) - before) / (served - servedBefore)) * 1000;
  console.log(`${subject}: ${perThousand.toFixed(0)} ms`);
  return perThousand;
}
