// In the guest: CPU time for 1,000 TCP and HTTP checks, lbd beside keepalived, with the same file, the same server, the same time.
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { Daemon, type Kind } from "../../support/daemon.ts";
import { Namespace } from "../../support/netns.ts";
import { until } from "../../support/until.ts";
import { printFigure } from "../figure.ts";

const SERVERS = 400;
/** A director runs for months: what its code takes to get warm, ten seconds of this emulated machine, is not counted. */
const WARM_UP_CHECKS = 8000;
const CHECKS = 4000;
const BODIES: Readonly<Record<string, string>> = {
  TCP: "TCP_CHECK {\n      connect_timeout 3\n    }",
  HTTP: "HTTP_GET {\n      url {\n        path /\n        status_code 200\n      }\n      connect_timeout 3\n    }",
};

if (process.argv[2] === "serve") serve();
else await compare();

/** Answers on every address of 127/8 and says how many came. */
function serve(): void {
  let count = 0;
  createServer((socket) => {
    count++;
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"));
    socket.on("error", () => socket.destroy());
  }).listen(80, "0.0.0.0", 1024, () => setInterval(() => console.log(count), 50));
}

async function compare(): Promise<void> {
  for (const [title, body] of Object.entries(BODIES)) {
    const ms: Record<Kind, number> = { lbd: 0, keepalived: 0 };
    for (const kind of ["lbd", "keepalived"] as const) ms[kind] = await measure(kind, configuration(body));
    printFigure({ name: `CPU of 1,000 ${title} checks`, unit: "ms", ...ms });
  }
  process.exit(0);
}

function configuration(check: string): string {
  const reals = Array.from(
    { length: SERVERS },
    (_, i) => `  real_server 127.1.${i >> 8}.${i & 255} 80 {\n    ${check}\n  }\n`,
  );
  return `virtual_server 127.9.0.1 80 {\n  delay_loop 0.5\n  warmup 0.5\n  lb_algo rr\n  lb_kind DR\n  protocol TCP\n${reals.join("")}}\n`;
}

/** CPU milliseconds of all the daemon's processes for 1,000 checks. */
async function measure(kind: Kind, text: string): Promise<number> {
  using host = new Namespace("bench");
  const server = host.spawn(process.execPath, [import.meta.path, "serve"]);
  let served = 0;
  server.stdout?.on("data", (chunk: Buffer) => {
    served = Number(chunk.toString().trim().split("\n").at(-1));
  });
  using daemon = new Daemon(kind, host, text).start(...(kind === "keepalived" ? ["-C"] : []));
  await until(`${kind} checks`, () => served > WARM_UP_CHECKS, 300_000);
  const [servedBefore, cpuBefore] = [served, cpuMs(daemon)];
  await until(`${CHECKS} checks`, () => served - servedBefore >= CHECKS, 300_000);
  const perThousand = ((cpuMs(daemon) - cpuBefore) / (served - servedBefore)) * 1000;
  console.log(`${kind}: ${perThousand.toFixed(0)} ms`);
  return perThousand;
}

function cpuMs(daemon: Daemon): number {
  const ticks = daemon.processes().map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, value) => sum + value, 0) * 10;
}
