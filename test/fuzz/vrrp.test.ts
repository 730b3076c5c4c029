// VRRP decoders and machine under random input: nothing throws, a refused packet changes nothing, time always moves on.
// LBD_FUZZ_RUNS=n for more inputs (1,000,000 for a release).
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fromHex } from "../../src/base/bytes.ts";
import { ipBytes } from "../../src/base/ip.ts";
import type { VrrpInstance } from "../../src/config/model/vrrp.ts";
import { accept, receiverFor } from "../../src/vrrp/accept.ts";
import type { VrrpAction } from "../../src/vrrp/actions.ts";
import { type Datagram, describeDatagram, looksSigned, vridOf } from "../../src/vrrp/datagram.ts";
import { likelyCause, remedyFor } from "../../src/vrrp/likely-cause.ts";
import { type Event, initialState, type MachineConfig, type State, stateName } from "../../src/vrrp/machine/state.ts";
import { deadline, step } from "../../src/vrrp/machine/step.ts";
import { decodeAdvert, encodeAdvert } from "../../src/vrrp/packet.ts";
import { REFUSALS } from "../../src/vrrp/refusals.ts";
import { createVrrpRouter } from "../../src/vrrp/router/router.ts";
import { INITIAL_WIRE } from "../../src/vrrp/wire.ts";
import { instancesOfConf, vectorCases, vrrpConfig, vrrpInstance } from "../support/vrrp.ts";

const RUNS = Number(process.env.LBD_FUZZ_RUNS ?? 20_000);
const WALL = 1_795_334_420_000;

/** Every recorded frame as its receiver's socket would show it. */
const seeds: readonly Datagram[] = vectorCases().flatMap((vector) =>
  vector.frames
    .filter((frame) => frame.kind === "vrrp")
    .map((frame): Datagram => {
      const packet = (fromHex(frame.hex) ?? new Uint8Array()).slice(14);
      const { ip } = frame.decoded;
      const source = ipBytes(ip.src);
      if (ip.version === 4) return { family: 4, bytes: packet, source };
      return { family: 6, bytes: packet.slice(40), source, destination: ipBytes(ip.dst), hopLimit: ip.hop_limit };
    }),
);
const instances: readonly VrrpInstance[] = vectorCases().flatMap((vector) =>
  [...vector.confs.values()].flatMap((conf) => instancesOfConf(conf)),
);
const distinct = [...new Map(instances.map((one) => [JSON.stringify({ ...one, priority: 0 }), one])).values()];

interface Edit {
  readonly at: number;
  readonly value: number;
}

function mutate(datagram: Datagram, edits: readonly Edit[], cut: number, tail: Uint8Array): Datagram {
  const bytes = new Uint8Array([...datagram.bytes.subarray(0, Math.max(0, datagram.bytes.byteLength - cut)), ...tail]);
  for (const { at, value } of edits) if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = value;
  return { ...datagram, bytes };
}

const mutated = fc
  .tuple(
    fc.nat(seeds.length - 1),
    fc.array(fc.record({ at: fc.nat(199), value: fc.nat(255) }), { maxLength: 6 }),
    fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(80) }),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(new Uint8Array(0)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    ),
  )
  .map(([seed, edits, cut, tail]) => mutate(seeds[seed] ?? { family: 4, bytes: tail, source: tail }, edits, cut, tail));

const random = fc
  .tuple(
    fc.constantFrom<4 | 6>(4, 6),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.nat(255),
  )
  .map(([family, bytes, address, hopLimit]): Datagram => {
    const source = address.slice(0, family === 4 ? 4 : 16);
    return { family, bytes, source, destination: source, hopLimit };
  });

const datagram = fc.oneof({ weight: 3, arbitrary: mutated }, { weight: 1, arbitrary: random });

