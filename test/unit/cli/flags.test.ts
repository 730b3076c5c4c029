import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { FLAGS, type Flag, readFlags } from "../../../src/cli/flags.ts";
import { HELP_COLUMNS, helpText, wrap } from "../../../src/cli/help.ts";
import { readApi, runOptions } from "../../../src/cli/run-options.ts";
import { badArgument } from "../../../src/cli/strict.ts";
import type { Keyword } from "../../../src/config/bind/keyword.ts";
import { OPTIONS } from "../../../src/config/keywords/options.ts";
import type { RunOptions } from "../../../src/process/options.ts";
import { VERSION } from "../../../src/version.ts";

const table: readonly Flag[] = FLAGS;

function given(...argv: string[]): Record<string, readonly string[]> {
  const read = readFlags(argv);
  if (!read.ok) throw new Error(read.message);
  return Object.fromEntries(read.value.given);
}

function options(...argv: string[]): RunOptions {
  const read = readFlags(argv);
  if (!read.ok) throw new Error(read.message);
  const made = runOptions(read.value, (path) => resolve("/start", path));
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

describe("reads as getopt_long does:", () => {
  test.each([
    ["a value behind", ["-f", "k.conf"], { "use-file": ["k.conf"] }],
    ["a value joined", ["-fk.conf"], { "use-file": ["k.conf"] }],
    ["a long value behind", ["--use-file", "k.conf"], { "use-file": ["k.conf"] }],
    ["a long value joined", ["--use-file=k.conf"], { "use-file": ["k.conf"] }],
    ["our own name of it", ["--config", "k.conf"], { "use-file": ["k.conf"] }],
    ["an empty joined value", ["--config="], { "use-file": [""] }],
    ["short ones together", ["-nlD"], { "dont-fork": [""], "log-console": [""], "log-detail": [""] }],
    [
      "short ones together with a value",
      ["-nlfk.conf"],
      { "dont-fork": [""], "log-console": [""], "use-file": ["k.conf"] },
    ],
    ["short ones together, value behind", ["-Df", "k.conf"], { "log-detail": [""], "use-file": ["k.conf"] }],
    ["one twice", ["-DD", "-D"], { "log-detail": ["", "", ""] }],
    ["an optional value joined", ["-tout.log"], { "config-test": ["out.log"] }],
    ["an optional value left out", ["-t"], { "config-test": [""] }],
    ["an optional value of a long one", ["--config-test=out.log"], { "config-test": ["out.log"] }],
    ["a long name shortened", ["--dont-release-v"], { "dont-release-vrrp": [""] }],
    ["a whole name that begins another", ["--vrrp"], { vrrp: [""] }],
    ["a value that looks like an option", ["-i", "-n"], { "config-id": ["-n"] }],
    ["the end of options", ["-n", "--"], { "dont-fork": [""] }],
    ["nothing", [], {}],
  ] as const)("%s", (_why, argv, expected) => {
    expect(given(...argv)).toEqual({ ...expected } as Record<string, readonly string[]>);
  });

  test.each([
    ["an unknown long option", ["--colour"], "unknown option --colour"],
    ["an unknown short option", ["-Z"], "unknown option -Z"],
    ["an unknown one among others", ["-nZ"], "unknown option -Z in -nZ"],
    ["a missing value", ["-f"], "-f needs a value: FILE"],
    ["a missing long value", ["--run-dir"], "--run-dir needs a value: DIR"],
    ["a value that none wants", ["--vrrp=1"], "--vrrp takes no value (got 1)"],
    ["a name that could be several", ["--dont-release"], "--dont-release could be more than one option"],
    ["a stray word", ["k.conf"], "stray word k.conf: lbd takes options here, a configuration file follows -f"],
    [
      "a stray word behind options",
      ["-n", "extra"],
      "stray word extra: lbd takes options here, a configuration file follows -f",
    ],
    ["a stray word behind --", ["--", "-n"], "stray word -n: lbd takes options here, a configuration file follows -f"],
    ["a lone dash", ["-"], "stray word -: lbd takes options here, a configuration file follows -f"],
  ] as const)("%s is an error", (_why, argv, message) => {
    expect(readFlags(argv)).toMatchObject({ ok: false, message });
  });

  test("a name that could be several lists them", () => {
    expect(readFlags(["--dont-release"])).toMatchObject({ near: ["--dont-release-vrrp", "--dont-release-ipvs"] });
  });
});

test("every option of keepalived is known by both of its names, and no name is used twice", () => {
  // cli-signals.md §1, in its order.
  const short = "fPCBlDSgGuXVIRndprcbTaxAsmMeitLvh";
  for (const letter of short)
    expect(
      table.some((flag) => flag.short === letter),
      letter,
    ).toBe(true);
  const names = table.flatMap((flag) => [flag.long, ...(flag.also ?? []), ...(flag.short ? [flag.short] : [])]);
  expect(new Set(names).size).toBe(names.length);
});

test("compat.md says of each of keepalived's options what a run says", () => {
  const states = Object.entries<Keyword>(OPTIONS).map(([name, { effective }]) => {
    const works = typeof effective === "object" && "test" in effective;
    return [name, works] as const;
  });
  const said = table
    .filter(({ origin }) => origin === "keepalived")
    .map(({ long, note }) => [`--${long}`, note === undefined] as const);
  expect(Object.fromEntries(states)).toEqual(Object.fromEntries(said));
});

describe("options of a run:", () => {
  test("what holds without any", () => {
    expect(options()).toMatchObject({
      configFile: "/etc/keepalived/keepalived.conf",
      runDir: "/run/lbd",
      api: { address: "127.0.0.1", port: 812 },
      ipvsTransport: "auto",
      logFormat: "text",
      roles: { vrrp: true, checker: true, bfd: true },
      releaseIpvs: true,
      releaseVrrp: true,
      respawn: true,
      notes: [],
    });
  });

  test("paths are made absolute, since the director leaves the directory", () => {
    expect(
      options("-f", "k.conf", "--run-dir", "run", "-p", "x.pid", "-r", "v.pid", "-c", "c.pid", "-b", "b.pid"),
    ).toMatchObject({
      configFile: "/start/k.conf",
      runDir: "/start/run",
      pidFile: "/start/x.pid",
      rolePidFiles: { vrrp: "/start/v.pid", checker: "/start/c.pid", bfd: "/start/b.pid" },
    });
  });

  test.each([
    ["-P", { vrrp: true, checker: false, bfd: true }],
    ["-C", { vrrp: false, checker: true, bfd: true }],
    ["-B", { vrrp: true, checker: true, bfd: false }],
    ["-PC", { vrrp: false, checker: false, bfd: true }],
  ])("%s chooses the roles", (argv, roles) => expect(options(argv).roles).toEqual(roles));

  test("-V and -I leave things, -R does not restart, -D says more, the last -f counts", () => {
    expect(options("-VIRD", "-f", "a", "-f", "b")).toMatchObject({
      releaseIpvs: false,
      releaseVrrp: false,
      respawn: false,
      debug: true,
      configFile: "/start/b",
    });
  });

  test("names of the director are taken together, in lower case and without the dot at the end", () => {
    expect(options("--api-host", "Director-A.example.net.", "--api-host=b").apiHosts).toEqual([
      "director-a.example.net",
      "b",
    ]);
    expect(options("--metrics-instance-label", "--api-socket-group", "ops")).toMatchObject({
      instanceLabel: true,
      apiSocketGroup: "ops",
    });
  });

  test.each([
    ["27", 27],
    ["027", 0o27],
    ["0x17", 0o27],
    ["0777", 0o777],
    ["0", 0],
  ])("--umask %s is what C makes of it, as with keepalived", (text, mask) => {
    expect(options("--umask", text).umask).toBe(mask);
  });

  test("what has no effect is said, once each", () => {
    expect(options("-x", "-A", "x", "-x").notes).toEqual([
      expect.stringContaining("--snmp has no effect"),
      expect.stringContaining("--snmp-agent-socket has no effect"),
    ]);
  });

  test.each([
    [["--api-host", "a b"], "--api-host a b: expected a host name"],
    [["--api-host", "director:812"], "--api-host director:812: expected a host name without a port"],
    [["--api-socket-group="], "--api-socket-group: the value is empty"],
    [["--api", "812"], "--api 812: expected ADDRESS:PORT"],
    [["--api", "example.org:80"], "--api example.org:80: expected"],
    [["--ipvs-transport", "tcp"], "expected auto, sockopt or netlink"],
    [["--log-format", "xml"], "expected text or json"],
    [["--umask", "08"], "--umask 08: expected a number up to 0777, as C writes it"],
    [["--umask", "1000"], "expected a number up to 0777"],
    [["--run-dir="], "--run-dir: the value is empty"],
  ] as const)("%j is refused", (argv, message) => {
    expect(() => options(...argv)).toThrow(message);
  });

  test.each([
    ["127.0.0.1:8080", { address: "127.0.0.1", port: 8080 }],
    ["[::1]:9", { address: "::1", port: 9 }],
    ["localhost:0", { address: "localhost", port: 0 }],
    ["off", "off"],
    ["::1:80", undefined],
    ["[127.0.0.1]:80", undefined],
    ["127.0.0.1", undefined],
    ["127.0.0.1:65536", undefined],
    ["127.1:80", undefined],
    [":80", undefined],
    ["", undefined],
  ])("--api %j", (text, expected) => expect(readApi(text)).toEqual(expected as ReturnType<typeof readApi>));
});

test("the help fits 80 columns and names every option", () => {
  const text = helpText([["check", "check configuration files ".repeat(10)]]);
  for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(HELP_COLUMNS);
  for (const flag of table)
    if (!flag.refused) expect(text, flag.long).toContain(flag.short ? `-${flag.short}` : `--${flag.long}`);
});

test("wrap() keeps words whole", () => {
  expect(wrap("a bb ccc dddd", 1, 8)).toEqual([" a bb", " ccc", " dddd"]);
  expect(wrap("longerthanit x", 0, 5)).toEqual(["longerthanit", "x"]);
});

test.each([
  ["an option that is known", ["--json"], undefined],
  ["an alias", ["-j"], undefined],
  ["a value behind", ["--run-dir", "x"], undefined],
  ["a value joined", ["--run-dir=x"], undefined],
  ["a switch turned off", ["--no-json"], undefined],
  ["an option that is not", ["--jsn"], "--jsn"],
  ["a word where none goes", ["x"], "x"],
  ["an option without its value", ["--run-dir"], "--run-dir"],
] as const)("commands: %s", (_why, rawArgs, word) => {
  const args = { json: { type: "boolean", alias: "j" }, "run-dir": { type: "string" } } as const;
  expect(badArgument(rawArgs, args)?.word).toBe(word as string);
});

test("the version is the package's", () => {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(text).version).toBe(VERSION);
});
