// In the guest: 1,000 services × 4 real servers, from exec to the full table, lbd and keepalived by turns.
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
spawnSync("modprobe", ["-a", "ip_vs", "ip_vs_wlc"]);
const text = bigConfig({ virtualServers: SERVICES });
const seconds: Record<Kind, number[]> = { lbd: [], keepalived: [] };
for (let round = 0; round < ROUNDS; round++)
  for (const kind of ["lbd", "keepalived"] as const) seconds[kind].push(await once(kind));
for (const kind of ["lbd", "keepalived"] as const)
  console.log(`${kind}: ${seconds[kind].map((s) => s.toFixed(2)).join(" ")} s`);
printFigure({
  name: "exec to full table, 1,000 × 4",
  unit: "s",
  lbd: median(seconds.lbd),
  keepalived: median(seconds.keepalived),
  target: 0.25,
});
process.exit(0);

async function once(kind: Kind): Promise<number> {
  using host = new Namespace("bench");
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
