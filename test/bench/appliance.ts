// How long a machine takes from power-on to the first answer of its API and to the first request that is served behind the virtual address, beside
// Debian's systemd and keepalived on the same kernel, loader and disk (debian-director.ts); how large the image is; and whether 384 MB of memory are enough
// for 2,000 real servers. Usage: bun test/bench/appliance.ts [--rounds N] [--only lbd,keepalived,large] [--image DIR]
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { startMedium } from "../machine/medium.ts";
import { type Pair, preparePair, startProgram } from "../machine/pair.ts";
import { cardAddress, directorAddress, keepalivedText } from "../machine/pair-folders.ts";
import { BACK, FRONT, type PairNetwork, runInside, tapOf } from "../machine/pair-network.ts";
import type { ProbeLine } from "../machine/pair-probe.ts";
import { choosePort } from "../machine/port.ts";
import { endOnSignals, type RunningMachine } from "../machine/qemu.ts";
import { until } from "../support/until.ts";
import { makeDebianDirector } from "./debian-director.ts";
import { median, printFigure } from "./figure.ts";

const LIMIT_MS = 20 * 60_000;
const SERVED_LIMIT_MS = 5 * 60_000;
const TOKEN = "only-for-this-bench";
const MEMORY_MB = 512;
const SMALL_MB = 384;
const SERVERS = 2000;
/** Two thousand checks run meanwhile. */
const ANSWER_MS = 120_000;
const SIDES = ["front", "back"] as const;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "lbd,keepalived,large" },
    image: { type: "string", default: "dist/bench-appliance/image" },
  },
});
const only = values.only.split(",");
const images = resolve(values.image);
const work = mkdtempSync(join(tmpdir(), "lbd-bench-pair-"));
endOnSignals(() => 1);
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

const compressed = statSync(join(images, "lbd.img.zst")).size / 1e6;
printFigure({ name: "image, compressed", unit: "MB", lbd: compressed, target: 80 });
if (only.includes("lbd") || only.includes("keepalived")) await compare();
if (only.includes("large")) await large();
process.exit(0);

interface Times {
  readonly service: number;
  readonly api: number;
}

async function compare(): Promise<void> {
  await using pair = await prepared(MEMORY_MB);
  const debian = only.includes("keepalived")
    ? makeDebianDirector(join(import.meta.dirname, "../../.cache/image"), work, {
        keepalived: keepalivedText({ director: 1, token: TOKEN }),
        cards: SIDES.map((side) => ({
          name: side,
          macAddress: cardAddress(side, 1),
          address: side === "front" ? directorAddress(1) : `${BACK}.11`,
        })),
      })
    : undefined;
  if (debian) console.log(`beside it: ${debian.versions}`);
  const taken = { lbd: [] as Times[], keepalived: [] as Times[] };
  // In turns, so that both have the same hours of this machine.
  for (let round = 0; round < Number(values.rounds); round++) {
    if (only.includes("lbd")) taken.lbd.push(...(await measure(pair.network, true, () => lbdOf(pair))));
    if (debian)
      taken.keepalived.push(...(await measure(pair.network, false, () => debianOf(pair.network, debian.path))));
  }
  if (!only.includes("lbd")) return;
  const peer = (pick: (times: Times) => number) => debian && { keepalived: median(taken.keepalived.map(pick)) };
  for (const [what, pick] of [
    ["power-on to the first request served", ({ service }: Times) => service],
    // The peer has no API: it is held against its first request served.
    ["power-on to the first answer of the API", ({ api }: Times) => api],
  ] as const)
    printFigure({
      ...{ name: what, unit: "s", lbd: median(taken.lbd.map(pick)) },
      ...peer(({ service }) => service),
      ratioTarget: 0.7,
    });
}

async function prepared(memoryMb: number, moreServers?: readonly string[]): Promise<Pair> {
  const apis = { 1: (await choosePort(undefined, 18_471)).port, 2: (await choosePort(undefined, 18_472)).port };
  return preparePair({
    ...{ images, memoryMb, cpus: 2, keep: false, limitMs: LIMIT_MS, token: TOKEN, ports: { apis } },
    ...(moreServers && { moreServers }),
    line: (_, text) => {
      if (process.env.LBD_CONSOLE) console.log(`| ${text}`);
    },
  });
}

