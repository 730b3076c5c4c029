// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// `lbd check`: exit status, output and options; `lbd explain`; keepalived's -t. On files of this machine.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHECK_EXIT, type CheckOptions, runCheck } from "../../../src/cli/check.ts";
import { configTest } from "../../../src/cli/config-test.ts";
import { explain } from "../../../src/cli/explain.ts";
import { CODES, isCode } from "../../../src/config/findings/codes.ts";
import { catalog } from "../../../src/config/keywords/catalog.ts";
import { configFiles } from "../../../src/process/configuration/files.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-check-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const GOOD = file("good.conf", "global_defs {\n  router_id lbd\n}\n");
const WARNS = file("warns.conf", "global_defs {\n  router_id lbd extra\n}\n");
const BAD = file("bad.conf", "global_defs {\n\troutr_id lbd\n}\n");
const GONE = join(dir, "gone.conf");
file("inc.conf", "router_id ${_INSTANCE}\n");
const INCLUDES = file("includes.conf", "global_defs {\n  include inc.conf\n  @other bad_word\n}\n");

const OPTIONS: CheckOptions = { format: "text", strict: false, color: false, allConfig: false };
const check = (paths: readonly string[], options: Partial<CheckOptions> = {}) =>
  runCheck(paths, { ...OPTIONS, ...options });

describe("exit status", () => {
  test.each([
    ["no finding", [GOOD], {}, 0],
    ["a warning", [WARNS], {}, 0],
    ["a warning, strictly", [WARNS], { strict: true }, 1],
    ["an error", [BAD], {}, 1],
    ["one of several has an error", [GOOD, BAD], {}, 1],
    ["a missing file", [GONE], {}, 2],
    ["a missing file and an error", [BAD, GONE], {}, 2],
    ["a directory", [dir], {}, 2],
    ["only notes, strictly", [file("note.conf", "$A=x\nglobal_defs {\n}\n")], { strict: true }, 0],
    ["a line of another id", [INCLUDES], { configId: "one" }, 0],
    ["a line of this id", [INCLUDES], { configId: "other" }, 1],
  ] as const)("%s", (_why, paths, options, exit) => {
    expect(check(paths, options).exit).toBe(exit);
  });
});

