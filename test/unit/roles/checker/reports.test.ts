// What the role reports about itself, and when: services that changed, those that only went on, counters, failed kernel calls.
import { describe, expect, test } from "bun:test";
import { createReports, TOLD_AT_ONCE } from "../../../../src/roles/checker/reports.ts";
import type { CheckedService } from "../../../../src/roles/checker/served.ts";
import type { StatusUpdate } from "../../../../src/status/schema.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { realServer, virtualServer } from "../../../support/model.ts";

/** A virtual server that is up, with so many servers. */
function service(id: string, servers = 1): CheckedService {
  const realServers = new Map();
  const made: CheckedService = {
    virtualServer: virtualServer(
      Array.from({ length: servers }, (_, i) => realServer(i + 1)),
      { id },
    ),
    keys: [id],
    standing: { quorumUp: true, liveWeight: 1, sinceWallMs: 0, reason: "live", realServers },
    realServers,
    servers: [],
    suspended: false,
  };
  const list = made.virtualServer.realServers.map((own) => ({ service: made, realServer: own, checks: [] }));
  return Object.assign(made, { servers: list });
}

function lab(services: readonly CheckedService[] = []) {
  const clock = manualClock(0);
  const updates: { readonly at: number; readonly update: StatusUpdate }[] = [];
  const failed = new Map<string, readonly string[]>();
  let metrics: Readonly<Record<string, number>> = { lbd_checks: 1 };
  let watched = true;
  const all = () => [...failed.values()].flat();
  const reports = createReports({
    clock,
    report: (update) => void updates.push({ at: clock.now(), update }),
    isWatched: () => watched,
    all: () => services,
    seen: () => undefined,
    failures: () => ({
      get size() {
        return all().length;
      },
      ofService: (key, limit) => (failed.get(key) ?? []).slice(0, limit),
      some: (limit) => all().slice(0, limit),
    }),
    metrics: () => metrics,
  });
  return {
    clock,
    reports,
    failed,
    watch: (is: boolean) => {
      watched = is;
    },
    metricsAre: (next: Readonly<Record<string, number>>) => {
      metrics = next;
    },
    /** What was told since the last call: `5000 a`, `5000 metrics`. */
    told: () =>
      updates
        .splice(0)
        .map(({ at, update }) => `${at} ${update.kind === "virtual-server" ? update.value.id : update.kind}`),
    last: () => updates.at(-1)?.update,
    updates,
  };
}

describe("a service", () => {
  test("that changed is told at once; one that went on within five seconds, once", () => {
    const { clock, reports, told } = lab();
    const [a, b] = [service("a"), service("b")];
    reports.service(a);
    reports.soon(a);
    reports.soon(b);
    reports.soon(b);
    expect(told()).toEqual(["0 a"]);
    clock.advance(4999);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual(["5000 a", "5000 b", "5000 metrics"]);
    clock.advance(60_000);
    expect(told()).toEqual([]);
  });

  test("that was told meanwhile is not told again", () => {
    const { clock, reports, told } = lab();
    const a = service("a");
    reports.soon(a);
    reports.service(a);
    clock.advance(5000);
    expect(told()).toEqual(["0 a", "5000 metrics"]);
  });

  test("that goes on while a round is under way has its turn in the next one", () => {
    const { clock, reports, told } = lab();
    const a = service("a");
    reports.soon(a);
    clock.advance(4000);
    reports.soon(a);
    clock.advance(1000);
    expect(told()).toEqual(["5000 a", "5000 metrics"]);
    clock.advance(100);
    reports.soon(a);
    clock.advance(4899);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual(["10000 a"]);
  });

  test("names the first of its failed calls", () => {
    const { reports, failed, last } = lab();
    failed.set("a", ["one", "two", "three", "four", "five", "six"]);
    failed.set("b", ["other"]);
    reports.service(service("a"));
    const update = last();
    expect(update?.kind === "virtual-server" && update.value.reason).toBe("live; one; two; three");
  });
});

describe("a round", () => {
  const ids = (count: number) => Array.from({ length: count }, (_, i) => service(`s${i}`));

  test.each([
    ["twenty are one slice", 20, [20]],
    ["more follow a tenth of a second later", 45, [20, 20, 5]],
    ["many go in fifty slices", 2500, Array.from({ length: 50 }, () => 50)],
  ])("%s", (_why, count, slices) => {
    const { clock, reports, updates } = lab();
    for (const one of ids(count)) reports.soon(one);
    clock.advance(10_000);
    const bySlice = Map.groupBy(
      updates.filter(({ update }) => update.kind === "virtual-server"),
      ({ at }) => at,
    );
    expect([...bySlice].map(([at, told]) => [at, told.length])).toEqual(
      slices.map((size, i) => [5000 + 100 * i, size]),
    );
    expect(updates.at(-1)).toMatchObject({ at: 5000 + 100 * (slices.length - 1), update: { kind: "metrics" } });
  });

  test("leaves out who is gone, in it and before it", () => {
    const { clock, reports, told } = lab();
    const all = ids(30);
    for (const one of all) reports.soon(one);
    const gone = (at: number) => all[at] as CheckedService;
    reports.forget(gone(0));
    clock.advance(5000);
    reports.forget(gone(25));
    clock.advance(100);
    const names = told().filter((text) => text.includes(" s"));
    expect(names).toHaveLength(28);
    expect(names.some((text) => /s0$|s25$/.test(text))).toBe(false);
  });

  test("is followed by another one as long as counters move", () => {
    const { clock, reports, metricsAre, told } = lab();
    reports.soon(service("a"));
    clock.advance(5000);
    expect(told()).toEqual(["5000 a", "5000 metrics"]);
    metricsAre({ lbd_checks: 2 });
    clock.advance(5000);
    expect(told()).toEqual(["10000 metrics"]);
    clock.advance(5000);
    expect([told(), clock.nextAt()]).toEqual([[], undefined]);
  });
});

