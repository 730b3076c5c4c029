import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  constants,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fd from "../../../../ffi/fd.ts";
import {
  AlreadyRunning,
  claimPidFile,
  claimRunDir,
  disclaimPidFile,
  pidFileOwner,
  readPidFile,
  removePidFile,
  runningDirector,
  writePidFile,
} from "../../../../src/process/host/pidfile.ts";
import { MAX_JOURNAL_BYTES, socketPath } from "../../../../src/process/host/places.ts";
import { startedAtMs } from "../../../../src/process/host/process-facts.ts";
import { journalPath, openJournal } from "../../../../src/roles/journal.ts";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "lbd-pidfile-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("the run directory is made, its pid file names the holder, and nothing stays behind", () => {
  const path = join(base, "a", "b");
  const claimed = claimRunDir(path);
  expect(statSync(path).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(path, "lbd.pid"), "utf8")).toBe(`${process.pid}\n`);
  expect(runningDirector(path)).toBe(process.pid);
  claimed.release();
  expect(readdirSync(path)).toEqual([]);
  expect(runningDirector(path)).toBeUndefined();
});

test("a second director is told who holds it", () => {
  const claimed = claimRunDir(base);
  expect(() => claimRunDir(base)).toThrow(AlreadyRunning);
  expect(() => claimRunDir(base)).toThrow(`already running: pid ${process.pid} holds ${base}/lbd.lock`);
  claimed.release();
  claimRunDir(base).release();
});

test("a pid file that was left behind keeps nobody out, a stale socket is removed", () => {
  writeFileSync(join(base, "lbd.pid"), "1\n");
  writeFileSync(socketPath(base), "");
  const claimed = claimRunDir(base);
  expect(existsSync(socketPath(base))).toBe(false);
  expect(readFileSync(join(base, "lbd.pid"), "utf8")).toBe(`${process.pid}\n`);
  claimed.release();
});

test("a directory that others may write to is refused", () => {
  chmodSync(base, 0o777);
  expect(() => claimRunDir(base)).toThrow("others may write to it, mode 777");
});

test("nobody but its owner can open the lock, so nobody else can take it", () => {
  const claimed = claimRunDir(base);
  expect(statSync(join(base, "lbd.lock")).mode & 0o777).toBe(0o600);
  expect(statSync(join(base, "lbd.pid")).mode & 0o777).toBe(0o644);
  claimed.release();
  // Left by one that was killed, and opened up meanwhile.
  writeFileSync(join(base, "lbd.lock"), "1\n");
  chmodSync(join(base, "lbd.lock"), 0o666);
  const again = claimRunDir(base);
  expect(statSync(join(base, "lbd.lock")).mode & 0o777).toBe(0o600);
  again.release();
});

test("a lock that something else holds is not told as a director that runs", async () => {
  const path = join(base, "lbd.lock");
  // The pid of one that was killed; now a process that is no director has it.
  writeFileSync(path, `${process.ppid}\n`, { mode: 0o600 });
  const other = Bun.spawn(["flock", "-F", "-x", path, "cat"], { stdin: "pipe", stdout: "pipe" });
  // It answers when it holds the lock.
  other.stdin.write("held");
  other.stdin.flush();
  await other.stdout.getReader().read();
  expect(() => claimRunDir(base)).toThrow(/lbd\.lock is locked by pid \d+ \(cat\), which is no director/);
  expect(() => claimRunDir(base)).not.toThrow(AlreadyRunning);
  process.kill(other.pid, "SIGKILL");
  await other.exited;
});