describe("text", () => {
  test("findings and a summary, nothing else", () => {
    expect(check([BAD]).output).toBe(
      [
        `${BAD}:2:2: error[unknown-keyword]: unknown keyword in global_defs: routr_id`,
        "2 | \troutr_id lbd",
        "  | \t^^^^^^^^",
        "  hint: did you mean router_id?",
        "1 error in 1 file",
        "",
      ].join("\n"),
    );
  });

  test.each([
    [[GOOD], "no errors in 1 file"],
    [[WARNS, GOOD], "no errors, 1 warning in 2 files"],
    [[INCLUDES], "no errors in 2 files"],
    [[GONE], "1 error in no files"],
  ])("summary of %p", (paths, summary) => {
    expect(check(paths, { configId: "x" }).output.trimEnd().split("\n").at(-1)).toBe(summary);
  });

  test("a missing file names one that is near", () => {
    expect(check([join(dir, "goood.conf")]).output).toContain(`did you mean ${GOOD}?`);
  });

  test("effective values with their places", () => {
    const { output, beside } = check([GOOD], { effective: "config" });
    expect(beside).toBe("no errors in 1 file\n");
    expect(output).toMatch(new RegExp(`router_id lbd +# ${GOOD}:2`));
    expect(output).toMatch(/# default\n/);
  });
});

describe("JSON", () => {
  const json = (paths: readonly string[], options: Partial<CheckOptions> = {}) =>
    JSON.parse(check(paths, { ...options, format: "json" }).output);

  test("files and diagnostics", () => {
    expect(json([BAD])).toEqual({
      files: [BAD],
      diagnostics: [
        {
          severity: "error",
          code: "unknown-keyword",
          file: BAD,
          line: 2,
          column: 2,
          endLine: 2,
          endColumn: 10,
          message: "unknown keyword in global_defs: routr_id",
          hint: "did you mean router_id?",
          related: [],
        },
      ],
    });
  });

  test("included files are files", () => {
    expect(json([INCLUDES], { configId: "x" })).toEqual({ files: [INCLUDES, join(dir, "inc.conf")], diagnostics: [] });
  });

  test("a missing file is a diagnostic too", () => {
    expect(json([GONE])).toMatchObject({ files: [], diagnostics: [{ code: "file-missing", file: GONE, line: 1 }] });
  });

  test("the second place and the includes that led there", () => {
    const twice = file("twice.conf", "include twice.inc\n");
    file("twice.inc", "global_defs {\n  router_id a\n  router_id b\n}\n");
    const included = join(dir, "twice.inc");
    expect(json([twice]).diagnostics).toMatchObject([
      {
        code: "duplicate-keyword",
        file: included,
        line: 3,
        related: [
          { file: included, line: 2, column: 3, message: "given here first" },
          { file: twice, line: 1, message: "included from here" },
        ],
      },
    ]);
  });

  test("the effective values of one file, or of each", () => {
    const { effective } = json([GOOD], { effective: "config" });
    expect(effective.config.global.routerId).toBe("lbd");
    expect(JSON.stringify(effective.blocks)).toContain(`"file":${JSON.stringify(GOOD)},"line":2`);
    expect(json([GOOD, WARNS], { effective: "config" }).effective).toHaveLength(2);
  });
});

describe("SARIF", () => {
  test("a result for each finding, a rule for each code", () => {
    const { output, exit } = check([BAD, WARNS], { format: "sarif" });
    const log = JSON.parse(output);
    expect([log.version, exit]).toEqual(["2.1.0", CHECK_EXIT.errors]);
    const [run] = log.runs;
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(["extra-words", "unknown-keyword"]);
    expect(run.results).toMatchObject([
      {
        ruleId: "unknown-keyword",
        level: "error",
        message: { text: "unknown keyword in global_defs: routr_id (did you mean router_id?)" },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: BAD },
              region: { startLine: 2, startColumn: 2, endLine: 2, endColumn: 10 },
            },
          },
        ],
      },
      { ruleId: "extra-words", level: "warning" },
    ]);
  });
});

describe("words without effect", () => {
  const UNBUILT = file("unbuilt.conf", "global_defs {\n  enable_dbus\n  router_id lbd\n}\n");
  test("are warnings", () => {
    const { output, exit } = check([UNBUILT]);
    expect(output).toContain(`${UNBUILT}:2:3: warning[no-effect-yet]: enable_dbus has no effect in lbd`);
    expect(output).toEndWith("no errors, 1 warning in 1 file\n");
    expect(exit).toBe(CHECK_EXIT.ok);
    expect(check([UNBUILT], { strict: true }).exit).toBe(CHECK_EXIT.errors);
  });
});

test("standard input is read by the names that it has", async () => {
  for (const name of ["-", "/dev/stdin"]) {
    const { stdout, exited } = Bun.spawn([process.execPath, "src/main.ts", "check", "--no-color", name], {
      stdin: new Blob(["global_defs {\n  routr_id lbd\n}\n"]),
      stdout: "pipe",
    });
    expect(await new Response(stdout).text()).toStartWith(`${name}:2:3: error[unknown-keyword]`);
    expect(await exited).toBe(CHECK_EXIT.errors);
  }
});

