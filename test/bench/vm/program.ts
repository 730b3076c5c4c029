// In the guest: 1,000 services × 4 real servers, from exec to the full table, lbd and keepalived by turns: servers that are in at once,
// and servers that come with their first successful check.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Daemon, type Kind } from "../../support/daemon.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import { bigConfig } from "../big-config.ts";
import { median, printFigure } from "../figure.ts";

const ROUNDS = 5;
const SERVICES = 1000;
const LINES = 3 + SERVICES * 5;
/** Every address is one of this machine's, so that one program is all real servers. */
const SERVER = `require("node:net").createServer((socket) => socket.destroy()).listen({ port: 80, host: "0.0.0.0", backlog: 4096 })`;
const ALPHA = "    alpha\n    warmup 0\n    TCP_CHECK {\n      connect_timeout 3\n    }\n";

spawnSync("modprobe", ["-a", "ip_vs", "ip_vs_wlc"]);
await measure("exec to full table, 1,000 × 4", bigConfig({ virtualServers: SERVICES }));
await measure("the same with alpha, after every check", bigConfig({ virtualServers: SERVICES, check: ALPHA }));
process.exit(0);

async function measure(name: string, text: string): Promise<void> {
  const seconds: Record<Kind, number[]> = { lbd: [], keepalived: [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const kind of ["lbd", "keepalived"] as const) seconds[kind].push(await once(kind, text));
  for (const kind of ["lbd", "keepalived"] as const)
    console.log(`${name}: ${kind}: ${seconds[kind].map((s) => s.toFixed(2)).join(" ")} s`);
  printFigure({ name, unit: "s", lbd: median(seconds.lbd), keepalived: median(seconds.keepalived), target: 0.25 });
}

async function once(kind: Kind, text: string): Promise<number> {
  using host = new Namespace("bench");
  if (text.includes("alpha")) {
    host.batch("route add local 172.16.0.0/12 dev lo");
    host.spawn(process.execPath, ["-e", SERVER]);
    // kernel: port 80 in state LISTEN.
    await until("the servers listen", () => /:0050 \S+ 0A /.test(host.run("cat", "/proc/net/tcp").stdout));
  }
  using daemon = new Daemon(kind, host, text);
  const watcher = host.spawn("sh", [
    "-c",
    `until [ $(wc -l < /proc/net/ip_vs) -ge ${LINES} ]; do sleep 0.01; done; cut -d' ' -f1 /proc/uptime; exec sleep 600`,
  ]);
  let doneAt = "";
  watcher.stdout?.on("data", (chunk: Buffer) => {
    doneAt += chunk.toString();
  });
  const startedAt = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  daemon.start(...(kind === "keepalived" ? ["-C"] : []));
  await until(`${kind}: ${LINES} lines`, () => doneAt.includes("\n"), 120_000);
  return Number(doneAt.trim()) - startedAt;
}
