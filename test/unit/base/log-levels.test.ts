import { expect, test } from "bun:test";
import type { Level } from "../../../src/base/log.ts";
import { isWanted, levelsText, readLevels, withWords } from "../../../src/base/log-levels.ts";

test.each([
  ["warning", { all: "warning", areas: {} }],
  ["vrrp=debug", { areas: { vrrp: "debug" } }],
  ["error,vrrp=debug,ipvs=info", { all: "error", areas: { vrrp: "debug", ipvs: "info" } }],
] as const)("%s is read and written", (text, words) => {
  expect(readLevels(text)).toEqual(words);
  expect(levelsText(words)).toBe(text);
});

test.each(["", "loud", "vrrp=", "=debug", "info,,debug", "vrrp=debug=info", "VRRP=debug", "vrrp debug"])(
  "%p is none",
  (text) => expect(readLevels(text)).toBeUndefined(),
);

test("an area has its own level, all others the common one", () => {
  const levels = withWords({ all: "info", areas: { api: "error" } }, { all: "warning", areas: { vrrp: "debug" } });
  const seen = (area: string) =>
    (["error", "warning", "info", "debug"] as const).filter((level: Level) =>
      isWanted({ level, area, message: "" }, levels),
    );
  expect([seen("checker"), seen("vrrp"), seen("api"), seen("constructor")]).toEqual([
    ["error", "warning"],
    ["error", "warning", "info", "debug"],
    ["error"],
    ["error", "warning"],
  ]);
});
