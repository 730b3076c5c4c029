// The virtual servers of a director and how each stands: what a start and a reload take, what the runner is asked for, what the table should
// hold, and what the journal is to know.
import { describe, expect, test } from "bun:test";
import { type Health, initialHealth } from "../../../../src/check/health.ts";
import type { WeightShare } from "../../../../src/check/outcome.ts";
import type { CheckRunner } from "../../../../src/check/runner.ts";
import type { Check } from "../../../../src/config/model/check.ts";
import type { RealServer, VirtualServer } from "../../../../src/config/model/lvs.ts";
import { serviceKey } from "../../../../src/lvs/keys.ts";
import { NOTHING_COUNTED, type SeenService, type ServiceEntry } from "../../../../src/lvs/model.ts";
import type { CheckedServer, ServerCheck } from "../../../../src/roles/checker/served.ts";
import { createCheckerServices, type ServiceChanges } from "../../../../src/roles/checker/services.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { miscCheck, realServer, tcpCheck, timing, virtualServer } from "../../../support/model.ts";

/** A runner that runs nothing: what it was asked for, in words. */
function fakeRunner() {
  const did: string[] = [];
  const name = (owner: CheckedServer, check: Check) =>
    `${check.id} of ${owner.realServer.id} in ${owner.service.virtualServer.id}`;
  const say = (word: string) => (check: ServerCheck) => void did.push(`${word} ${name(check.owner, check.check)}`);
  const runner: CheckRunner<CheckedServer> = {
    add(owner, check, health, weight) {
      const start = `${health.up ? "up" : "down"}${weight ? ` ${JSON.stringify(weight)}` : ""}`;
      did.push(`add ${name(owner, check)} ${start}`);
      return {
        ...{ owner, check, health, weight, sinceWallMs: 0, outcome: undefined, endedWallMs: 0, durationMs: 0 },
        ...{ runs: 0, failures: 0, nextAt: undefined },
      };
    },
    change(check, owner, next) {
      Object.assign(check, { owner, check: next });
      did.push(`change ${name(owner, next)}`);
    },
    remove: say("remove"),
    suspend: say("suspend"),
    resume: say("resume"),
    kick: say("kick"),
    size: 0,
    inFlight: 0,
    stop() {},
  };
  return { runner, did };
}

function lab() {
  const clock = manualClock(0, 1_000_000);
  const { runner, did } = fakeRunner();
  const services = createCheckerServices(clock, runner);
  const of = (id: string) => {
    const found = [...services.all()].find(({ virtualServer: one }) => one.id === id);
    if (!found) throw new Error(`no ${id}`);
    return found;
  };
  return {
    ...{ clock, services, of },
    /** Since the last call. */
    did: () => did.splice(0),
    /** As the runner would after some runs. */
    says(id: string, host: number, health: Health, weight?: WeightShare) {
      const server = of(id).servers.find((one) => one.realServer.ip === `10.9.1.${host}`);
      const [check] = server?.checks ?? [];
      if (!server || !check) throw new Error(`no check of ${host}`);
      Object.assign(check, { health, weight });
      return services.restand(server);
    },
  };
}

const DOWN: Health = { up: false, proven: true, failures: 1 };
const UP = initialHealth(true);

const server = (host: number, part: Partial<RealServer> = {}) =>
  realServer(host, { checks: [tcpCheck(`10.9.1.${host}`)], ...part });
const serving = (id: string, port: number, servers: readonly RealServer[], part: Partial<VirtualServer> = {}) =>
  virtualServer(servers, { id, services: [{ kind: "address", ip: "10.9.0.1", port }], ...part });

const shown = ({ service, destinations }: ServiceEntry) =>
  `${serviceKey(service)}: ${destinations.map(({ ip, weight }) => `${ip}=${weight}`).join(" ")}`;

const short = ({ taken, removed, wanted, unwanted, named }: ServiceChanges) => ({
  taken: taken.map(({ before, service }) => `${service.virtualServer.id}${before ? " again" : ""}`),
  removed: removed.map(({ virtualServer: one }) => one.id),
  wanted: wanted.map(shown),
  unwanted,
  named,
});

const NOTHING = { taken: [], removed: [], wanted: [], unwanted: [], named: false };

