// Two directors speak BFD over a wire that delays, doubles and loses, with settings, faults and restarts that a seed decides.
// LBD_SIM_SEEDS and LBD_SIM_SEED choose how many and from which; the seed is in the message when one fails.
import { describe, expect, test } from "bun:test";
import { ipBytes } from "../../src/base/ip.ts";
import { detectionMs } from "../../src/bfd/session.ts";
import { type BfdAction, type BfdSpeaker, createBfdSpeaker } from "../../src/bfd/speaker.ts";
import type { BfdInstance } from "../../src/config/model/bfd.ts";
import { bfdInstance } from "../support/bfd.ts";
import { type Random, seededRandom } from "./random.ts";

const SEEDS = Number(process.env.LBD_SIM_SEEDS ?? 200);
const FIRST = Number(process.env.LBD_SIM_SEED ?? 1);
const NAMES = ["a", "b"] as const;
type Name = (typeof NAMES)[number];
const ADDRESS = { a: "192.0.2.1", b: "192.0.2.2" } as const;

interface Wire {
  lossTo: Record<Name, number>;
  latencyMs: number;
  doubled: number;
}

interface World {
  readonly speakers: Record<Name, BfdSpeaker>;
  readonly wire: Wire;
  readonly configs: Record<Name, BfdInstance>;
  readonly sent: Record<Name, number>;
  now(): number;
  run(ms: number): void;
  restart(name: Name): void;
  stall(name: Name, ms: number): void;
  state(name: Name): string;
}

function world(random: Random, configs: Record<Name, BfdInstance>): World {
  let now = 0;
  const wire: Wire = { lossTo: { a: 0, b: 0 }, latencyMs: 1, doubled: 0 };
  const flying: { at: number; to: Name; bytes: Uint8Array }[] = [];
  const stalledUntil: Record<Name, number> = { a: 0, b: 0 };
  const sent: Record<Name, number> = { a: 0, b: 0 };
  const lastAt: Record<Name, number> = { a: 0, b: 0 };
  const chance = { share: random.next, word: () => Math.floor(random.next() * 2 ** 32) };
  const make = (name: Name) => createBfdSpeaker([configs[name]], chance, now);
  const speakers = { a: make("a"), b: make("b") };

  function perform(name: Name, actions: readonly BfdAction[]): void {
    const to = name === "a" ? "b" : "a";
    for (const action of actions) {
      if (action.kind !== "send") continue;
      sent[name]++;
      for (let copies = random.chance(wire.doubled) ? 2 : 1; copies > 0; copies--)
        if (!random.chance(wire.lossTo[to])) flying.push({ at: arrival(to), to, bytes: action.bytes.slice() });
    }
  }

  /** In the order in which they were sent, as on a link: a Down that overtakes an Up would be one more down, by the RFC. */
  function arrival(to: Name): number {
    lastAt[to] = Math.max(lastAt[to], now + wire.latencyMs * (0.5 + random.next()));
    return lastAt[to];
  }

  /** A process that stood still reads what came meanwhile, then looks at its timers. */
  const awakeAt = (name: Name, at: number) => Math.max(at, stalledUntil[name]);

  for (const name of NAMES) perform(name, speakers[name].start(now));
  return {
    speakers,
    wire,
    configs,
    sent,
    now: () => now,
    run(ms) {
      const until = now + ms;
      for (;;) {
        flying.sort((x, y) => awakeAt(x.to, x.at) - awakeAt(y.to, y.at));
        const packet = flying[0];
        const packetAt = packet ? awakeAt(packet.to, packet.at) : Number.POSITIVE_INFINITY;
        const [next] = NAMES.map((name) => [awakeAt(name, speakers[name].deadline()), name] as const).sort(
          (x, y) => x[0] - y[0],
        );
        const timerAt = next?.[0] ?? Number.POSITIVE_INFINITY;
        if (Math.min(packetAt, timerAt) > until) break;
        now = Math.max(now, Math.min(packetAt, timerAt));
        if (packet && packetAt <= timerAt) {
          flying.shift();
          const from = packet.to === "a" ? "b" : "a";
          const datagram = {
            bytes: packet.bytes,
            source: ipBytes(ADDRESS[from]),
            destination: ipBytes(ADDRESS[packet.to]),
            hops: 255,
            multihop: false,
            truncated: false,
          };
          perform(packet.to, speakers[packet.to].receive(datagram, now));
        } else if (next) perform(next[1], speakers[next[1]].timer(now));
      }
      now = until;
    },
    restart(name) {
      speakers[name] = make(name);
      perform(name, speakers[name].start(now));
    },
    stall(name, ms) {
      stalledUntil[name] = now + ms;
    },
    state: (name) => speakers[name].sessions()[0]?.state ?? "none",
  };
}

