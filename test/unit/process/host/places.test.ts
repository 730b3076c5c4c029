// Where directors have their things, and how a command finds the one that is meant.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFlags } from "../../../../src/cli/flags.ts";
import { placed } from "../../../../src/cli/run.ts";
import { runOptions } from "../../../../src/cli/run-options.ts";
import { outlineOf } from "../../../../src/process/configuration/outline.ts";
import { chooseDirector, runningDirectors } from "../../../../src/process/host/directors.ts";
import { keepalivedPidFiles, runDirOf } from "../../../../src/process/host/places.ts";
import { bindText } from "../../../support/config.ts";

test.each([
  ["nothing", {}, "/run/lbd"],
  ["an instance", { instance: "web" }, "/run/lbd/web"],
  ["a namespace", { namespace: "blue" }, "/run/lbd/blue"],
  ["both", { namespace: "blue", instance: "web" }, "/run/lbd/blue_web"],
  ["a pid file", { pidFile: "/var/run/router-1.pid" }, "/run/lbd/var+run+router-1%2Epid"],
  ["keepalived's usual one", { pidFile: "/run/keepalived.pid" }, "/run/lbd"],
  ["its other name", { pidFile: "/var/run/keepalived.pid" }, "/run/lbd"],
  ["all", { namespace: "n", instance: "i", pidFile: "/p" }, "/run/lbd/n_i_p"],
  ["a name that would be a file of the directory", { instance: "api.sock" }, "/run/lbd/api%2Esock"],
  ["a name that leads elsewhere", { instance: "../../etc" }, "/run/lbd/%2E%2E+%2E%2E+etc"],
  ["an underscore of its own", { instance: "blue_web" }, "/run/lbd/blue%5Fweb"],
])("the run directory by %s", (_by, identity, expected) => {
  expect(runDirOf(identity)).toBe(expected);
});

test("long names stay apart, and short enough for a socket", () => {
  const [a, b] = ["a", "b"].map((end) => runDirOf({ pidFile: `/var/lib/${"x".repeat(200)}${end}` }));
  expect(a).not.toBe(b);
  expect(`${a}/api.sock`.length).toBeLessThan(108);
});

/** What Debian's keepalived 2.2.7 was seen to write. */
test.each([
  [{}, "/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"],
  [{ usePidDir: true }, "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid"],
  [
    { instance: "web" },
    "/run/keepalived/keepalived_web.pid",
    "/run/keepalived/vrrp_web.pid",
    "/run/keepalived/checkers_web.pid",
  ],
  [
    { namespace: "blue", instance: "web" },
    "/run/keepalived/blue/keepalived_web.pid",
    "/run/keepalived/blue/vrrp_web.pid",
    "/run/keepalived/blue/checkers_web.pid",
  ],
])("keepalived's pid files by %j", (identity, parent, vrrp, checker) => {
  const bfd = checker.replace("checkers", "bfd");
  expect(keepalivedPidFiles(identity)).toEqual({ parent, vrrp, checker, bfd });
});

describe("a command line", () => {
  function optionsOf(words: string, calledAs: string, text: string) {
    const flags = readFlags(words.split(" ").filter(Boolean));
    if (!flags.ok) throw new Error(flags.message);
    const read = runOptions(flags.value, (path) => path);
    if (!read.ok) throw new Error(read.error);
    return placed(read.value, calledAs === "keepalived", async () => outlineOf(bindText(text).config));
  }

  test.each([
    ["", "lbd", "", { runDir: "/run/lbd", rolePidFiles: {} }],
    ["--run-dir /x -s blue -p /p", "lbd", "instance web\n", { runDir: "/x", pidFile: "/p" }],
    ["", "lbd", "instance web\nnet_namespace blue\n", { runDir: "/run/lbd/blue_web" }],
    ["-s green", "lbd", "net_namespace blue\n", { runDir: "/run/lbd/green" }],
    ["-r /v", "lbd", "", { runDir: "/run/lbd/v", rolePidFiles: { vrrp: "/v" } }],
    ["-c /c", "lbd", "", { runDir: "/run/lbd/c" }],
    [
      "",
      "keepalived",
      "",
      {
        runDir: "/run/lbd",
        calledAs: "keepalived",
        pidFile: "/run/keepalived.pid",
        rolePidFiles: { vrrp: "/run/vrrp.pid", checker: "/run/checkers.pid", bfd: "/run/bfd.pid" },
      },
    ],
    [
      "-p /p -r /v",
      "keepalived",
      "",
      { runDir: "/run/lbd/p", pidFile: "/p", rolePidFiles: { vrrp: "/v", checker: "/run/checkers.pid" } },
    ],
    ["--run-dir /x", "keepalived", "use_pid_dir\n", { runDir: "/x", pidFile: "/run/keepalived/keepalived.pid" }],
  ])("%s as %s with %j", async (words, calledAs, text, expected) => {
    expect(await optionsOf(words, calledAs, text)).toMatchObject(expected);
  });

  test("without the name keepalived no pid file comes by itself", async () => {
    expect((await optionsOf("", "lbd", "")).pidFile).toBeUndefined();
  });
});

describe("which director", () => {
  let base = "";
  const runs = (name: string, pid: number) => {
    mkdirSync(join(base, name), { recursive: true });
    writeFileSync(join(base, name, "lbd.pid"), `${pid}\n`);
  };
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "lbd-directors-"));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  test("none: the usual place, where nobody will answer", () => {
    expect(chooseDirector(runningDirectors(base), base)).toMatchObject({
      ok: true,
      value: { runDir: base, others: [] },
    });
    expect(runningDirectors(join(base, "nowhere"))).toEqual([]);
  });

  test("the only one, wherever it is; files of the dead don't count", () => {
    runs("web", process.pid);
    runs("old", 4_194_304);
    runs("reused", process.pid);
    utimesSync(join(base, "reused/lbd.pid"), 1000, 1000);
    expect(chooseDirector(runningDirectors(base), base)).toMatchObject({
      value: { runDir: join(base, "web"), others: [] },
    });
  });

  test("what a role wrote into its own directory is no director's word", () => {
    runs("vrrp.d", process.pid);
    expect(runningDirectors(base)).toEqual([]);
  });

  test("the usual one before others, which are named", () => {
    runs("web", process.pid);
    runs(".", process.pid);
    const other = { runDir: join(base, "web"), pid: process.pid };
    expect(chooseDirector(runningDirectors(base), base)).toMatchObject({ value: { runDir: base, others: [other] } });
  });

  test("several, none of them the usual one: all are named", () => {
    runs("web", process.pid);
    runs("db", process.pid);
    expect(chooseDirector(runningDirectors(base), base)).toEqual({
      ok: false,
      error: `2 directors run, say which one: --run-dir ${base}/db (pid ${process.pid}), --run-dir ${base}/web (pid ${process.pid})`,
    });
  });
});
