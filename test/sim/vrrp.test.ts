// Seeded directors on a fake wire. Chaos for a while, then calm: one master for each VRID, the right one, and no further change.
// A failing seed is in the name of the test; LBD_SIM_SEED=n runs that one, LBD_SIM_RUNS=n runs more of them.
import { describe, expect, test } from "bun:test";
import type { VrrpConfig, VrrpInstance } from "../../src/config/model/vrrp.ts";
import type { Datagram } from "../../src/vrrp/datagram.ts";
import { masterDownMs, skewMs } from "../../src/vrrp/timers.ts";
import { address, advertFrom, HMAC, NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../support/vrrp.ts";
import { type Random, seededRandom } from "./random.ts";
import { type Node, type Segment, segment } from "./segment.ts";

const RUNS = Number(process.env.LBD_SIM_RUNS ?? 150);
const ONLY = process.env.LBD_SIM_SEED;
const seeds = ONLY === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [Number(ONLY)];

interface World {
  readonly net: Segment;
  readonly random: Random;
  readonly advertMs: number;
  readonly preemptDelayMs: number;
  readonly names: readonly string[];
  readonly mixed: boolean;
  /** As they are in the beginning and in the end. */
  readonly configs: readonly VrrpConfig[];
}

function makeWorld(seed: number): World {
  const random = seededRandom(seed);
  const version = random.pick([2, 3, 3]) as 2 | 3;
  const family = version === 3 && random.chance(0.3) ? 6 : 4;
  const advertMs = version === 2 ? random.pick([1000, 1000, 2000]) : random.pick([10, 50, 100, 1000, 2500]);
  const count = random.integer(2, 5);
  const instances = random.integer(1, 3);
  const grouped = instances > 1 && random.chance(0.7);
  const preempt = random.pick(["yes", "yes", "no", "mixed"]);
  const preemptDelayMs = random.chance(0.2) ? 5 * advertMs : 0;
  const secured = version === 2 && random.chance(0.4) ? random.pick(["PASS", "AH"] as const) : undefined;
  const hmac = version === 3 && random.chance(0.3);
  const equal = random.chance(0.2);
  // Members of one group with different priorities, also against each other on two directors: legal, if unwise.
  const mixed = grouped && random.chance(0.3);
  const names = Array.from({ length: instances }, (_, i) => `V${i + 1}`);
  const configs = Array.from({ length: count }, () => {
    const priority = equal ? 100 : random.integer(1, 254);
    const preempts = preempt === "yes" || (preempt === "mixed" && random.chance(0.5));
    return vrrpConfig(
      names.map((name, i) =>
        vrrpInstance({
          name,
          vrid: i + 1,
          version,
          family,
          advertMs,
          priority: (grouped && !mixed) || equal ? priority : random.integer(1, 254),
          preempt: preempts,
          preemptDelayMs,
          interface: random.chance(0.5) ? "eth0" : `eth${i}`,
          tracking: grouped ? NO_TRACKING : { ...NO_TRACKING, interfaces: [use("wan", -20)] },
          ...(secured ? { authentication: { type: secured, password: "simulate" } } : {}),
          ...(hmac ? { hmac: HMAC } : {}),
        }),
      ),
      { syncGroups: grouped ? [syncGroup("G", names)] : [] },
    );
  });
  // The same interface for an instance on every router: they are on one segment.
  const links = names.map((_, i) => (random.chance(0.5) ? "eth0" : `eth${i}`));
  const garpIntervalMs = random.pick([0, 0, 0, 5]);
  const aligned = configs.map((config) => ({
    ...config,
    global: { ...config.global, garpIntervalMs },
    instances: config.instances.map((instance, i) => ({ ...instance, interface: links[i] ?? "eth0" })),
  }));
  const net = segment(aligned, {
    random,
    latencyMs: [0, advertMs / 20],
    latenessMs: random.pick([advertMs / 200, advertMs / 4]),
  });
  return { net, random, advertMs, preemptDelayMs, names, mixed, configs: aligned };
}

function chaos({ net, random, advertMs }: World): void {
  for (const node of net.nodes) {
    net.run(random.next() * 2 * advertMs);
    net.boot(node);
    net.fact(node, "interface", "wan", true);
  }
  for (let round = 0; round < 25; round++) {
    disturb(net, random, random.pick(net.nodes as readonly [Node, ...Node[]]));
    net.run(random.next() * 4 * advertMs);
  }
}

function disturb(net: Segment, random: Random, node: Node): void {
  switch (random.integer(0, 13)) {
    case 0:
      net.loss = random.next() * 0.4;
      return;
    case 1: {
      const side = new Set(net.nodes.filter(() => random.chance(0.5)));
      net.cut = (from, to) => side.has(from) !== side.has(to);
      return;
    }
    case 2: {
      // One direction only: the filter that makes two masters.
      net.cut = (from, to) => from === node && to !== node;
      return;
    }
    case 3:
    case 4:
      net.cut = () => false;
      net.loss = 0;
      return;
    case 5:
      net.pause(node);
      return;
    case 6:
      for (const one of net.nodes) net.resume(one);
      return;
    case 7:
      if (node.router) net.kill(node);
      else start(net, node);
      return;
    case 8:
      if (node.router) net.shutdown(node);
      else start(net, node);
      return;
    case 9:
    case 10:
      for (const link of node.links.keys()) net.setLink(node, link, random.chance(0.6));
      return;
    case 11:
      net.fact(node, "interface", "wan", random.chance(0.5));
      return;
    case 12:
      junk(net, random, node);
      return;
    default:
      net.reload(node, random.chance(0.3) ? node.config : changed(node.config, random));
  }
}

/** What an operator changes: priorities, who preempts, an address more or less; outside groups an instance goes, too. */
function changed(config: VrrpConfig, random: Random): VrrpConfig {
  const together = config.syncGroups.length > 0;
  const priority = random.integer(1, 254);
  const preempt = random.chance(0.5);
  const left = together ? config.instances : config.instances.filter((_, i) => i === 0 || random.chance(0.8));
  const instances = left.map((instance) => ({
    ...instance,
    priority: together ? priority : random.integer(1, 254),
    preempt,
    virtualAddresses: random.chance(0.5)
      ? instance.virtualAddresses
      : [...instance.virtualAddresses, MORE[instance.family]],
  }));
  return { ...config, instances };
}

const MORE = { 4: address("192.0.2.222"), 6: address("fe80::222") } as const;

function start(net: Segment, node: Node): void {
  // What a killed director left behind is what it removes first.
  net.boot(node);
  net.fact(node, "interface", "wan", true);
}

function junk(net: Segment, random: Random, node: Node): void {
  for (const instance of node.config.instances) {
    const source = instance.family === 4 ? "192.0.2.99" : "fe80::99";
    const sound = advertFrom(instance, source, { priority: random.integer(0, 255) });
    for (let i = 0; i < 50; i++) {
      const bytes = sound.bytes.slice();
      // Never the source: with it and no authentication the packet would be sound.
      const at = random.pick([8, 9, instance.family === 4 ? 20 : 0, instance.family === 4 ? 26 : 6]);
      bytes[at] = (bytes[at] ?? 0) ^ random.integer(1, 255);
      const datagram: Datagram = { ...sound, bytes };
      net.inject(node, instance.interface ?? "", datagram);
    }
  }
}

function calm({ net, advertMs, preemptDelayMs, configs }: World): void {
  net.cut = () => false;
  net.loss = 0;
  for (const [i, node] of net.nodes.entries()) {
    net.reload(node, configs[i] ?? node.config);
    if (!node.router) net.boot(node);
    net.resume(node);
    for (const link of node.links.keys()) net.setLink(node, link, true);
    net.fact(node, "interface", "wan", true);
  }
  net.run(preemptDelayMs + 16 * advertMs + 8000);
}

describe("chaos, then calm", () => {
  test.each(seeds)("seed %d", (seed) => {
    const world = makeWorld(seed);
    const { net, names } = world;
    chaos(world);
    expect(net.violations).toEqual([]);
    calm(world);
    expect(net.violations).toEqual([]);
    const story = () =>
      net.nodes
        .flatMap((node) => node.transitions.slice(-8).map((t) => `${t.at.toFixed(1)} ${node.name} ${t.text}`))
        .sort((a, b) => Number.parseFloat(a) - Number.parseFloat(b))
        .join("\n");
    for (const name of names) {
      const masters = net.masters(name);
      if (masters.length !== 1)
        throw new Error(`${name} has ${masters.length} masters: ${masters.join(" ")}\n${story()}`);
      const master = net.nodes.find((node) => node.name === masters[0]);
      const priority = priorityOf(master, name);
      for (const node of net.nodes) {
        const preempts = node.config.instances.find((instance) => instance.name === name)?.preempt;
        if (!world.mixed && preempts && priorityOf(node, name) > priority)
          throw new Error(
            `${name}: ${master?.name} (${priority}) is master before ${node.name} (${priorityOf(node, name)})\n${story()}`,
          );
      }
    }
    const before = net.nodes.map((node) => node.transitions.length);
    net.run(40 * world.advertMs);
    expect(net.nodes.map((node) => node.transitions.length)).toEqual(before);
  });
});

function priorityOf(node: Node | undefined, instance: string): number {
  return node?.router?.instances().find((view) => view.name === instance)?.state.priority ?? 0;
}

describe("takeover", () => {
  const cases = seeds.slice(0, 60);
  function pair(seed: number): { net: Segment; random: Random; advertMs: number; best: VrrpInstance } {
    const random = seededRandom(seed * 7919);
    const version = random.pick([2, 3] as const);
    const advertMs = version === 2 ? 1000 : random.pick([10, 100, 1000]);
    const backups = random.integer(1, 4);
    const priorities = [200, ...Array.from({ length: backups }, () => random.integer(1, 199))];
    const net = segment(
      priorities.map((priority) => vrrpConfig([vrrpInstance({ version, advertMs, priority })])),
      { random, latencyMs: [0, advertMs / 50], latenessMs: 0 },
    );
    for (const node of net.nodes) net.boot(node);
    net.run(20 * advertMs + 2000);
    expect(net.masters("VI_1")).toEqual(["d1"]);
    net.run(random.next() * advertMs);
    const best = net.nodes
      .slice(1)
      .flatMap((node) => node.config.instances)
      .reduce((a, b) => (b.priority > a.priority ? b : a));
    return { net, random, advertMs, best };
  }

  test.each(cases)(
    "seed %d: S03 a killed master is replaced within Master_Down_Interval of its last packet",
    (seed) => {
      const { net, advertMs, best } = pair(seed);
      const [first] = net.nodes;
      if (!first) throw new Error("no nodes");
      net.kill(first);
      const limit = masterDownMs({ version: best.version, downTimerAdverts: 3 }, best.priority, advertMs);
      const from = net.now;
      net.run(limit + advertMs / 50 + 0.001);
      expect(net.masters("VI_1").length).toBeGreaterThanOrEqual(1);
      // And not before it can know: the last packet was sent at most one interval ago.
      const took = net.nodes.flatMap((node) =>
        node.transitions.filter((t) => t.at >= from && t.text.includes(">MASTER")),
      )[0];
      expect((took?.at ?? 0) - from).toBeGreaterThanOrEqual(limit - advertMs - advertMs / 50 - 0.001);
    },
  );

  test.each(cases)("seed %d: S09 a master that stops is replaced within Skew", (seed) => {
    const { net, advertMs, best } = pair(seed);
    const [first] = net.nodes;
    if (!first) throw new Error("no nodes");
    net.shutdown(first);
    net.run(skewMs(best.version, best.priority, advertMs) + advertMs / 50 + 0.001);
    // Backups whose skews differ by less than the latency may both go; they agree with the next packet.
    expect(net.masters("VI_1").length).toBeGreaterThanOrEqual(1);
    net.run(2 * advertMs);
    expect(net.masters("VI_1").length).toBe(1);
  });

  test.each(cases)("seed %d: no takeover while less than n packets in a row are lost", (seed) => {
    const { net, random, advertMs } = pair(seed);
    const before = net.nodes.map((node) => node.transitions.length);
    for (let i = 0; i < 50; i++) {
      net.loss = 1;
      net.run(advertMs * (1 + random.next() * 0.9));
      net.loss = 0;
      net.run(advertMs * 1.1);
    }
    expect(net.nodes.map((node) => node.transitions.length)).toEqual(before);
  });
});

describe("late timers", () => {
  test.each(seeds.slice(0, 30))(
    "seed %d: S08 delays of up to half an interval do not add up, and nobody takes over",
    (seed) => {
      const random = seededRandom(seed);
      const advertMs = random.pick([10, 100, 1000]);
      const net = segment(
        [200, 100].map((priority) => vrrpConfig([vrrpInstance({ version: 3, advertMs, priority })])),
        { random, latencyMs: [0, advertMs / 50], latenessMs: advertMs / 2 },
      );
      for (const node of net.nodes) net.boot(node);
      net.run(10 * advertMs);
      expect(net.masters("VI_1")).toEqual(["d1"]);
      const before = net.sent.get("d1") ?? 0;
      const changes = net.nodes.map((node) => node.transitions.length);
      net.run(100 * advertMs);
      const sent = (net.sent.get("d1") ?? 0) - before;
      expect([99, 100, 101]).toContain(sent);
      expect(net.nodes.map((node) => node.transitions.length)).toEqual(changes);
    },
  );
});

describe("pauses (req 12)", () => {
  test.each(seeds.slice(0, 30))(
    "seed %d: a master that was stopped and continued gives way or announces itself, never both masters for long",
    (seed) => {
      const random = seededRandom(seed);
      const net = segment(
        [200, 100].map((priority) => vrrpConfig([vrrpInstance({ version: 3, advertMs: 100, priority })])),
        { random, latencyMs: [0, 1], latenessMs: 0.5 },
      );
      for (const node of net.nodes) net.boot(node);
      net.run(3000);
      const [first, second] = net.nodes;
      if (!first || !second) throw new Error("no nodes");
      net.pause(first);
      net.run(1000 + random.next() * 5000);
      expect(net.masters("VI_1")).toContain("d2");
      net.resume(first);
      net.run(10);
      expect(net.masters("VI_1")).toEqual(["d1"]);
      expect(second.transitions.at(-1)?.text).toContain("higher-priority");
    },
  );
});