describe("the way to the run directory", () => {
  test("over a symbolic link of ours, as /var/run is one", () => {
    mkdirSync(join(base, "real"));
    symlinkSync("real", join(base, "link"));
    claimRunDir(join(base, "link/run")).release();
    expect(existsSync(join(base, "real/run"))).toBe(true);
  });

  test("through a directory that others may write to", () => {
    mkdirSync(join(base, "open"));
    chmodSync(join(base, "open"), 0o777);
    expect(() => claimRunDir(join(base, "open/a/b"))).toThrow(`others may write to it, mode 777 (${base}/open, above`);
    expect(existsSync(join(base, "open/a"))).toBe(false);
    chmodSync(join(base, "open"), 0o1777);
    claimRunDir(join(base, "open/a/b")).release();
  });

  test.skipIf(process.getuid?.() !== 0)("through a directory or a link of somebody else", () => {
    mkdirSync(join(base, "theirs"));
    chownSync(join(base, "theirs"), 65533, 65533);
    expect(() => claimRunDir(join(base, "theirs/run"))).toThrow(
      `belongs to user 65533, wanted root or this user (${base}/theirs`,
    );
    symlinkSync("/tmp", join(base, "link"));
    lchownSync(join(base, "link"), 65533, 65533);
    expect(() => claimRunDir(join(base, "link/run"))).toThrow("is a symbolic link of user 65533");
  });

  test("a circle of links", () => {
    symlinkSync("b", join(base, "a"));
    symlinkSync("a", join(base, "b"));
    expect(() => claimRunDir(join(base, "a/run"))).toThrow("symbolic links lead in a circle");
  });
});

describe("a pid file in a place that others use", () => {
  test("is not taken from a process that runs, and is from one that does not", () => {
    const path = join(base, "deep/k.pid");
    claimPidFile(path, 7);
    expect(readPidFile(path)).toBe(7);
    disclaimPidFile(path, 8);
    expect(existsSync(path)).toBe(true);
    // Our parent started before the file was written: it may well be its own.
    writeFileSync(path, `${process.ppid}\n`);
    expect(pidFileOwner(path)).toBe(process.ppid);
    expect(() => claimPidFile(path, 9)).toThrow(`pid file ${path} is that of pid ${process.ppid} (`);
    expect(readPidFile(path)).toBe(process.ppid);
    // Written long before that process started: the number was given out again.
    utimesSync(path, 1000, 1000);
    expect(pidFileOwner(path)).toBeUndefined();
    claimPidFile(path, 9);
    expect(readPidFile(path)).toBe(9);
    disclaimPidFile(path, 9);
    expect(existsSync(path)).toBe(false);
  });

  test("what others laid there is neither waited for nor believed, and is replaced", () => {
    const path = join(base, "k.pid");
    const real = join(base, "real.pid");
    writeFileSync(real, `${process.ppid}\n`);
    const plants = [
      () => execFileSync("mkfifo", [path]),
      () => symlinkSync(real, path),
      () => linkSync(real, path),
      () => {
        writeFileSync(path, `${process.ppid}\n`);
        chownSync(path, 65534, 65534);
      },
    ];
    for (const plant of plants) {
      plant();
      expect([readPidFile(path), pidFileOwner(path)]).toEqual([undefined, undefined]);
      disclaimPidFile(path, process.ppid);
      expect(lstatSync(path, { throwIfNoEntry: false })).toBeDefined();
      claimPidFile(path, 9);
      expect([readPidFile(path), statSync(path).uid]).toEqual([9, process.getuid?.() ?? 0]);
      rmSync(path);
    }
    expect(readPidFile(real)).toBe(process.ppid);
  }, 5000);
});

test("the times of a file and of a process are told by different clocks: a little early is still its owner's", () => {
  const path = join(base, "k.pid");
  writeFileSync(path, `${process.ppid}\n`);
  const startedS = (startedAtMs(process.ppid) ?? 0) / 1000;
  for (const [lateS, owner] of [
    [1, process.ppid],
    [0, process.ppid],
    [-1, process.ppid],
    [-10, undefined],
  ] as const) {
    utimesSync(path, startedS + lateS, startedS + lateS);
    expect([lateS, pidFileOwner(path)]).toEqual([lateS, owner]);
  }
});

