import { describe, expect, test } from "bun:test";
import { afterRun, delayAfterRun, initialHealth } from "../../../src/check/health.ts";
import { checkKey } from "../../../src/check/key.ts";
import { failedCall } from "../../../src/check/outcome.ts";
import { effectiveWeight, quorumAfter, quorumLimits } from "../../../src/check/quorum.ts";
import { endpoint, httpCheck, httpUrl, realServer, tcpCheck, timing, virtualServer } from "../../support/model.ts";

/** Plays outcomes (`+` success, `-` failure) and gives the state after each: `U` up, `d` down. */
function play(outcomes: string, retry: number, alpha = false): string {
  let health = initialHealth(!alpha);
  return [...outcomes]
    .map((outcome) => {
      health = afterRun(health, outcome === "+", retry);
      return health.up ? "U" : "d";
    })
    .join("");
}

describe("health", () => {
  test.each([
    ["one failure is enough at the start, whatever retry says", "-", 5, "d"],
    ["retry counts once a check was good", "+---", 2, "UUUd"],
    ["without retry the first failure counts", "+-", 0, "Ud"],
    ["a success in between starts anew", "+--+--", 2, "UUUUUU"],
    ["one success brings it back", "+---+", 2, "UUUdU"],
    ["back up, retries are used again", "+-+--", 1, "UUUUd"],
    ["down stays down", "+----", 1, "UUddd"],
    ["first failure, then good: retries from there on", "-+--", 1, "dUUd"],
  ] as const)("%s", (_why, outcomes, retry, states) => {
    expect(play(outcomes, retry)).toBe(states);
  });

  test("alpha: down until the first success", () => {
    expect(play("--+", 0, true)).toBe("ddU");
  });

  const times = timing({ delayLoopMs: 2000, delayBeforeRetryMs: 500 });
  const slow = timing({ delayLoopMs: 2000, delayBeforeRetryMs: 9000 });
  test.each([
    ["good: the period", "+", 2, "TCP_CHECK", times, 2000],
    ["a failure that still counts as up: the retry delay", "+-", 2, "TCP_CHECK", times, 500],
    ["down: the period", "+-", 0, "TCP_CHECK", times, 2000],
    ["down at the start: the period", "-", 2, "TCP_CHECK", times, 2000],
    ["web check that is down: the longer one", "-", 2, "HTTP_GET", slow, 9000],
    ["others that are down: the period", "-", 2, "TCP_CHECK", slow, 2000],
  ] as const)("next run, %s", (_why, outcomes, retry, kind, settings, expected) => {
    let health = initialHealth(true);
    for (const outcome of outcomes) health = afterRun(health, outcome === "+", retry);
    expect(delayAfterRun(health, outcomes.endsWith("+"), kind, settings)).toBe(expected);
  });
});

describe("quorum", () => {
  const three = [realServer(1), realServer(2), realServer(3)];
  const limits = (quorum: number, hysteresis: number) => quorumLimits(virtualServer(three, { quorum, hysteresis }));

  test.each([
    ["default", 1, 0, "3 1 0 1", "UUdU"],
    ["quorum 2, hysteresis 1 (lifecycle.json)", 2, 1, "3 2 1 0 1 2 3", "UUUdddU"],
    ["quorum 2", 2, 0, "3 2 1 2", "UUdU"],
    ["no weight is no quorum", 1, 0, "0 0", "dd"],
    ["quorum above the total weight is lowered to it", 9, 0, "3 2", "Ud"],
    ["hysteresis stays below the quorum", 2, 7, "3 1 0", "UUd"],
  ] as const)("%s", (_why, quorum, hysteresis, weights, expected) => {
    let up = false;
    const states = weights.split(" ").map((weight) => {
      up = quorumAfter(up, Number(weight), limits(quorum, hysteresis));
      return up ? "U" : "d";
    });
    expect(states.join("")).toBe(expected);
  });
});

