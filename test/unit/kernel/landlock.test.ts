// Where a confined process may write, and whom it may signal. Beside the tests that Deno runs: the child is one of this runtime.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openConfinement } from "../../../ffi/landlock.ts";
import { claimRunDir } from "../../../src/process/host/pidfile.ts";
import { rightsOf } from "../../../src/process/role-rights.ts";
import { bindText } from "../../support/config.ts";

const isRoot = process.getuid?.() === 0;
const reason = !isRoot ? "needs root" : openConfinement([]) === undefined ? "this kernel has no Landlock" : undefined;
if (reason) console.log(`landlock.test.ts is skipped: ${reason}`);

describe.skipIf(reason !== undefined)("a confined process", () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-landlock-"));
  const open = join(dir, "open");
  const shut = join(dir, "shut");
  for (const one of [open, shut]) mkdirSync(one);
  writeFileSync(join(shut, "there"), "");
  writeFileSync(join(shut, "own"), "");
  afterAll(() => rmSync(dir, { recursive: true }));

  function ask(places: readonly string[], paths: readonly string[]) {
    const child = join(import.meta.dirname, "../../support/confined-child.ts");
    const args = [child, JSON.stringify(places), JSON.stringify(paths), `${process.pid}`];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  }

  test("writes in its places, whatever user id it has, and nowhere else", () => {
    const paths = [
      join(open, "new"),
      join(open, "folder/"),
      join(shut, "own"),
      join(shut, "there"),
      join(shut, "new"),
      join(shut, "folder/"),
    ];
    const { written } = ask([open, join(shut, "own"), join(dir, "not there")], paths);
    expect(written).toEqual(["done", "done", "done", "EACCES", "EACCES", "EACCES"]);
    expect(existsSync(join(shut, "new"))).toBe(false);
  });

  test("of a role: in its own part of the run directory, and nothing of the director's or another role's", () => {
    const runDir = join(dir, "run");
    const claimed = claimRunDir(runDir);
    const here = bindText("").config;
    const { writable = [] } = rightsOf("checker", here, { runDir }) ?? {};
    const names = ["lbd.lock", "lbd.pid", "reload.allow-empty", "vrrp.pid/", "vrrp.d/kernel.journal"];
    const { written } = ask(
      writable,
      [...names, "checker.d/kernel.journal"].map((name) => join(runDir, name)),
    );
    expect(written).toEqual([...names.map(() => "EACCES"), "done"]);
    claimed.release();
  });

  test("writes settings of its network namespace, and none of the others", () => {
    const paths = ["/proc/sys/net/ipv4/conf/lo/arp_ignore", "/proc/sys/kernel/domainname"];
    expect(ask(["/proc/sys/net"], paths).written).toEqual(["done", "EACCES"]);
  });

  test("sends signals to itself alone, where the kernel can tell", () => {
    const { signal, own } = ask([open], []);
    expect(own).toBe("done");
    expect(["EPERM", "done"]).toContain(signal);
  });
});