test("flags of open(2) that differ between architectures come from the platform", () => {
  // asm-generic/fcntl.h as x86 takes it, and arch/arm64/include/uapi/asm/fcntl.h.
  const NOFOLLOW: Readonly<Record<string, number>> = { x64: 0o400000, arm64: 0o100000 };
  const DIRECTORY: Readonly<Record<string, number>> = { x64: 0o200000, arm64: 0o40000 };
  expect(constants.O_NOFOLLOW).toBe(NOFOLLOW[process.arch] ?? -1);
  expect(constants.O_DIRECTORY).toBe(DIRECTORY[process.arch] ?? -1);
  for (const root of ["src", "ffi"])
    for (const file of readdirSync(root, { recursive: true, encoding: "utf8" }))
      if (file.endsWith(".ts"))
        expect(
          `${file}: ${/\bO_(NOFOLLOW|DIRECTORY|DIRECT|LARGEFILE) = .*/.exec(readFileSync(join(root, file), "utf8"))?.[0]}`,
        ).toBe(`${file}: undefined`);
  // What ffi/ has as numbers is the same on both.
  const { O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_NONBLOCK } = constants;
  expect({ O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_NONBLOCK }).toMatchObject(
    numbersOf(fd, "O_RDWR O_CREAT O_EXCL O_TRUNC O_NONBLOCK"),
  );
});

function numbersOf(module: object, names: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(module).filter(([name]) => names.split(" ").includes(name)));
}

test("a planted symbolic link is not followed", () => {
  const victim = join(base, "victim");
  writeFileSync(victim, "precious");
  const runDir = join(base, "run");
  mkdirSync(runDir);
  symlinkSync(victim, join(runDir, "lbd.lock"));
  expect(() => claimRunDir(runDir)).toThrow("ELOOP");
  rmSync(join(runDir, "lbd.lock"));
  symlinkSync(victim, join(runDir, "lbd.pid"));
  claimRunDir(runDir).release();
  symlinkSync(victim, join(base, "other.pid"));
  writePidFile(join(base, "other.pid"), 7);
  expect(readFileSync(victim, "utf8")).toBe("precious");
  expect(readPidFile(join(base, "other.pid"))).toBe(7);
});

test("a pid file that can't be written is named, and leaves nothing half", () => {
  mkdirSync(join(base, "x.pid"));
  expect(() => writePidFile(join(base, "x.pid"), 7)).toThrow(`pid file ${base}/x.pid can't be written: EISDIR`);
  expect(readdirSync(base)).toEqual(["x.pid"]);
});

test.each([
  ["words", "no pid"],
  ["empty", ""],
  ["too long", "12345678901"],
  ["negative", "-1"],
])("a pid file with %s holds no pid", (_what, text) => {
  writeFileSync(join(base, "x.pid"), text);
  expect(readPidFile(join(base, "x.pid"))).toBeUndefined();
});

test("a journal gives back what was written, and nothing of a broken one", () => {
  const claimed = claimRunDir(base);
  const journal = openJournal(journalPath(base, "checker"), (raw) => (Array.isArray(raw) ? raw : undefined));
  expect(journal.read()).toBeUndefined();
  journal.write(["192.0.2.1:80/tcp"]);
  expect(journal.read()).toEqual(["192.0.2.1:80/tcp"]);
  expect(statSync(journalPath(base, "checker")).mode & 0o777).toBe(0o600);
  writeFileSync(journalPath(base, "checker"), '["192.0');
  expect(journal.read()).toBeUndefined();
  writeFileSync(journalPath(base, "checker"), "{}");
  expect(journal.read()).toBeUndefined();
  expect(() => openJournal<string>(`${base}/no/x`, () => undefined).write("x")).toThrow("ENOENT");
  journal.clear();
  expect(existsSync(journalPath(base, "checker"))).toBe(false);
  claimed.release();
});

test("what a killed role kept is there for the next one; nothing stays of a role that kept nothing", () => {
  claimRunDir(base).release();
  expect(readdirSync(base)).toEqual([]);
  const first = claimRunDir(base);
  writeFileSync(journalPath(base, "vrrp"), "[]");
  first.release();
  expect(readdirSync(base)).toEqual(["vrrp.d"]);
  const second = claimRunDir(base);
  expect(readFileSync(journalPath(base, "vrrp"), "utf8")).toBe("[]");
  expect(statSync(join(base, "vrrp.d")).mode & 0o777).toBe(0o700);
  second.release();
});

