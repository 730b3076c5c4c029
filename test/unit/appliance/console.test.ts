// The console's screen: what is on it, line by line; that it fits; the menu; and that nothing from outside speaks to the terminal.
import { describe, expect, test } from "bun:test";
import { type ConsolePicture, type MachineFacts, problemsOf } from "../../../src/appliance/console/picture.ts";
import {
  frame,
  keysOf,
  press,
  STATUS,
  screenLines,
  screenRows,
  type View,
} from "../../../src/appliance/console/screen.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const NOW = Date.UTC(2026, 11, 1, 8, 0, 0);
const FINGERPRINT = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, "0").toUpperCase()).join(":");

const WELL: ConsolePicture = {
  hostname: "director1",
  version: "1.2-3-gabcdef",
  slot: "A",
  uptimeS: 7300,
  interfaces: [
    { name: "lan0", addresses: ["192.0.2.5/24", "2001:db8::5/64"] },
    { name: "lan1", addresses: [] },
  ],
  access: { state: "listening", address: "192.0.2.5:8443", fingerprint: FINGERPRINT },
  director: {
    headline: "ready, 2 virtual servers up, 1 of 8 real servers DOWN, VRRP 1 master",
    reasons: [],
    instances: [
      {
        name: "web",
        state: "MASTER",
        since: "2026-12-01T07:50:00Z",
        interface: "lan0",
        vrid: 51,
        priority: 150,
        note: "",
      },
    ],
  },
  events: ["2026-12-01T07:50:00.000Z vrrp web: BACKUP to MASTER (no advertisement)"],
  problems: [],
};

const show = (picture: ConsolePicture, view: View = STATUS, size: { columns?: number; rows?: number } = {}) =>
  screenLines(picture, view, { columns: 80, rows: 24, nowWallMs: NOW, colour: false, ...size });

describe("the screen", () => {
  test("of a machine that is well", () =>
    expect(show(WELL)).toEqual([
      "director1  lbd 1.2-3-gabcdef  slot A  up 2 h  2026-12-01 08:00:00 UTC",
      "lan0: 192.0.2.5/24 2001:db8::5/64",
      "lan1: no address",
      "API: https://192.0.2.5:8443",
      "  SHA256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F",
      "         10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F",
      "ready, 2 virtual servers up, 1 of 8 real servers DOWN, VRRP 1 master",
      "  instance  state   for     iface  vrid  prio  master",
      "  web       MASTER  10 min  lan0   51    150",
      "2026-12-01T07:50:00.000Z vrrp web: BACKUP to MASTER (no advertisement)",
      "-- n network test  l log  r reboot  p power off --",
    ]));

  test("of one that nobody has configured", () => {
    const { slot: _slot, director: _director, ...rest } = WELL;
    const problems = [{ what: "the configuration has no network.yaml", todo: "put it on the partition LBD-CONF" }];
    const picture = { ...rest, interfaces: [], access: { state: "off" }, events: [], problems };
    expect(show(picture)).toEqual([
      "director1  lbd 1.2-3-gabcdef  live medium  up 2 h  2026-12-01 08:00:00 UTC",
      "API: on this machine only (appliance.yaml has no api:)",
      "! the configuration has no network.yaml",
      "  -> put it on the partition LBD-CONF",
      "-- n network test  l log  r reboot  p power off  i install --",
    ]);
  });

  test("of one that has not said how it is reached says nothing of it", () =>
    expect(show({ ...WELL, access: { state: "unknown" } }).filter((line) => line.includes("API"))).toEqual([]));

  test.each([
    ["waiting", "API: https://192.0.2.5:8443 WAITING"],
    ["failed", "API: https://192.0.2.5:8443 FAILED"],
  ])("of one whose API is %s", (state, line) =>
    expect(show({ ...WELL, access: { ...WELL.access, state } })).toContain(line),
  );

  test("never has more lines or columns than there are, and counts what it leaves out", () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ what: `fault ${i} `.repeat(20), todo: "x".repeat(300) }));
    for (const rows of [2, 10, 16])
      for (const columns of [60, 80, 200]) {
        const lines = show({ ...WELL, problems: many }, STATUS, { rows, columns });
        expect(lines).toHaveLength(rows);
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
        expect(lines.at(-2)).toMatch(/^… \d+ lines more/);
      }
  });

  test("says nothing to the terminal that came from outside", () => {
    const evil = "\u001b[2J\u001b]0;owned\u0007\r\n\u009b31m";
    const lines = show({
      ...WELL,
      hostname: evil,
      interfaces: [{ name: evil, addresses: [evil] }],
      access: { state: "waiting", address: evil, reason: evil },
      director: {
        headline: evil,
        reasons: [evil],
        instances: [{ ...WELL.director?.instances[0], name: evil, note: evil } as never],
      },
      events: [evil],
      problems: [{ what: evil, todo: evil }],
    });
    expect(lines.filter((line) => CONTROLS.test(line))).toEqual([]);
    const views: View[] = [{ kind: "log" }, { kind: "network", lines: [evil], done: true }];
    for (const view of views)
      expect(show({ ...WELL, hostname: evil }, view).filter((line) => CONTROLS.test(line))).toEqual([]);
  });

  test("of the log is one line, of a test of the network its lines", () => {
    expect(show(WELL, { kind: "log" })).toEqual(["-- director1: log; any key goes back --"]);
    expect(show(WELL, { kind: "network", lines: ["router 192.0.2.1: answers"], done: false })).toEqual([
      "director1: test of the network",
      "  router 192.0.2.1: answers",
      "  …",
      "-- testing; any key goes back --",
    ]);
  });
});