describe("a start", () => {
  test("takes all of them in their order, with their checks, standing and entries", () => {
    const { services, did, of } = lab();
    const changes = services.take([
      serving("A", 80, [server(1), server(2, { weight: 3 })]),
      serving("B", 81, [server(1, { weight: 0 })]),
    ]);
    expect(short(changes)).toEqual({
      taken: ["A", "B"],
      removed: [],
      wanted: ["10.9.0.1:80/tcp: 10.9.1.1=1 10.9.1.2=3", "10.9.0.1:81/tcp: 10.9.1.1=0"],
      unwanted: [],
      named: true,
    });
    expect(did()).toEqual([
      "add TCP_CHECK of 10.9.1.1:80 in A up",
      "add TCP_CHECK of 10.9.1.2:80 in A up",
      "add TCP_CHECK of 10.9.1.1:80 in B up",
    ]);
    expect(
      [of("A"), of("B")].map(({ standing, suspended }) => [standing.quorumUp, standing.liveWeight, suspended]),
    ).toEqual([
      [true, 4, false],
      [false, 0, false],
    ]);
    expect(of("A").standing).toMatchObject({ sinceWallMs: 1_000_000, reason: "live weight 4, at least 1" });
    expect(of("A").standing.realServers).toBe(of("A").realServers);
    expect(services.record()).toEqual({
      services: ["10.9.0.1:80/tcp", "10.9.0.1:81/tcp"],
      servers: ["A|10.9.1.1:80", "A|10.9.1.2:80", "B|10.9.1.1:80"],
    });
  });

  test("of several services of one virtual server: each is its own, and known by its key", () => {
    const { services, of } = lab();
    const ports = [80, 81].map((port) => ({ kind: "address", ip: "10.9.0.1", port }) as const);
    const changes = services.take([serving("A", 80, [server(1)], { services: ports })]);
    expect(changes.wanted.map(shown)).toEqual(["10.9.0.1:80/tcp: 10.9.1.1=1", "10.9.0.1:81/tcp: 10.9.1.1=1"]);
    expect([services.ofKey("10.9.0.1:81/tcp"), services.ofKey("10.9.0.1:82/tcp")]).toEqual([of("A"), undefined]);
  });
});

describe("a reload", () => {
  test("of the same settings in another text takes nothing; checks and servers stand in the new text", () => {
    const { services, did, of } = lab();
    const text = () => [serving("A", 80, [server(1), server(2)]), serving("B", 81, [server(3)])];
    services.take(text());
    const before = [of("A"), of("B")];
    did();
    const next = text();
    expect(short(services.take(next))).toEqual(NOTHING);
    expect([of("A"), of("B")]).toEqual(before);
    expect(before.map((one) => one.virtualServer)).toEqual(next);
    expect(of("A").virtualServer).toBe(next[0] as VirtualServer);
    expect(of("A").servers.map(({ realServer: one }) => one)).toEqual([...(next[0]?.realServers ?? [])]);
    expect(of("A").servers[1]?.realServer).toBe(next[0]?.realServers[1] as RealServer);
    expect(of("A").servers[1]?.checks[0]?.check).toBe(next[0]?.realServers[1]?.checks[0] as Check);
    expect(did()).toEqual([
      "change TCP_CHECK of 10.9.1.1:80 in A",
      "change TCP_CHECK of 10.9.1.2:80 in A",
      "change TCP_CHECK of 10.9.1.3:80 in B",
    ]);
  });

  test("of the very same objects does nothing at all", () => {
    const { services, did } = lab();
    const text = [serving("A", 80, [server(1)])];
    services.take(text);
    did();
    expect([short(services.take(text)), did()]).toEqual([NOTHING, []]);
  });

  test("of one that is set otherwise takes that one, checks and standing go on", () => {
    const { services, did, of, says, clock } = lab();
    services.take([serving("A", 80, [server(1), server(2)]), serving("B", 81, [server(3)])]);
    says("A", 2, DOWN);
    const before = of("A");
    did();
    clock.advance(500);
    const changes = services.take([
      serving("A", 80, [server(1, { weight: 7 }), server(2)]),
      serving("B", 81, [server(3)]),
    ]);
    expect(short(changes)).toEqual({
      ...NOTHING,
      taken: ["A again"],
      wanted: ["10.9.0.1:80/tcp: 10.9.1.1=7"],
    });
    expect(changes.taken[0]?.before).toBe(before);
    expect(did()).toEqual([
      "change TCP_CHECK of 10.9.1.1:80 in A",
      "change TCP_CHECK of 10.9.1.2:80 in A",
      "change TCP_CHECK of 10.9.1.3:80 in B",
    ]);
    expect([services.holds(before), services.holds(of("A"))]).toEqual([false, true]);
    // Since the first configuration.
    expect(of("A").standing).toMatchObject({ quorumUp: true, liveWeight: 7, sinceWallMs: 1_000_000 });
    expect(of("A").realServers.get("10.9.1.2:80")).toMatchObject({ healthy: false });
  });

  test("with other servers: the journal names others; who is new starts, who is gone ends", () => {
    const { services, did } = lab();
    services.take([serving("A", 80, [server(1), server(2)])]);
    did();
    expect(short(services.take([serving("A", 80, [server(2), server(3)])]))).toEqual({
      ...NOTHING,
      taken: ["A again"],
      wanted: ["10.9.0.1:80/tcp: 10.9.1.2=1 10.9.1.3=1"],
      named: true,
    });
    expect(did()).toEqual([
      "change TCP_CHECK of 10.9.1.2:80 in A",
      "add TCP_CHECK of 10.9.1.3:80 in A up",
      "remove TCP_CHECK of 10.9.1.1:80 in A",
    ]);
  });

  test("without a virtual server: its checks end, and the table is to hold it no more", () => {
    const { services, did, of } = lab();
    services.take([serving("A", 80, [server(1)]), serving("B", 81, [server(2)])]);
    const gone = of("A");
    did();
    expect(short(services.take([serving("B", 81, [server(2)])]))).toEqual({
      ...NOTHING,
      removed: ["A"],
      unwanted: ["10.9.0.1:80/tcp"],
      named: true,
    });
    expect(did()).toEqual(["change TCP_CHECK of 10.9.1.2:80 in B", "remove TCP_CHECK of 10.9.1.1:80 in A"]);
    expect([services.holds(gone), services.ofKey("10.9.0.1:80/tcp")]).toEqual([false, undefined]);
  });
});