test("nothing that a role may have put in the way keeps the next director from starting", () => {
  // Where the kernel has no Landlock it writes in all of the directory.
  for (const name of ["lbd.lock", "lbd.pid", "api.sock", "vrrp.pid", "vrrp.d"])
    mkdirSync(join(base, name, "inner"), { recursive: true });
  mkdirSync(journalPath(base, "vrrp"));
  const elsewhere = mkdtempSync(join(tmpdir(), "lbd-elsewhere-"));
  writeFileSync(join(elsewhere, "kept"), "");
  symlinkSync(elsewhere, join(base, "vrrp.d/link"));
  symlinkSync(elsewhere, join(base, "checker.d"));
  const claimed = claimRunDir(base);
  removePidFile(join(base, "vrrp.pid"));
  expect(readdirSync(base).sort()).toEqual(["checker.d", "lbd.lock", "lbd.pid", "vrrp.d"]);
  expect(["vrrp.d", "checker.d"].flatMap((name) => readdirSync(join(base, name)))).toEqual([]);
  expect(readdirSync(elsewhere)).toEqual(["kept"]);
  rmSync(elsewhere, { recursive: true });
  claimed.release();
});

test("of what a role left only its journals stay, of a size that we write", () => {
  for (const name of ["vrrp.d", "checker.d"]) mkdirSync(join(base, name));
  for (const name of ["vrrp.d/kernel.journal", "vrrp.d/sysctl.journal", "checker.d/kernel.journal"])
    writeFileSync(join(base, name), "[]");
  for (const name of ["vrrp.d/more", "vrrp.d/kernel.journal.7.new", "checker.d/sysctl.journal", "checker.d/.hidden"])
    writeFileSync(join(base, name), "x");
  // A name that is no UTF-8.
  writeFileSync(Buffer.concat([Buffer.from(join(base, "vrrp.d/x")), Buffer.of(0xff)]), "x");
  const large = journalPath(base, "vrrp", "sysctl");
  truncateSync(large, MAX_JOURNAL_BYTES + 1);
  const claimed = claimRunDir(base);
  expect(["vrrp.d", "checker.d"].map((name) => readdirSync(join(base, name)))).toEqual([
    ["kernel.journal"],
    ["kernel.journal"],
  ]);
  claimed.release();
});

const mountReason =
  Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", tmpdir()]).exitCode === 0
    ? undefined
    : "mounts can't be made here";
if (mountReason) console.log(`pidfile.test.ts: /run that is full is skipped: ${mountReason}`);

describe.skipIf(mountReason !== undefined)("a run directory that a role has filled", () => {
  /** Fills a file system of 64 kB and 32 files by a command in its vrrp.d, then claims it; the lock's text, and what is in vrrp.d. */
  function claimed(fill: string): unknown {
    const child = join(import.meta.dir, "../../../support/full-run-child.ts");
    const script = `mount -t tmpfs -o size=64k,nr_inodes=32,mode=755 tmpfs "$1" && mkdir "$1/vrrp.d" && cd "$1/vrrp.d" && { ${fill}; } 2>&1 | grep -q "No space left" && exec "$2" "$3" "$1"`;
    const { stdout, stderr } = Bun.spawnSync([
      "unshare",
      "-m",
      "bash",
      "-c",
      script,
      "fill",
      base,
      process.execPath,
      child,
    ]);
    expect(stderr.toString()).toBe("");
    return JSON.parse(stdout.toString());
  }

  test.each([
    ["a file of no journal", "echo '[]' >kernel.journal; cat /dev/zero >more", ["kernel.journal"]],
    ["a journal", "cat /dev/zero >kernel.journal", []],
    ["names", "echo '[]' >kernel.journal; for i in {1..40}; do : >$i; done", ["kernel.journal"]],
  ] as const)("with %s: the next director starts", (_what, fill, kept) => {
    expect(claimed(fill)).toEqual({ lock: "own", pid: "own", kept });
  });
});