test.each([
  [24, STATUS, 40, 16],
  [60, STATUS, 40, 40],
  [2, STATUS, 40, 2],
  [24, { kind: "log" } as const, 40, 1],
])("a terminal of %d rows leaves the log room", (rows, view, wanted, expected) =>
  expect(screenRows(rows, view, wanted)).toBe(expected),
);

test("lines below the screen scroll without it, and a new look at it leaves them", () => {
  expect(frame(["a", "b"], 24, true)).toBe(
    "\u001b[r\u001b[2J\u001b[1;1Ha\u001b[K\u001b[2;1Hb\u001b[K\u001b[3;24r\u001b[24;1H",
  );
  expect(frame(["a"], 24, false)).toBe("\u001b7\u001b[1;1Ha\u001b[K\u001b8");
});

test.each([
  ["", []],
  ["rn", ["r", "n"]],
  ["\u001b[Ar", ["\u001b[A", "r"]],
  ["\u001bOP\u001b[15~x", ["\u001bOP", "\u001b[15~", "x"]],
  ["\u001b", ["\u001b"]],
])("%p is typed as %p", (typed, keys) => expect(keysOf(typed)).toEqual(keys));

describe("the menu", () => {
  const ask = { kind: "ask", what: "reboot" } as const;
  const network = { kind: "network", lines: ["x"], done: true } as const;
  test.each([
    [STATUS, "l", { view: { kind: "log" } }],
    [STATUS, "N", { view: { kind: "network", lines: [], done: false }, action: "test-network" }],
    [STATUS, "r", { view: ask }],
    [STATUS, "p", { view: { kind: "ask", what: "poweroff" } }],
    [STATUS, "x", { view: STATUS }],
    [STATUS, "y", { view: STATUS }],
    [ask, "y", { view: STATUS, action: "reboot" }],
    [ask, "r", { view: STATUS }],
    [ask, "\r", { view: STATUS }],
    [{ kind: "log" } as const, "r", { view: STATUS }],
    [network, "y", { view: STATUS }],
  ])("of %p with %p", (view, key, expected) => expect(press(view, key)).toEqual(expected as ReturnType<typeof press>));
});