describe("files of all kinds", () => {
  const read = (path: string) => configFiles.read(path, 1000);
  const kind = (path: string) => {
    const got = read(path);
    return got.ok ? "ok" : got.error.kind === "not-a-file" ? got.error.what : got.error.kind;
  };

  test("a FIFO that nobody writes to is refused at once", () => {
    const fifo = join(dir, "fifo");
    expect(spawnSync("mkfifo", [fifo]).status).toBe(0);
    const startedAt = performance.now();
    expect(kind(fifo)).toBe("a FIFO");
    expect(check([fifo]).exit).toBe(2);
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });

  test.each([
    ["a file", () => GOOD, "ok"],
    ["a directory", () => dir, "a directory"],
    ["a device", () => "/dev/zero", "a device"],
    ["nothing", () => GONE, "missing"],
    ["below a file", () => `${GOOD}/x`, "missing"],
    ["a name with a NUL", () => "a\0b", "missing"],
    ["a file of no size in /proc", () => "/proc/self/comm", "ok"],
  ])("%s", (_why, path, expected) => {
    expect(kind(path())).toBe(expected);
  });

  test("an executable file is refused, as keepalived does", () => {
    const path = file("run.conf", "global_defs {\n}\n");
    chmodSync(path, 0o755);
    expect(kind(path)).toBe("executable");
  });

  test("links are followed, circles end", () => {
    symlinkSync(GOOD, join(dir, "link.conf"));
    symlinkSync("circle", join(dir, "circle"));
    expect(kind(join(dir, "link.conf"))).toBe("ok");
    expect(kind(join(dir, "circle"))).toBe("unreadable");
  });

  test("more than the limit is refused before it is read, and while it grows", () => {
    expect(kind(file("large.conf", "x".repeat(1001)))).toBe("too-large");
    expect(kind(file("fits.conf", "x".repeat(1000)))).toBe("ok");
    expect(configFiles.read("/proc/self/status", 10)).toMatchObject({ ok: false, error: { kind: "too-large" } });
  });

  test("an include that links back to its file is a circle", () => {
    mkdirSync(join(dir, "d"));
    const main = file("circle.conf", "include d/back.conf\n");
    symlinkSync(main, join(dir, "d", "back.conf"));
    expect(check([main]).output).toContain("error[include-loop]");
  });
});

const PROGRAM = 'vrrp_script chk {\n  script "/bin/true"\n}\n';

const SECURE = "enable_script_security";
const secure = (name: string, text: string) => file(name, `global_defs {\n  ${SECURE}\n  script_user root\n}\n${text}`);
const MISC = (path: string, line: string) => `virtual_server 192.0.2.1 80 {
  protocol TCP
  lb_algo rr
  lb_kind NAT
  real_server 192.0.2.2 80 {
    MISC_CHECK {
      misc_path "${path}"
      ${line}
    }
  }
}
`;

