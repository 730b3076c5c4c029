import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Cancel, Clock } from "../../../src/base/clock.ts";
import { SEARCH_PATH } from "../../../src/base/environment.ts";
import type { Command } from "../../../src/config/model/command.ts";
import type { ScriptSecurity } from "../../../src/config/model/global.ts";
import { KEPT_FOR_QUICK, MAX_RUNNING } from "../../../src/kernel/script-places.ts";
import { createScriptRunner } from "../../../src/kernel/script-runner.ts";
import { judgePath, judgeScript, type PathPart } from "../../../src/kernel/script-security.ts";
import { programSpawner } from "../../../src/roles/starter/spawn-program.ts";
import { until } from "../../support/until.ts";

const spawnProgram = programSpawner(() => undefined);
const OPEN: ScriptSecurity = { user: "root", enabled: false, useSymlinkPaths: false, supplementaryGroups: false };
const clock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  at(when, run): Cancel {
    const timer = setTimeout(run, Math.max(0, when - performance.now()));
    return () => clearTimeout(timer);
  },
};
const sh = (script: string): Command => ({
  argv: ["/bin/sh", "-c", script],
  origin: { file: "k.conf", line: 1, column: 1 },
});

describe("judgePath", () => {
  const dir = (path: string, mode = 0o755, uid = 0, gid = 0): PathPart => ({ path, uid, gid, mode: 0o040000 | mode });
  const file = (path: string, mode = 0o755, uid = 0, gid = 0): PathPart => ({ path, uid, gid, mode: 0o100000 | mode });
  test.each([
    ["all root", [dir("/"), dir("/usr"), file("/usr/x")], undefined],
    ["file of another user", [dir("/"), file("/x", 0o755, 1000)], "chown root /x"],
    ["group may write", [dir("/"), file("/x", 0o775, 0, 50)], "chmod g-w /x"],
    ["group root may write", [dir("/"), file("/x", 0o775, 0, 0)], undefined],
    ["somebody of its list may write", [dir("/"), { ...file("/x", 0o775), hasList: true }], "setfacl -b /x"],
    ["nobody of its list may write", [dir("/"), { ...file("/x", 0o755), hasList: true }], undefined],
    ["everybody may write", [dir("/"), file("/x", 0o757)], "chmod o-w /x"],
    ["a directory above that everybody may write", [dir("/"), dir("/d", 0o777), file("/d/x")], "chmod o-w /d"],
    ["a sticky directory above", [dir("/"), dir("/tmp", 0o1777), file("/tmp/x")], undefined],
    ["a sticky directory of a group above", [dir("/"), dir("/tmp", 0o1777, 0, 50), file("/tmp/x")], undefined],
    ["a file has nothing of the sticky bit", [dir("/"), file("/x", 0o1777, 0, 50)], "chmod g-w /x"],
  ] as const)("%s", (_why, parts, mend) => {
    expect(judgePath(parts)?.mend).toBe(mend as string);
  });
});

test("a program that is not there, is no program, or may not be run is missing and says why", () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
  const path = join(dir, "plain");
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o644);
  expect(judgeScript(join(dir, "absent"), 0, OPEN)).toMatchObject({
    kind: "missing",
    reason: expect.stringContaining("ENOENT"),
  });
  expect(judgeScript(path, 0, OPEN)).toMatchObject({
    kind: "missing",
    reason: expect.stringContaining("not executable (mode 644)"),
  });
  expect(judgeScript(dir, 0, OPEN)).toMatchObject({
    kind: "missing",
    reason: expect.stringContaining("not a regular file"),
  });
  expect(judgeScript("no-such-program-at-all", 0, OPEN)).toMatchObject({ kind: "missing" });
  rmSync(dir, { recursive: true });
});