describe("decoders", () => {
  test("X24 never throw, and what they decode is encoded to the same bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.constantFrom<4 | 6>(4, 6), (bytes, family) => {
        const decoded = decodeAdvert(bytes, family);
        if (!decoded.ok) return;
        const again = encodeAdvert(decoded.value);
        // Version 3 keeps its reserved bits, so every bit is there.
        expect(again).toEqual(bytes.slice(0, again.byteLength));
      }),
      { numRuns: RUNS },
    );
  });

  test("X24 accept judges anything, and says something about it", () => {
    const receivers = distinct.map(receiverFor);
    fc.assert(
      fc.property(datagram, fc.nat(receivers.length - 1), (packet, which) => {
        const receiver = receivers[which];
        if (!receiver) return;
        const own = ipBytes(packet.family === 4 ? "192.0.2.77" : "fe80::77");
        const verdict = accept(receiver, packet, { listening: true, own, wire: INITIAL_WIRE }, WALL);
        vridOf(packet);
        looksSigned(packet);
        expect(describeDatagram(packet).length).toBeLessThan(200);
        if (!verdict.ok) {
          expect(verdict).toBe(REFUSALS[verdict.reason]);
          expect(likelyCause(receiver.instance, verdict.reason, packet).length).toBeGreaterThan(5);
          expect(remedyFor(receiver.instance, verdict.reason, packet).length).toBeGreaterThan(5);
        } else expect(verdict.advertMs).toBeGreaterThan(0);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a router", () => {
  const at = (now: number) => ({ now, wallMs: WALL + now });

  function routerOf(priority: number) {
    const named = distinct.map((instance, i) => ({ ...instance, name: `V${i}`, priority, interface: `eth${i}` }));
    const one = createVrrpRouter(vrrpConfig(named), [], 0);
    for (const instance of named) {
      one.setFacts([{ kind: "interface", name: instance.interface, up: true, detail: "", since: 0 }], at(0));
      one.setSource(instance.name, instance.family === 4 ? "192.0.2.77" : "fe80::77", at(0));
    }
    one.start(at(0));
    return one;
  }

  test.each([
    ["backups", 100],
    ["masters", 255],
  ])("X22 X24 a refused packet changes nothing: %s", (_why, priority) => {
    const one = routerOf(priority);
    const sockets = one.sockets();
    let now = 1;
    let refusals = 0;
    fc.assert(
      fc.property(datagram, fc.nat(sockets.length - 1), (packet, which) => {
        const spec = sockets[which];
        if (!spec) return;
        const before = one.instances().map((view) => [view.state, view.counters.advert_rcvd] as const);
        const due = one.deadline();
        const announced = one
          .receive(spec.key, packet, at(now))
          .filter((action) => action.kind !== "log" && action.kind !== "event");
        const after = one.instances();
        const accepted = after.some((view, i) => view.counters.advert_rcvd !== before[i]?.[1]);
        if (accepted) now += 0.01;
        else {
          refusals++;
          expect(announced).toEqual([]);
          after.forEach((view, i) => {
            expect(view.state).toBe(before[i]?.[0] as State);
          });
          // What a refused packet may set is the time at which a foreign master counts as gone.
          expect(one.deadline()).toBeLessThanOrEqual(due);
        }
      }),
      { numRuns: Math.min(RUNS, 100_000) },
    );
    expect(refusals).toBeGreaterThan(RUNS > 1000 ? 500 : 0);
    const kept = one.instances().map((view) => Object.keys(view.refused).length);
    expect(Math.max(...kept)).toBeLessThanOrEqual(Object.keys(REFUSALS).length);
  });

  test("timers of masters run on through it all", () => {
    const one = routerOf(255);
    const sockets = one.sockets();
    const sends = new Map<string, number[]>();
    const note = (now: number, actions: readonly VrrpAction[]) => {
      for (const action of actions)
        if (action.kind === "send") sends.set(action.instance, [...(sends.get(action.instance) ?? []), now]);
    };
    let now = 0;
    let packets = 0;
    fc.assert(
      fc.property(mutated, fc.nat(sockets.length - 1), (packet, which) => {
        packets++;
        now += 1;
        while (one.deadline() <= now) note(now, one.timer(at(now)));
        const spec = sockets[which];
        if (spec) note(now, one.receive(spec.key, packet, at(now)));
      }),
      { numRuns: 5000 },
    );
    expect(packets).toBe(5000);
    for (const view of one.instances()) {
      if (view.state.kind !== "master" || view.counters.release_master > 0) continue;
      const times = sends.get(view.name) ?? [];
      for (let i = 1; i < times.length; i++)
        expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeLessThanOrEqual(view.config.advertMs + 1);
    }
  });
});

describe("the machine", () => {
  const cfg = fc.record({
    version: fc.constantFrom<2 | 3>(2, 3),
    advertMs: fc.constantFrom(10, 100, 1000, 40_950),
    downTimerAdverts: fc.integer({ min: 1, max: 100 }),
    owner: fc.boolean(),
    preempt: fc.boolean(),
    preemptDelayMs: fc.constantFrom(0, 500, 60_000),
    startAsMaster: fc.boolean(),
    answerLowerPriority: fc.boolean(),
    higherPrioSendAdvert: fc.boolean(),
    unicast: fc.boolean(),
    notifyPriorityChanges: fc.boolean(),
    grouped: fc.boolean(),
  }) satisfies fc.Arbitrary<MachineConfig>;
  const tracked = fc.record({
    priority: fc.integer({ min: 1, max: 255 }),
    faults: fc.array(fc.constant({ code: "script", text: "script chk failed" }), { maxLength: 1 }),
    pending: fc.array(fc.constant("chk"), { maxLength: 1 }),
  });
  const cause = { code: "group", text: "sync group G" } as const;
  const event: fc.Arbitrary<Event> = fc.oneof(
    fc.constant<Event>({ kind: "timer" }),
    fc
      .record({
        priority: fc.integer({ min: 0, max: 255 }),
        advertMs: fc.integer({ min: 1, max: 40_950 }),
        order: fc.constantFrom<1 | -1>(1, -1),
      })
      .map((advert): Event => ({ kind: "advert", advert: { sender: "192.0.2.2", ...advert } })),
    tracked.map((value): Event => ({ kind: "tracked", tracked: value })),
    fc.record({ tracked, added: fc.boolean() }).map((value): Event => ({ kind: "configure", ...value })),
    fc.constant<Event>({ kind: "removed", what: "address" }),
    fc.constant<Event>({ kind: "reannounce", why: "link" }),
    fc.constantFrom<Event>(
      { kind: "group", to: "enter", cause },
      { kind: "group", to: "master", cause },
      { kind: "group", to: "backup", cause },
      { kind: "group", to: "fault", cause },
    ),
  );

  test("any events at any time: no throw, transitions join up, timers are never stuck in the past, answers are bounded", () => {
    fc.assert(
      fc.property(cfg, tracked, fc.array(fc.tuple(fc.nat(3000), event), { maxLength: 60 }), (config, first, events) => {
        let now = 0;
        let state: State = initialState(now);
        const extras: number[] = [];
        const take = (next: ReturnType<typeof step>, by: Event) => {
          let name = stateName(state);
          for (const action of next.actions)
            if (action.kind === "transition") {
              expect(action.from).toBe(name);
              expect(action.to).not.toBe(action.from);
              expect(action.cause.text.length).toBeGreaterThan(0);
              name = action.to;
            }
          expect(stateName(next.state)).toBe(name);
          if (by.kind === "advert" && stateName(state) === "MASTER" && name === "MASTER")
            for (const action of next.actions) if (action.kind === "sendAdvert") extras.push(now);
          state = next.state;
        };
        take(step(config, state, { kind: "start", tracked: first, startAt: 0 }, now), { kind: "timer" });
        for (const [wait, one] of events) {
          now += wait;
          for (let due = 0; deadline(state) <= now; due++) {
            expect(due).toBeLessThan(4);
            take(step(config, state, { kind: "timer" }, now), { kind: "timer" });
          }
          take(step(config, state, one, now), one);
        }
        for (let i = 3; i < extras.length; i++)
          expect((extras[i] ?? 0) - (extras[i - 3] ?? 0)).toBeGreaterThanOrEqual(1000);
        const stopped = step(config, state, { kind: "stop", deleted: false }, now);
        expect(stopped.state.kind).toBe("stopped");
        expect(deadline(stopped.state)).toBe(Number.POSITIVE_INFINITY);
        expect(step(config, stopped.state, { kind: "timer" }, now + 1e9).actions).toEqual([]);
      }),
      { numRuns: Math.ceil(RUNS / 10) },
    );
  });
});

test("there is something to mutate", () => {
  expect([seeds.length > 150, distinct.length > 15, vrrpInstance().vrid]).toEqual([true, true, 51]);
});
