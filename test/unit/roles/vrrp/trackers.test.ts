// What the vrrp role makes of links: polled carriers (linkbeat), up and down delays, and the wait after boot.

import { describe, expect, test } from "bun:test";
import { inOneGo } from "../../../../src/base/steps.ts";
import type { PolledInterface } from "../../../../src/kernel/link-monitor.ts";
import type { Link, SeenTables } from "../../../../src/net/model.ts";
import { emptyState } from "../../../../src/net/seen.ts";
import type { ScriptRunResult } from "../../../../src/probe/track-script.ts";
import { scriptResult } from "../../../../src/roles/vrrp/script-result.ts";
import { bootDelayMs } from "../../../../src/roles/vrrp/station.ts";
import type { TrackerPorts } from "../../../../src/roles/vrrp/tracked.ts";
import { createTrackers } from "../../../../src/roles/vrrp/trackers.ts";
import { bindText } from "../../../support/config.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const instance = (name: string, device: string, extra = "") =>
  `vrrp_instance ${name} {\n  interface ${device}\n  virtual_router_id 51\n  ${extra}\n  virtual_ipaddress {\n    192.0.2.100\n  }\n}\n`;

const seen = (...up: readonly string[]): SeenTables => ({
  ...emptyState(),
  links: new Map(
    ["eth0", "eth1"].map((name, i): [number, Link] => [
      i + 1,
      { index: i + 1, name, flags: up.includes(name) ? 0x43 : 0x3, mtu: 1500, hardwareType: 1, group: 0 },
    ]),
  ),
});

function lab(text: string, runScript?: TrackerPorts["runScript"]) {
  const clock = manualClock();
  const carriers = new Map<string, boolean>();
  let polled: readonly PolledInterface[] = [];
  let polledChanged: (name: string) => void = () => {};
  let changes = 0;
  const logs: string[] = [];
  const never = () => {
    throw new Error("not asked for");
  };
  const trackers = createTrackers(
    {
      clock,
      log: ({ message }) => void logs.push(message),
      runScript: runScript ?? never,
      prepareFiles: () => undefined,
      openFiles: never,
      openProcesses: never,
      openLinks(interfaces, changed) {
        polled = interfaces;
        polledChanged = changed;
        return {
          carrier: (name) => carriers.get(name),
          setInterfaces: (next) => {
            polled = next;
          },
          [Symbol.dispose]() {},
        };
      },
    },
    () => changes++,
  );
  trackers.linksChanged(seen("eth0", "eth1"));
  inOneGo(trackers.configure(bindText(text).config));
  return {
    logs,
    clock,
    trackers,
    polled: () => polled,
    changes: () => changes,
    carrier(name: string, up: boolean) {
      carriers.set(name, up);
      polledChanged(name);
    },
    links: () => Object.fromEntries(trackers.facts().map(({ name, up, detail }) => [name, detail || up])),
  };
}

describe("linkbeat", () => {
  test.each([
    [
      "linkbeat_use_polling of all",
      `linkbeat_use_polling\n${instance("A", "eth0")}${instance("B", "eth1")}`,
      ["eth0", "eth1"],
    ],
    [
      "linkbeat_use_polling of one instance",
      instance("A", "eth0", "linkbeat_use_polling") + instance("B", "eth1"),
      ["eth0"],
    ],
    ["linkbeat_interfaces", `linkbeat_interfaces {\n  eth1 ETHTOOL\n}\n${instance("A", "eth0")}`, ["eth1 ETHTOOL"]],
    ["nobody asks", instance("A", "eth0"), []],
  ])("%s", (_why, text, want) => {
    const shown = lab(text)
      .polled()
      .map((one) => (one.method ? `${one.interface} ${one.method}` : one.interface));
    expect(shown).toEqual(want);
  });

  test("a polled carrier that is gone counts, whatever the kernel says of the link", () => {
    const { carrier, links, changes } = lab(instance("A", "eth0", "linkbeat_use_polling"));
    expect(links()).toEqual({ eth0: true });
    carrier("eth0", false);
    expect(links()).toEqual({ eth0: "no carrier, by polling" });
    carrier("eth0", true);
    expect([links(), changes()]).toEqual([{ eth0: true }, 2]);
  });
});

describe("interface_up_down_delays", () => {
  const text = `interface_up_down_delays {\n  eth0 1 2\n}\n${instance("A", "eth0")}`;

  test("down counts after the first time, up after the second", () => {
    const { trackers, clock, links } = lab(text);
    trackers.linksChanged(seen("eth1"));
    clock.advance(999);
    expect(links()).toEqual({ eth0: true });
    clock.advance(1);
    expect(links()).toEqual({ eth0: "no carrier" });
    trackers.linksChanged(seen("eth0"));
    clock.advance(1999);
    expect(links()).toEqual({ eth0: "no carrier" });
    clock.advance(1);
    expect(links()).toEqual({ eth0: true });
  });

  test("what comes back within the time never was", () => {
    const { trackers, clock, links, changes } = lab(text);
    trackers.linksChanged(seen());
    clock.advance(900);
    trackers.linksChanged(seen("eth0"));
    clock.advance(10_000);
    expect([links(), changes()]).toEqual([{ eth0: true }, 0]);
  });
});

