// How files are called: Debian's keepalived and lbd under its name, on the same instance, place for pid files and network namespace, have pid
// files and dumps of the same names.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childOf, signalQuietly, startAlone } from "../interop/peer.ts";
import { lbdBinary } from "../support/daemon.ts";
import { Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const WAIT_MS = 60_000;
const reason = netnsReason() ?? (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined);
if (reason) console.log(`dump-names.test.ts is skipped: ${reason}`);

const INSTANCE = `vrrp_instance V {
  interface eth0
  virtual_router_id 9
  virtual_ipaddress {
    192.0.2.99
  }
}
`;

describe.skipIf(reason !== undefined)("files are called as keepalived 2.2.7 calls them", () => {
  const root = mkdtempSync(join(tmpdir(), "lbd-names-"));
  const host = reason === undefined ? new Namespace("names") : undefined;
  afterAll(() => {
    host?.[Symbol.dispose]();
    rmSync(root, { recursive: true, force: true });
  });
  host?.batch(
    "link add eth0 type veth peer name peer0",
    "link set eth0 up",
    "link set peer0 up",
    "addr add 192.0.2.10/24 dev eth0",
  );
  const named = join(root, "keepalived");
  if (host) symlinkSync(lbdBinary(), named);

  test.each([
    ["", []],
    ["instance one\n", []],
    ["use_pid_dir\n", []],
    ["use_pid_dir\ninstance one\n", []],
    ["", ["-s", "other"]],
    ["instance one\nuse_pid_dir\n", ["-s", "other"]],
  ])(
    "%j %j",
    async (head, args) => {
      if (!host) throw new Error("no namespace");
      const path = join(root, "keepalived.conf");
      writeFileSync(path, `${head}global_defs {\n data_use_instance\n}\n${INSTANCE}`);
      const theirs = await filesOf("keepalived", host, ["-n", "-l", "-f", path, ...args]);
      expect(theirs.pids).toHaveLength(2);
      expect(await filesOf(named, host, ["-n", "-l", "-f", path, ...args])).toEqual(theirs);
    },
    2 * WAIT_MS,
  );

  async function filesOf(program: string, on: Namespace, args: readonly string[]) {
    const out = join(root, "out");
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out);
    const there = "mkdir -p /run/netns && touch /run/netns/other && mount --bind /proc/self/ns/net /run/netns/other";
    const command = ["sh", "-c", `${there} && exec "$@"`, "sh", program, ...args];
    const child = startAlone(on, root, command, { TMPDIR: out });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (bytes: Buffer) => (log += bytes));
    try {
      await until("it is up", () => /Startup complete|vrrp runs, pid/.test(log), WAIT_MS);
      const pid = await until("its process", () => childOf(child.pid ?? 0), WAIT_MS);
      await until(
        "data and statistics",
        async () => {
          signalQuietly(pid, "SIGUSR1");
          await Bun.sleep(100);
          signalQuietly(pid, "SIGUSR2");
          await Bun.sleep(400);
          return readdirSync(out).length >= 3;
        },
        WAIT_MS,
      );
      // As seen beside it: with -s keepalived mounts its own directory over /run/keepalived for itself.
      const run = readdirSync(`/proc/${child.pid}/root/run`, { recursive: true, encoding: "utf8" });
      return {
        pids: run.filter((file) => file.endsWith(".pid") && !file.startsWith("lbd/")).sort(),
        dumps: readdirSync(out).sort(),
      };
    } finally {
      const pid = childOf(child.pid ?? 0);
      if (pid !== undefined) signalQuietly(pid, "SIGTERM");
      await until("it has ended", () => child.exitCode !== null || child.signalCode !== null, WAIT_MS);
    }
  }
});
