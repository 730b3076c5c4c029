// Test of the appliance: two images that stand in for each other, with a client and two real servers: the power of the master is cut, and both are
// updated one after the other, while requests come and connections stay. `make test-appliance` builds the image.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as v from "valibot";
import {
  DIRECTORS,
  type DirectorNumber,
  LBD,
  type Pair,
  preparePair,
  startProgram,
  untilReady,
} from "../machine/pair.ts";
import type { TrafficReport } from "../machine/pair-traffic.ts";
import { choosePort } from "../machine/port.ts";
import { until } from "../support/until.ts";
import { FOLDER, IMAGES } from "./appliance-machine.ts";
import { updateFile } from "./update-variants.ts";

const WORK = join(FOLDER, "pair");
const TOKEN = "only-for-this-test";
/** Four starts under emulation, beside whatever else this machine does. */
const LIMIT_MS = 40 * 60_000;
const LOOK_LIMIT_MS = 10_000;
const STAYING = 6;

const Machine = v.object({
  version: v.string(),
  access: v.object({ fingerprint: v.string() }),
  image: v.object({ start: v.object({ good: v.boolean() }) }),
});
const Instances = v.object({ instances: v.array(v.object({ state: v.string() })) });
const Services = v.object({
  virtualServers: v.array(
    v.object({
      up: v.boolean(),
      realServers: v.array(v.object({ connections: v.nullable(v.object({ active: v.number() })) })),
    }),
  ),
});

let pair: Pair;
const ports = { apis: { 1: 0, 2: 0 } };
const lines: string[] = [];
const file = join(WORK, "good.update");

beforeAll(async () => {
  mkdirSync(WORK, { recursive: true });
  writeFileSync(file, updateFile("good"));
  for (const director of DIRECTORS) ports.apis[director] = (await choosePort(undefined, 18_460 + director)).port;
  pair = await preparePair({
    ...{ images: IMAGES, memoryMb: 512, limitMs: LIMIT_MS, token: TOKEN, ports },
    line: (director, text) => {
      lines.push(`${director} | ${text}`);
      if (process.env.LBD_CONSOLE) console.log(`${director} | ${text}`);
    },
  });
  for (const director of DIRECTORS) pair.powerOn(director);
  await standing({ 1: ["MASTER", "BACKUP"], 2: ["MASTER", "BACKUP"] });
}, LIMIT_MS);

afterAll(() => pair?.[Symbol.asyncDispose]());

