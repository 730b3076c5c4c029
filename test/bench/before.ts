// The build before: a program that is there, or a revision of this repository, built by itself with its own Makefile under .cache.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** @throws Error that says what is neither a program nor a revision, or with the output of a build that failed */
export function buildBefore(programOrRevision: string): string {
  if (existsSync(programOrRevision) && statSync(programOrRevision).isFile()) return resolve(programOrRevision);
  const revision = run("git", ["rev-parse", "--verify", "--short=12", `${programOrRevision}^{commit}`]).trim();
  const tree = resolve(".cache/before", revision);
  const program = join(tree, "dist/lbd");
  if (existsSync(program)) return program;
  console.log(`building ${revision} in ${tree}`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  run("sh", ["-c", `git archive ${revision} | tar -x -C '${tree}'`]);
  const lock = "package-lock.json";
  // The same packages are not fetched again; others are, by that tree's own `make`.
  if (readFileSync(lock, "utf8") === readFileSync(join(tree, lock), "utf8")) {
    symlinkSync(resolve("node_modules"), join(tree, "node_modules"));
    mkdirSync(join(tree, ".cache"));
    writeFileSync(join(tree, ".cache/npm"), "");
  }
  run("make", ["-C", tree, "dist/lbd", `REVISION=${revision}`]);
  return program;
}

function run(program: string, args: readonly string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(" ")}: ${done.stdout ?? ""}${done.stderr ?? done.error}`);
  return done.stdout;
}
