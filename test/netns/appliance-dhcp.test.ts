// DHCP of the appliance against BusyBox's server: silence is said and what was written stays, an answer is taken in, and given up again.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect, Namespace, netnsReason } from "../support/netns.ts";
import { until } from "../support/until.ts";

const BUSYBOX = "/bin/busybox";
const missing =
  netnsReason() ?? (spawnSync(BUSYBOX, ["udhcpc", "--help"]).error ? "busybox is not installed" : undefined);
if (missing) console.log(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)("DHCP", () => {
  let dir = "";
  let server: Namespace;
  let director: Namespace;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "lbd-dhcp-"));
    [server, director] = [new Namespace("server"), new Namespace("director")];
    connect(director, "eth0", server, "eth0");
    server.ip("addr add 192.0.2.1/24 dev eth0");
    server.ip("link set eth0 up");
  });
  afterEach(() => {
    director[Symbol.dispose]();
    server[Symbol.dispose]();
    rmSync(dir, { recursive: true });
  });

  function startServer() {
    const conf = join(dir, "udhcpd.conf");
    const lines = [
      ...["interface eth0", "start 192.0.2.77", "end 192.0.2.77", `lease_file ${dir}/leases`, `pidfile ${dir}/pid`],
      ...[
        "option subnet 255.255.255.0",
        "option router 192.0.2.1",
        "option dns 192.0.2.53",
        "option domain example.org",
      ],
      ...["option ntpsrv 192.0.2.3", "option lease 3600"],
    ];
    writeFileSync(conf, `${lines.join("\n")}\n`);
    writeFileSync(join(dir, "leases"), "");
    return server.spawn(BUSYBOX, ["udhcpd", "-f", conf]);
  }

  test("silence is said; an answer is taken in, with routes, name servers and time; without dhcp4 it goes", async () => {
    const lines: Record<string, unknown>[] = [];
    const child = director.spawn(process.execPath, [join(import.meta.dir, "../support/dhcp-child.ts"), dir, BUSYBOX]);
    if (!child.stdout) throw new Error("no output");
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
    const said = (message: string) => lines.some((line) => line.message === message);
    const addresses = () => director.ip("-4 -o addr show dev eth0");

    await until("silence is said", () => said("network: eth0: no DHCP server answers"), 60_000);
    expect(addresses()).toContain("198.51.100.5/24");

    startServer();
    await until("the address is there", () => addresses().includes("192.0.2.77/24"), 60_000);
    await until("the route is there", () =>
      director.ip("route show default").includes("default via 192.0.2.1 dev eth0 proto static metric 100"),
    );
    await until(
      "all is told",
      () => lines.some((line) => Array.isArray(line.time)) && said("network: no longer: eth0: no DHCP server answers"),
    );
    expect(addresses()).toContain("198.51.100.5/24");
    expect(lines.findLast(({ resolve }) => resolve !== undefined)?.resolve).toBe(
      "# By lbd, from network.yaml and DHCP.\nnameserver 192.0.2.53\nsearch example.org\n",
    );
    expect(lines.find(({ time }) => time !== undefined)?.time).toEqual(["192.0.2.3"]);
    expect(said("eth0: 192.0.2.77/24 by way of 192.0.2.1")).toBe(true);

    child.kill("SIGUSR1");
    await until("it is applied", () => lines.some(({ applied }) => applied === true));
    await until("the address is gone", () => !addresses().includes("192.0.2.77"));
    expect(director.ip("route show default")).toBe("");
    expect(addresses()).toContain("198.51.100.5/24");
    child.kill("SIGTERM");
    await until("it ends", () => child.exitCode === 0);
  }, 180_000);
});
