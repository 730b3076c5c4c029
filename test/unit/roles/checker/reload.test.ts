// A reload takes what differs, by identity and content, and leaves the rest alone: its checks, its table entries, its reports.
import { describe, expect, test } from "bun:test";
import type { Config } from "../../../../src/config/model/config.ts";
import type { VirtualServer } from "../../../../src/config/model/lvs.ts";
import { configOf, realServer, tcpCheck, virtualServer } from "../../../support/model.ts";
import { bench } from "./bench.ts";

const host = (n: number) => `10.9.1.${n}`;

function service(n: number, part: Partial<VirtualServer> = {}): VirtualServer {
  const ip = `10.9.0.${n}`;
  const servers = [2 * n, 2 * n + 1].map((h) =>
    realServer(1, { id: `${host(h)}:80`, ip: host(h), checks: [tcpCheck(host(h))] }),
  );
  return virtualServer(servers, {
    id: `${ip}:80/tcp`,
    name: { kind: "address", text: ip },
    services: [{ kind: "address", ip, port: 80 }],
    ...part,
  });
}

/** The same text, with some lines above it. */
function lower(config: Config): Config {
  return JSON.parse(JSON.stringify(config), (name, value) =>
    name === "origin" ? { ...value, line: value.line + 1000 } : value,
  );
}

function running(config: Config) {
  const b = bench();
  b.start(config);
  b.clock.advance(7000);
  b.updates.length = 0;
  b.starts.length = 0;
  b.table.applied.length = 0;
  b.notifications.length = 0;
  const writes = b.journalWrites();
  return { ...b, writes: () => b.journalWrites() - writes };
}

const reported = (b: { readonly updates: ReturnType<typeof bench>["updates"] }) =>
  b.updates.flatMap((update) => (update.kind === "virtual-server" ? [update.value.id] : []));

describe("nothing changed", () => {
  test.each([
    ["the very same", (config: Config) => config],
    ["a copy, lower in the file", lower],
  ] as const)("%s: no call, no report, no word in the journal, and checks keep their time", (_why, again) => {
    const config = configOf([service(1), service(2)]);
    const plain = running(config);
    const b = running(config);
    b.role.reload(again(config));
    expect([b.table.applied, reported(b), b.writes(), b.notified()]).toEqual([[], [], 0, []]);
    for (const one of [plain, b]) one.clock.advance(20_000);
    expect(b.starts.map(({ at }) => at)).toEqual(plain.starts.map(({ at }) => at));
    expect(b.starts.length).toBeGreaterThan(0);
  });

  test("a call that fails later names the line that it stands in now", () => {
    const config = configOf([service(1)]);
    const b = running(config);
    const line = config.virtualServers[0]?.realServers[0]?.origin.line ?? 0;
    b.role.reload(lower(config));
    b.table.failWith = ({ kind }) => (kind === "deleteDestination" ? "EPERM" : undefined);
    b.fails(host(2));
    b.clock.advance(15_000);
    expect(b.status("10.9.0.1:80/tcp").reason).toContain(`:${line + 1000}: deleteDestination`);
  });
});