/** What a director says; undefined when it does not. */
async function look<T>(
  director: DirectorNumber,
  path: string,
  shape: v.GenericSchema<unknown, T>,
): Promise<T | undefined> {
  try {
    const answer = await fetch(`https://127.0.0.1:${ports.apis[director]}${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(LOOK_LIMIT_MS),
      tls: { rejectUnauthorized: false },
    });
    return v.parse(shape, await answer.json());
  } catch {
    return undefined;
  }
}

async function stateOf(director: DirectorNumber): Promise<string> {
  const seen = await look(director, "/v1/vrrp", Instances);
  return [...new Set(seen?.instances.map(({ state }) => state))].join(" ");
}

/** Both run a start that is good, in one of these states in every instance, and know that the servers are up. */
async function standing(
  states: Readonly<Record<DirectorNumber, readonly string[]>>,
  limitMs = LIMIT_MS,
): Promise<void> {
  for (const director of DIRECTORS)
    await until(
      `director${director} stands`,
      async () => {
        const machine = await look(director, "/v1/appliance", Machine);
        const services = await look(director, "/v1/virtual-servers", Services);
        const isUp = services?.virtualServers.every(({ up }) => up);
        return machine?.image.start.good && isUp && states[director].includes(await stateOf(director));
      },
      limitMs,
    ).catch((error) => {
      throw new Error(`${error}\n${lines.slice(-60).join("\n")}`);
    });
}

async function roles(): Promise<{ readonly master: DirectorNumber; readonly backup: DirectorNumber }> {
  return until("one of the two is master", async () => {
    const master = (await stateOf(1)) === "MASTER" ? 1 : 2;
    const backup = master === 1 ? 2 : 1;
    return (await stateOf(master)) === "MASTER" && (await stateOf(backup)) === "BACKUP" && { master, backup };
  });
}

/** Established connections that a director knows. */
async function known(director: DirectorNumber): Promise<number> {
  const services = await look(director, "/v1/virtual-servers", Services);
  const counts = services?.virtualServers.flatMap(({ realServers }) =>
    realServers.map((one) => one.connections?.active ?? 0),
  );
  return (counts ?? []).reduce((sum, count) => sum + count, 0);
}

/** Requests and connections that stay, until end() is called. */
async function startTraffic(): Promise<{ end(): Promise<TrafficReport> }> {
  const client = startProgram(pair.network, "client", "test/machine/pair-traffic.ts", `${STAYING}`);
  await untilReady(client);
  return {
    async end() {
      client.stdin?.end();
      if (!client.stdout) throw new Error("its output is not read");
      for await (const line of createInterface({ input: client.stdout }))
        if (line.startsWith("{")) return JSON.parse(line);
      throw new Error("the client said nothing");
    },
  };
}

/** Runs lbd to its end. */
function lbd(words: readonly string[]): Promise<{ readonly status: number | null; readonly out: string }> {
  return new Promise((done, reject) => {
    const child = spawn(LBD, words, {
      env: { ...process.env, LBD_TOKEN: TOKEN, XDG_CONFIG_HOME: WORK },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        out += chunk;
      });
    child.once("error", reject);
    child.once("close", (status) => done({ status, out }));
  });
}

test(
  "the power of the master is cut: connections go on, and so do requests",
  async () => {
    const { master, backup } = await roles();
    const traffic = await startTraffic();
    await until("the backup knows the connections", async () => (await known(backup)) >= STAYING, LIMIT_MS);
    const cutAt = Date.now();
    await pair.cutPower(master);
    await until("the other one is master", async () => (await stateOf(backup)) === "MASTER", LIMIT_MS);
    const report = await traffic.end();
    expect(report.broken).toEqual([]);
    expect(report.alive).toBe(STAYING);
    // What a director was answering at that moment may be lost, and nothing else.
    expect(report.failures.filter(({ began, ended }) => began > cutAt || ended < cutAt)).toEqual([]);
    expect(report.requests).toBeGreaterThan(5);
    console.log(
      `power cut: ${report.requests} requests, ${report.failures.length} failed, the longest took ${report.longestMs} ms`,
    );
    pair.powerOn(master);
    await standing({ ...{ 1: ["BACKUP"], 2: ["BACKUP"] }, [backup]: ["MASTER"] });
  },
  LIMIT_MS,
);

test(
  "lbd update --pair renews both: no request fails, no connection ends",
  async () => {
    await roles();
    const traffic = await startTraffic();
    const prints = await Promise.all(
      DIRECTORS.map(async (director) => (await look(director, "/v1/appliance", Machine))?.access.fingerprint ?? ""),
    );
    const host = (director: DirectorNumber) => `127.0.0.1:${ports.apis[director]}`;
    const { status, out } = await lbd([
      ...["update", file, "--host", host(1), "--fingerprint", prints[0] ?? ""],
      ...["--pair", host(2), "--pair-fingerprint", prints[1] ?? ""],
    ]);
    const report = await traffic.end();
    expect([status, out]).toEqual([0, expect.stringMatching(/has taken over 2 instances of director/)]);
    expect(out).toMatch(/knows all open connections/);
    for (const director of DIRECTORS)
      await until(
        `director ${director} is renewed`,
        async () => (await look(director, "/v1/appliance", Machine))?.version === "good",
        LOOK_LIMIT_MS * 6,
      );
    expect(report.broken).toEqual([]);
    expect(report.failures).toEqual([]);
    console.log(
      `update: ${report.requests} requests, ${report.failures.length} failed, the longest took ${report.longestMs} ms`,
    );
  },
  LIMIT_MS,
);
