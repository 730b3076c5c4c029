// How many checks one core carries and how punctual they start.
// In this process: real runner, clock, readiness and probes against a local server, which shows each start. Then the compiled program
// with the same checks from a file, which shows what all of it costs, status and all.
// Usage, in a network namespace of its own: LBD_BINARY=dist/lbd bun test/bench/checks.ts [--kind tcp|http] [--rate 10000] [--seconds 10]
import { existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { initialHealth } from "../../src/check/health.ts";
import { createCheckRunner } from "../../src/check/runner.ts";
import type { Check } from "../../src/config/model/check.ts";
import { openPing, openTcp, openUdp } from "../../src/kernel/check-socket.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openReadiness } from "../../src/kernel/readiness.ts";
import { readWhole } from "../../src/kernel/regular-file.ts";
import { systemTls } from "../../src/kernel/system-tls.ts";
import { createProbes } from "../../src/probe/probes.ts";
import { lbdLab } from "../support/lbd.ts";
import { endpoint, httpCheck, httpUrl, tcpCheck, timing } from "../support/model.ts";
import { until } from "../support/until.ts";
import { printFigure } from "./figure.ts";

type Kind = "tcp" | "http";

/** Checks per second of one check: a period of one second, less what a run takes. */
const PERIOD_MS = 1000;
/** Code gets compiled and first checks spread before the count begins. */
const SETTLE_MS = 4000;
/** Targets spread over so many addresses, so that ports in TIME_WAIT never run out. */
const ADDRESSES = 2000;
/** A director with more real servers than the kernel wants in one service is rare; the file has this many services. */
const SERVICES = 10;
const TARGET_LATE_MS = 5;
const TARGET_MISSED_PERCENT = 1;

const { values } = parseArgs({
  options: {
    kind: { type: "string" },
    rate: { type: "string", default: "10000" },
    seconds: { type: "string", default: "10" },
  },
});
const rate = Number(values.rate);
const seconds = Number(values.seconds);
const kinds: readonly Kind[] = values.kind === "tcp" ? ["tcp"] : values.kind === "http" ? ["http"] : ["tcp", "http"];
for (const kind of kinds) {
  const server = Bun.spawn([process.execPath, new URL("./check-server.ts", import.meta.url).pathname], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const port = await firstNumber(server.stdout);
  await measureRunner(kind, port);
  await measureProgram(kind, port);
  server.kill();
}
process.exit(0);

async function measureRunner(kind: Kind, port: number): Promise<void> {
  const clock = systemClock();
  const probes = createProbes({
    clock,
    readiness: openReadiness(),
    openTcp,
    openUdp,
    openPing,
    openSystemTls: systemTls(),
    random: Math.random,
    runProgram: () => Promise.resolve({ kind: "cannot-start", reason: "not in this bench" }),
    readFile: (path) => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    readWhole,
    session: () => undefined,
  });
  let counting = false;
  let count = 0;
  let failed = 0;
  const late = new Float64Array(rate * (seconds + 2));
  const runner = createCheckRunner<number>({
    clock,
    probes,
    random: Math.random,
    ran(_check, outcome) {
      if (counting && !outcome.ok) failed++;
    },
    started(lateMs) {
      if (counting && count < late.length) late[count++] = lateMs;
    },
  });
  for (let i = 0; i < rate; i++) runner.add(i, checkOf(kind, i, port), initialHealth(true));

  await new Promise<void>((resolve) => clock.at(clock.now() + SETTLE_MS, resolve));
  counting = true;
  const startedAt = clock.now();
  const cpuBefore = process.cpuUsage();
  await new Promise<void>((resolve) => clock.at(startedAt + seconds * 1000, resolve));
  counting = false;
  const cpu = process.cpuUsage(cpuBefore);
  const tookS = (clock.now() - startedAt) / 1000;
  runner.stop();

  const sorted = late.subarray(0, count).toSorted();
  const p99 = sorted[Math.min(count - 1, Math.floor(0.99 * count))] ?? Number.NaN;
  const title = `${kind.toUpperCase()} checks, ${rate} a second`;
  printFigure({ name: `${title}: start lateness p99`, unit: "ms", lbd: p99, target: TARGET_LATE_MS });
  printFigure({ name: `${title}: missed`, unit: "%", lbd: missed(count, tookS), target: TARGET_MISSED_PERCENT });
  printFigure({ name: `${title}: failed`, unit: "", lbd: failed, target: 0 });
  printFigure({ name: `${title}: CPU of 1,000`, unit: "ms", lbd: (cpu.user + cpu.system) / count });
}

/** What is missing of the asked rate; a run on loopback takes part of the period, so a little always is. */
function missed(count: number, tookS: number): number {
  return Math.max(0, 100 * (1 - count / tookS / rate));
}

function addressOf(i: number): string {
  const n = (i % ADDRESSES) + 256;
  return `127.0.${n >> 8}.${n & 255}`;
}

function checkOf(kind: Kind, i: number, port: number): Check {
  const ip = addressOf(i);
  // One second from start to start, near enough: a run on loopback takes about a millisecond.
  const times = timing({ delayLoopMs: PERIOD_MS - 1, warmupMs: PERIOD_MS, delayBeforeRetryMs: PERIOD_MS });
  const target = endpoint(ip, port, { connectTimeoutMs: 5000 });
  if (kind === "tcp") return tcpCheck(ip, { timing: times, endpoint: target });
  return httpCheck(ip, { timing: times, endpoint: target, urls: [httpUrl({ host: ip })] });
}

async function measureProgram(kind: Kind, port: number): Promise<void> {
  const lab = lbdLab();
  const lbd = lab.start(configuration(kind, port));
  // Counters are reported every five seconds: the measurement goes from one report to another.
  const reported = (before: number) =>
    until(
      "the next report of the counters",
      async () => {
        const checks = countOf((await lbd.ask("/metrics"))?.body ?? "");
        return checks > before && { checks, at: performance.now(), cpuMs: cpuMs(lbd.rolePid("checkers.pid") ?? 0) };
      },
      60_000,
    );
  const from = await reported(3 * rate);
  let to = from;
  while (to.at - from.at < seconds * 1000) to = await reported(to.checks);
  const [checks, tookMs, usedMs] = [to.checks - from.checks, to.at - from.at, to.cpuMs - from.cpuMs];
  const title = `${kind.toUpperCase()} checks, compiled program`;
  printFigure({
    name: `${title}: missed`,
    unit: "%",
    lbd: missed(checks, tookMs / 1000),
    target: TARGET_MISSED_PERCENT,
  });
  printFigure({ name: `${title}: CPU of 1,000`, unit: "ms", lbd: (usedMs / checks) * 1000 });
  printFigure({ name: `${title}: of one core`, unit: "%", lbd: (100 * usedMs) / tookMs, target: 100 });
  lbd.signal("SIGTERM");
  await lbd.exited;
  await lab.end();
}

/** A period that makes it one check a second for each server: what a run takes and the clock's grain are in it. */
function configuration(kind: Kind, port: number): string {
  const check = kind === "http" ? "HTTP_GET {\n      url {\n        path /\n      }\n    }" : "TCP_CHECK {\n    }";
  const services = Array.from({ length: SERVICES }, (_, service) => {
    const reals = Array.from({ length: rate / SERVICES }, (_, i) => {
      const n = 256 + service * (rate / SERVICES) + i;
      return `  real_server 127.1.${n >> 8}.${n & 255} ${port} {\n    ${check}\n  }\n`;
    });
    return `virtual_server 10.9.0.${service + 1} 80 {\n  delay_loop 0.999\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n${reals.join("")}}\n`;
  });
  return services.join("");
}

function countOf(metrics: string): number {
  const lines = metrics.matchAll(/^lbd_check_results_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** CPU time of a process, by the kernel's ticks of 10 ms (proc(5), fields 14 and 15). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function firstNumber(stream: ReadableStream<Uint8Array>): Promise<number> {
  let text = "";
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) break;
  }
  return Number.parseInt(text, 10);
}
