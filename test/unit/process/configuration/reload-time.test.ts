import { describe, expect, test } from "bun:test";
import { readReloadTime } from "../../../../src/process/configuration/reload-time.ts";

/** A Monday noon. */
const NOW = Date.UTC(2026, 5, 1, 12);
const at = (...time: [number, number, number, number, number, number]) => ({ kind: "at", wallMs: Date.UTC(...time) });

describe("the line of a reload_time_file", () => {
  test.each([
    ["12:00:01Z", at(2026, 5, 1, 12, 0, 1)],
    ["12:00:00Z", at(2026, 5, 2, 12, 0, 0)],
    ["11:59:59Z", at(2026, 5, 2, 11, 59, 59)],
    ["2026-06-01 12:00:01Z", at(2026, 5, 1, 12, 0, 1)],
    ["26-12-31 23:59:59Z", at(2026, 11, 31, 23, 59, 59)],
    ["2028-02-29 00:00:00Z", at(2028, 1, 29, 0, 0, 0)],
    ["2026-06-01 12:00:00Z", { kind: "past" }],
    ["2025-12-31 23:59:59Z", { kind: "past" }],
    ["2027-02-29 00:00:00Z", { kind: "wrong" }],
    ["2027-13-01 00:00:00Z", { kind: "wrong" }],
    ["24:00:00Z", { kind: "wrong" }],
    ["12:60:00Z", { kind: "wrong" }],
    ["12:00:60Z", { kind: "wrong" }],
    [" 12:00:01Z", { kind: "wrong" }],
    ["12:00:01Z ", { kind: "wrong" }],
    ["2026-06-01  12:00:01Z", { kind: "wrong" }],
    ["12:00Z", { kind: "wrong" }],
    ["9:00:00Z", { kind: "wrong" }],
    ["noon", { kind: "wrong" }],
    ["", { kind: "wrong" }],
  ])("%p", (line, time) => {
    expect<unknown>(readReloadTime(line, NOW)).toEqual(time);
  });

  test("without a Z it is the time of this machine", () => {
    const soon = new Date(NOW + 5000);
    const clock = [soon.getHours(), soon.getMinutes(), soon.getSeconds()].map((part) => `${part}`.padStart(2, "0"));
    expect<unknown>(readReloadTime(clock.join(":"), NOW)).toEqual({ kind: "at", wallMs: NOW + 5000 });
    const date = `${soon.getFullYear()}-${`${soon.getMonth() + 1}`.padStart(2, "0")}-${`${soon.getDate()}`.padStart(2, "0")}`;
    expect<unknown>(readReloadTime(`${date} ${clock.join(":")}`, NOW)).toEqual({ kind: "at", wallMs: NOW + 5000 });
  });
});