describe("checks over a reload", () => {
  const check = (id: string, port: number, delayLoopMs = 500) =>
    tcpCheck("10.9.1.1", {
      id,
      timing: timing({ delayLoopMs }),
      endpoint: { ip: "10.9.1.1", port, fwmark: 0, connectTimeoutMs: 1000 },
    });
  const withChecks = (...checks: readonly Check[]) => [serving("A", 80, [realServer(1, { checks })])];

  test.each<[string, readonly Check[], readonly string[]]>([
    ["another period: the same check", [check("a", 1, 900), check("b", 2)], ["change a", "change b"]],
    ["another order: each goes on", [check("b", 2), check("a", 1)], ["change b", "change a"]],
    ["one that asks something else: another one", [check("a", 3), check("b", 2)], ["add a up", "change b", "remove a"]],
    ["one less", [check("b", 2)], ["change b", "remove a"]],
    [
      "one more that asks the same",
      [check("a", 1), check("b", 2), check("c", 1)],
      ["change a", "change b", "add c up"],
    ],
  ])("%s", (_what, next, want) => {
    const { services, did } = lab();
    services.take(withChecks(check("a", 1), check("b", 2)));
    did();
    services.take(withChecks(...next));
    expect(did().map((text) => text.replace(" of 10.9.1.1:80 in A", ""))).toEqual([...want]);
  });

  test("a new one of a server that was known stands where those stood that it replaces", () => {
    const { services, did, says } = lab();
    services.take(withChecks(check("a", 1)));
    says("A", 1, DOWN);
    did();
    services.take(withChecks(check("a", 2)));
    expect(did()[0]).toBe("add a of 10.9.1.1:80 in A down");
  });
});

describe("a run of a check", () => {
  test("changes its server, and its service where that is another one; what they were is given back", () => {
    const { services, of, says, clock } = lab();
    services.take([serving("A", 80, [server(1), server(2)])]);
    clock.advance(500);
    const first = says("A", 1, DOWN);
    expect(first).toMatchObject({ server: { healthy: true, weight: 1 }, quorumUp: true });
    expect(of("A").realServers.get("10.9.1.1:80")).toMatchObject({ healthy: false, sinceWallMs: 1_000_500 });
    expect(of("A").standing).toMatchObject({ quorumUp: true, liveWeight: 1 });
    says("A", 2, DOWN);
    expect(of("A").standing).toMatchObject({ quorumUp: false, liveWeight: 0, sinceWallMs: 1_000_500 });
    expect(says("A", 2, UP, { set: 9 })).toMatchObject({ server: { healthy: false }, quorumUp: false });
    expect(of("A").standing).toMatchObject({ quorumUp: true, liveWeight: 9 });
    expect(says("A", 2, UP, { set: 4 })).toMatchObject({ server: { healthy: true, weight: 9 }, quorumUp: true });
    expect([of("A").standing.liveWeight, services.wanted([of("A")]).map(shown)]).toEqual([
      4,
      ["10.9.0.1:80/tcp: 10.9.1.2=4"],
    ]);
    // The same again.
    const { standing } = of("A");
    says("A", 2, UP, { set: 4 });
    expect(of("A").standing).toBe(standing);
  });
});

