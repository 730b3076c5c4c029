// In the guest: 1,000 services × 4 real servers, from exec to the full table, lbd and keepalived by turns: servers that are in at once,
// and servers that come with their first successful check.
import { spawnSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { Daemon, type Kind } from "../../support/daemon.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import { bigConfig } from "../big-config.ts";
import { median, printFigure } from "../figure.ts";

const ROUNDS = 5;
const SERVICES = 1000;
const LOOK_MS = 20;
/** Where the services are there long before their servers. */
const LONG_LOOK_MS = 500;
const LIMIT_MS = 120_000;
const ENTRIES = SERVICES * 5;
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
  printFigure({ name, unit: "s", lbd: median(seconds.lbd), keepalived: median(seconds.keepalived), ratioTarget: 0.25 });
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
  // Looking must cost little: a loop of a shell would take one of the two processors away, and lbd uses both. /proc shows all services
  // at once, but not always all destinations (Linux 6.1); ipvsadm does.
  const inside = host.spawn("sleep", ["600"]);
  const namespaceOf = (pid: number | string | undefined) => readlinkSync(`/proc/${pid}/ns/net`);
  await until("somebody is inside", () => namespaceOf(inside.pid) !== namespaceOf("self"));
  const services = () => countLines(readFileSync(`/proc/${inside.pid}/net/ip_vs`, "latin1"), /^TCP /gm);
  const entries = () => countLines(host.run("ipvsadm", "-Sn").stdout, /^-[Aa] /gm);
  const startedAt = performance.now();
  daemon.start(...(kind === "keepalived" ? ["-C"] : []));
  for (;;) {
    const lookedAt = performance.now();
    if (lookedAt - startedAt > LIMIT_MS) throw new Error(`${kind}: ${entries()} entries after ${LIMIT_MS} ms`);
    if (services() === SERVICES && entries() === ENTRIES) return (lookedAt - startedAt) / 1000;
    await Bun.sleep(text.includes("alpha") ? LONG_LOOK_MS : LOOK_MS);
  }
}

function countLines(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