describe("-t", () => {
  const tested = (path: string) => {
    const log = join(dir, "test.log");
    writeFileSync(log, "");
    const machine = { hasInterface: () => true, hasModule: () => true };
    const exit = configTest({ configFile: path, allConfig: false, logFile: log, machine });
    return { exit, log: readFileSync(log, "utf8") };
  };

  test.each([
    ["nothing to say", GOOD, 0],
    ["only warnings", WARNS, 0],
    ["an unknown keyword", BAD, 5],
    [
      "a keyword without its word",
      file(
        "word.conf",
        "vrrp_instance V {\n  state MASTER\n  interface eth0\n  virtual_router_id 1\n  priority\n  virtual_ipaddress {\n    192.0.2.1\n  }\n}\n",
      ),
      2,
    ],
    ["a program without script security", file("runs.conf", PROGRAM), 6],
    ["a program with it", secure("secure.conf", PROGRAM), 0],
    ["a program whose default user is missing", file("user.conf", `global_defs {\n  ${SECURE}\n}\n${PROGRAM}`), 5],
    ["a script that is missing", secure("absent.conf", PROGRAM.replace("/bin/true", "/no/such")), 5],
    ["a script that is not executable", secure("plain.conf", PROGRAM.replace("/bin/true", "/etc/passwd")), 0],
    ["the user of a check is unknown", secure("misc.conf", MISC("/bin/true", "user no-such-user")), 5],
    ["the program of a check is missing", secure("misc2.conf", MISC("/no/such", "")), 0],
    ["a strict include that is missing", file("strict.conf", "includea gone.conf\nglobal_defs {\n}\n"), 6],
    ["an include that is missing", file("loose.conf", "include gone.conf\nglobal_defs {\n}\n"), 0],
    ["a missing file", GONE, 4],
    ["a directory", dir, 4],
  ])("%s", (_why, path, exit) => {
    expect(tested(path).exit).toBe(exit);
  });

  test.each([
    ["a password beyond 8 bytes", "authentication {\n    auth_type PASS\n    auth_pass pässwörter\n  }"],
    ["authentication in version 3", "version 3\n  authentication {\n    auth_type PASS\n    auth_pass a\n  }"],
    ["nopreempt with state MASTER", "state MASTER\n  nopreempt"],
    ["preempt_delay with state MASTER", "state MASTER\n  preempt_delay 5"],
    ["an interval that is rounded", "advert_int 1.4"],
    ["what strict mode takes back", "strict_mode\n  accept"],
    ["a TTL for peers without a peer", "unicast_ttl 5"],
    ["no announcement", "garp_master_repeat 0"],
    ["a weight beyond the bounds", "track_interface {\n    lo weight 254\n  }"],
    ["a rule without a preference", "virtual_rules {\n    from 192.0.2.0/24 table 5\n  }"],
  ])("what keepalived mends and runs with is no error: %s", (_what, lines) => {
    const path = file(
      "mended.conf",
      `vrrp_instance V {\n  interface eth0\n  virtual_router_id 1\n  virtual_ipaddress {\n    192.0.2.1\n  }\n  ${lines}\n}\n`,
    );
    expect(check([path])).toMatchObject({ exit: 0, output: expect.stringContaining("warning[") });
    expect(tested(path).exit).toBe(5);
  });

  test("the log file gets the findings", () => {
    expect(tested(BAD).log).toContain("error[unknown-keyword]");
    expect(tested(GOOD).log).toBe("");
  });

  test("a log file that can't be written", () => {
    expect(configTest({ configFile: GOOD, allConfig: false, logFile: join(dir, "no", "log") })).toBe(1);
  });
});

describe("explain", () => {
  test.each(Object.keys(CODES).filter(isCode))("%s has a title, an explanation and an example", (code) => {
    const text = explain(code);
    expect(text).toStartWith(`${code}: `);
    expect(text).toContain("Example:");
    expect(CODES[code].explanation).toEndWith(".");
  });

  test("the codes are sorted, so that a new one has its place", () => {
    expect(Object.keys(CODES)).toEqual(Object.keys(CODES).toSorted());
  });

  test("a keyword is explained once for each meaning, with all its blocks", () => {
    const text = explain("delay_loop") ?? "";
    expect(text).toContain("in virtual_server\n");
    expect(text.split("\n").every((line) => line.length <= 100)).toBe(true);
    expect(explain("virtual_server/delay_loop")).toContain("default: 60000");
  });

  test("every word of the language and the command line, by its name and by its path", () => {
    for (const { entries } of catalog())
      for (const { id, keyword, row } of entries)
        for (const word of [id, keyword, keyword.replace(/^--/, "")])
          expect([word, explain(word) ?? ""]).toEqual([word, expect.stringContaining(row.doc.split(" ")[0] ?? "")]);
  });

  test("as much of the path as it takes", () => {
    expect(explain("real_server/weight")).toContain("in virtual_server/real_server\n");
    expect(explain("~SEQ")).toStartWith("~SEQ(var, [start, [step,]] end) rest\n  in any line\n");
    expect(explain("brd")).toContain("in lines of addresses\n");
  });

  test("neither", () => {
    expect(explain("banana")).toBeUndefined();
    expect(explain("constructor")).toBeUndefined();
  });
});
