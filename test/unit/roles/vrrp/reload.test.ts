// A reload in pieces: what is due goes out in between, and what comes of it is what would come of it in one go.
import { describe, expect, test } from "bun:test";
import type { Config } from "../../../../src/config/model/config.ts";
import type { VrrpInstance } from "../../../../src/config/model/vrrp.ts";
import { type Random, seededRandom } from "../../../sim/random.ts";
import { address, NO_TRACKING, syncGroup, use, vrrpInstance } from "../../../support/vrrp.ts";
import { bench, configWith } from "./bench.ts";

/** Each step of a reload takes longer than may pass without a pause. */
const SLOW = { workMs: 0.5 };

describe("in pieces", () => {
  const NAMES = ["A", "B", "C", "D", "E", "F", "G", "H"] as const;
  const IPS = Array.from({ length: 24 }, (_, i) => `192.0.2.${100 + i}`);

  /** Names in any order, VRIDs that may be another's of before, addresses that may be anybody's. */
  function randomConfig(random: Random, withOwners: boolean): Config {
    const names = shuffled(random, NAMES).slice(0, random.integer(1, NAMES.length));
    const vrids = shuffled(random, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const ips = shuffled(random, IPS);
    const instances = names.map((name, i) => randomInstance(random, withOwners, name, vrids[i] ?? 99, ips));
    const inGroup = random.chance(0.5) ? names.slice(0, random.integer(1, names.length)) : [];
    const half = random.chance(0.3) ? Math.floor(inGroup.length / 2) : 0;
    const groups = [syncGroup("G1", inGroup.slice(half)), syncGroup("G2", inGroup.slice(0, half))];
    const files = [{ name: "F", path: "/f", weight: random.integer(1, 3), reverse: false, origin: use("F").origin }];
    return configWith(instances, {
      syncGroups: groups.filter(({ instances: members }) => members.length > 0),
      files,
      staticAddresses: random.chance(0.4)
        ? [address((withOwners ? undefined : ips.pop()) ?? "192.0.2.99", { device: "eth0" })]
        : [],
      global: { garpIntervalMs: random.pick([0, 0, 5]) },
    });
  }

  function randomInstance(
    random: Random,
    withOwners: boolean,
    name: string,
    vrid: number,
    ips: string[],
  ): VrrpInstance {
    const own = ips.splice(0, random.integer(1, 2)).map((ip) => address(ip));
    return vrrpInstance({
      name,
      vrid,
      priority: random.pick(withOwners ? [100, 150, 255] : [100, 150, 200]),
      interface: random.chance(0.1) ? "eth9" : "eth0",
      accept: random.chance(0.7),
      virtualAddresses: own,
      excludedAddresses: random.chance(0.3) ? ips.splice(0, 1).map((ip) => address(ip)) : [],
      tracking: random.chance(0.3) ? { ...NO_TRACKING, files: [use("F")] } : NO_TRACKING,
      ...(random.chance(0.15) ? { vmac: { kind: "macvlan" as const, xmitBase: false } } : {}),
    });
  }

  function shuffled<T>(random: Random, all: readonly T[]): T[] {
    return all
      .map((one) => [random.next(), one] as const)
      .sort(([a], [b]) => a - b)
      .map(([, one]) => one);
  }

  /** What some share of the next one is of the one before, the very same objects. */
  function mixed(random: Random, before: Config, next: Config): Config {
    const kept = before.vrrp.instances.filter(() => random.chance(0.4));
    const names = new Set(kept.map(({ name }) => name));
    const vrids = new Set(kept.map(({ vrid }) => vrid));
    const taken = new Set(kept.flatMap(ipsOf));
    const isFree = (one: VrrpInstance) =>
      !names.has(one.name) && !vrids.has(one.vrid) && !ipsOf(one).some((ip) => taken.has(ip));
    const instances = shuffled(random, [...kept, ...next.vrrp.instances.filter(isFree)]);
    const isThere = (name: string) => instances.some((one) => one.name === name);
    const syncGroups = next.vrrp.syncGroups
      .map((group) => ({ ...group, instances: group.instances.filter(isThere) }))
      .filter((group) => group.instances.length > 0);
    return { ...next, vrrp: { ...next.vrrp, instances, syncGroups } };
  }

  const ipsOf = ({ virtualAddresses, excludedAddresses }: VrrpInstance) =>
    [...virtualAddresses, ...excludedAddresses].map(({ ip }) => ip);

  function run(before: Config, next: Config, isSlow: boolean) {
    const slow = { workMs: 0 };
    const b = bench(slow);
    b.start(before);
    b.clock.advance(20_000);
    const [commands, transitions] = [b.network.commands.length, b.transitions().length];
    slow.workMs = isSlow ? SLOW.workMs : 0;
    const turns = b.turns();
    b.reload(next);
    b.clock.advance(1000);
    const pieces = b.turns() - turns;
    slow.workMs = 0;
    const done = b.network.commands.slice(commands);
    b.clock.advance(20_000);
    const { instances } = next.vrrp;
    const byName = Object.groupBy(b.transitions().slice(transitions), (text) => text.slice(0, text.indexOf(":")));
    return {
      pieces,
      // In which order pieces do theirs is no matter; the packet filter is made as it has to be at each of them.
      commands: done.filter((text) => !text.startsWith("filter")).toSorted(),
      addresses: b.network.addresses(),
      transitions: byName,
      states: instances.map(({ name }) => [
        name,
        b.state(name),
        b.status(name)?.priority.effective,
        b.status(name)?.group,
      ]),
      sockets: b.sockets().toSorted(),
      journal: b.journals.at(-1)?.keys.toSorted(),
      filter: b.firewalls
        .at(-1)
        ?.wishes.at(-1)
        ?.blocked.map(({ ip }) => ip)
        .toSorted(),
      sysctls: [...b.sysctls].toSorted(),
    };
  }

  test.each(Array.from({ length: 150 }, (_, i) => i + 1))("seed %d: comes to what it comes to in one go", (seed) => {
    const random = seededRandom(seed);
    // An owner is master at once, so what was static and is its own by now need not go and come back when time passes.
    const withOwners = random.chance(0.5);
    const before = randomConfig(random, withOwners);
    const next = mixed(random, before, randomConfig(random, withOwners));
    const { pieces: once, ...atOnce } = run(before, next, false);
    const { pieces, ...inPieces } = run(before, next, true);
    expect(inPieces).toEqual(atOnce);
    expect(pieces).toBeGreaterThan(once);
  });

  describe("of many instances", () => {
    const COUNT = 120;
    const ADVERT_MS = 100;
    const many = (priority: number, more: (i: number) => Partial<VrrpInstance> = () => ({})) =>
      configWith(
        Array.from({ length: COUNT }, (_, i) => {
          const virtualAddresses = [address(`198.51.100.${i + 1}`)];
          return vrrpInstance({
            name: `V${i}`,
            version: 3,
            vrid: i + 1,
            advertMs: ADVERT_MS,
            priority,
            virtualAddresses,
            ...more(i),
          });
        }),
      );

    /** All are master, and work takes its time from now on. */
    function busy() {
      const work = { workMs: 0 };
      const b = bench(work);
      b.start(many(100));
      b.clock.advance(3000);
      work.workMs = 0.01;
      return b;
    }

    /** Some instances have their next address, others the one before. */
    function inTheMiddle({ clock, network }: ReturnType<typeof bench>): void {
      const has = (net: string) => network.addresses().some((text) => text.startsWith(net));
      for (let i = 0; i < 200 && !has("203.0.113."); i++) clock.advance(0.1);
      expect([has("203.0.113."), has("198.51.100.")]).toEqual([true, true]);
    }

    /** How much later than an interval behind the one before the latest was. */
    function latest(sent: readonly { readonly vrid: number; readonly at: number }[]): number {
      const byVrid = [...Map.groupBy(sent, ({ vrid }) => vrid).values()].map((all) => all.map(({ at }) => at));
      const gaps = byVrid.flatMap((all) => all.slice(1).map((at, i) => at - (all[i] ?? at) - ADVERT_MS));
      return gaps.reduce((most, gap) => Math.max(most, gap), 0);
    }

    test.each([
      ["other priorities", many(101)],
      ["other addresses", many(100, (i) => ({ virtualAddresses: [address(`203.0.113.${i + 1}`)] }))],
      ["other instances", many(100, (i) => ({ multicastGroup: i % 2 ? "224.0.0.99" : "224.0.0.18" }))],
    ])("%s: adverts that are due go out in between", (_what, next) => {
      const b = busy();
      b.clock.advance(500);
      const from = b.sent.length;
      const at = b.clock.now();
      b.reload(next);
      b.clock.advance(500);
      expect(b.turns()).toBeGreaterThan(COUNT / 8);
      // All of the work is many times that.
      const left = new Set(b.sent.slice(from).flatMap(({ vrid, priority }) => (priority === 0 ? [vrid] : [])));
      expect(latest(b.sent.slice(from - 2 * COUNT).filter(({ vrid }) => !left.has(vrid)))).toBeLessThan(2.5);
      expect(b.clock.now() - at).toBeGreaterThan(500);
    });

    test("a stop in the middle resigns all and leaves nothing, and the reload ends there", async () => {
      const b = busy();
      const from = b.sent.length;
      const done = b.role.reload(many(100, (i) => ({ virtualAddresses: [address(`203.0.113.${i + 1}`)] })));
      inTheMiddle(b);
      b.role.leave?.();
      b.clock.advance(1);
      await done;
      await b.role.stop();
      const resigned = b.sent.slice(from).filter(({ priority }) => priority === 0);
      expect(new Set(resigned.map(({ vrid }) => vrid)).size).toBe(COUNT);
      expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0"]);
      expect(b.sockets()).toEqual([]);
      const { length } = b.network.commands;
      b.clock.advance(1000);
      expect(b.network.commands).toHaveLength(length);
    });

    test("what is heard in the middle counts: a better master takes over from an instance of either configuration", () => {
      const b = busy();
      const next = many(100, (i) => ({ virtualAddresses: [address(`203.0.113.${i + 1}`)] }));
      const before = many(100);
      b.reload(next);
      inTheMiddle(b);
      for (const one of [next.vrrp.instances[0], before.vrrp.instances[COUNT - 1]])
        if (one) b.hears(one, "192.0.2.2", 200);
      expect(b.transitions().slice(-2)).toEqual(["V0: MASTER → BACKUP", `V${COUNT - 1}: MASTER → BACKUP`]);
      b.clock.advance(100);
      expect(b.network.addresses()).toHaveLength(COUNT - 2 + 1);
      expect(b.network.addresses().every((text) => !text.startsWith("198.51."))).toBe(true);
    });
  });
});
