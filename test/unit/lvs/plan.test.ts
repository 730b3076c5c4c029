import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Forwarding } from "../../../src/config/model/lvs.ts";
import { destinationKey, serviceKey } from "../../../src/lvs/keys.ts";
import type { Destination, IpvsCommand, Service, ServiceEntry } from "../../../src/lvs/model.ts";
import { plan, sameDestination, sameService } from "../../../src/lvs/plan.ts";
import { fakeIpvs } from "../../support/fake-ipvs.ts";

const NONE: ReadonlySet<string> = new Set();

function service(part: Partial<Service> = {}): Service {
  return {
    family: 4,
    protocol: 6,
    address: { kind: "address", ip: "10.9.0.1", port: 80 },
    scheduler: "rr",
    flags: 0,
    timeoutS: 0,
    netmask: 0xffffffff,
    ...part,
  };
}

function destination(host: number, weight = 1, part: Partial<Destination> = {}): Destination {
  const base = { ip: `10.9.1.${host}`, port: 80, forwarding: { method: "NAT" as const } };
  return { ...base, weight, upperThreshold: 0, lowerThreshold: 0, ...part };
}

/** One command in a word: `+10.9.1.1:80=1`, `~svc`, `-10.9.1.1:80`. */
function word(command: IpvsCommand): string {
  const sign = command.kind.startsWith("add") ? "+" : command.kind.startsWith("edit") ? "~" : "-";
  if (command.kind === "deleteDestination") return `${sign}${destinationKey(command.destination)}`;
  if ("destination" in command) return `${sign}${destinationKey(command.destination)}=${command.destination.weight}`;
  return `${sign}svc`;
}

function words(wanted: readonly Destination[], seen: readonly Destination[], change: Partial<Service> = {}): string {
  const commands = plan(
    [{ service: service(change), destinations: wanted }],
    [{ service: service(), destinations: seen }],
    NONE,
  );
  return commands.map(word).join(" ");
}

const tun = (tunnel?: Forwarding["tunnel"]): Forwarding => ({ method: "TUN", ...(tunnel ? { tunnel } : {}) });

