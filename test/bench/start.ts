// How long programs take from exec: `--version`, `check` of a small file, and a director until its first advertisement is on the wire.
// `true` shows what starting any program takes here, which is in all of them.
// Usage, in a network namespace of its own: unshare -n bun test/bench/start.ts [--rounds N]
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { plainEnvironment } from "../support/plain-environment.ts";
import { until } from "../support/until.ts";
import { median, printOf, type Subject, type Targets } from "./figure.ts";
import { inTurns, programOf } from "./subjects.ts";

const SMALL = resolve("conf/keepalived.conf");
const VRID = 51;
/** Of the highest priority, so it advertises at once. */
const HIGHEST = `vrrp_instance V1 {
  interface eth0
  version 3
  virtual_router_id ${VRID}
  priority 255
  advert_int 1
  virtual_ipaddress {
    192.0.2.100
  }
}
`;

const { values } = parseArgs({ options: { rounds: { type: "string", default: "21" } } });
const rounds = Number(values.rounds);
const dir = mkdtempSync(join(tmpdir(), "lbd-bench-"));
const conf = join(dir, "highest.conf");
writeFileSync(conf, HIGHEST);
for (const words of ["link set lo up", "link add eth0 type veth peer name far", "link set far up", "link set eth0 up"])
  must("ip", words.split(" "));
must("ip", ["addr", "add", "192.0.2.1/24", "dev", "eth0"]);

console.log(`true: ${median(Array.from({ length: rounds }, () => run("true", []))).toFixed(2)} ms`);
await compare("--version", { target: 6 }, (subject) => run(programOf(subject), ["--version"]));
await compare("check of a small file", { target: 12 }, (subject) =>
  run(programOf(subject), subject === "keepalived" ? ["-t", "-f", SMALL] : ["check", SMALL]),
);
const adverts = watchAdverts();
await until("tcpdump listens", () => adverts.listening);
await compare("exec to first advert", { target: 22 }, firstAdvert);
adverts.end();
rmSync(dir, { recursive: true });
process.exit(0);

/** Medians of all subjects, who have their turns in every round. */
async function compare(
  name: string,
  targets: Targets,
  measure: (subject: Subject) => number | Promise<number>,
): Promise<void> {
  const taken = await inTurns(rounds, measure);
  printOf(taken, `start: ${name}`, "ms", median, targets);
  printOf(taken, `start: ${name}, the least`, "ms", (list) => Math.min(...list));
}

/** Milliseconds until it has ended. */
function run(program: string, args: readonly string[]): number {
  const startedAt = performance.now();
  const done = spawnSync(program, args, { encoding: "utf8", env: plainEnvironment() });
  const tookMs = performance.now() - startedAt;
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: status ${done.status}\n${done.stderr}`);
  return tookMs;
}

function must(program: string, args: readonly string[]): void {
  run(program, args);
}

async function firstAdvert(subject: Subject): Promise<number> {
  const from = adverts.times.length;
  const at = performance.timeOrigin + performance.now();
  const director = spawn(programOf(subject), argumentsOf(subject), { stdio: "ignore", env: plainEnvironment() });
  const ended = new Promise((done) => director.once("exit", done));
  const first = await until(`${subject}: an advertisement`, () => adverts.times.slice(from).find((time) => time > at));
  director.kill("SIGTERM");
  await ended;
  return first - at;
}

function argumentsOf(subject: Subject): string[] {
  const own = join(dir, subject);
  return subject === "keepalived"
    ? ["-n", "-l", "-f", conf, "-p", `${own}.pid`, "-r", `${own}-r.pid`, "-c", `${own}-c.pid`]
    : ["--config", conf, "--run-dir", own, "--api", "off"];
}

/** When advertisements of a priority above 0 left, in milliseconds since 1970. */
function watchAdverts() {
  const child = spawn("tcpdump", ["-ni", "eth0", "-tt", "-l", "--immediate-mode", "proto 112 and ip[22] != 0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const watch = { times: [] as number[], listening: false, end: () => child.kill("SIGTERM") };
  child.stderr.on("data", (text: Buffer) => {
    if (text.toString().includes("listening on")) watch.listening = true;
  });
  child.stdout.on("data", (text: Buffer) => {
    for (const [, seconds] of text.toString().matchAll(/^(\d+\.\d+) IP /gm)) watch.times.push(Number(seconds) * 1000);
  });
  return watch;
}