function lbdOf(pair: Pair): { end(): Promise<void> } {
  pair.powerOn(1);
  return { end: () => pair.cutPower(1) };
}

function debianOf(network: PairNetwork, file: string): { end(): Promise<void> } {
  const machine: RunningMachine = startMedium({
    ...{ firmware: "bios", memoryMb: MEMORY_MB, cpus: 2, limitMs: LIMIT_MS, enter: network.inside() },
    medium: { kind: "disk", file },
    cards: SIDES.map((side) => ({ tap: tapOf(side, 1), macAddress: cardAddress(side, 1) })),
    line: (text) => {
      if (process.env.LBD_CONSOLE) console.log(`| ${text}`);
    },
  });
  return {
    async end() {
      machine.stop();
      await machine.finished;
    },
  };
}

/** Seconds since power-on; nothing of a machine that never served, which is said. */
async function measure(
  network: PairNetwork,
  hasApi: boolean,
  powerOn: () => { end(): Promise<void> },
): Promise<readonly Times[]> {
  runInside(network, "client", "ip", "neigh", "flush", "all");
  const words = hasApi ? [directorAddress(1), TOKEN] : [];
  const probe = startProgram(network, "client", "test/machine/pair-probe.ts", ...words);
  const began = Date.now();
  const machine = powerOn();
  const limit = setTimeout(() => probe.kill("SIGKILL"), SERVED_LIMIT_MS);
  const times = { service: Number.NaN, api: Number.NaN };
  if (probe.stdout)
    for await (const text of createInterface({ input: probe.stdout })) {
      const line: ProbeLine = JSON.parse(text);
      times[line.what] = (line.at - began) / 1000;
    }
  clearTimeout(limit);
  await machine.end();
  const isWhole = !Number.isNaN(times.service) && (!hasApi || !Number.isNaN(times.api));
  if (!isWhole) console.log(`${hasApi ? "lbd" : "debian"}: not served in ${SERVED_LIMIT_MS / 1000} s: left out`);
  else
    console.log(
      `${hasApi ? "lbd" : "debian"}: served after ${times.service} s${hasApi ? `, API after ${times.api} s` : ""}`,
    );
  return isWhole ? [times] : [];
}

/** All servers answer their checks, and the virtual address serves. */
async function large(): Promise<void> {
  const crowd = Array.from({ length: SERVERS - 2 }, (_, n) => `10.99.${n >> 8}.${n & 255}`);
  await using pair = await prepared(SMALL_MB, crowd);
  const began = performance.now();
  pair.powerOn(1);
  const ask = async (path: string) => {
    const answer = await fetch(`https://127.0.0.1:${pair.apis[1]}${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(ANSWER_MS),
      tls: { rejectUnauthorized: false },
    });
    return answer.text();
  };
  const healthy = async () => {
    try {
      return JSON.parse(await ask("/v1/status")).summary.realServers.healthy >= SERVERS;
    } catch {
      return false;
    }
  };
  await until(`${SERVERS} servers are up`, healthy, LIMIT_MS);
  const seconds = (performance.now() - began) / 1000;
  printFigure({ name: `power-on to ${SERVERS} servers up, ${SMALL_MB} MB of memory`, unit: "s", lbd: seconds });
  // A machine that is at its limit gives a handshake up.
  const metrics = await until("the metrics are told", () => ask("/metrics").catch(() => undefined), LIMIT_MS);
  const resident = [...metrics.matchAll(/^process_resident_memory_bytes\{.*\} (\S+)/gm)].map(([, bytes]) =>
    Number(bytes),
  );
  printFigure({
    name: "the same: resident memory of the director's processes",
    unit: "MB",
    lbd: resident.reduce((a, b) => a + b, 0) / 1e6,
  });
  console.log(`probe: ${runInside(pair.network, "client", "curl", "-s", "-m", "10", `http://${FRONT}.80/`).trim()}`);
}
