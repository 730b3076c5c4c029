// The log of the real program: a file beside standard error, levels that change while it runs, a host that listens.
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createRunLog } from "../../../src/process/run-log.ts";
import { lbdLab } from "../../support/lbd.ts";
import { until } from "../../support/until.ts";

/** Each place has its own, a moment apart. */
const TIME_CHARS = "2026-12-01T00:00:00.000Z".length;
const lab = lbdLab();
const directory = mkdtempSync(join(tmpdir(), "lbd-log-run-"));
afterAll(async () => {
  await lab.end();
  rmSync(directory, { recursive: true });
});
const textOf = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");

test("--log-file, -g: the same lines in a file, anew after it was moved away; lbd log changes what is logged", async () => {
  const file = join(directory, "lbd.log");
  const lbd = lab.start("global_defs {\n}\n", `--log-file=${file}`);
  await until(`it starts\n${lbd.log()}`, () => textOf(file).includes(" info process: lbd "), 20_000);
  expect(lbd.log()).toContain(textOf(file).split("\n")[0]?.slice(TIME_CHARS) ?? "nothing");
  renameSync(file, `${file}.1`);
  const set = await lab.run("log", "error", "config", "--run-dir", lbd.runDir);
  expect([set.status, set.out]).toEqual([0, "config=error\n"]);
  const reloads = async () => JSON.parse((await lbd.ask("/v1/status"))?.body ?? "{}").director?.config.reloads;
  lbd.signal("SIGHUP");
  await until("it has reloaded", async () => (await reloads()) === 1, 20_000);
  expect((await lab.run("log", "info", "--run-dir", lbd.runDir)).out).toBe("info\n");
  lbd.signal("SIGHUP");
  await until("it has reloaded again, and says so", () => textOf(file).includes(" info config: reload done"), 20_000);
  expect(textOf(file).match(/ info config: reload done/g)).toHaveLength(1);
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
  expect(textOf(`${file}.1`)).toContain("lbd 0.1.0 starts");
  expect(textOf(file)).toContain("ended with status 0");
});

test("without --log-file there is none; --log-level is the level of the start", async () => {
  const lbd = lab.start("global_defs {\n}\n", "--log-level", "warning,process=info");
  await until(`it starts\n${lbd.log()}`, () => lbd.log().includes("info process: lbd "), 20_000);
  lbd.signal("SIGHUP");
  lbd.signal("SIGTERM");
  expect(await lbd.exited).toBe(0);
  expect(lbd.log()).not.toContain("info config");
});

test.each([
  [["log", "loud"], 2, "loud: expected error, warning, info, debug"],
  [["log", "info", "--run-dir", "/nowhere/at/all"], 3, "no director runs with the run directory /nowhere/at/all"],
] as const)("lbd %j", async (argv, status, said) => {
  const done = await lab.run(...argv);
  expect([done.status, done.err.includes(said), done.err]).toEqual([status, true, done.err]);
});

describe("a host", () => {
  test("gets each line as RFC 5424; one that is not there holds up nothing", async () => {
    const heard: string[] = [];
    const receiver = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: { data: (_socket, bytes) => void heard.push(bytes.toString()) },
    });
    const { log, drained } = createRunLog(
      {
        console: false,
        file: join(directory, "host.log"),
        remote: [
          { protocol: "udp", host: "127.0.0.1", port: receiver.port },
          { protocol: "tcp", host: "127.0.0.1", port: 1 },
        ],
        levels: { all: "info", areas: {} },
        isBackground: false,
        format: "text",
        hostname: () => "director1",
      },
      systemClock(),
    );
    log({ level: "warning", area: "vrrp", message: "hello" });
    log({ level: "debug", area: "vrrp", message: "not wanted" });
    await until("it comes", () => heard.length === 1);
    expect(heard[0]).toMatch(/^<28>1 \d{4}-\d\d-\d\dT[\d:.]+Z director1 lbd - vrrp - hello$/);
    await drained();
    expect(textOf(join(directory, "host.log"))).toContain("warning vrrp: hello");
    receiver.close();
  });
});
