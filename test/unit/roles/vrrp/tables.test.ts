// The writer of addresses on a fake kernel: what its journal says and when it is written, and what a rehearsal may save it.
import { describe, expect, test } from "bun:test";
import { inOneGo } from "../../../../src/base/steps.ts";
import type { Reflector } from "../../../../src/kernel/reflector.ts";
import { addressKey, type InterfaceAddress, type Link } from "../../../../src/net/model.ts";
import { type TablesPart, wantedOf } from "../../../../src/net/parts.ts";
import type { NetCommand } from "../../../../src/net/plan.ts";
import { emptyState } from "../../../../src/net/seen.ts";
import { createTables } from "../../../../src/roles/vrrp/tables.ts";
import { parseTablesJournal, type TablesJournal } from "../../../../src/roles/vrrp/tables-journal.ts";
import { type Random, seededRandom } from "../../../sim/random.ts";
import { bindText } from "../../../support/config.ts";
import { address } from "../../../support/vrrp.ts";

const ETH0: Link = { index: 2, name: "eth0", flags: 1, mtu: 1500, hardwareType: 1, group: 0 };
const WORLD = "one";
const NO_ADDRESS: InterfaceAddress = { family: 4, index: 2, ip: "0.0.0.0", prefix: 32, flags: 0 };

const [RULE] = bindText(`vrrp_instance A {
  interface eth0
  virtual_router_id 1
  virtual_rules {
    from 192.0.2.0/24 table 100 priority 5000
  }
}`).config.vrrp.instances.flatMap(({ rules }) => rules);
if (!RULE) throw new Error("no rule");

function part(owner: string, ...ips: readonly string[]): TablesPart {
  return { owner, addresses: ips.map((ip) => address(ip, { device: "eth0" })), routes: [], rules: [] };
}

/** A kernel with eth0 that does what it is told, but for the address `refused`; every value the journal has had; the log. */
function bench(earlier: readonly string[] | TablesJournal = [], there: readonly InterfaceAddress[] = [], refused = "") {
  const addresses = new Map(there.map((one) => [addressKey(one), one]));
  const written: TablesJournal[] = [];
  const commands: string[] = [];
  const rehearsed: (readonly NetCommand[])[] = [];
  const applied: (readonly NetCommand[])[] = [];
  let revision = 0;
  /** Somebody else adds or removes an address, and the reflector hears of it. */
  function stranger(change: (there: Map<string, InterfaceAddress>) => void): void {
    change(addresses);
    revision++;
  }
  const reflector: Reflector = {
    seen: { ...emptyState(), links: new Map([[ETH0.index, ETH0]]), addresses },
    get revision() {
      return revision;
    },
    counters: () => ({ messages: 0, foreignRoutes: 0, strangers: 0, overruns: 0, resyncs: 0, missed: 0 }),
    drain: () => {},
    apply(list: readonly NetCommand[]) {
      applied.push(list);
      return list.map((command) => {
        if (command.kind === "add-address" && command.address.ip === refused) {
          const message = `address ${refused}/24 on interface 2: ipv4: Invalid scope value: EINVAL`;
          return { command, meaning: "refused" as const, code: "EINVAL", message };
        }
        if (command.kind === "add-address") addresses.set(addressKey(command.address), command.address);
        if (command.kind === "delete-address") addresses.delete(addressKey(command.address));
        commands.push(command.kind);
        return { command, meaning: "done" as const };
      });
    },
    settle: () => {},
    rehearse: (list) => void rehearsed.push(list),
    audit: () => 0,
    setScope: () => {},
    setReceiveBuffer: () => {},
    [Symbol.dispose]: () => {},
  };
  const journal = {
    read: () => ("world" in earlier ? earlier : earlier.length > 0 ? { world: WORLD, keys: earlier } : undefined),
    write(value: TablesJournal) {
      if (full.now) throw new Error("ENOSPC");
      written.push(value);
    },
    clear: () => {},
  };
  const full = { now: false };
  const logged: string[] = [];
  const tables = createTables({ reflector, journal, world: WORLD, log: ({ message }) => void logged.push(message) });
  return { tables, written, commands, addresses, rehearsed, applied, stranger, logged, full };
}