describe("one of many changed", () => {
  test("a weight: one call, one report, and the journal as it was", () => {
    const b = running(configOf([service(1), service(2), service(3)]));
    const [first, ...rest] = service(2).realServers;
    if (!first) throw new Error("no server");
    b.role.reload(configOf([service(1), service(2, { realServers: [{ ...first, weight: 7 }, ...rest] }), service(3)]));
    expect(b.table.applied).toMatchObject([{ kind: "editDestination", destination: { ip: host(4), weight: 7 } }]);
    expect([reported(b), b.writes()]).toEqual([["10.9.0.2:80/tcp"], 0]);
  });

  test("a verdict that waits for its turn is not told of the service that was replaced", () => {
    const b = running(configOf([service(1), service(2)]));
    b.fails(host(2));
    b.clock.advance(15_000);
    const { realServers } = service(1);
    b.role.reload(configOf([service(1, { realServers: realServers.slice(0, 1), scheduler: "wlc" }), service(2)]));
    b.clock.advance(20_000);
    expect(b.shown()).toBe("10.9.0.1:80 wlc: | 10.9.0.2:80 rr: 10.9.1.4=1 10.9.1.5=1");
    expect(b.status("10.9.0.1:80/tcp").realServers.map(({ id, healthy }) => [id, healthy])).toEqual([
      [`${host(2)}:80`, false],
    ]);
  });

  test.each(["in the middle of a round of reports", "in the same turn as a verdict"])(
    "%s: from then on nobody hears of the service that was replaced",
    (when) => {
      const config = configOf([service(1), service(2)]);
      const heavier = service(1).realServers.map((one) => ({ ...one, weight: 7 }));
      const next = configOf([service(1, { realServers: heavier }), service(2)]);
      const verdictAt = () => {
        const twin = running(config);
        twin.fails(host(2));
        while (twin.events("real-server").length === 0) twin.clock.advance(1);
        return twin.clock.now();
      };
      const b = running(config);
      if (when.includes("verdict")) {
        b.fails(host(2));
        const at = verdictAt();
        b.clock.advance(at - b.clock.now() - 1);
        // Behind the check's end, before what follows from it.
        b.clock.at(at, () => {
          expect(b.events("real-server")).toEqual([]);
          b.updates.length = 0;
          b.role.reload(next);
        });
      } else {
        for (let ran = b.starts.length; b.starts.length === ran; ) b.clock.advance(1);
        b.clock.advance(2);
        b.updates.length = 0;
        b.role.reload(next);
      }
      b.clock.advance(20_000);
      const weights = b.updates.flatMap((update) =>
        update.kind === "virtual-server" && update.value.id === "10.9.0.1:80/tcp"
          ? update.value.realServers.map(({ weight }) => weight.configured)
          : [],
      );
      expect(new Set(weights)).toEqual(new Set([7]));
    },
  );

  test("taken away and added: the journal names the others, before and after", () => {
    const b = running(configOf([service(1), service(2)]));
    b.role.reload(configOf([service(2), service(3)]));
    expect(b.shown()).toBe("10.9.0.2:80 rr: 10.9.1.4=1 10.9.1.5=1 | 10.9.0.3:80 rr: 10.9.1.6=1 10.9.1.7=1");
    expect(b.machine.journal?.services.toSorted()).toEqual(["10.9.0.2:80/tcp", "10.9.0.3:80/tcp"]);
    expect(b.writes()).toBe(2);
    expect(reported(b)).toEqual(["10.9.0.3:80/tcp"]);
    b.starts.length = 0;
    b.clock.advance(20_000);
    const asked = new Set(b.starts.map(({ attempt: { check } }) => "endpoint" in check && check.endpoint.ip));
    expect(asked).toEqual(new Set([4, 5, 6, 7].map(host)));
  });
});

describe("two virtual servers of one address: the first of the file has it", () => {
  const both = [{ kind: "address", ip: "10.9.0.9", port: 80 }] as const;
  const one = service(1, { services: both });
  const other = service(2, { services: both });

  test("it goes, and the other has it, without a moment of nothing", () => {
    const b = running(configOf([one, other]));
    b.role.reload(configOf([other]));
    expect(b.shown()).toBe("10.9.0.9:80 rr: 10.9.1.4=1 10.9.1.5=1");
    expect(b.table.applied.map(({ kind }) => kind)).toEqual([
      "addDestination",
      "addDestination",
      "deleteDestination",
      "deleteDestination",
    ]);
  });

  test("they change places", () => {
    const b = running(configOf([one, other]));
    b.role.reload(configOf([other, one]));
    expect(b.shown()).toBe("10.9.0.9:80 rr: 10.9.1.4=1 10.9.1.5=1");
    b.fails(host(2));
    b.fails(host(4));
    b.clock.advance(15_000);
    expect(b.shown()).toBe("10.9.0.9:80 rr: 10.9.1.5=1");
  });
});
