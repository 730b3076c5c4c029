// Kernel settings as a wish, what is held, what is seen: the steps between them.
import { describe, expect, test } from "bun:test";
import { looseReversePath, parentSettings, planSysctls, settingsOf } from "../../../src/net/sysctls.ts";
import { vrrpConfig, vrrpInstance } from "../../support/vrrp.ts";

const NOTHING = new Map();

function plan(
  wanted: Parameters<typeof planSysctls>[0],
  held: Readonly<Record<string, [found: string, set: string]>>,
  seen: Readonly<Record<string, string>>,
) {
  const before = new Map(Object.entries(held).map(([path, [found, set]]) => [path, { found, set }]));
  const { steps, held: after } = planSysctls(wanted, before, (path) => seen[path]);
  const words = steps.map((step) => `${step.kind} ${step.path} ${step.kind === "leave" ? step.now : step.value}`);
  return { words, after: Object.fromEntries([...after].map(([path, { found, set }]) => [path, [found, set]])) };
}

describe("from what is seen to what is wanted", () => {
  test.each([
    [
      "another value is set, and what was found is held",
      [{ path: "p", value: "1" }],
      {},
      { p: "0" },
      ["set p 1"],
      { p: ["0", "1"] },
    ],
    ["what is right already is not ours", [{ path: "p", value: "1" }], {}, { p: "1" }, [], {}],
    ["what is not there is not wanted yet", [{ path: "p", value: "1" }], {}, {}, [], {}],
    ["a larger number does", [{ path: "p", value: "1", atLeast: true as const }], {}, { p: "2" }, [], {}],
    [
      "a larger one that came later too, and ours is remembered",
      [{ path: "p", value: "1", atLeast: true as const }],
      { p: ["0", "1"] },
      { p: "2" },
      [],
      { p: ["0", "1"] },
    ],
    [
      "a larger one that is ours does not: less is wanted now",
      [{ path: "p", value: "1", atLeast: true as const }],
      { p: ["0", "2"] },
      { p: "2" },
      ["set p 1"],
      { p: ["0", "1"] },
    ],
    [
      "held and as set: nothing to do",
      [{ path: "p", value: "1" }],
      { p: ["0", "1"] },
      { p: "1" },
      [],
      { p: ["0", "1"] },
    ],
    [
      "changed by others: set again, and theirs is what goes back",
      [{ path: "p", value: "1" }],
      { p: ["0", "1"] },
      { p: "3" },
      ["set p 1"],
      { p: ["3", "1"] },
    ],
    [
      "another wish keeps what was found first",
      [{ path: "p", value: "2" }],
      { p: ["0", "1"] },
      { p: "1" },
      ["set p 2"],
      { p: ["0", "2"] },
    ],
    ["wanted no more: back", [], { p: ["0", "1"] }, { p: "1" }, ["restore p 0"], {}],
    ["wanted no more, and another's by now: left", [], { p: ["0", "1"] }, { p: "3" }, ["leave p 3"], {}],
    ["wanted no more, and gone or as it was: forgotten", [], { p: ["0", "1"], q: ["0", "1"] }, { q: "0" }, [], {}],
    [
      "what is wanted comes before what goes, and that last set first",
      [{ path: "c", value: "1" }],
      { a: ["0", "1"], b: ["0", "1"] },
      { a: "1", b: "1", c: "0" },
      ["set c 1", "restore b 0", "restore a 0"],
      { c: ["0", "1"] },
    ],
  ] as const)("%s", (_why, wanted, held, seen, words, after) => {
    expect(plan(wanted, held as never, seen as never)).toEqual({ words: [...words], after: after as never });
  });

  test("the steps carried out, there is nothing left to do", () => {
    const wanted = [{ path: "p", value: "1" }];
    const { held } = planSysctls(wanted, NOTHING, () => "0");
    expect(planSysctls(wanted, held, () => "1").steps).toEqual([]);
  });
});

test("what a configuration wants for itself", () => {
  const one = vrrpInstance({ promoteSecondaries: true });
  const config = vrrpConfig([one, { ...one, name: "B", vrid: 52 }], { global: { disableLocalIgmp: true } });
  expect(settingsOf(config).map(({ path, value }) => `${path}=${value}`)).toEqual([
    "net/ipv4/igmp_link_local_mcast_reports=0",
    "net/ipv4/conf/eth0/promote_secondaries=1",
  ]);
  expect(settingsOf(vrrpConfig([vrrpInstance()]))).toEqual([]);
});

test("a strict reverse path filter moves down before `all` is opened, and only when there is one", () => {
  expect(looseReversePath("2", ["all", "default", "eth0"])).toEqual([
    { path: "net/ipv4/conf/default/rp_filter", value: "2", atLeast: true },
    { path: "net/ipv4/conf/eth0/rp_filter", value: "2", atLeast: true },
    { path: "net/ipv4/conf/all/rp_filter", value: "0" },
  ]);
  expect(looseReversePath("0", ["all", "eth0"])).toEqual([]);
  expect(looseReversePath(undefined, ["all"])).toEqual([]);
  expect(parentSettings(["eth0"]).map(({ path }) => path)).toEqual([
    "net/ipv4/conf/eth0/arp_ignore",
    "net/ipv4/conf/eth0/arp_filter",
  ]);
});
