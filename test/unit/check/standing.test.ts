// What checks mean for their real server, and real servers for their virtual server: the words and the time that the status shows.
import { describe, expect, test } from "bun:test";
import { type CheckView, standServer, standService } from "../../../src/check/standing.ts";
import { realServer, virtualServer } from "../../support/model.ts";

const UP: CheckView = { id: "tcp", up: true, reason: "connected" };
const DOWN: CheckView = { id: "http", up: false, reason: "status 503" };
const FRESH: CheckView = { id: "new", up: true };

describe("a real server", () => {
  test.each([
    ["no check: it is up", [], true, "no checks configured"],
    ["its only check says why", [UP], true, "tcp: connected"],
    ["several", [UP, { ...UP, id: "b" }], true, "all 2 checks are up"],
    [
      "one that has not run yet is taken as up, and said so",
      [UP, FRESH],
      true,
      "1 of 2 checks not run yet, taken as up",
    ],
    ["the first that fails decides", [UP, DOWN, { ...DOWN, id: "b" }], false, "http: status 503"],
    ["alpha: none has succeeded yet", [{ id: "a", up: false }], false, "a: no success yet"],
  ] as const)("%s", (_why, checks, healthy, reason) => {
    expect(standServer(undefined, realServer(1), checks, 7)).toMatchObject({ healthy, reason });
  });

  test("since: from when it is as it is, whatever else changes", () => {
    const one = realServer(1);
    const up = standServer(undefined, one, [UP], 10);
    const still = standServer(up, one, [UP, FRESH], 20);
    const down = standServer(still, one, [DOWN], 30);
    const again = standServer(down, one, [UP], 40);
    expect([up, still, down, again].map(({ sinceWallMs }) => sinceWallMs)).toEqual([10, 10, 30, 40]);
  });

  test("weight: what the checks say of it counts", () => {
    const one = { ...realServer(1), weight: 5 };
    expect(standServer(undefined, one, [UP], 0).weight).toBe(5);
    expect(
      standServer(
        undefined,
        one,
        [
          { ...UP, weight: { set: 9 } },
          { ...UP, weight: { add: -2 } },
        ],
        0,
      ).weight,
    ).toBe(7);
  });
});

describe("a virtual server", () => {
  const servers = (...all: readonly (readonly [boolean, number])[]) =>
    new Map(all.map(([healthy, weight], i) => [`${i}`, { healthy, weight, sinceWallMs: 0, reason: "" }]));
  const service = { ...virtualServer([]), quorum: 3, hysteresis: 1 };

  test.each([
    [
      "healthy ones count with their weight",
      servers([true, 2], [true, 2], [false, 9]),
      true,
      4,
      "live weight 4, at least 2",
    ],
    ["too few", servers([true, 3]), false, 3, "live weight 3, wanted 4"],
    ["none", servers(), false, 0, "live weight 0, wanted 4"],
  ] as const)("%s", (_why, all, quorumUp, liveWeight, reason) => {
    expect(standService(undefined, service, all, 0)).toMatchObject({ quorumUp, liveWeight, reason });
  });

  test("within the hysteresis it stays as it was, and since then", () => {
    const up = standService(undefined, service, servers([true, 4]), 10);
    const less = standService(up, service, servers([true, 2]), 20);
    const gone = standService(less, service, servers([true, 1]), 30);
    const more = standService(gone, service, servers([true, 3]), 40);
    expect([up, less, gone, more].map((one) => [one.quorumUp, one.sinceWallMs])).toEqual([
      [true, 10],
      [true, 10],
      [false, 30],
      [false, 30],
    ]);
  });
});