describe("plan", () => {
  test.each([
    ["nothing to do", [destination(1)], [destination(1)], ""],
    ["order does not matter", [destination(1), destination(2)], [destination(2), destination(1)], ""],
    ["a server more", [destination(1), destination(2)], [destination(1)], "+10.9.1.2:80=1"],
    ["a server less", [destination(1)], [destination(1), destination(2)], "-10.9.1.2:80"],
    [
      "a foreign destination in our service goes",
      [destination(1)],
      [destination(1), destination(77, 9)],
      "-10.9.1.77:80",
    ],
    [
      "sorry server in: it comes before the last one goes (C1)",
      [destination(8)],
      [destination(3)],
      "+10.9.1.8:80=1 -10.9.1.3:80",
    ],
    [
      "sorry server out: the others come before it goes (C1)",
      [destination(1), destination(2)],
      [destination(8)],
      "+10.9.1.1:80=1 +10.9.1.2:80=1 -10.9.1.8:80",
    ],
    [
      "inhibited swap: the weight rises before the other falls",
      [destination(1, 0), destination(8, 1)],
      [destination(1, 1), destination(8, 0)],
      "~10.9.1.8:80=1 ~10.9.1.1:80=0",
    ],
    [
      "thresholds alone are sent (C8)",
      [destination(1, 1, { upperThreshold: 200 })],
      [destination(1, 1, { upperThreshold: 100 })],
      "~10.9.1.1:80=1",
    ],
    [
      "method is corrected in place",
      [destination(1)],
      [destination(1, 1, { forwarding: { method: "DR" } })],
      "~10.9.1.1:80=1",
    ],
    [
      "tunnel type is corrected in place",
      [destination(1, 1, { forwarding: tun({ type: "gre" }) })],
      [destination(1, 1, { forwarding: tun() })],
      "~10.9.1.1:80=1",
    ],
    [
      "a tunnel without a type is ipip",
      [destination(1, 1, { forwarding: tun({ type: "ipip" }) })],
      [destination(1, 1, { forwarding: tun() })],
      "",
    ],
    [
      "gue ports differ",
      [destination(1, 1, { forwarding: tun({ type: "gue", port: 1 }) })],
      [destination(1, 1, { forwarding: tun({ type: "gue", port: 2 }) })],
      "~10.9.1.1:80=1",
    ],
    [
      "another port is another server",
      [destination(1, 1, { port: 81 })],
      [destination(1)],
      "+10.9.1.1:81=1 -10.9.1.1:80",
    ],
  ] as const)("%s", (_why, wanted, seen, expected) => {
    expect(words(wanted, seen)).toBe(expected);
  });

  test.each([
    ["scheduler", { scheduler: "wlc" }, false],
    ["one-packet flag", { flags: 0x04 }, false],
    ["HASHED is the kernel's", { flags: 0x02 }, true],
    ["persistence on", { flags: 1, timeoutS: 50 }, false],
    ["a time-out that is left without persistence", { timeoutS: 50 }, false],
    ["a mask that is left without persistence", { netmask: 0xffffff00 }, false],
    ["persistence engine", { persistenceEngine: "sip" }, false],
    ["an empty persistence engine is none", { persistenceEngine: "" }, true],
  ] as const)("service compared: %s", (_why, part, same) => {
    expect(sameService(service(), service(part))).toBe(same);
  });

  test("masks are the same whatever their sign", () => {
    const persistent = { flags: 1, timeoutS: 50 };
    expect(
      sameService(service({ ...persistent, netmask: -256 }), service({ ...persistent, netmask: 0xffffff00 })),
    ).toBe(true);
    expect(sameService(service(persistent), service({ ...persistent, netmask: 0xffffff00 }))).toBe(false);
  });

  test("the kernel's local node method is not fought", () => {
    const seen = { ...destination(1, 1, { forwarding: { method: "DR" } }), localNode: true };
    expect(sameDestination(destination(1), seen)).toBe(true);
    expect(sameDestination(destination(1, 2), seen)).toBe(false);
  });

  test("an empty table gets the service first", () => {
    const commands = plan([{ service: service(), destinations: [destination(1)] }], [], NONE);
    expect(commands.map(word)).toEqual(["+svc", "+10.9.1.1:80=1"]);
  });

  test("left-over service is corrected, the stranger stays (leftover.json)", () => {
    const table = fakeIpvs([
      {
        service: service({ scheduler: "wlc", flags: 1, timeoutS: 50 }),
        destinations: [
          destination(1, 7, { forwarding: { method: "DR" } }),
          destination(77, 9, { forwarding: { method: "DR" } }),
        ],
      },
      { service: service({ address: { kind: "address", ip: "10.9.0.99", port: 80 } }), destinations: [] },
    ]);
    const wanted = [{ service: service(), destinations: [destination(1), destination(2)] }];
    table.apply(plan(wanted, table.entries(), NONE));
    expect(table.entries()).toEqual([
      ...wanted,
      { service: service({ address: { kind: "address", ip: "10.9.0.99", port: 80 } }), destinations: [] },
    ]);
  });

  test("a service that was ours goes, destinations first; a stranger's does not", () => {
    const seen = [{ service: service(), destinations: [destination(1)] }];
    expect(plan([], seen, new Set(["10.9.0.1:80/tcp"])).map(word)).toEqual(["-10.9.1.1:80", "-svc"]);
    expect(plan([], seen, NONE)).toEqual([]);
  });

  test("a fwmark service is spoken to with the protocol that it was made with", () => {
    const mark = service({ address: { kind: "fwmark", mark: 5, family: 4 } });
    const seen = [{ service: { ...mark, protocol: 17, scheduler: "wlc" }, destinations: [destination(2)] }];
    const table = fakeIpvs(seen);
    const results = table.apply(plan([{ service: mark, destinations: [destination(1)] }], seen, NONE));
    expect(results.filter((r) => r.failure)).toEqual([]);
    expect(table.entries()).toEqual([{ service: { ...mark, protocol: 17 }, destinations: [destination(1)] }]);
  });
});