test("a suspension is that of all checks of a service", () => {
  const { services, did, of } = lab();
  services.take([serving("A", 80, [server(1), server(2)]), serving("B", 81, [server(3)])]);
  did();
  services.suspend(of("A"), true);
  expect(of("A").suspended).toBe(true);
  services.suspend(of("A"), false);
  expect([of("A").suspended, did()]).toEqual([
    false,
    [
      "suspend TCP_CHECK of 10.9.1.1:80 in A",
      "suspend TCP_CHECK of 10.9.1.2:80 in A",
      "resume TCP_CHECK of 10.9.1.1:80 in A",
      "resume TCP_CHECK of 10.9.1.2:80 in A",
    ],
  ]);
});

describe("what earlier lives left", () => {
  const KEY = "10.9.0.1:80/tcp";
  /** The table as a dead process left it, with the destinations that it had. */
  function adopted(
    weights: Readonly<Record<number, number>>,
    servers: readonly RealServer[],
    part: Partial<VirtualServer> = {},
  ) {
    const made = lab();
    const destination = { port: 80, forwarding: { method: "NAT" }, upperThreshold: 0, lowerThreshold: 0 } as const;
    const counted = {
      ...{ activeConnections: 0, inactiveConnections: 0, persistentConnections: 0 },
      statistics: NOTHING_COUNTED,
    };
    const seen = {
      service: made.services.take([serving("A", 80, [])]).wanted[0]?.service,
      statistics: NOTHING_COUNTED,
      destinations: Object.entries(weights).map(([host, weight]) => ({
        ...{ ip: `10.9.1.${host}`, ...destination, weight, ...counted },
      })),
    } as SeenService;
    const next = lab();
    const inheritance = {
      respawn: true,
      services: new Set([KEY]),
      servers: new Set(servers.map(({ id }) => `A|${id}`)),
      timeouts: undefined,
    };
    next.services.take([serving("A", 80, servers, part)], {
      inheritance,
      seen: (key) => (key === KEY ? seen : undefined),
      health: undefined,
    });
    return next;
  }

  test("a server that is not in the table was down; a weight that a program had set holds", () => {
    const dynamic = miscCheck(["/bin/check"], { dynamic: true });
    const made = adopted({ 1: 1, 3: 42 }, [server(1), server(2), realServer(3, { checks: [dynamic] })]);
    expect(made.did()).toEqual([
      "add TCP_CHECK of 10.9.1.1:80 in A up",
      "add TCP_CHECK of 10.9.1.2:80 in A down",
      'add MISC_CHECK of 10.9.1.3:80 in A up {"set":42}',
    ]);
    expect(made.of("A").standing).toMatchObject({ quorumUp: true, liveWeight: 43 });
  });

  test("a quorum that was there holds until it is lost; one that nobody knows of is to be gained", () => {
    const limits = { quorum: 2, hysteresis: 1 };
    const servers = [server(1), server(2)];
    const begun = lab();
    begun.services.take([serving("A", 80, servers, limits)]);
    expect([adopted({ 1: 1 }, servers, limits), begun].map(({ of }) => of("A").standing)).toMatchObject([
      { quorumUp: true, liveWeight: 1 },
      { quorumUp: false, liveWeight: 2 },
    ]);
  });
});

test("the first word of a check that started as down is asked for once", () => {
  const { services, of, did } = lab();
  const alpha = (host: number) =>
    realServer(host, { checks: [tcpCheck(`10.9.1.${host}`, { timing: timing({ alpha: true }) })] });
  services.take([serving("A", 80, [alpha(1), server(2)])]);
  expect(did()[0]).toEndWith("down");
  const [first, second] = of("A").servers.map(({ checks }) => checks[0] as ServerCheck);
  expect([first, first, second].map((check) => check !== undefined && services.firstWord(check))).toEqual([
    true,
    false,
    false,
  ]);
});
