import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { LogLine } from "../../../src/base/log.ts";
import type { ProcessRights } from "../../../src/config/model/global.ts";
import { openFileLimit, openRights } from "../../../src/kernel/rights.ts";
import { taken } from "../../support/rights.ts";

const PLAIN: ProcessRights = { noSwap: false };

describe("rights", () => {
  test("what is refused is a warning that names it, and the rest is applied", () => {
    const lines: LogLine[] = [];
    openRights("vrrp", (line) => lines.push(line))({ noSwap: false, cpuAffinity: [1023] });
    expect(lines.map((l) => [l.level, l.message.split(" is not allowed")[0]])).toEqual([
      ["warning", "cpu affinity 1023"],
    ]);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "each reaches the kernel, and goes back when a reload no longer asks for it",
    () => {
      const asked: ProcessRights = {
        priority: -5,
        realtimePriority: 20,
        rlimitRttimeUs: 2_000_000,
        cpuAffinity: [0],
        noSwap: true,
      };
      const { views, logged } = taken(PLAIN, asked, PLAIN);
      const plain = {
        nice: 0,
        realtime: 0,
        cpus: expect.any(String),
        memoryLocked: false,
        rttimeUs: expect.any(String),
      };
      expect(views).toEqual([
        plain,
        { nice: -5, realtime: 20, cpus: "0", memoryLocked: true, rttimeUs: "2000000" },
        { ...plain, cpus: views[0]?.cpus ?? "", rttimeUs: "2000000" },
      ]);
      expect(logged).toEqual([]);
    },
  );

  test("a limit that would kill the engine is raised, and said", () => {
    const { views, logged } = taken({ ...PLAIN, realtimePriority: 1, rlimitRttimeUs: 10_000 });
    expect(views[0]?.rttimeUs).toBe("1000000");
    expect(logged[0]).toContain("rlimit_rttime 10000 raised to 1000000");
  });

  test("descriptors for many checks at once", () => {
    const hard = /Max open files +\S+ +(\S+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    expect(Number(taken(PLAIN).files)).toBe(Math.min(65_536, Number(hard)));
    expect(openFileLimit()).toBe(Math.min(65_536, Number(hard)));
  });
});
