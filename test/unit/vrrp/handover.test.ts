// A process takes the place of another: masters go on as such when nobody can have missed them, and nothing is taken away in between.
import { expect, test } from "bun:test";
import type { TrackScript, VrrpConfig, VrrpInstance } from "../../../src/config/model/vrrp.ts";
import type { VrrpAction } from "../../../src/vrrp/actions.ts";
import { createVrrpRouter, type VrrpRouter } from "../../../src/vrrp/router/router.ts";
import { NO_TRACKING, syncGroup, use, vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";

const START = 10_000;
const ORIGIN = { file: "test.conf", line: 1, column: 1 };
const ALIVE: TrackScript = {
  ...{ name: "alive", origin: ORIGIN, command: { argv: ["/bin/true"], origin: ORIGIN } },
  ...{ intervalMs: 1000, timeoutMs: 1000, weight: 0, reverse: false, rise: 1, fall: 1, initFail: false },
};
const at = (now: number) => ({ now, wallMs: now });
const named = (name: string, vrid: number, more: Partial<VrrpInstance> = {}) => vrrpInstance({ name, vrid, ...more });

/** @param spokeAgoMs since the last advertisement of those that were master */
function successor(
  config: VrrpConfig,
  masters: readonly string[],
  spokeAgoMs = 100,
  before: (router: VrrpRouter) => void = () => {},
) {
  const router = createVrrpRouter(config, [], START);
  router.setFacts([{ kind: "interface", name: "eth0", up: true, detail: "", since: 0 }], at(START));
  for (const { name } of config.instances) router.setSource(name, "192.0.2.1", at(START));
  before(router);
  const actions = router.start(at(START), START, { masters: new Set(masters), spokeAt: START - spokeAgoMs });
  const of = (name: string) =>
    actions.filter((action) => "instance" in action && action.instance === name).map(({ kind }) => kind);
  return { router, actions, of, states: () => router.instances().map(({ state }) => state.kind) };
}

const kinds = (actions: readonly VrrpAction[]) => actions.map(({ kind }) => kind);
const transitions = (actions: readonly VrrpAction[]) =>
  actions.flatMap((action) =>
    action.kind === "transition" ? [`${action.name}: ${action.from} → ${action.to} (${action.cause.code})`] : [],
  );

test("a master advertises at once, and its addresses are never taken away", () => {
  const { states, actions, of } = successor(vrrpConfig([vrrpInstance()]), ["VI_1"]);
  expect(states()).toEqual(["master"]);
  expect(transitions(actions)).toEqual(["VI_1: INIT → MASTER (resumed)"]);
  expect(of("VI_1").slice(0, 2)).toEqual(["send", "addAddresses"]);
  expect(kinds(actions)).not.toContain("removeAddresses");
});

test.each([
  ["one that was no master", [], 100],
  ["one that others may have missed", ["VI_1"], 3000],
])("%s begins as at every start: what is left goes, and it waits", (_, masters, spokeAgoMs) => {
  const { states, actions, of } = successor(vrrpConfig([vrrpInstance()]), masters, spokeAgoMs);
  expect(states()).toEqual(["backup"]);
  expect(of("VI_1")[0]).toBe("removeAddresses");
  expect(transitions(actions)).toEqual(["VI_1: INIT → BACKUP (start)"]);
});

test("the time in which nobody misses it is three of its own intervals", () => {
  const config = vrrpConfig([named("slow", 1, { advertMs: 2000 }), named("quick", 2, { advertMs: 100 })]);
  expect(successor(config, ["slow", "quick"], 299).states()).toEqual(["master", "master"]);
  expect(successor(config, ["slow", "quick"], 300).states()).toEqual(["master", "backup"]);
  expect(successor(config, ["slow", "quick"], 5999).states()).toEqual(["master", "backup"]);
});

test("a start-up delay and trackers without a result yet hold back who starts, not who goes on", () => {
  const tracked = vrrpInstance({ tracking: { ...NO_TRACKING, scripts: [use("alive")] } });
  const config = vrrpConfig([tracked], { global: { startupDelayMs: 5000 }, scripts: [ALIVE] });
  expect(successor(config, []).states()).toEqual(["init"]);
  expect(successor(config, ["VI_1"]).states()).toEqual(["master"]);
});

test("held instances and those with a fault do not go on", () => {
  const config = vrrpConfig([vrrpInstance()]);
  expect(successor(config, ["VI_1"], 100, (router) => router.setHeld(true, at(START))).states()).toEqual(["init"]);
  const faulty = successor(config, ["VI_1"], 100, (router) => router.setFault("VI_1", "address", "refused", at(START)));
  expect(faulty.states()).toEqual(["fault"]);
  expect(faulty.of("VI_1")[0]).toBe("removeAddresses");
});

test("of a sync group all go on or none", () => {
  const config = vrrpConfig([named("a", 1), named("b", 2)], { syncGroups: [syncGroup("G", ["a", "b"])] });
  const whole = successor(config, ["a", "b"]);
  expect(whole.states()).toEqual(["master", "master"]);
  expect(transitions(whole.actions)).toEqual([
    "G: INIT → MASTER (resumed)",
    "a: INIT → MASTER (resumed)",
    "b: INIT → MASTER (resumed)",
  ]);
  const half = successor(config, ["a"]);
  expect(half.states()).toEqual(["backup", "backup"]);
  expect(half.of("a")[0]).toBe("removeAddresses");
});

test("who hands over lets its masters speak once more, and those alone; the next advertisement counts from there", () => {
  const { router } = successor(vrrpConfig([named("a", 1), named("b", 2)]), ["a"]);
  const last = router.handOver(at(START + 400));
  expect(
    last.map((action) => (action.kind === "send" ? `${action.instance} ${action.priority}` : action.kind)),
  ).toEqual(["a 100"]);
  expect(router.deadline()).toBe(START + 1400);
});

test("one who goes on yields to a better one as ever", () => {
  const { router, states } = successor(vrrpConfig([vrrpInstance()]), ["VI_1"]);
  expect(kinds(router.timer(at(START + 1000)))).toContain("send");
  router.setFault("VI_1", "address", "refused", at(START + 1100));
  expect(states()).toEqual(["fault"]);
});
