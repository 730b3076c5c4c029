// Signs of life: the watchdog is fed as long as the director lives or is started again, and a silent one is ended by force.
import { expect, test } from "bun:test";
import { GONE_MS, SILENT_AT_START_MS, SILENT_MS, SOFTWARE } from "../../../../src/appliance/watchdog.ts";
import { createHeart } from "../../../../src/process/appliance/heart.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function bench(identities: readonly string[] = ["iTCO_wdt"], enabled = true) {
  const clock = manualClock();
  const said: string[] = [];
  const at = { pid: 100 as number | undefined, fed: 0, killed: 0, seen: [...identities], starved: [] as string[] };
  const heart = createHeart(
    {
      clock,
      say: (level, message) => said.push(`${level} ${message}`),
      pid: () => at.pid,
      kill: () => at.killed++,
      watchdogs: () => at.seen.map((identity, n) => ({ name: `watchdog${n}`, identity, bit: false })),
      loadSoftware: () => at.seen.push(SOFTWARE),
      starves: (reason) => at.starved.push(reason),
      open() {
        if (identities.includes("busy")) throw new Error("EBUSY");
        return { timeoutS: 30, feed: () => at.fed++, close() {} };
      },
    },
    "/run/notify",
    enabled,
  );
  /** Every five seconds a sign. */
  const live = (ms: number) => {
    for (let left = ms; left > 0; left -= 5000) {
      heart.said(["WATCHDOG=1"]);
      clock.advance(5000);
    }
  };
  return { clock, said, at, heart, live };
}

test("a director that lives has the watchdog fed each second", () => {
  const { at, live } = bench();
  const before = at.fed;
  live(60_000);
  expect(at.fed - before).toBe(60);
  expect(at.killed).toBe(0);
});

test("one that falls silent is ended by force, and the next one has its time", () => {
  const { clock, at, live, said } = bench();
  live(20_000);
  clock.advance(SILENT_MS);
  expect(at.killed).toBe(1);
  expect(said.at(-1)).toContain("no sign of life");
  at.pid = undefined;
  clock.advance(2000);
  at.pid = 101;
  const before = at.fed;
  clock.advance(SILENT_AT_START_MS - 2000);
  expect(at.killed).toBe(1);
  expect(at.fed - before).toBe((SILENT_AT_START_MS - 2000) / 1000);
});

test("one that can't be ended leaves the watchdog hungry", () => {
  const { clock, at, live, said } = bench();
  live(20_000);
  clock.advance(SILENT_MS + GONE_MS + 1000);
  const before = at.fed;
  clock.advance(60_000);
  expect(at.fed).toBe(before);
  expect(said.filter((line) => line.includes("not fed any more")).length).toBe(1);
  expect(at.starved).toEqual(["the director (pid 100) hung and could not be ended"]);
});

test("a director that crashes and is started again keeps it fed", () => {
  const { clock, at } = bench();
  const before = at.fed;
  for (let n = 0; n < 30; n++) {
    at.pid = n % 2 === 0 ? undefined : 200 + n;
    clock.advance(10_000);
  }
  expect(at.fed - before).toBe(300);
  expect(at.killed).toBe(0);
});

test("readiness is the director's own word, and the next one's anew", () => {
  const { clock, at, heart } = bench();
  expect(heart.isReady()).toBeFalse();
  heart.said(["READY=1", "MAINPID=100"]);
  clock.advance(1000);
  expect(heart.isReady()).toBeTrue();
  at.pid = 101;
  clock.advance(1000);
  expect(heart.isReady()).toBeFalse();
  heart.said(["READY=1"]);
  heart.said(["STOPPING=1"]);
  expect(heart.isReady()).toBeFalse();
});

test.each([
  [
    "hardware",
    ["Software Watchdog", "iTCO_wdt"],
    true,
    { enabled: true, identity: "iTCO_wdt", timeout: 30 },
    /^info watchdog: iTCO_wdt, 30 s/,
  ],
  [
    "none: the kernel's own is loaded",
    [],
    true,
    {
      ...{ enabled: true, identity: SOFTWARE, timeout: 30 },
      problem: "the machine has none of its own: the kernel's does not help when the kernel hangs",
    },
    /^warning .*none of its own/,
  ],
  [
    "one that is taken",
    ["busy"],
    true,
    { enabled: true, problem: "busy can't be used (EBUSY): nothing restarts a machine that hangs" },
    /^warning .*nothing restarts/,
  ],
  ["one that nobody wants", ["iTCO_wdt"], false, { enabled: false }, /^$/],
] as const)("a machine with %s says so", (_, identities, enabled, status, line) => {
  const { heart, said } = bench(identities, enabled);
  expect(heart.watchdog()).toEqual(status);
  expect(said[0] ?? "").toMatch(line);
});
