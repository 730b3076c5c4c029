// 255 instances with 8 addresses each on one interface, lbd and keepalived one after the other: how long from exec until each of the
// 2,040 addresses is announced; CPU for each instance in quiet; and how even the advertisements are on the wire while 2,000 checks a
// second run beside them and /metrics is scraped each second. Checkers start only where the kernel has ip_vs, so the checks are those
// of test/bench/checks.ts: the checker's own runner and probes in a process of their own.
// Usage: bun test/bench/scale.ts [--seconds N]
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gratuitousArps, vrrpFrames } from "../support/frames.ts";
import { addressesOf, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { EARNEST } from "./earnest.ts";
import { percentile, printOf, type Subject, type Targets } from "./figure.ts";
import { instancesText } from "./instances.ts";
import { cpuMs } from "./meter.ts";
import { directorOf, eachSubject } from "./subjects.ts";

const INSTANCES = 255;
const ADDRESSES = 8;
const ADVERT_MS = 1000;
const CHECKS_PER_SECOND = 2000;
const LIMIT_MS = 120_000;
const QUIET_MS = 20_000;

interface Scale {
  readonly allMasterS: number;
  /** Of a core, for one instance, in thousandths. */
  readonly cpuMilli: number;
  readonly jitterMs: { readonly p50: number; readonly p999: number; readonly max: number };
}

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
const results = await eachSubject(measure);
console.log(JSON.stringify(results));
const scale = `${INSTANCES} × ${ADDRESSES}`;
const figure = (name: string, unit: string, pick: (one: Scale) => number, targets?: Targets) =>
  printOf(results, `${scale}: ${name}`, unit, pick, targets);
figure("exec to all-master", "s", (one) => one.allMasterS, { ratioTarget: 1 });
figure("CPU per instance", "‰ of a core", (one) => one.cpuMilli);
figure("advert jitter p50", "ms", (one) => one.jitterMs.p50);
figure("advert jitter max", "ms", (one) => one.jitterMs.max);
figure("advert jitter p99.9", "ms", (one) => one.jitterMs.p999, { target: 10 });

async function measure(subject: Subject): Promise<Scale> {
  using segment = new Segment("director");
  const capture = await segment.capture("proto 112 or arp");
  const startedAt = Date.now() / 1000;
  using director = directorOf(subject, segment.host(0), configuration()).start();
  const announced = new Map<string, number>();
  let seen = 0;
  await until(
    `${subject}: all addresses are announced`,
    () => {
      const frames = capture.frames.slice(seen);
      seen += frames.length;
      for (const { senderIp, at } of gratuitousArps(frames)) if (!announced.has(senderIp)) announced.set(senderIp, at);
      return announced.size === INSTANCES * ADDRESSES;
    },
    LIMIT_MS,
  );
  const allMasterS = Math.max(...announced.values()) - startedAt;
  const own = addressesOf(segment.host(0)).filter((address) => address.startsWith("10."));
  if (own.length !== INSTANCES * ADDRESSES) throw new Error(`${subject}: ${own.length} addresses are there`);

  // The second burst of announcements comes five seconds after the first.
  await Bun.sleep(10_000);
  const cpuBefore = cpuMs(director.processes());
  await Bun.sleep(QUIET_MS);
  const cpuMilli = ((cpuMs(director.processes()) - cpuBefore) / QUIET_MS / INSTANCES) * 1000;

  using _load = await startChecks();
  const scrapes =
    subject !== "keepalived" ? setInterval(() => void scrape(join(director.dir, "run/api.sock")), 1000) : undefined;
  const from = capture.frames.length;
  await Bun.sleep(seconds * 1000);
  const jitter = jitterOf(capture.frames.slice(from));
  clearInterval(scrapes);
  const at = (share: number) => percentile(jitter, share);
  return { allMasterS, cpuMilli, jitterMs: { p50: at(0.5), p999: at(0.999), max: at(1) } };
}

/** How far each advertisement is from one interval after the one before, over all instances. */
function jitterOf(frames: Parameters<typeof vrrpFrames>[0]): number[] {
  const last = new Map<number, number>();
  return vrrpFrames(frames).flatMap(({ vrid, at }) => {
    const before = last.get(vrid);
    last.set(vrid, at);
    return before === undefined ? [] : [Math.abs((at - before) * 1000 - ADVERT_MS)];
  });
}

async function scrape(socket: string): Promise<void> {
  const answer = await fetch("http://lbd/metrics", { unix: socket });
  if (!(await answer.text()).includes("lbd_")) throw new Error(`no metrics: status ${answer.status}`);
}

/** They go on until they are disposed of; what they found is not of interest here. */
async function startChecks(): Promise<Disposable> {
  const script = join(import.meta.dir, "checks.ts");
  const args = ["--kind", "tcp", "--rate", String(CHECKS_PER_SECOND), "--seconds", "3600"];
  // A group of its own: with it ends the server that the checks ask, which would hold our output open for ever.
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "ignore", "inherit"], detached: true });
  const end = () => void (child.pid !== undefined && child.exitCode === null && process.kill(-child.pid, "SIGKILL"));
  process.once("exit", end);
  // Its own settling time: code gets compiled, first checks spread.
  await Bun.sleep(6000);
  if (child.exitCode !== null) throw new Error(`the checks ended with status ${child.exitCode}`);
  return {
    [Symbol.dispose]() {
      end();
      process.off("exit", end);
    },
  };
}

function configuration(): string {
  return EARNEST + instancesText({ count: INSTANCES, advertInt: ADVERT_MS / 1000, addresses: ADDRESSES });
}