describe("what is wrong", () => {
  const WELL_IMAGE = { start: { faults: [] }, history: {}, watchdog: {} };
  const facts: MachineFacts = {
    configuration: { findings: [], missing: [], parts: [] },
    access: { state: "off" },
    network: { faults: [] },
    image: WELL_IMAGE,
    director: { failures: 0 },
  };
  const said = (changed: Partial<MachineFacts>, answers = true) =>
    problemsOf({ ...facts, ...changed }, answers).map(({ what }) => what);

  test("is nothing where nothing is", () => expect(said({})).toEqual([]));

  test("names its file and place, and what to do", () => {
    const finding = {
      severity: "error",
      at: "network.yaml:3:5",
      message: "unknown key adresses",
      hint: "did you mean addresses?",
    } as const;
    const configuration = {
      findings: [finding, { ...finding, severity: "warning" } as const],
      missing: ["keepalived.conf"],
      parts: [],
    };
    expect(problemsOf({ ...facts, configuration }, true)).toEqual([
      {
        what: "the configuration has no keepalived.conf",
        todo: "put it on the partition LBD-CONF, which any laptop mounts",
      },
      { what: "network.yaml:3:5: unknown key adresses", todo: "did you mean addresses?" },
    ]);
  });

  test.each([
    [{ network: { faults: ["lan0: no such card"] } }, true, ["network: lan0: no such card"]],
    [{ access: { state: "waiting", reason: "EADDRNOTAVAIL" } }, true, ["API: EADDRNOTAVAIL"]],
    [{ director: { failures: 3 } }, false, ["the director ended 3 times"]],
    [{}, false, ["the director does not answer"]],
    [{ director: { failures: 3 } }, true, []],
    [{ image: { ...WELL_IMAGE, start: { faults: ["api: none"] } } }, true, ["this start: api: none"]],
    [{ image: { ...WELL_IMAGE, start: { faults: [], damage: "it was damaged" } } }, true, ["it was damaged"]],
    [{ image: { ...WELL_IMAGE, watchdog: { problem: "there is none" } } }, true, ["watchdog: there is none"]],
    [
      { image: { ...WELL_IMAGE, history: { failure: { version: "0.2", reason: "the kernel crashed" } } } },
      true,
      ["the update to 0.2 was given up: the kernel crashed"],
    ],
  ] as const)("of %p", (changed, answers, expected) => expect(said(changed, answers)).toEqual([...expected]));

  test("is a part that is the last good one, with what is wrong with the newer one", () => {
    const parts = [
      { name: "director", from: "last-good", reason: "keepalived.conf:1:1: no virtual_router_id" },
      { name: "network.yaml", from: "partition" },
    ];
    expect(problemsOf({ ...facts, configuration: { findings: [], missing: [], parts } }, true)).toEqual([
      {
        what: "keepalived.conf is the last good one: keepalived.conf:1:1: no virtual_router_id",
        todo: "mend it on the partition LBD-CONF, or by lbd --host NAME config put",
      },
    ]);
  });

  test("is a partition that can't be read, where nothing was ever good", () => {
    const part = (name: string, from: string, reason: string) => ({ name, from, reason });
    const saidOf = (...parts: MachineFacts["configuration"]["parts"]) =>
      said({ configuration: { findings: [], missing: [], parts } });
    const names = ["director", "network.yaml", "appliance.yaml"];
    expect(saidOf(...names.map((name) => part(name, "none", "EIO: i/o error, read")))).toEqual([
      "the configuration partition: EIO: i/o error, read",
    ]);
    expect(saidOf(...names.map((name) => part(name, "none", "it is not there")))).toEqual([]);
  });

  test("is said too when the machine's own API does not answer", () =>
    expect(problemsOf(undefined, false)[0]?.what).toBe("the appliance does not answer on this machine"));
});