function settings(random: Random, neighborIp: string, passive: boolean): BfdInstance {
  const intervals = [10_000, 50_000, 100_000, 300_000] as const;
  return bfdInstance({
    neighborIp,
    minTxUs: random.pick(intervals),
    minRxUs: random.pick(intervals),
    multiplier: random.integer(2, 6),
    passive,
  });
}

function pair(seed: number): { readonly random: Random; readonly one: World } {
  const random = seededRandom(seed);
  const passive = random.integer(0, 3);
  const configs = {
    a: settings(random, ADDRESS.b, passive === 1),
    b: settings(random, ADDRESS.a, passive === 2),
  };
  return { random, one: world(random, configs) };
}

const both = (one: World) => [one.state("a"), one.state("b")];
/** The longest that either waits for the other: both announce at most 300 ms × 6 while up, 1 s × 6 before. */
const LONGEST_MS = 6 * 1000;

describe.each(Array.from({ length: SEEDS }, (_, i) => FIRST + i))("seed %d", (seed) => {
  test("up in milliseconds, and up for a minute, whatever the delays below a quarter of an interval", () => {
    const { one } = pair(seed);
    one.wire.latencyMs = 1;
    one.run(1100);
    expect([seed, ...both(one)]).toEqual([seed, "Up", "Up"]);
    one.wire.doubled = 0.1;
    one.run(60_000);
    for (const name of NAMES)
      expect([
        seed,
        one.speakers[name].sessions()[0]?.counters.ups,
        one.speakers[name].sessions()[0]?.counters.downs,
      ]).toEqual([seed, 1, 0]);
  });

  test("silence both ways, one way, a restart, a stall: down in time, up again", () => {
    const { random, one } = pair(seed);
    one.wire.latencyMs = random.next() * 4;
    one.run(1500);
    for (let round = 0; round < 6; round++) {
      const fault = random.pick(["cut", "deaf-a", "deaf-b", "restart", "stall", "lossy"]);
      const limits = NAMES.map((name) => detectionMs(one.speakers[name].sessions()[0] as never));
      if (fault === "cut" || fault.startsWith("deaf")) {
        for (const name of NAMES) one.wire.lossTo[name] = fault === "cut" || fault === `deaf-${name}` ? 1 : 0;
        // The one that hears nothing notices in its time, and tells the other one.
        const noticed = fault === "deaf-a" ? limits[0] : fault === "deaf-b" ? limits[1] : Math.max(...limits);
        one.run((noticed ?? 0) + 3 * one.wire.latencyMs + 10);
        // Who is heard may be told at once that the other one is down, and then waits in Init for it to hear.
        const upStill = both(one).filter((state) => state === "Up").length;
        expect([seed, round, fault, upStill]).toEqual([seed, round, fault, 0]);
      } else if (fault === "restart") one.restart(random.pick(NAMES));
      else if (fault === "stall") one.stall(random.pick(NAMES), random.integer(10, 3000));
      else for (const name of NAMES) one.wire.lossTo[name] = random.next() * 0.6;
      one.run(random.integer(0, 4000));
      for (const name of NAMES) one.wire.lossTo[name] = 0;
      one.run(3 * LONGEST_MS);
      expect([seed, round, fault, ...both(one)]).toEqual([seed, round, fault, "Up", "Up"]);
    }
    const perSecond = NAMES.map((name) => (1000 * one.sent[name]) / one.now());
    expect(Math.max(...perSecond)).toBeLessThan(140);
  });

  test("settings change while both are up: nobody goes down, and the new ones come into force", () => {
    const { random, one } = pair(seed);
    one.wire.latencyMs = random.next() * 2;
    one.run(1500);
    for (let round = 0; round < 8; round++) {
      const name = random.pick(NAMES);
      one.configs[name] = { ...settings(random, one.configs[name].neighborIp, one.configs[name].passive) };
      const actions = one.speakers[name].reload([one.configs[name]], one.now());
      expect(actions.some(({ kind }) => kind === "ended")).toBe(false);
      // What a reload sends is lost: the next packet has to bring it.
      one.run(random.integer(500, 4000));
    }
    one.run(4000);
    for (const name of NAMES) {
      const session = one.speakers[name].sessions()[0];
      expect([seed, session?.state, session?.counters.downs, session?.polling]).toEqual([seed, "Up", 0, false]);
      expect(session?.agreedTxUs).toBe(one.configs[name].minTxUs);
    }
  });
});
