// Ring netns: `lbd restart`: the director goes on as the program that is installed now, and nobody on the wire notices.
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Daemon, lbdBinary } from "../support/daemon.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

/** Where the program is installed that a director runs as. */
const programs = mkdtempSync(join(tmpdir(), "lbd-restart-"));
afterAll(() => rmSync(programs, { recursive: true, force: true }));

const instance = (name: string, vrid: number, priority: number, vip: string) => `vrrp_instance ${name} {
    interface eth0
    virtual_router_id ${vrid}
    priority ${priority}
    advert_int 1
    version 3
    virtual_ipaddress {
        ${vip}
    }
}
`;
const file = (
  priority: number,
) => `${instance("web", 51, priority, "192.0.2.100/24")}${instance("mail", 52, priority, "192.0.2.101/24")}${instance("spare", 53, 250 - priority, "192.0.2.102/24")}vrrp_sync_group pair {
    group {
        web
        mail
    }
}
`;

test("masters stay masters beside a keepalived that waits for them, and no request is lost", async () => {
  using segment = new Segment("director", "backup", "client");
  const [host, other, client] = [segment.host(0), segment.host(1), segment.host(2)];
  using director = new Daemon("lbd", host, file(150), { program: join(programs, "lbd") });
  using backup = new Daemon("keepalived", other, file(100));
  copyFileSync(lbdBinary(), join(programs, "lbd"));
  director.start();
  backup.start();
  const states = () =>
    [...director.output.matchAll(/vrrp: (\w+): \w+ to (\w+)/g)].map(([, name, state]) => `${name} ${state}`);
  await until(
    "each has its own",
    () => states().includes("mail MASTER") && /\(spare\) Entering MASTER/.test(backup.output),
    30_000,
  );
  const pid = director.pid;
  const before = { states: states().length, output: backup.output.length };
  const answers: string[] = [];
  const pings = ["192.0.2.100", "192.0.2.101"].map((vip) =>
    client.spawn("ping", ["-i", "0.02", "-D", vip], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  for (const ping of pings)
    ping.stdout?.on("data", (text) =>
      answers.push(...`${text}`.split("\n").filter((line) => line.includes("icmp_seq"))),
    );
  await until("they answer", () => answers.length > 20);
  // Installed anew under the one that runs, as a package does it.
  copyFileSync(lbdBinary(), join(programs, "lbd.new"));
  renameSync(join(programs, "lbd.new"), join(programs, "lbd"));
  const said = host.run(lbdBinary(), "restart", "--run-dir", join(director.dir, "run"));
  expect([said.status, said.stdout]).toEqual([0, expect.stringMatching(/^goes on as lbd /)]);
  const since = answers.length;
  await until("they answer on", () => answers.length > since + 20);
  for (const ping of pings) ping.kill("SIGINT");
  expect(director.pid).toBe(pid);
  expect(states().slice(before.states).sort()).toEqual(["mail MASTER", "spare BACKUP", "web MASTER"]);
  expect(backup.output.slice(before.output)).not.toContain("Entering");
  const heard = ["192.0.2.100", "192.0.2.101"].map((vip) =>
    answers.filter((line) => line.includes(`from ${vip}`)).map((line) => Number(/icmp_seq=(\d+)/.exec(line)?.[1])),
  );
  for (const numbers of heard) expect(numbers).toEqual(numbers.map((_, at) => at + 1));
}, 120_000);

test("a program that does not take this director's options never takes its place", async () => {
  using segment = new Segment("director");
  const program = join(programs, "tried");
  copyFileSync(lbdBinary(), program);
  using director = new Daemon("lbd", segment.host(0), file(150), { program }).start();
  await until("it is master", () => director.output.includes("web: BACKUP to MASTER"), 30_000);
  writeFileSync(`${program}.new`, "#!/bin/sh\ncase $* in --version) echo lbd 9;; *) exit 1;; esac\n", { mode: 0o755 });
  renameSync(`${program}.new`, program);
  const said = segment.host(0).run(lbdBinary(), "restart", "--run-dir", join(director.dir, "run"));
  expect([said.status, said.stderr]).toEqual([1, expect.stringContaining("no sign of the other program")]);
  await until("it is said", () => director.output.includes("not restarting, this program goes on"));
  expect(director.output).not.toContain("MASTER to");
  expect(segment.host(0).ip("-o addr show to 192.0.2.100")).not.toBe("");
}, 120_000);

test("a configuration that can't be used is refused, and the program that runs stays", async () => {
  using segment = new Segment("director");
  using director = new Daemon("lbd", segment.host(0), file(150)).start();
  await until("it runs", () => director.output.includes("vrrp runs"));
  director.configure("vrrp_instance web {\n  interface eth0\n");
  const said = segment.host(0).run(lbdBinary(), "restart", "--run-dir", join(director.dir, "run"));
  expect([said.status, said.stderr]).toEqual([
    1,
    expect.stringContaining("refused, for the other program would read the same"),
  ]);
  expect(director.output).not.toContain("restarting in place");
}, 120_000);