describe("the journal", () => {
  const V1 = part("V1", "192.0.2.100", "192.0.2.101");
  const V2 = part("V2", "192.0.2.110");

  test("that can't be written keeps nobody from an address, and is said", () => {
    const { tables, addresses, logged, full } = bench();
    full.now = true;
    tables.setOwned([V1]);
    tables.apply([V1]);
    expect([...addresses.keys()].toSorted()).toEqual(["2|192.0.2.100/32", "2|192.0.2.101/32"]);
    expect(logged).toEqual(["the journal of addresses can't be written: ENOSPC"]);
  });

  test("is written with the configuration, not in a takeover", () => {
    const { tables, written, addresses } = bench();
    tables.setOwned([V1, V2]);
    tables.apply([]);
    expect(written.map(({ keys }) => keys.length)).toEqual([3]);
    tables.apply([V1]);
    tables.apply([V1, V2]);
    tables.apply([V2]);
    tables.apply([]);
    expect(written).toHaveLength(1);
    expect(addresses.size).toBe(0);
    // Another configuration, another journal.
    tables.setOwned([V1]);
    tables.apply([V1]);
    expect(written.map(({ keys }) => keys.length)).toEqual([3, 2]);
  });

  test("what a dead process left goes, although no configuration names it; then it is forgotten", () => {
    const before = bench();
    before.tables.setOwned([V1, V2]);
    before.tables.apply([V1, V2]);
    const [journal] = before.written;
    const after = bench(journal?.keys, [...before.addresses.values()]);
    after.tables.setOwned([V1]);
    after.tables.apply([V1]);
    expect([...after.addresses.values()].map(({ ip }) => ip)).toEqual(["192.0.2.100", "192.0.2.101"]);
    expect(after.written.at(-1)?.keys.length).toBe(2);
  });
});

test("what carries our mark and nobody wants goes once, at the start", () => {
  const other = bench();
  other.tables.setOwned([part("X", "192.0.2.200")]);
  other.tables.apply([part("X", "192.0.2.200")]);
  const [marked] = [...other.addresses.values()];
  if (!marked) throw new Error("no address");
  const V1 = part("V1", "192.0.2.100");
  const ips = (one: ReturnType<typeof bench>) => [...one.addresses.values()].map(({ ip }) => ip);

  const alone = bench([], [marked]);
  alone.tables.setOwned([V1]);
  alone.tables.takeOverMarked();
  alone.tables.apply([V1]);
  expect(ips(alone)).toEqual(["192.0.2.100"]);
  // Another daemon has come.
  alone.stranger((there) => there.set(addressKey(marked), marked));
  alone.tables.apply([V1]);
  expect(ips(alone)).toEqual(["192.0.2.100", "192.0.2.200"]);

  const beside = bench([], [marked]);
  beside.tables.setOwned([V1]);
  beside.tables.apply([V1]);
  expect(ips(beside)).toEqual(["192.0.2.200", "192.0.2.100"]);
});

test("what the kernel refuses is no repair, and is told once, with whose it is and where", () => {
  const one = bench([], [], "192.0.2.101");
  const V1 = part("V1", "192.0.2.100", "192.0.2.101");
  one.tables.setOwned([V1]);
  expect([one.tables.apply([V1]), one.tables.apply([V1]), one.tables.apply([V1])]).toEqual([1, 0, 0]);
  expect(one.logged).toEqual(["V1: address 192.0.2.101/24 on eth0: ipv4: Invalid scope value: EINVAL"]);
});

/** Owners that ask for these parts and no others do. */
function asking(...parts: readonly TablesPart[]) {
  return [new Map(parts.map((one) => [one.owner ?? "", one])), () => parts] as const;
}

