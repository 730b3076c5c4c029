// How many checks one core carries and how punctual they start: real runner, clock, readiness and probes against a local server.
// Usage: bun test/bench/checks.ts [--kind tcp|http] [--rate 10000] [--seconds 10] [--json]
import { parseArgs } from "node:util";
import { initialHealth } from "../../src/check/health.ts";
import { createCheckRunner } from "../../src/check/runner.ts";
import type { Check } from "../../src/config/model.ts";
import { openPing, openTcp, openUdp } from "../../src/kernel/check-socket.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openReadiness } from "../../src/kernel/readiness.ts";
import { createProbes } from "../../src/probe/probes.ts";
import { endpoint, httpCheck, httpUrl, tcpCheck, timing } from "../support/model.ts";

/** Checks per second of one check: a period of one second, less what a run takes. */
const PERIOD_MS = 1000;
/** Code gets compiled and first checks spread before the count begins. */
const SETTLE_MS = 4000;
/** Targets spread over so many addresses, so that ports in TIME_WAIT never run out. */
const ADDRESSES = 2000;

export interface CheckBench {
  readonly kind: string;
  readonly askedPerSecond: number;
  readonly checksPerSecond: number;
  readonly failed: number;
  readonly lateMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Of this process, without the server's. */
  readonly cpuSecondsPer1000: number;
  readonly cpuPercent: number;
  readonly rssMb: number;
}

const { values } = parseArgs({
  options: {
    kind: { type: "string", default: "http" },
    rate: { type: "string", default: "10000" },
    seconds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});
const result = await run(values.kind === "tcp" ? "tcp" : "http", Number(values.rate), Number(values.seconds));
if (values.json) console.log(JSON.stringify(result));
else console.log(describe(result));
process.exit(0);

async function run(kind: "tcp" | "http", rate: number, seconds: number): Promise<CheckBench> {
  const server = Bun.spawn([process.execPath, new URL("./check-server.ts", import.meta.url).pathname], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const port = await firstNumber(server.stdout);
  const clock = systemClock();
  const probes = createProbes({
    clock,
    readiness: openReadiness(),
    openTcp,
    openUdp,
    openPing,
    random: Math.random,
    runProgram: () => Promise.resolve({ kind: "cannot-start", reason: "not in this bench" }),
  });
  let counting = false;
  let count = 0;
  let failed = 0;
  const late = new Float64Array(rate * (seconds + 2));
  const runner = createCheckRunner({
    clock,
    probes,
    random: Math.random,
    ran(_id, _before, _state, verdict) {
      if (counting && !verdict.ok) failed++;
    },
    started(lateMs) {
      if (counting && count < late.length) late[count++] = lateMs;
    },
  });
  for (let i = 0; i < rate; i++) runner.add(`check ${i}`, check(kind, i, port), initialHealth(true));

  await new Promise<void>((resolve) => clock.at(clock.now() + SETTLE_MS, resolve));
  counting = true;
  const startedAt = clock.now();
  const cpuBefore = process.cpuUsage();
  await new Promise<void>((resolve) => clock.at(startedAt + seconds * 1000, resolve));
  counting = false;
  const cpu = process.cpuUsage(cpuBefore);
  const tookS = (clock.now() - startedAt) / 1000;
  runner.stop();
  server.kill();

  const cpuS = (cpu.user + cpu.system) / 1e6;
  const sorted = late.subarray(0, count).toSorted();
  const at = (share: number) => round(sorted[Math.min(count - 1, Math.floor(share * count))] ?? 0);
  return {
    kind,
    askedPerSecond: rate,
    checksPerSecond: Math.round(count / tookS),
    failed,
    lateMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    cpuSecondsPer1000: round((cpuS / count) * 1000),
    cpuPercent: Math.round((cpuS / tookS) * 100),
    rssMb: Math.round(process.memoryUsage().rss / 1e6),
  };
}

function check(kind: "tcp" | "http", i: number, port: number): Check {
  const n = (i % ADDRESSES) + 256;
  const ip = `127.0.${n >> 8}.${n & 255}`;
  // One second from start to start, near enough: a run on loopback takes about a millisecond.
  const times = timing({ delayLoopMs: PERIOD_MS - 1, warmupMs: PERIOD_MS, delayBeforeRetryMs: PERIOD_MS });
  const target = endpoint(ip, port, { connectTimeoutMs: 5000 });
  if (kind === "tcp") return tcpCheck(ip, { timing: times, endpoint: target });
  return httpCheck(ip, { timing: times, endpoint: target, urls: [httpUrl({ host: ip })] });
}

async function firstNumber(stream: ReadableStream<Uint8Array>): Promise<number> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) break;
  }
  return Number.parseInt(text, 10);
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

function describe(b: CheckBench): string {
  return [
    `${b.kind} checks: ${b.checksPerSecond}/s of ${b.askedPerSecond}/s asked, ${b.failed} failed`,
    `start lateness ms: p50 ${b.lateMs.p50}, p99 ${b.lateMs.p99}, max ${b.lateMs.max}`,
    `CPU: ${b.cpuSecondsPer1000} s per 1,000 checks, ${b.cpuPercent} % of a core; RSS ${b.rssMb} MB`,
  ].join("\n");
}
