// Options of keepalived's command line: each from the words that are typed to what the program then does, with the option and without.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readFlags } from "../../../src/cli/flags.ts";
import { runOptions } from "../../../src/cli/run-options.ts";
import { createLogSink } from "../../../src/process/host/log-sink.ts";
import type { RunOptions } from "../../../src/process/options.ts";
import { found } from "../../support/fake-readers.ts";
import { lbdLab } from "../../support/lbd.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { parentLab, settle } from "../../support/parent-lab.ts";
import { configOf, instanceText, serviceText } from "../../support/words.ts";

function options(...argv: string[]): RunOptions {
  const read = readFlags(argv);
  if (!read.ok) throw new Error(read.message);
  const made = runOptions(read.value, (path) => resolve(path));
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

/** A director that has read instances and services, whose children do as they are told. */
async function director(run: RunOptions) {
  const {
    children,
    ended,
    director: parent,
  } = parentLab(found(configOf(`bfd_instance peer {\nneighbor_ip 192.0.2.2\n}\n${instanceText()}${serviceText()}`)), {
    change: run,
    likely: ["vrrp", "checker"],
    roles: ["vrrp", "checker", "bfd", "api"],
  });
  parent.start();
  await settle();
  // As they do: vrrp is told to start when the checker has.
  for (const role of ["checker", "bfd", "vrrp", "api"] as const)
    children.all.find((child) => child.role === role)?.comeUp();
  return { children, ended };
}

describe("which processes run", () => {
  const roles = async (...argv: string[]) =>
    (await director(options(...argv))).children.all
      .flatMap(({ role, alive }) => (alive && role !== "api" ? [role] : []))
      .sort();
  test.each<[string, string, string[]]>([
    ["--vrrp", "-P", ["bfd", "vrrp"]],
    ["--check", "-C", ["bfd", "checker"]],
    ["--no_bfd", "-B", ["checker", "vrrp"]],
  ])("%s, %s", async (long, short, seen) => {
    expect<unknown>([await roles(long), await roles(short), await roles()]).toEqual([
      seen,
      seen,
      ["bfd", "checker", "vrrp"],
    ]);
  });

  test("--all: each runs, also where the configuration has nothing for it; what comes behind it takes away again", async () => {
    const empty = async (...argv: string[]) => {
      const { children, director: parent } = parentLab(found(configOf("global_defs {\n}\n")), {
        change: options(...argv),
        likely: [],
        roles: ["vrrp", "checker", "bfd", "api"],
      });
      parent.start();
      await settle();
      for (const role of ["checker", "bfd", "vrrp"] as const)
        children.all.find((child) => child.role === role)?.comeUp();
      return children.all.flatMap(({ role, alive }) => (alive && role !== "api" ? [role] : [])).sort();
    };
    expect([await empty("--all"), await empty("--all", "-P"), await empty("-P", "--all"), await empty()]).toEqual([
      ["bfd", "checker", "vrrp"],
      ["bfd", "vrrp"],
      ["bfd", "checker", "vrrp"],
      [],
    ]);
  });

  test("--release-vips, -X: the same run as without", () => {
    expect([options("--release-vips"), options("-X")]).toEqual([options(), options()]);
  });

  test("--dont-respawn, -R: a process that dies ends the director", async () => {
    const ends = async (...argv: string[]) => {
      const { children, ended } = await director(options(...argv));
      children.of("checker").end("signal SIGSEGV");
      await settle();
      return ended;
    };
    expect([await ends("--dont-respawn"), await ends("-R"), await ends()]).toEqual([[1], [1], []]);
  });
});

test("--log-detail, -D: debug lines are written", () => {
  const written = (...argv: string[]) => {
    const lines: string[] = [];
    const stream = { write: (text: string) => lines.push(text) > 0, on: () => undefined };
    const { log } = createLogSink(stream, manualClock(), { format: "text", debug: options(...argv).debug });
    log({ level: "debug", area: "test", message: "x" });
    return lines.length;
  };
  expect([written("--log-detail"), written("-D"), written()]).toEqual([1, 1, 0]);
});

describe("the log", () => {
  const log = (asKeepalived: boolean, isBackground: boolean, ...argv: string[]) => {
    const read = readFlags(argv);
    if (!read.ok) throw new Error(read.message);
    const made = runOptions(read.value, (path) => resolve(path), { asKeepalived, isBackground });
    return made.ok ? made.value.log : made.error;
  };
  const plain = { console: true, remote: [], levels: { all: "info", areas: {} }, isBackground: false } as const;

  test("under its own name it goes to standard error, whatever --log-console, --no-syslog and --flush-log-file say", () => {
    for (const argv of [
      [],
      ["-l"],
      ["--log-console"],
      ["-G"],
      ["--no-syslog"],
      ["--flush-log-file"],
      ["-n"],
      ["--dont-fork"],
    ])
      expect(log(false, false, ...argv)).toEqual(plain);
  });

  test("--log-facility, -S: syslog, too, but for --no-syslog", () => {
    expect(log(false, false, "-S", "3")).toEqual({ ...plain, syslog: 19 });
    expect(log(false, false, "--log-facility=user")).toEqual({ ...plain, syslog: 1 });
    expect(log(false, false, "-S", "3", "-G")).toEqual(plain);
    expect(log(false, false, "-S", "9")).toContain("--log-facility 9: expected 0 to 7");
  });

  test("under the name keepalived it goes to syslog, and to standard error of a foreground with -l", () => {
    const own = { ...plain, console: false, syslog: 3, showsStartErrors: true };
    expect(log(true, false)).toEqual(own);
    expect(log(true, false, "-l")).toEqual({ ...own, console: true });
    expect(log(true, true, "-l")).toEqual({ ...own, isBackground: true });
    expect(log(true, false, "-S", "9")).toEqual(own);
    expect(log(true, false, "-l", "-G")).toEqual({ ...plain, showsStartErrors: true });
  });

  test.each([
    ["udp://192.0.2.1", { protocol: "udp", host: "192.0.2.1", port: 514 }],
    ["tcp://[2001:db8::1]:601", { protocol: "tcp", host: "2001:db8::1", port: 601 }],
    ["192.0.2.1", undefined],
    ["udp://192.0.2.1:0", undefined],
    ["udp://a b", undefined],
  ] as const)("--log-to %s", (text, host) => {
    const made = log(false, false, "--log-to", text);
    if (host) expect(made).toEqual({ ...plain, remote: [host] });
    else expect(made).toContain(`--log-to ${text}: expected`);
  });

  test("--log-file, -g: a file, absolute; --log-level: of all areas and of some", () => {
    expect(log(false, false, "-g/x/y.log")).toEqual({ ...plain, file: "/x/y.log" });
    expect(log(false, false, "--log-file")).toEqual({ ...plain, file: "/tmp/keepalived.log" });
    expect(log(false, false, "--log-level", "error,vrrp=debug")).toMatchObject({
      levels: { all: "error", areas: { vrrp: "debug" } },
    });
    expect(log(false, false, "-D")).toMatchObject({ levels: { all: "debug", areas: {} } });
    expect(log(false, false, "--log-level", "loud")).toContain("--log-level loud: expected");
  });
});

describe("the configuration", () => {
  const lab = lbdLab();
  const directory = mkdtempSync(join(tmpdir(), "lbd-words-"));
  afterAll(async () => {
    await lab.end();
    rmSync(directory, { recursive: true });
  });
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  const loose = file("loose.conf", "include gone.conf\n");
  const named = file("named.conf", "@here surprise\n");

  /** Exit status of a test, and whether it speaks of something. */
  const tested = async (speaks: string, ...argv: string[]) => {
    const { status, err } = await lab.run(...argv);
    return [status, err.includes(speaks)];
  };

  test("--config-test, -t and --use-file, -f: that file is read, and nothing runs", async () => {
    const bad = file("bad.conf", "surprise\n");
    expect(await tested("surprise", "--config-test", "--use-file", bad)).toEqual([5, true]);
    expect(await tested("surprise", "-t", "-f", bad)).toEqual([5, true]);
    expect(await tested("surprise", "-t", "-f", file("good.conf", "global_defs {\n}\n"))).toEqual([0, false]);
    // Without -t it is a run, which --strict ends because of the file.
    const here = ["--run-dir", join(directory, "run"), "--api", "off"];
    expect(await tested("surprise", "-f", bad, ...here, "--strict")).toEqual([2, true]);
  });

  test.each([
    ["--all-config", ["--all-config"], ["-e"], loose, [6, true], [0, true]],
    ["--config-id", ["--config-id", "here"], ["-i", "here"], named, [5, true], [0, false]],
  ] as const)("%s", async (_option, long, short, path, seen, otherwise) => {
    const about = path === loose ? "gone.conf" : "surprise";
    const read = (...argv: readonly string[]) => tested(about, "-t", "-f", path, ...argv);
    expect([await read(...long), await read(...short), await read()]).toEqual([[...seen], [...seen], [...otherwise]]);
  });
});