describe.each([
  ["where all is compared", false],
  ["where only what an owner asks for is compared", true],
])("a rehearsal %s", (_how, isCurrent) => {
  const V1 = part("V1", "192.0.2.100", "192.0.2.101");
  const V2 = part("V2", "192.0.2.110");
  const setUp = () => {
    const one = bench();
    one.tables.setOwned([V1, V2]);
    if (isCurrent) one.tables.apply([]);
    one.written.splice(0);
    one.tables.rehearse(...asking(V1));
    return one;
  };
  const ips = ({ addresses }: ReturnType<typeof bench>) => [...addresses.values()].map(({ ip }) => ip);

  test("asks for nothing, and its commands are those of the takeover", () => {
    const one = setUp();
    expect([one.commands, ips(one), one.written]).toEqual([[], [], []]);
    one.tables.change(...asking(V1));
    // The same list: it is encoded already.
    expect(one.applied[0]).toBe(one.rehearsed[0]!);
    expect(ips(one)).toEqual(["192.0.2.100", "192.0.2.101"]);
    expect(one.written).toHaveLength(isCurrent ? 0 : 1);
  });

  test("is good for one time", () => {
    const one = setUp();
    one.tables.change(...asking(V1));
    one.tables.change(...asking(V1));
    expect(one.applied).toHaveLength(1);
  });

  test("is worth nothing when another part is wanted", () => {
    const one = setUp();
    one.tables.change(...asking(V1, V2));
    expect(ips(one)).toEqual(["192.0.2.100", "192.0.2.101", "192.0.2.110"]);
  });

  test("is worth nothing when the kernel's tables have changed", () => {
    const one = setUp();
    one.stranger((there) => {
      const other = bench();
      other.tables.setOwned([V1]);
      other.tables.apply([part("V1", "192.0.2.100")]);
      for (const [key, address] of other.addresses) there.set(key, address);
    });
    one.tables.change(...asking(V1));
    expect(one.commands).toEqual(["add-address"]);
  });

  test("is worth nothing when something was left, and when it is claimed again", () => {
    const gone = part("V1", "192.0.2.100");
    const one = setUp();
    one.tables.change(...asking(V1));
    const event = [...one.addresses.values()][0];
    if (!event) throw new Error("no address");
    const wish = one.tables.ownerOf({ kind: "address", change: "removed", address: event, ours: false });
    if (!wish) throw new Error("nobody wants it");
    one.stranger((there) => there.delete(addressKey(event)));
    one.tables.rehearse(...asking(V1));
    one.tables.leave(wish);
    one.tables.change(...asking(V1));
    expect(ips(one)).toEqual(["192.0.2.101"]);
    one.tables.rehearse(...asking(V1));
    one.tables.claim(gone.owner);
    one.tables.change(...asking(V1));
    expect(ips(one)).toEqual(["192.0.2.101", "192.0.2.100"]);
  });

  test("is worth nothing under another configuration", () => {
    const one = setUp();
    one.tables.setOwned([V1]);
    one.tables.change(...asking(V1));
    expect(ips(one)).toEqual(["192.0.2.100", "192.0.2.101"]);
    one.tables.apply([V1]);
    expect(one.written.at(-1)?.keys).toHaveLength(2);
  });
});