test("sessions of BFD are known as they were told last, since when they are so; of one that is no more nothing is known", () => {
  const { trackers, clock, changes } = lab(instance("A", "eth0"));
  const sessions = () =>
    trackers
      .facts()
      .flatMap(({ kind, name, up, detail, since }) => (kind === "bfd" ? [[name, up, detail, since]] : []));
  const before = changes();
  trackers.setBfd({ a: { up: false, detail: "not yet" }, b: { up: true, detail: "up" } });
  clock.advance(500);
  trackers.setBfd({ a: { up: true, detail: "up" }, b: { up: true, detail: "still" } });
  expect(sessions()).toEqual([
    ["a", true, "up", 500],
    ["b", true, "still", 0],
  ]);
  trackers.setBfd({ b: { up: true, detail: "still" } });
  expect([sessions(), changes() - before]).toEqual([[["b", true, "still", 0]], 3]);
});

test("vrrp_delay_after_boot: what is left of it", () => {
  const { config } = bindText("global_defs {\n  vrrp_delay_after_boot 60\n}\n");
  expect([10, 59.5, 61].map((uptimeS) => bootDelayMs(config, uptimeS))).toEqual([50_000, 500, 0]);
});

test.each([
  [{ kind: "exit", status: 0 }, true, "exit status 0"],
  [{ kind: "exit", status: 2, note: "not executable" }, false, "exit status 2: not executable"],
  [{ kind: "timeout", limitMs: 1000 }, false, "took longer than 1000 ms"],
  [{ kind: "cannot-start", reason: "ENOENT" }, false, "can't be run: ENOENT"],
] as const)("the end of a script as its tracker takes it: %p", (outcome, ok, detail) => {
  expect(scriptResult(outcome)).toEqual({ ok, detail });
});

describe("a reload of scripts", () => {
  const text = (script: string) =>
    `vrrp_script chk {\n${script}\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 51\ntrack_script {\nchk\n}\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n`;
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const FIRST = "script /bin/chk\ninterval 10\nfall 2";
  test.each([
    ["the same one: it goes on in its time", FIRST, 1],
    ["another weight is no other run", `${FIRST}\nweight 5`, 1],
    ["another interval: it runs at once", "script /bin/chk\ninterval 20\nfall 2", 2],
    ["another limit: it runs at once", `${FIRST}\ntimeout 3`, 2],
    ["other counts: it runs at once", "script /bin/chk\ninterval 10\nfall 3", 2],
    ["another program: it runs at once", "script /bin/other\ninterval 10\nfall 2", 2],
  ])("%s; what is known stays", async (_why, next, runs) => {
    let ran = 0;
    const { clock, trackers } = lab(text(FIRST), () => {
      ran++;
      return Promise.resolve(scriptResult({ kind: "exit", status: ran > 1 ? 1 : 0 }));
    });
    clock.advance(0);
    await turn();
    const up = () => trackers.facts().find(({ kind }) => kind === "script")?.up;
    expect([ran, up()]).toEqual([1, true]);
    inOneGo(trackers.configure(bindText(text(next)).config));
    clock.advance(0);
    await turn();
    expect([ran, up()]).toEqual([runs, true]);
    inOneGo(trackers.configure(bindText(instance("A", "eth0")).config));
    clock.advance(60_000);
    await turn();
    expect([ran, up()]).toEqual([runs, undefined]);
  });
});

test("what a script wrote that failed stands in the log beside its failure", async () => {
  const results: ScriptRunResult[] = [
    scriptResult({ kind: "exit", status: 1, output: "nobody listens" }),
    scriptResult({ kind: "exit", status: 0 }),
    scriptResult({ kind: "signal", signal: "SIGSEGV", output: "oh" }),
  ];
  const { clock, logs } = lab(
    "vrrp_script chk {\nscript /bin/chk\ninterval 1\n}\nvrrp_instance A {\ninterface eth0\nvirtual_router_id 51\ntrack_script {\nchk\n}\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n",
    () => Promise.resolve(results.shift() ?? { ok: false, detail: "again" }),
  );
  for (let at = 0; at < 3; at++) {
    clock.advance(at === 0 ? 0 : 1000);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  expect(logs).toEqual([
    "script chk failed: exit status 1; it wrote: nobody listens",
    "script chk succeeded: exit status 0",
    "script chk failed: ended by SIGSEGV; it wrote: oh",
  ]);
});