const anyForwarding: fc.Arbitrary<Forwarding> = fc.constantFrom<Forwarding>(
  { method: "NAT" },
  { method: "DR" },
  { method: "TUN" },
  { method: "TUN", tunnel: { type: "gue", port: 6080, checksum: "csum" } },
  { method: "TUN", tunnel: { type: "gre", checksum: "nocsum" } },
);
const anyDestination: fc.Arbitrary<Destination> = fc
  .record({
    host: fc.integer({ min: 1, max: 5 }),
    port: fc.constantFrom(80, 81),
    weight: fc.constantFrom(0, 0, 1, 5),
    forwarding: anyForwarding,
    lower: fc.constantFrom(0, 10),
  })
  .map(({ host, port, weight, forwarding, lower }) =>
    destination(host, weight, { port, forwarding, upperThreshold: lower * 10, lowerThreshold: lower }),
  );
const anyService: fc.Arbitrary<Service> = fc
  .record({
    host: fc.integer({ min: 1, max: 4 }),
    mark: fc.boolean(),
    scheduler: fc.constantFrom("rr", "wlc", "mh"),
    flags: fc.constantFrom(0, 1, 4, 5, 0x18),
    engine: fc.constantFrom(undefined, "sip"),
  })
  .map(({ host, mark, scheduler, flags, engine }) =>
    service({
      address: mark ? { kind: "fwmark", mark: host, family: 4 } : { kind: "address", ip: `10.9.0.${host}`, port: 80 },
      scheduler,
      flags,
      timeoutS: flags & 1 ? 50 : 0,
      ...(engine ? { persistenceEngine: engine } : {}),
    }),
  );
const anyTable: fc.Arbitrary<ServiceEntry[]> = fc.uniqueArray(
  fc.record({
    service: anyService,
    destinations: fc.uniqueArray(anyDestination, { maxLength: 6, selector: destinationKey }),
  }),
  { maxLength: 6, selector: (entry) => serviceKey(entry.service) },
);

function usable(entry: ServiceEntry | undefined): boolean {
  return entry?.destinations.some((d) => d.weight > 0) ?? false;
}

function byKey(entries: readonly ServiceEntry[]): Map<string, ServiceEntry> {
  return new Map(entries.map((entry) => [serviceKey(entry.service), entry]));
}

function sorted(entry: ServiceEntry | undefined): unknown {
  return (
    entry && {
      ...entry,
      destinations: entry.destinations.toSorted((a, b) => (destinationKey(a) < destinationKey(b) ? -1 : 1)),
    }
  );
}

describe("plan, for any two tables", () => {
  test("what is wanted comes true, strangers stay, nothing is refused, no service stands empty in between", () => {
    fc.assert(
      fc.property(anyTable, anyTable, fc.array(fc.integer({ min: 0, max: 5 })), (wanted, seen, ownedAt) => {
        const owned = new Set(ownedAt.flatMap((i) => (seen[i] ? [serviceKey(seen[i].service)] : [])));
        const table = fakeIpvs(seen);
        const before = byKey(seen);
        const after = byKey(wanted);
        for (const command of plan(wanted, table.read(), owned)) {
          expect(table.apply([command])).toEqual([{ command }]);
          const now = byKey(table.entries());
          for (const [key, entry] of after)
            if (usable(before.get(key)) && usable(entry)) expect(usable(now.get(key))).toBe(true);
        }
        const now = byKey(table.entries());
        for (const [key, entry] of after) {
          const got = now.get(key);
          expect(got && sameService(got.service, entry.service)).toBe(true);
          expect((sorted(got) as ServiceEntry).destinations).toEqual((sorted(entry) as ServiceEntry).destinations);
        }
        for (const [key, entry] of before)
          if (!after.has(key)) expect(sorted(now.get(key))).toEqual(owned.has(key) ? undefined : sorted(entry));
        expect(plan(wanted, table.read(), owned)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("what is wanted and there needs nothing", () => {
    fc.assert(fc.property(anyTable, (wanted) => expect(plan(wanted, wanted, NONE)).toEqual([])));
  });
});
