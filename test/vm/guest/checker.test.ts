// The checker role itself, in this process, on a real IPVS table and real sockets: what it writes it recognises again, so that its
// looks at the table find nothing to do; left-overs are corrected; a dead server leaves and comes back.
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/kernel/clock.ts";
import { createCheckerRole } from "../../../src/roles/checker/role.ts";
import type { StatusUpdate, VirtualServerStatus } from "../../../src/status/schema.ts";
import { bindText } from "../../support/config.ts";
import { until } from "../../support/until.ts";

const directory = mkdtempSync(join(tmpdir(), "lbd-checker-"));
const running = new Set<{ stop(): void | Promise<void> }>();
afterAll(() => rmSync(directory, { recursive: true }));
/** A test that failed leaves no role behind that works against the next one's. */
afterEach(async () => {
  for (const role of running) await role.stop();
  running.clear();
  run("ipvsadm", "-C");
});

function run(...words: readonly string[]): string {
  const [program = "", ...args] = words;
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${words.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

const saved = () =>
  run("ipvsadm", "-Sn")
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();

function role(ipvsTransport: "auto" | "sockopt" | "netlink" = "auto") {
  const updates: StatusUpdate[] = [];
  const clock = systemClock();
  const created = createCheckerRole({
    clock,
    log: () => {},
    options: {
      runDir: directory,
      ipvsTransport,
      releaseIpvs: true,
      releaseVrrp: true,
      api: { tcp: null },
      debug: false,
    },
    report: (update) => updates.push(update),
    publish() {},
  });
  running.add(created);
  return {
    role: created,
    start: (text: string) => created.start(bindText(text).config),
    reload: (text: string) => created.reload(bindText(text).config),
    drift: () => updates.flatMap((u) => (u.kind === "event" && u.value.kind === "drift" ? [u.value.subject] : [])),
    status(): VirtualServerStatus | undefined {
      const last = updates.findLast((update) => update.kind === "virtual-server");
      return last?.kind === "virtual-server" ? last.value : undefined;
    },
  };
}

const EVERYTHING = `
virtual_server 10.9.0.1 80 {
 lvs_sched wlc
 lvs_method NAT
 protocol TCP
 persistence_timeout 50
 persistence_granularity 255.255.255.0
 real_server 10.9.1.1 80 {
  weight 7
  uthreshold 100
  lthreshold 10
 }
 real_server 127.0.0.1 80 {
  weight 1
 }
}
virtual_server 10.9.0.2 5060 {
 lvs_sched rr
 lvs_method DR
 protocol UDP
 ops
 real_server 10.9.1.1 5060 {
 }
}
virtual_server 10.9.0.3 80 {
 lvs_sched sh
 sh-port
 sh-fallback
 lvs_method TUN
 protocol TCP
 real_server 10.9.1.1 80 {
 }
 real_server 10.9.1.2 80 {
  lvs_method TUN type gue port 6080 csum
 }
 real_server 10.9.1.3 80 {
  lvs_method TUN type gre nocsum
 }
}
virtual_server fwmark 5 {
 lvs_sched mh
 lvs_method DR
 real_server 10.9.1.1 {
 }
}
virtual_server fd00:9::1 80 {
 lvs_sched wrr
 lvs_method NAT
 protocol TCP
 persistence_timeout 50
 persistence_granularity 64
 real_server fd00:9:1::1 80 {
  weight 3
 }
}
virtual_server 10.9.0.4 80 {
 lvs_sched rr
 lvs_method NAT
 protocol SCTP
 sorry_server 10.9.1.9 80
 sorry_server_inhibit
 real_server 10.9.1.1 80 {
 }
}
`;

const ONE = (check: string) => `
virtual_server 10.9.0.1 80 {
 delay_loop 0.3
 lvs_sched rr
 lvs_method NAT
 protocol TCP
 real_server 127.0.0.2 8080 {
  weight 1
  ${check}
 }
 real_server 127.0.0.3 8080 {
  weight 1
 }
}
`;

describe("what the role writes it recognises", () => {
  test.each(["auto", "netlink"] as const)("%s", async (transport) => {
    const own = role(transport);
    own.start(EVERYTHING);
    const table = saved();
    expect(table.length).toBe(16);
    // The services are looked at in their order: when the last one is mended, all of them were read as they were written.
    run("ipvsadm", "-e", "--sctp-service", "10.9.0.4:80", "-r", "10.9.1.1:80", "-m", "-w", "9");
    await until("what was changed is mended", () => own.drift().length > 0, 20_000);
    expect([own.drift(), saved()]).toEqual([["destination 10.9.1.1:80 of 10.9.0.4:80/sctp"], table]);
    own.reload(EVERYTHING);
    expect(saved()).toEqual(table);
    await own.role.stop();
    expect(saved()).toEqual([]);
  });
});

test("left-over entries are corrected, strangers stay (leftover.json)", async () => {
  run("ipvsadm", "-A", "-t", "10.9.0.1:80", "-s", "wlc", "-p", "50");
  run("ipvsadm", "-a", "-t", "10.9.0.1:80", "-r", "127.0.0.2:8080", "-m", "-w", "7");
  run("ipvsadm", "-a", "-t", "10.9.0.1:80", "-r", "10.9.1.77:80", "-g", "-w", "9");
  run("ipvsadm", "-A", "-t", "10.9.0.99:80", "-s", "rr");
  const own = role();
  own.start(ONE(""));
  expect(saved()).toEqual([
    "-A -t 10.9.0.1:80 -s rr",
    "-A -t 10.9.0.99:80 -s rr",
    "-a -t 10.9.0.1:80 -r 127.0.0.2:8080 -m -w 1",
    "-a -t 10.9.0.1:80 -r 127.0.0.3:8080 -m -w 1",
  ]);
  await own.role.stop();
  expect(saved()).toEqual(["-A -t 10.9.0.99:80 -s rr"]);
});

test("a dead server leaves and comes back; what others break is mended", async () => {
  const listen = () =>
    new Promise<Server>((resolve) => {
      const server = createServer((socket) => socket.end()).listen(8080, "127.0.0.2", () => resolve(server));
    });
  let server = await listen();
  const own = role();
  own.start(ONE("TCP_CHECK {\n connect_timeout 1\n retry 1\n delay_before_retry 0.1\n warmup 0\n }"));
  const there = () => saved().some((line) => line.includes("127.0.0.2"));
  await until("it was checked", () => own.status()?.realServers[0]?.checks[0]?.healthy === true);
  server.close();
  await until("it left", () => !there());
  expect(own.status()?.realServers[0]).toMatchObject({ healthy: false, inTable: false });
  server = await listen();
  await until("it came back", there);
  run("ipvsadm", "-C");
  await until("all is back", () => saved().length === 3, 20_000);
  expect(own.drift().length).toBe(3);
  await own.role.stop();
  server.close();
  expect(saved()).toEqual([]);
});