describe("counters", () => {
  test("are those of the parts and what was counted here, whole each time they moved", () => {
    const { clock, reports, last } = lab();
    reports.count("lbd_check_late_total");
    reports.count("lbd_check_late_total");
    reports.soon(service("a"));
    clock.advance(5000);
    expect(last()).toEqual({ kind: "metrics", role: "checker", values: { lbd_check_late_total: 2, lbd_checks: 1 } });
  });
});

describe("failed calls", () => {
  test("are told when they are others: how many, and the first five", () => {
    const { reports, failed, updates } = lab();
    reports.failures();
    failed.set("a", ["1", "2", "3"]);
    failed.set("b", ["4", "5", "6"]);
    reports.failures();
    reports.failures();
    failed.clear();
    reports.failures();
    expect(updates.map(({ update }) => update)).toEqual([
      { kind: "facts", role: "checker", values: { ipvsFailures: 0, ipvsFailure: "" } },
      { kind: "facts", role: "checker", values: { ipvsFailures: 6, ipvsFailure: "1; 2; 3; 4; 5" } },
      { kind: "facts", role: "checker", values: { ipvsFailures: 0, ipvsFailure: "" } },
    ]);
  });
});

describe("everything", () => {
  test("is told at once to who knows nothing, also what was told before; then what goes on", async () => {
    const { clock, reports, told } = lab([service("a"), service("b")]);
    for (let time = 0; time < 2; time++) {
      await reports.everything();
      expect(told()).toEqual(["0 a", "0 b", "0 metrics", "0 facts"]);
    }
    clock.advance(60_000);
    expect([told(), clock.nextAt()]).toEqual([[], undefined]);
  });

  test("of many: some in a turn; who comes meanwhile waits for all of it too", async () => {
    const big = [service("a", TOLD_AT_ONCE), service("b", TOLD_AT_ONCE), service("c")];
    const { clock, reports, told } = lab(big);
    const done: string[] = [];
    const first = reports.everything().then(() => done.push("first"));
    expect([told(), done]).toEqual([["0 a"], []]);
    // What is told is taken from the front: who comes later is told of all of it again.
    const second = reports.everything().then(() => done.push("second"));
    expect([told(), done]).toEqual([["0 b"], []]);
    clock.advance(0);
    expect(told()).toEqual(["0 c", "0 a", "0 metrics", "0 facts"]);
    await Promise.all([first, second]);
    expect(done).toEqual(["first", "second"]);
  });

  test("leaves out who is gone meanwhile, and who was told of already", async () => {
    const big = [service("a", TOLD_AT_ONCE), service("b"), service("c"), service("d")] as const;
    const { clock, reports, told } = lab(big);
    const done = reports.everything();
    reports.forget(big[1]);
    reports.service(big[2]);
    expect(told()).toEqual(["0 a", "0 c"]);
    clock.advance(0);
    await done;
    expect(told()).toEqual(["0 d", "0 metrics", "0 facts"]);
  });
});

describe("while nobody looks", () => {
  test("no service is told and no timer runs", async () => {
    const { clock, reports, watch, told } = lab([service("a")]);
    watch(false);
    reports.service(service("a"));
    reports.soon(service("b"));
    expect([told(), clock.nextAt()]).toEqual([[], undefined]);
    await reports.everything();
    expect([told(), clock.nextAt()]).toEqual([["0 metrics", "0 facts"], undefined]);
  });

  test("who waits is told that there is nothing more, and what was due is forgotten", async () => {
    const { clock, reports, told } = lab([service("a", TOLD_AT_ONCE), service("b")]);
    reports.soon(service("c"));
    const waits = reports.everything();
    told();
    reports.rest();
    await waits;
    clock.advance(60_000);
    expect([told(), clock.nextAt()]).toEqual([[], undefined]);
    // Somebody looks again.
    reports.soon(service("d"));
    clock.advance(5000);
    expect(told()).toEqual(["65000 d", "65000 metrics"]);
  });

  test("nothing begins behind the end", () => {
    const { clock, reports, told } = lab();
    reports.soon(service("a"));
    reports.stop();
    reports.soon(service("b"));
    clock.advance(60_000);
    expect([told(), clock.nextAt()]).toEqual([[], undefined]);
  });
});