describe("installing from the console", () => {
  test("shows how it ended, however many lines of progress came before", () => {
    const lines = [...Array.from({ length: 60 }, (_, n) => `write ${n} MB`), "done: take the medium out"];
    expect(show(WELL, { kind: "install", lines, done: true })).toContain("  done: take the medium out");
  });

  const disks = [
    { name: "sda", text: "500.1 GB  Disk One  nothing known on it" },
    { name: "sdb", text: "16.0 GB  Stick (USB)  sdb iso9660", refusal: "sdb is mounted (/run/lbd-appliance/medium)" },
  ];
  const listed: View = { kind: "disks", disks, typed: "" };
  /** The view after these keys, and what was to be done. */
  const after = (view: View, ...keys: readonly string[]) =>
    keys.reduce<ReturnType<typeof press>>((so, key) => press(so.view, key, true), { view });

  test("is offered where there is a medium to install from", () => {
    expect(press(STATUS, "i", true)).toEqual({
      view: { kind: "disks", disks: [], typed: "" },
      action: "list-disks",
    });
    expect(press(STATUS, "i", false)).toEqual({ view: STATUS });
    expect(show({ ...WELL, slot: "A" }).at(-1)).not.toContain("install");
    expect(show({ ...WELL, access: { state: "unknown" } }).at(-1)).not.toContain("install");
  });

  test("shows every disk with what is on it and why it can't be written, and asks for a name", () => {
    const lines = show(WELL, { ...listed, typed: "sd", note: "there is no disk x" });
    expect(lines).toEqual([
      "install to a disk of this machine",
      "disks that can be written:",
      "  sda  500.1 GB  Disk One  nothing known on it",
      "disks in use:",
      "  sdb  16.0 GB  Stick (USB)  sdb iso9660: sdb is mounted",
      "    (/run/lbd-appliance/medium)",
      "! there is no disk x",
      "name of the disk: sd_",
      "-- Enter goes on, Esc goes back; so far nothing is written --",
    ]);
    expect(show(WELL, { kind: "disks", disks: [], typed: "" })[1]).toBe("no disk here can be written");
  });

  test("writes nothing before the name was typed twice", () => {
    const confirm = after(listed, "s", "d", "x", "\u007f", "a", "\r");
    expect(confirm).toEqual({ view: { kind: "confirm", disk: disks[0] ?? never(), typed: "" } });
    expect(show(WELL, confirm.view).slice(1, 4)).toEqual([
      "  sda  500.1 GB  Disk One  nothing known on it",
      "Everything on it will be lost.",
      "its name again: _",
    ]);
    expect(after(confirm.view, "s", "d", "b", "\r")).toEqual({ view: STATUS });
    expect(after(confirm.view, "\r")).toEqual({ view: STATUS });
    expect(after(confirm.view, "s", "d", "a", "\r")).toEqual({
      view: { kind: "install", lines: [], done: false },
      action: { install: "sda" },
    });
  });

  test.each([
    ["one that is in use", ["s", "d", "b", "\r"], "sdb is in use: sdb is mounted (/run/lbd-appliance/medium)"],
    ["one that is not there", ["s", "d", "q", "\r"], "there is no disk sdq"],
  ])("says why it takes not %s", (_, keys, note) =>
    expect(after(listed, ...keys).view).toEqual({ kind: "disks", disks, typed: "", note }),
  );

  test("goes back by Esc and by nothing typed, and by no key while it writes", () => {
    for (const key of ["\u001b", "\r"]) expect(press(listed, key, true)).toEqual({ view: STATUS });
    const writing: View = { kind: "install", lines: ["write    1.0 of 2.0 MB"], done: false };
    for (const key of ["\u001b", "\r", "r", "p"]) expect(press(writing, key, true)).toEqual({ view: writing });
    expect(show(WELL, writing).slice(1)).toEqual([
      "  write    1.0 of 2.0 MB",
      "  …",
      "-- writing: leave the machine on --",
    ]);
    expect(press({ ...writing, done: true }, "x", true)).toEqual({ view: STATUS });
  });
});

function never(): never {
  throw new Error("no such disk");
}