describe("what some owners ask for", () => {
  const NAMES = ["V1", "V2", "V3", "V4"];
  const IPS = Array.from({ length: 8 }, (_, i) => `192.0.2.${100 + i}`);

  function randomPart(random: Random, owner: string): TablesPart | undefined {
    if (random.chance(0.2)) return undefined;
    const ips = IPS.filter(() => random.chance(0.3));
    // Other settings of the same address, and an interface that is not there.
    const label = random.chance(0.2) ? { label: "eth0:x" } : {};
    const device = random.chance(0.05) ? "eth9" : "eth0";
    return {
      ...part(owner, ...ips),
      addresses: ips.map((ip) => address(ip, { device, ...label })),
      rules: RULE && random.chance(0.1) ? [RULE] : [],
    };
  }

  test.each(Array.from({ length: 100 }, (_, i) => i + 1))("seed %d: comes to what all of it comes to", (seed) => {
    const random = seededRandom(seed);
    const [some, all] = [bench(), bench()];
    const owned = new Map<string, TablesPart>();
    const configured = NAMES.map((name) => part(name, ...IPS));
    for (const { tables } of [some, all]) {
      tables.setOwned(configured);
      tables.apply([]);
    }
    for (let turn = 0; turn < 20; turn++) {
      const change = new Map(NAMES.filter(() => random.chance(0.4)).map((name) => [name, randomPart(random, name)]));
      for (const [name, next] of change) {
        owned.delete(name);
        if (next) owned.set(name, next);
      }
      const parts = () => [...owned.values()];
      if (random.chance(0.5)) some.tables.rehearse(change, parts);
      some.tables.change(change, parts);
      all.tables.apply(parts());
      const [got, wanted] = [some, all].map(({ addresses }) => [...addresses].toSorted());
      expect(got).toEqual(wanted!);
      expect(IPS.filter((ip) => some.tables.isWanted(`2|${ip}/32`))).toEqual(
        IPS.filter((ip) => all.tables.isWanted(`2|${ip}/32`)),
      );
      // Nothing is left to do, and nobody has to compare it in one go for that.
      if (parts().every(({ rules }) => rules.length === 0)) expect(inOneGo(some.tables.isAsWanted(parts()))).toBe(true);
    }
  });

  test("is compared by itself, however many addresses there are beside", () => {
    const COUNT = 1000;
    const parts = Array.from({ length: COUNT }, (_, i) => part(`V${i}`, `198.51.${i >> 8}.${i & 255}`));
    const one = bench();
    one.tables.setOwned(parts);
    one.tables.apply(parts);
    one.tables.apply(parts);
    const looked = countLooks(one.addresses);
    one.tables.change(new Map([["V1", part("V1", "203.0.113.1")]]), () => expect.unreachable());
    expect([one.addresses.size, one.addresses.has("2|203.0.113.1/32")]).toEqual([COUNT, true]);
    // The address that goes may be the first of its network, so each other one is looked at once.
    expect(looked()).toBeLessThan(COUNT + 20);
    one.tables.change(new Map([["V1", undefined]]), () => expect.unreachable());
    one.tables.change(new Map([["V1", part("V1", "203.0.113.1")]]), () => expect.unreachable());
    expect(looked()).toBeLessThan(2 * COUNT + 40);
  });

  test("is compared with all when somebody else has other tables, or an owner another name", () => {
    const V1 = part("V1", "192.0.2.100");
    const one = bench();
    one.tables.setOwned([V1]);
    one.tables.apply([V1]);
    one.tables.renamed();
    one.tables.change(new Map([["V2", part("V2", "192.0.2.100")]]), () => [part("V2", "192.0.2.100")]);
    const [there = NO_ADDRESS] = one.addresses.values();
    expect(one.tables.ownerOf({ kind: "address", change: "removed", address: there, ours: false })?.owner).toBe("V2");
    expect(one.addresses.size).toBe(1);
  });
});

describe("a look whether all is as wanted", () => {
  const V1 = part("V1", "192.0.2.100", "192.0.2.101");
  const V2 = part("V2", "192.0.2.110");
  const applied = (...parts: readonly TablesPart[]) => {
    const one = bench();
    one.tables.setOwned([V1, V2]);
    one.tables.apply(parts);
    one.written.splice(0);
    return one;
  };
  const look = ({ tables }: ReturnType<typeof bench>, ...parts: readonly TablesPart[]) =>
    inOneGo(tables.isAsWanted(parts));

  test("sees what is missing, what is too much, and what has other settings", () => {
    expect(look(applied(V1), V1)).toBe(true);
    expect(look(applied(V1), V1, V2)).toBe(false);
    expect(look(applied(V1, V2), V1)).toBe(false);
    const other = { ...V2, addresses: V2.addresses.map((one) => ({ ...one, label: "eth0:x" })) };
    expect(look(applied(V2), other)).toBe(false);
  });

  test("leaves nothing of the configuration before, as a comparison of all does", () => {
    const one = applied(V1);
    one.tables.setOwned([V1]);
    expect(one.tables.isOutdated()).toBe(true);
    expect(look(one, V1)).toBe(true);
    expect(one.tables.isOutdated()).toBe(false);
    expect(one.written.map(({ keys }) => keys.length)).toEqual([2]);
  });

  test("is worth nothing when something comes in between", () => {
    for (const between of [
      (one: ReturnType<typeof bench>) => one.stranger((there) => there.delete("2|192.0.2.100/32")),
      (one: ReturnType<typeof bench>) => one.tables.change(new Map([["V2", V2]]), () => [V1, V2]),
    ]) {
      const one = applied(V1);
      one.tables.setOwned([V1]);
      const steps = one.tables.isAsWanted([V1]);
      steps.next();
      between(one);
      expect(inOneGo(steps)).toBe(false);
    }
  });
});

