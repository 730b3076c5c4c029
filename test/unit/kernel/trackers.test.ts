// Trackers' sources against the machine: files by inotify, processes by the connector or /proc, carrier of the loopback.
import { afterAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inOneGo } from "../../../src/base/steps.ts";
import { systemClock } from "../../../src/kernel/clock.ts";
import { openFileWatches, watchIndex } from "../../../src/kernel/file-watch.ts";
import { openLinkMonitor } from "../../../src/kernel/link-monitor.ts";
import {
  MAX_COMMAND_LINE_BYTES,
  openProcessMonitor,
  type RunningProcess,
} from "../../../src/kernel/process-monitor.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import { until } from "../../support/until.ts";

const readiness = openReadiness();
const clock = systemClock();
const blind = (reason: string): never => {
  throw new Error(reason);
};
const directory = mkdtempSync(join(tmpdir(), "lbd-track-"));

afterAll(() => {
  readiness[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

describe("tracked files", () => {
  test("written, replaced, removed, made again, in a directory that comes later, behind a link, never a FIFO", async () => {
    using watches = openFileWatches(readiness, clock, blind);
    const path = join(directory, "load");
    const heard: (string | undefined)[] = [];
    watches.watch(path, (text) => heard.push(text));
    expect(heard).toEqual([undefined]);
    const next = async (what: string, change: () => void, text: string | undefined) => {
      change();
      await until(what, () => heard.at(-1) === text);
    };
    await next("written", () => writeFileSync(path, "5\n"), "5\n");
    writeFileSync(`${path}.new`, "7");
    await next("replaced", () => renameSync(`${path}.new`, path), "7");
    await next("removed", () => rmSync(path), undefined);
    await next("made again", () => writeFileSync(path, "9"), "9");

    const late: (string | undefined)[] = [];
    const watch = watches.watch(join(directory, "later", "load"), (text) => late.push(text));
    mkdirSync(join(directory, "later"));
    writeFileSync(join(directory, "target"), "1");
    symlinkSync(join(directory, "target"), join(directory, "later", "load"));
    await until("through the link", () => late.at(-1) === "1");
    writeFileSync(join(directory, "target"), "2");
    await until("the target changed", () => late.at(-1) === "2");
    watch.close();

    spawnSync("mkfifo", [join(directory, "fifo")]);
    const fifo: (string | undefined)[] = [];
    watches.watch(join(directory, "fifo"), (text) => fifo.push(text));
    expect(fifo).toEqual([undefined]);
  });
});

describe("a file is read when it is whole", () => {
  const shell = (script: string) =>
    new Promise<void>((done) =>
      spawn("/bin/sh", ["-c", script], { cwd: directory, stdio: "inherit" }).once("exit", () => done()),
    );
  const watched = (path: string) => {
    const watches = openFileWatches(readiness, clock, blind);
    const heard: (string | undefined)[] = [];
    const watch = watches.watch(join(directory, path), (text) => heard.push(text));
    return { heard, watch, [Symbol.dispose]: () => watches[Symbol.dispose]() };
  };

  test("the same value written again and again is no change, as fast as a shell can and beside slow writers", async () => {
    writeFileSync(join(directory, "same"), "300\n");
    using file = watched("same");
    await shell("i=0; while [ $i -lt 3000 ]; do echo 300 > same; i=$((i+1)); done");
    await shell("{ sleep 0.6; printf 3; sleep 0.6; echo 00; } > same");
    writeFileSync(join(directory, "same"), "301\n");
    await until("the last one", () => file.heard.at(-1) === "301\n");
    expect(file.heard).toEqual(["300\n", "301\n"]);
    expect(file.watch.text()).toBe("301\n");
  });

  test("through a link to elsewhere, where only the sweep looks", async () => {
    mkdirSync(join(directory, "away"));
    writeFileSync(join(directory, "away", "real"), "300\n");
    symlinkSync(join(directory, "away", "real"), join(directory, "linked"));
    using file = watched("linked");
    await shell("i=0; while [ $i -lt 150 ]; do { sleep 0.02; echo 300; } > away/real; i=$((i+1)); done");
    writeFileSync(join(directory, "away", "real"), "301\n");
    await until("the last one", () => file.heard.at(-1) === "301\n");
    expect(file.heard).toEqual(["300\n", "301\n"]);
  });

  test("a file that is emptied and left so is empty; a hard link is whole; one that stays open is read in the end", async () => {
    writeFileSync(join(directory, "gone"), "1\n");
    using file = watched("gone");
    writeFileSync(join(directory, "gone"), "");
    await until("empty", () => file.heard.at(-1) === "");
    rmSync(join(directory, "gone"));
    await until("removed", () => file.heard.at(-1) === undefined);
    writeFileSync(join(directory, "other"), "2\n");
    linkSync(join(directory, "other"), join(directory, "gone"));
    await until("linked", () => file.heard.at(-1) === "2\n");
    expect(file.heard).toEqual(["1\n", "", undefined, "2\n"]);
    rmSync(join(directory, "gone"));
    await until("removed again", () => file.heard.at(-1) === undefined);
    const fd = openSync(join(directory, "gone"), "w");
    writeSync(fd, "3\n");
    await until("without a close", () => file.heard.at(-1) === "3\n", 20_000);
    closeSync(fd);
  });
});

test("an event of a directory finds the files that it is about in a table: two watches of one, none of a stranger's", () => {
  const files = ["/a/x", "/a/y", "/b/x", "/a/x", "/gone/x"].map((path, at) => ({ path, at }));
  const index = watchIndex(
    files,
    new Map([
      ["/a", 1],
      ["/b", 2],
    ]),
  );
  const places = (watch: number, name: string) => index(watch, name).map(({ at }) => at);
  expect(places(1, "x")).toEqual([0, 3]);
  expect(places(1, "y")).toEqual([1]);
  expect(places(2, "x")).toEqual([2]);
  expect(places(2, "y")).toEqual([]);
  expect(places(3, "x")).toEqual([]);
});

describe("tracked processes", () => {
  test("one that starts, names itself and ends is seen each time", async () => {
    const seen = new Map<number, string | undefined>();
    const before = spawn("sleep", ["301"]);
    await until("it runs", () => before.pid !== undefined);
    using monitor = openProcessMonitor(readiness, clock, {}, (pid, process) => seen.set(pid, process?.argv[1]));
    const either = ({ comm, argv }: RunningProcess) => comm === "sleep" && (argv[1] === "301" || argv[1] === "302");
    inOneGo(monitor.setInterest({ interesting: either, byArguments: true }));
    console.log(`process monitor works by ${monitor.source}`);
    expect(monitor.running().has(before.pid ?? 0)).toBe(true);
    const child = spawn("sleep", ["302"]);
    await until("the new one", () => seen.get(child.pid ?? 0) === "302");
    child.kill("SIGKILL");
    await until("its end", () => seen.has(child.pid ?? 0) && seen.get(child.pid ?? 0) === undefined);
    const withArgument = (wanted: string) => ({
      interesting: ({ comm, argv }: RunningProcess) => comm === "sleep" && argv[1] === wanted,
      byArguments: true,
    });
    inOneGo(monitor.setInterest(withArgument("303")));
    // Behind the last step: a tracker that a reload brings must not begin with «not running».
    expect(monitor.running().has(before.pid ?? 0)).toBe(false);
    inOneGo(monitor.setInterest(withArgument("301")));
    expect(monitor.running().has(before.pid ?? 0)).toBe(true);
    before.kill("SIGKILL");
  });

  test("others of interest: all that run are looked at, some in a step", () => {
    const children = Array.from({ length: 40 }, () => spawn("sleep", ["305"]));
    using monitor = openProcessMonitor(readiness, clock, {}, () => {});
    let looks = 0;
    const steps = monitor.setInterest({ interesting: () => ++looks < 0, byArguments: false });
    const inStep: number[] = [];
    for (let before = 0; !steps.next().done; before = looks) inStep.push(looks - before);
    for (const child of children) child.kill("SIGKILL");
    expect(looks).toBeGreaterThan(40);
    expect(Math.max(...inStep)).toBeLessThanOrEqual(16);
  });

  test("of a command line no more is read than a configuration could name, and nothing where names are enough", async () => {
    const long = spawn("sleep", ["304", ...Array.from({ length: 20_000 }, () => "0")]);
    const pid = long.pid ?? 0;
    await until("it runs", () => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
    const isIt = { interesting: ({ comm }: RunningProcess) => comm === "sleep" };
    using monitor = openProcessMonitor(readiness, clock, {}, () => {});
    inOneGo(monitor.setInterest({ ...isIt, byArguments: true }));
    const argv = monitor.running().get(pid)?.argv ?? [];
    expect(argv.slice(0, 3)).toEqual(["sleep", "304", "0"]);
    expect(argv.slice(0, -1).join(" ").length).toBeLessThan(MAX_COMMAND_LINE_BYTES);
    // It can't be taken for one that ends there.
    expect(argv.at(-1)).toBe("\0");
    inOneGo(monitor.setInterest({ ...isIt, byArguments: false }));
    expect(monitor.running().get(pid)).toEqual({ comm: "sleep", argv: [] });
    long.kill("SIGKILL");
  });

  test("process_monitor_rcv_bufs: the socket holds what is asked for, forced past the system's limit", () => {
    const wish = 2 * Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));
    const buffers = () =>
      [...spawnSync("ss", ["-f", "netlink", "-m"], { encoding: "utf8" }).stdout.matchAll(/\brb(\d+)/g)].map((m) =>
        Number(m[1]),
      );
    const receiveBuffer = { bytes: wish, force: true };
    using monitor = openProcessMonitor(readiness, clock, { receiveBuffer }, () => {});
    if (monitor.source === "polling") {
      console.log("skipped: no process connector here");
      return;
    }
    expect(buffers()).toContain(2 * wish);
    monitor.setReceiveBuffer({ bytes: wish + 4096, force: true });
    expect(buffers()).toContain(2 * (wish + 4096));
  });
});

describe("polled carrier", () => {
  test("the loopback has one, a missing interface none", async () => {
    const heard: [string, boolean | undefined][] = [];
    using monitor = openLinkMonitor(
      clock,
      [{ interface: "lo" }, { interface: "lo", method: "IOCTL" }, { interface: "nope", method: "MII" }],
      (name, carrier) => heard.push([name, carrier]),
    );
    await until("both are asked", () => heard.length >= 2);
    expect(new Map(heard)).toEqual(
      new Map([
        ["lo", true],
        ["nope", undefined],
      ]),
    );
    expect(monitor.carrier("lo")).toBe(true);
  });
});