describe("weight", () => {
  test.each([
    ["as configured", 10, [], 10],
    ["misc_dynamic replaces", 10, [{ set: 253 }], 253],
    ["misc_dynamic 0 is quiesced", 10, [{ set: 0 }], 0],
    ["a file adds", 10, [{ add: 5 }], 15],
    ["a file takes away, not below 0", 10, [{ add: -20 }], 0],
    ["several add up", 10, [{ set: 12 }, { add: 5 }, { add: -3 }], 14],
    ["not above what the kernel takes", 10, [{ add: 2 ** 31 }], 2 ** 31 - 1],
  ] as const)("%s", (_why, configured, shares, expected) => {
    expect(effectiveWeight(configured, shares)).toBe(expected);
  });
});

describe("check key", () => {
  const base = httpCheck("10.9.1.1");
  test.each([
    ["period", httpCheck("10.9.1.1", { timing: timing({ delayLoopMs: 7, retry: 9, alpha: true }) }), true],
    [
      "position in the file",
      httpCheck("10.9.1.1", { id: "HTTP_GET#2", origin: { file: "x", line: 9, column: 9 } }),
      true,
    ],
    ["address", httpCheck("10.9.1.2"), false],
    ["port", httpCheck("10.9.1.1", { endpoint: endpoint("10.9.1.1", 81) }), false],
    ["source address", httpCheck("10.9.1.1", { endpoint: endpoint("10.9.1.1", 80, { bindIp: "10.9.1.9" }) }), false],
    ["time limit", httpCheck("10.9.1.1", { endpoint: endpoint("10.9.1.1", 80, { connectTimeoutMs: 9 }) }), false],
    ["path", httpCheck("10.9.1.1", { urls: [httpUrl({ path: "/x" })] }), false],
    ["digest", httpCheck("10.9.1.1", { urls: [httpUrl({ digest: "0".repeat(32) })] }), false],
    ["status codes", httpCheck("10.9.1.1", { urls: [httpUrl({ statusCodes: [[200, 200]] })] }), false],
    ["kind", httpCheck("10.9.1.1", { kind: "SSL_GET" }), false],
    ["another kind", tcpCheck("10.9.1.1"), false],
  ] as const)("%s", (_why, other, same) => {
    expect(checkKey(base) === checkKey(other)).toBe(same);
  });

  test("the order of fields says nothing", () => {
    const { kind, id, timing: times, origin, endpoint: to } = tcpCheck("10.9.1.1");
    const turned = Object.fromEntries(Object.entries(to).toReversed());
    expect(checkKey({ endpoint: { ...turned, ...to }, origin, timing: times, id, kind })).toBe(
      checkKey(tcpCheck("10.9.1.1")),
    );
  });
});

test.each([
  ["connect", "ECONNREFUSED", "refused", undefined],
  ["connect", "EHOSTUNREACH", "unreachable", undefined],
  ["connect", "ENETUNREACH", "unreachable", undefined],
  ["connect", "EPERM", "local", undefined],
  ["connect", "ESOMETHING", "local", undefined],
  ["connect", "EMFILE", "local", true],
  ["send", "ENOBUFS", "local", true],
  ["connect", "EADDRNOTAVAIL", "local", true],
  ["bind", "EADDRINUSE", "local", true],
  ["bind", "EADDRNOTAVAIL", "local", true],
  ["bind", "EACCES", "local", true],
  ["socket", "EPERM", "local", true],
  ["socket", "EAFNOSUPPORT", "local", true],
  ["setsockopt", "ENODEV", "local", true],
] as const)("%s: %s is %s", (call, code, kind, inconclusive) => {
  const outcome = failedCall(call, code);
  expect([outcome.ok, outcome.code, outcome.inconclusive, outcome.reason.includes(`${call}: ${code}`)]).toEqual([
    false,
    kind,
    inconclusive,
    true,
  ]);
});
