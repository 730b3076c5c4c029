// Where a confined process may write, and whom it may signal. Beside the tests that Deno runs: the child is one of this runtime.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { landlockRules, landlockVersion, openConfinement, type Places } from "../../../ffi/landlock.ts";
import { claimRunDir } from "../../../src/process/host/pidfile.ts";
import { rightsOf } from "../../../src/process/role-rights.ts";
import { bindText } from "../../support/config.ts";

const isRoot = process.getuid?.() === 0;
const reason = !isRoot
  ? "needs root"
  : openConfinement({ writable: [] }) === undefined
    ? "this kernel has no Landlock"
    : undefined;
if (reason) console.log(`landlock.test.ts is skipped: ${reason}`);

describe.skipIf(reason !== undefined)("a confined process", () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-landlock-"));
  const open = join(dir, "open");
  const shut = join(dir, "shut");
  for (const one of [open, shut]) mkdirSync(one);
  writeFileSync(join(shut, "there"), "");
  writeFileSync(join(shut, "own"), "");
  afterAll(() => rmSync(dir, { recursive: true }));

  function ask(places: readonly string[] | Places, paths: readonly string[], read: readonly string[] = []) {
    const child = join(import.meta.dirname, "../../support/confined-child.ts");
    const whole = "writable" in places ? places : { writable: places };
    const args = [child, JSON.stringify(whole), JSON.stringify(paths), `${process.pid}`, JSON.stringify(read)];
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
    expect(written).toEqual(["done", "EACCES", "done", "EACCES", "EACCES", "EACCES"]);
    expect(existsSync(join(shut, "new"))).toBe(false);
  });

  test("of a role: in its own part of the run directory, and nothing of the director's or another role's", () => {
    const runDir = join(dir, "run");
    const claimed = claimRunDir(runDir);
    const here = bindText("").config;
    const { writable = [] } = rightsOf("checker", here, { runDir })?.places ?? {};
    const names = ["lbd.lock", "lbd.pid", "reload.allow-empty", "vrrp.pid/", "vrrp.d/kernel.journal"];
    const { written } = ask(
      writable,
      [...names, "checker.d/kernel.journal"].map((name) => join(runDir, name)),
    );
    expect(written).toEqual([...names.map(() => "EACCES"), "done"]);
    claimed.release();
  });

  test.each(["vrrp", "checker"] as const)("of %s: reads what everybody may know, and nothing of root's", (role) => {
    const keys = join(shut, "key.pem");
    writeFileSync(keys, "secret", { mode: 0o600 });
    const runDir = join(dir, "run");
    mkdirSync(join(runDir, `${role}.d`), { recursive: true });
    writeFileSync(join(runDir, `${role}.d`, "kernel.journal"), "{}");
    writeFileSync(join(runDir, "lbd.lock"), "");
    const places = rightsOf(role, bindText("").config, { runDir })?.places;
    if (!places?.readable) throw new Error("not confined");
    // The sources of this process, which is not compiled.
    const sources = [join(import.meta.dirname, "../../.."), process.execPath];
    const names = [
      "/proc/self/status",
      "/proc/1/comm",
      "/proc/net/dev",
      "/sys/devices/system/cpu/online",
      join(runDir, `${role}.d`, "kernel.journal"),
      "/etc/passwd",
      "/proc/",
      "/etc/shadow",
      keys,
      join(runDir, "lbd.lock"),
      "/var/",
      "/dev/tty",
      `${shut}/`,
    ];
    const { read } = ask({ ...places, readable: [...places.readable, ...sources] }, [], names);
    const answers = names.map((name, at) => `${name} ${read[at]}`);
    const done = names.slice(0, 7).map((name) => `${name} done`);
    expect(answers).toEqual([...done, ...names.slice(7).map((name) => `${name} EACCES`)]);
  });

  test("makes files in its places, no link that leads who has more rights elsewhere, and no folders without end", () => {
    const link = join(open, "link");
    expect(ask([open], [`${link}@`, join(open, "file"), join(open, "more/")]).written).toEqual([
      "EACCES",
      "done",
      "EACCES",
    ]);
  });

  test("writes settings of its network namespace, and none of the others", () => {
    const paths = ["/proc/sys/net/ipv4/conf/lo/arp_ignore", "/proc/sys/kernel/domainname"];
    expect(ask(["/proc/sys/net"], paths).written).toEqual(["done", "EACCES"]);
  });

  test.skipIf(landlockVersion() < 4)(
    "makes no TCP connection where that is asked for, also not by a socket that had one",
    async () => {
      const server = createServer(() => {}).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const child = join(import.meta.dirname, "../../support/confined-child.ts");
      const answers = (places: Places) => {
        const args = [child, JSON.stringify(places), "[]", `${process.pid}`, "[]", `${port}`];
        return JSON.parse(spawnSync(process.execPath, args, { encoding: "utf8" }).stdout).tcp;
      };
      expect(answers({ writable: [] })).toEqual(["done", "done"]);
      expect(answers({ writable: [], noTcpConnections: true })).toEqual(["EACCES", "EACCES"]);
      server.close();
    },
  );

  test("sends signals to itself alone, where the kernel can tell", () => {
    const { signal, own } = ask([open], []);
    expect(own).toBe("done");
    expect(["EPERM", "done"]).toContain(signal);
  });
});

describe("what a kernel is asked for", () => {
  const places: Places = { writable: ["/w"], readable: ["/r"], executable: ["/x"], noTcpConnections: true };
  const hex = (bits: bigint) => `0x${bits.toString(16)}`;
  const asked = (of: Places, abi: number) => {
    const { handled, rules } = landlockRules(of, abi);
    return [
      ...Object.values(handled).map(hex),
      ...rules.map(({ path, all, ofFiles }) => `${path} ${hex(all)} ${hex(ofFiles)}`),
    ];
  };

  // linux/landlock.h: files, net, scopes; then each place, as a directory and as a file.
  test.each([
    [1, ["0x1fff", "0x0", "0x0", "/w 0x53e 0x6", "/r 0xc 0x4", "/x 0xd 0x5"]],
    [2, ["0x1fff", "0x0", "0x0", "/w 0x53e 0x6", "/r 0xc 0x4", "/x 0xd 0x5"]],
    [3, ["0x5fff", "0x0", "0x0", "/w 0x453e 0x4006", "/r 0xc 0x4", "/x 0xd 0x5"]],
    [4, ["0x5fff", "0x2", "0x0", "/w 0x453e 0x4006", "/r 0xc 0x4", "/x 0xd 0x5"]],
    [5, ["0xdfff", "0x2", "0x0", "/w 0x453e 0x4006", "/r 0xc 0x4", "/x 0xd 0x5"]],
    [6, ["0xdfff", "0x2", "0x3", "/w 0x453e 0x4006", "/r 0xc 0x4", "/x 0xd 0x5"]],
  ])("by version %d", (abi, expected) => {
    expect(asked(places, abi)).toEqual(expected);
  });

  test("without a list of what may be read, reading is nobody's affair", () => {
    expect(asked({ writable: ["/w"] }, 6)).toEqual(["0x5ff2", "0x0", "0x3", "/w 0x4532 0x4002"]);
  });
});
