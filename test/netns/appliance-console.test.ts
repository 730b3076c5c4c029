// Ring netns: the console of an appliance as a process on a terminal, with a real director and the machine's own routes behind it: what
// somebody before it sees, the log below, the keys, and what the audit has of them.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../../src/kernel/clock.ts";
import { createLocalDoor } from "../../src/process/appliance/access/door.ts";
import { machineRoutes } from "../../src/process/appliance/access/routes.ts";
import { createTrail } from "../../src/process/appliance/access/trail.ts";
import { type ApplianceApi, type ApplianceRoute, sendJson, serveOn } from "../../src/process/appliance/api.ts";
import { type AccessLab, accessLab } from "../support/access-lab.ts";
import type { Following } from "../support/lbd.ts";
import { netnsReason } from "../support/netns.ts";
import { openPseudoTerminal, type PseudoTerminal } from "../support/pseudo-terminal.ts";
import { until } from "../support/until.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const MACHINE = {
  hostname: "director1",
  version: "1.2-3",
  slot: "B",
  uptime: 61,
  director: { failures: 0 },
  configuration: { findings: [], missing: ["network.yaml"], parts: [] },
  access: { state: "listening", address: "192.0.2.5:8443", fingerprint: Array(32).fill("AB").join(":") },
  network: { faults: [] },
  image: { start: { faults: [] }, history: { starts: [] }, watchdog: { enabled: true, problem: "there is none" } },
};

const done: string[] = [];
let lab: AccessLab;
let api: ApplianceApi;
let terminal: PseudoTerminal;
let shown: Following;

beforeAll(async () => {
  if (reason) return;
  lab = await accessLab();
  const status: ApplianceRoute = {
    method: "GET",
    path: "/v1/appliance",
    role: "read",
    summary: "",
    answer: (_, response) => sendJson(response, MACHINE),
  };
  const { audit, book, log } = lab;
  const routes = [status, ...machineRoutes({ book, audit, reload: () => {}, finish: (how) => void done.push(how) })];
  const path = join(lab.folder, "own", "api.sock");
  api = await serveOn(
    { path },
    createLocalDoor({ routes, log, trail: createTrail({ clock: systemClock(), log, audit, happened: () => {} }) }),
  );
  terminal = openPseudoTerminal(30, 100);
  shown = lab.lab.follow(
    {},
    ...["appliance", "console", "/dev/lbd-no-such-terminal:9600", terminal.path],
    ...["--socket", path, "--run-dir", lab.director.runDir],
  );
});

afterAll(async () => {
  if (reason) return;
  shown.interrupt();
  terminal.close();
  api.close();
  await lab.end();
});

/** Waits for a line that fits, and gives its place. */
async function seen(pattern: RegExp): Promise<number> {
  return (
    (await until(`a line like ${pattern}\n${terminal.screen().join("\n")}`, () => {
      const at = terminal.screen().findIndex((line) => pattern.test(line));
      return at < 0 ? undefined : at + 1;
    })) - 1
  );
}

describe.skipIf(reason !== undefined)("the console", () => {
  test("shows the machine and its director", async () => {
    await seen(/^ready/);
    expect(terminal.screen()[0]).toMatch(
      /^director1 {2}lbd 1\.2-3 {2}slot B {2}up 61 s {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/,
    );
    await seen(/^API: https:\/\/192\.0\.2\.5:8443$/);
    await seen(/^! the configuration has no network\.yaml$/);
    await seen(/^! watchdog: there is none$/);
    lab.director.signal("SIGHUP");
    await seen(/^\S+Z config /);
  });

  test("has the log below its menu, which scrolls and leaves the screen as it is", async () => {
    const menu = await seen(/^-- n network test/);
    for (let i = 0; i < 40; i++) lab.log({ level: "info", area: "test", message: `line ${i}` });
    const last = await seen(/info test: line 39$/);
    expect(last).toBeGreaterThan(menu);
    expect(terminal.screen()[0]).toMatch(/^director1 /);
    expect(await seen(/^-- n network test/)).toBe(menu);
  });

  test("gives the log the whole terminal, and takes it back", async () => {
    terminal.type("l");
    await seen(/^-- director1: log; any key goes back --$/);
    await seen(/info test: line 20$/);
    terminal.type("x");
    await seen(/^-- n network test/);
  });

  test("tests the network", async () => {
    terminal.type("n");
    await seen(/^director1: test of the network$/);
    await seen(/^-- any key goes back --$/);
    terminal.type(" ");
    await seen(/^-- n network test/);
  });

  test("does what is asked for twice, and writes down that it was the console", async () => {
    terminal.type("r");
    await seen(/^-- start the machine again\?/);
    terminal.type("n");
    await seen(/^-- n network test/);
    terminal.type("\u001b[A");
    expect(done).toEqual([]);
    terminal.type("r");
    await seen(/^-- start the machine again\?/);
    terminal.type("y");
    await until("the machine ends", () => done.at(-1) === "restart");
    expect(lab.audit.after(0).at(-1)).toMatchObject({
      who: "root",
      from: "console",
      call: "POST /v1/appliance/reboot",
    });
  });

  test("leaves the terminal to others when it ends", async () => {
    shown.interrupt();
    expect(await shown.exited).toBe(0);
    expect(terminal.screen().join("")).toBe("");
  });
});