/** Counts the addresses that are looked at. */
function countLooks(addresses: Map<string, InterfaceAddress>): () => number {
  let looks = 0;
  const { get } = addresses;
  addresses.get = (key) => {
    looks++;
    return get.call(addresses, key);
  };
  for (const all of ["values", "entries", Symbol.iterator] as const) {
    const each: () => Iterable<unknown> = addresses[all].bind(addresses);
    Object.defineProperty(addresses, all, {
      value: function* () {
        for (const one of each()) {
          looks++;
          yield one;
        }
      },
    });
  }
  return () => looks;
}

describe("the owner of an address (priority 255)", () => {
  const [machines = NO_ADDRESS] = wantedOf([part("V1", "192.0.2.100")], () => ETH0).wanted.addresses;
  const there: InterfaceAddress = { ...machines, protocol: 0 };
  const key = addressKey(there);
  const owner = (...ips: readonly string[]): TablesPart => ({ ...part("V1", ...ips), isAddressOwner: true });

  test("keeps what the machine had: at the start, as a master and at the end", () => {
    const { tables, commands, addresses } = bench([], [there]);
    const both = owner("192.0.2.100", "192.0.2.101");
    tables.setOwned([both]);
    tables.apply([]);
    expect(addresses.get(key)).toBe(there);
    tables.apply([both]);
    expect(commands).toEqual(["add-address"]);
    tables.apply([]);
    expect([...addresses.values()]).toEqual([there]);
  });

  test("puts it back when somebody took it while it was master, and keeps that, too", () => {
    const { tables, addresses, stranger } = bench([], [there]);
    tables.setOwned([owner("192.0.2.100")]);
    tables.apply([owner("192.0.2.100")]);
    stranger((seen) => seen.delete(key));
    tables.apply([owner("192.0.2.100")]);
    tables.apply([]);
    expect(addresses.has(key)).toBe(true);
  });

  test("knows it after a crash, and knows its own from it", () => {
    const { tables, written } = bench([], [there]);
    const both = owner("192.0.2.100", "192.0.2.101");
    tables.setOwned([both]);
    tables.apply([both]);
    const [journal] = written.slice(-1);
    expect(parseTablesJournal(JSON.parse(JSON.stringify(journal)))).toMatchObject({ machines: [key] });
    // Where the kernel keeps no mark, only the journal tells them apart.
    const [, own = NO_ADDRESS] = wantedOf([both], () => ETH0).wanted.addresses;
    const after = bench(journal, [there, { ...own, protocol: 0 }]);
    after.tables.setOwned([both]);
    after.tables.apply([]);
    expect([...after.addresses.keys()]).toEqual([key]);
  });

  test("what it has put there itself is not the machine's, also at a reload", () => {
    const { tables, addresses } = bench();
    const before = part("V1", "192.0.2.100");
    tables.setOwned([before]);
    tables.apply([before]);
    stripMarks(addresses);
    tables.setOwned([owner("192.0.2.100")]);
    tables.apply([owner("192.0.2.100")]);
    tables.apply([]);
    expect(addresses.size).toBe(0);
  });

  test("comes and goes where there is another one to speak from, so that whoever takes over has it alone", () => {
    const other: InterfaceAddress = { ...there, ip: "192.0.2.1" };
    const { tables, commands, addresses } = bench([], [there, other]);
    const both = owner("192.0.2.100");
    tables.setOwned([both]);
    tables.apply([]);
    expect([...addresses.values()]).toEqual([other]);
    tables.apply([both]);
    tables.apply([]);
    expect(commands).toEqual(["delete-address", "add-address", "delete-address"]);
    expect([...addresses.values()]).toEqual([other]);
  });

  test("another interface's address is none to speak from", () => {
    const elsewhere: InterfaceAddress = { ...there, ip: "198.51.100.1", index: 3 };
    const { tables, addresses } = bench([], [there, elsewhere]);
    tables.setOwned([owner("192.0.2.100")]);
    tables.apply([]);
    expect(addresses.get(key)).toBe(there);
  });

  test("another priority takes away what it finds: it may be what somebody left", () => {
    const { tables, addresses } = bench([], [there]);
    tables.setOwned([part("V1", "192.0.2.100")]);
    tables.apply([]);
    expect(addresses.size).toBe(0);
  });
});

/** As a kernel before 5.18 has them. */
function stripMarks(addresses: Map<string, InterfaceAddress>): void {
  for (const [key, one] of addresses) addresses.set(key, { ...one, protocol: 0 });
}