test("a program that an access control list opens to somebody is unsafe for root", () => {
  const dir = mkdtempSync(join(homedir(), "lbd-acl-"));
  const path = join(dir, "x");
  writeFileSync(path, "#!/bin/sh\n", { mode: 0o755 });
  chmodSync(path, 0o775);
  const security = { ...OPEN, enabled: true };
  expect(judgeScript(path, 0, security).kind).toBe("safe");
  // acl(5) as the kernel keeps it: version 2, then tag, rights, id of each entry; rw for user 65533.
  const entries = [
    [1, 7, -1],
    [2, 6, 65533],
    [4, 5, -1],
    [16, 7, -1],
    [32, 5, -1],
  ] as const;
  const bytes = Buffer.alloc(4 + 8 * entries.length);
  bytes.writeUInt32LE(2);
  for (const [i, [tag, rights, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + 8 * i);
    bytes.writeUInt16LE(rights, 6 + 8 * i);
    bytes.writeInt32LE(id, 8 + 8 * i);
  }
  const set = `import os,sys; os.setxattr(sys.argv[1], "system.posix_acl_access", bytes.fromhex(sys.argv[2]))`;
  const { status, stderr } = spawnSync("python3", ["-c", set, path, bytes.toString("hex")], { encoding: "utf8" });
  if (status === 0)
    expect(judgeScript(path, 0, security)).toMatchObject({ kind: "unsafe", mend: `setfacl -b ${path}` });
  else console.log(`skipped: no access control lists here: ${stderr.trim().split("\n").at(-1)}`);
  rmSync(dir, { recursive: true });
});

describe("runner", () => {
  test("gives the exit status, the signal, and why something could not start", async () => {
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    expect(await runner.run(sh("exit 3"), [], 10_000)).toEqual({ kind: "exit", status: 3 });
    expect(await runner.run(sh("kill -9 $$"), [], 10_000)).toEqual({ kind: "signal", signal: "SIGKILL" });
    const absent: Command = { ...sh(""), argv: ["/no/such/program"] };
    expect(await runner.run(absent, [], 10_000)).toMatchObject({ kind: "cannot-start" });
    const stranger: Command = { ...sh("true"), user: "no-such-user" };
    expect(await runner.run(stranger, [], 10_000)).toEqual({
      kind: "cannot-start",
      reason: "unknown user no-such-user",
    });
  });

  test("a program that a real-time signal ended has failed, and the signal has its name", async () => {
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    expect(await runner.run(sh("kill -36 $$"), [], 10_000)).toEqual({ kind: "signal", signal: "SIGRTMIN+2 (36)" });
    expect(await runner.run(sh("kill -64 $$"), [], 10_000)).toEqual({ kind: "signal", signal: "SIGRTMIN+30 (64)" });
    expect(await runner.run(sh("kill -15 $$"), [], 10_000)).toEqual({ kind: "signal", signal: "SIGTERM" });
  });

  test("a script that begins with </ is the shell's", async () => {
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const open = (...argv: string[]) => runner.run({ ...sh(""), argv }, [], 10_000);
    expect(await open("</etc/passwd")).toEqual({ kind: "exit", status: 0 });
    expect(await open("< /etc/passwd")).toEqual({ kind: "exit", status: 0 });
    expect(await open("</no/such/file")).toMatchObject({ kind: "exit", status: expect.any(Number) });
    expect(await open("</no/such/file")).not.toMatchObject({ status: 0 });
    // Nothing listens there: refused by bash, not understood by any other shell.
    const failed = await open("</dev/tcp/127.0.0.1/1");
    const isBash = realpathSync("/bin/sh").endsWith("/bash");
    expect(failed).toMatchObject({ kind: "exit", ...(isBash ? {} : { note: expect.stringContaining("bash -c") }) });
  });

  test("the time limit ends the whole group, grandchildren too", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const pidFile = join(dir, "pid");
    const outcome = await runner.run(sh(`sleep 300 & echo $! > ${pidFile}; wait`), [], 300);
    expect(outcome).toEqual({ kind: "timeout", limitMs: 300 });
    const pid = Number(readFileSync(pidFile, "utf8"));
    await until("the grandchild is gone", () => !alive(pid));
    rmSync(dir, { recursive: true });
  });

  test("stop leaves nothing, also of a program and its children that ignore TERM; so does a limit", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
    const pidFile = join(dir, "pids");
    const stubborn = (limitMs: number, overdue?: () => void) => {
      const runner = createScriptRunner(clock, OPEN, spawnProgram);
      const ended = runner.run(
        sh(`trap "" TERM; (sleep 300 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait); sleep 300`),
        [],
        limitMs,
        overdue,
      );
      return { runner, ended };
    };
    const child = () => until("its child", () => existsSync(pidFile) && Number(readFileSync(pidFile, "utf8")));
    const { runner } = stubborn(60_000);
    const pid = await child();
    await runner.stop();
    await until("gone after stop", () => !alive(pid));
    rmSync(pidFile);

    let overdue = false;
    const { ended } = stubborn(300, () => (overdue = true));
    const second = await child();
    await until("it is told at once", () => overdue);
    expect(alive(second)).toBe(true);
    expect(await ended).toEqual({ kind: "timeout", limitMs: 300 });
    await until("gone after the limit", () => !alive(second));
    rmSync(dir, { recursive: true });
  });

  test("one without a limit is ended when its place is needed, its children too", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
    const pidFile = join(dir, "pid");
    const end = new AbortController();
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const script = sh(`sleep 300 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait`);
    const outcome = runner.run(script, [], Number.POSITIVE_INFINITY, undefined, end.signal);
    await until("it runs", () => existsSync(pidFile));
    const pid = Number(readFileSync(pidFile, "utf8"));
    end.abort();
    expect((await outcome).kind).toBe("timeout");
    await until("the child is gone", () => !alive(pid));
    rmSync(dir, { recursive: true });
  });

  test("a missing interpreter is named as such", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
    const path = join(dir, "odd");
    writeFileSync(path, "#!/no/such/interpreter\n", { mode: 0o755 });
    const outcome = await createScriptRunner(clock, OPEN, spawnProgram).run({ ...sh(""), argv: [path] }, [], 10_000);
    expect(outcome).toEqual({
      kind: "cannot-start",
      reason: `${path}: the interpreter that its first line names is missing (ENOENT)`,
    });
    rmSync(dir, { recursive: true });
  });

  test("runs as the user that was asked for, not as root, and with none but the variables that are kept", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lbd-script-"));
    chmodSync(dir, 0o777);
    const before = { ...process.env };
    Object.assign(process.env, {
      BUN_LBD_TEST: "leak",
      SECRET_TOKEN: "leak",
      TZ: "UTC",
      LC_TIME: "C",
      PATH: "/tmp:/bin",
    });
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const out = join(dir, "out");
    const command: Command = { ...sh(`id -u > ${out}; env >> ${out}`), user: "nobody" };
    expect(await runner.run(command, [], 10_000)).toEqual({ kind: "exit", status: 0 });
    const [uid, ...env] = readFileSync(out, "utf8").split("\n");
    expect(uid).toBe("65534");
    for (const name of ["BUN_LBD_TEST", "SECRET_TOKEN", "TZ", "LC_TIME"]) delete process.env[name];
    Object.assign(process.env, before);
    // What the shell itself adds: PWD, and in some SHLVL and _.
    const seen = Object.fromEntries(env.filter(Boolean).map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(
      Object.keys(seen)
        .filter((name) => !/^(PWD|OLDPWD|SHLVL|_|LANG|LANGUAGE|LC_.*)$/.test(name))
        .sort(),
    ).toEqual(["HOME", "LOGNAME", "PATH", "TZ", "USER"]);
    expect([seen.PATH, seen.USER, seen.LC_TIME]).toEqual([SEARCH_PATH, "nobody", "C"]);
    rmSync(dir, { recursive: true });
  });

  test("no more than the bound run at once, and all get their turn", async () => {
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const all = Array.from({ length: MAX_RUNNING * 2 }, () => runner.run(sh("sleep 0.1"), [], 60_000));
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, runner.running());
    }, 1);
    const kinds = new Set((await Promise.all(all)).map(({ kind }) => kind));
    clearInterval(watch);
    expect([kinds, most]).toEqual([new Set(["exit"]), MAX_RUNNING]);
  });

  test("programs that hang leave places to those that end in time", async () => {
    const runner = createScriptRunner(clock, OPEN, spawnProgram);
    const hanging = Array.from({ length: 2 * MAX_RUNNING }, () => sh("sleep 300"));
    // Once each: then it is known of them.
    await Promise.all(hanging.map((command) => runner.run(command, [], 20)));
    const again = hanging.map((command) => runner.run(command, [], 60_000));
    await until("they hold the places that they may", () => runner.running() === MAX_RUNNING - KEPT_FOR_QUICK);
    const quick = Array.from({ length: 10 }, () => runner.run(sh("true"), [], 60_000));
    expect((await Promise.all(quick)).every(({ kind }) => kind === "exit")).toBe(true);
    expect(runner.running()).toBe(MAX_RUNNING - KEPT_FOR_QUICK);
    runner.stop();
    await Promise.all(again);
    expect(runner.running()).toBe(0);
  });
});

test.each([
  ["EAGAIN", true],
  ["ENOMEM", true],
  ["EMFILE", true],
  ["EACCES", undefined],
] as const)("a program that the machine has no room for is not one that can't be run: %s", async (code, transient) => {
  const runner = createScriptRunner(clock, OPEN, () => {
    throw Object.assign(new Error(`${code}: posix_spawn`), { code });
  });
  const outcome = await runner.run(sh("true"), [], 1000);
  expect(outcome).toMatchObject({ kind: "cannot-start", reason: `${code}: posix_spawn` });
  expect(outcome.kind === "cannot-start" && outcome.transient).toBe(transient as true);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
