// Test of the appliance: the same commit gives the same bytes: built twice, program and images, in two folders, by root and by nobody with another
// umask and time zone. What is built is the last commit, not what lies here.
import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const LIMIT_MS = 1_800_000;
const work = mkdtempSync(join(tmpdir(), "lbd-twice-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run(program: string, words: readonly string[], cwd = work): void {
  const { status, stdout, stderr, error } = spawnSync(program, [...words], {
    cwd,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  if (error || status !== 0)
    throw new Error(
      `${program} ${words.join(" ")}: status ${status} ${error ?? ""}\n${stderr.slice(-2000)}${stdout.slice(-2000)}`,
    );
}

/** A clone that `user` owns, with a cache of its own and this folder's packages: a link to them would lead out of it. */
function clone(from: string, folder: string, user: string): string {
  run("git", ["clone", "--quiet", "--no-hardlinks", from, folder]);
  mkdirSync(join(folder, ".cache"));
  run("cp", ["-a", join(ROOT, ".cache/image"), join(folder, ".cache/image")]);
  writeFileSync(join(folder, ".cache/npm"), "");
  run("chown", ["-R", user, folder]);
  run("bash", ["-c", 'cp -al "$0" "$1" 2>/dev/null || cp -a "$0" "$1"', join(ROOT, "node_modules"), folder]);
  return folder;
}

test(
  "two folders and two users give the same images",
  () => {
    run("minisign", ["-G", "-W", "-f", "-p", "key.pub", "-s", "key"]);
    run("chmod", ["0755", "."]);
    run("chmod", ["0644", "key"]);
    const build = `make -s build && node_modules/.bin/bun appliance/image.ts --key ${work}/key`;
    const first = clone(ROOT, join(work, "one"), "root");
    run("bash", ["-c", `umask 022; TZ=UTC; export TZ; ${build}`], first);
    const second = clone(first, join(work, "another/place/of-nobody"), "nobody");
    mkdirSync(join(work, "home"));
    run("chown", ["nobody", join(work, "home")]);
    const as = ["--reuid=nobody", "--clear-groups", "env", `HOME=${join(work, "home")}`, "TZ=Asia/Tokyo", "LC_ALL=C"];
    run("setpriv", [...as, "bash", "-c", `umask 077; ${build}`], second);
    const sums = (folder: string) => readFileSync(join(folder, "dist/image/SHA256SUMS"), "utf8").split("\n");
    expect(sums(second)).toEqual(sums(first));
    expect(sums(first).length).toBeGreaterThan(15);
    const signature = (folder: string) => readFileSync(join(folder, "dist/image/SHA256SUMS.minisig"), "utf8");
    expect(signature(second)).toBe(signature(first));
  },
  LIMIT_MS,
);
