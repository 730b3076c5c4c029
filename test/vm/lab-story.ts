// In the guest, for `make run`: a client, two directors and three servers; traffic, deaths, returns. Lines that begin with `lab: ` are
// for the user. The argument says for how many seconds the lab then stays.
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { API_PORT, COMMAND_PORT } from "../machine/lab-shell.ts";
import { Daemon } from "../support/daemon.ts";
import type { Namespace } from "../support/netns.ts";
import { addressesOf } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { HTTP_PORT, Lab, UDP_PORT, VIP } from "./guest/lab.ts";
import { runLabCommand } from "./lab-commands.ts";

const LIMIT_MS = 60_000;
const staySeconds = Number(process.argv[2] ?? 60);
const say = (text: string) => console.log(`lab: ${text}`);

using lab = new Lab(3, { pair: true });
const { director: first, spare } = lab;
if (!spare) throw new Error("no second director");
const second = spare;
/** What a client of the virtual address hears in ten requests. */
async function heard(transport: "tcp" | "udp", port: number): Promise<string> {
  const answers = await lab.ask({ transport, host: VIP, port, count: 10 });
  return Object.entries(answers)
    .map(([who, times]) => `${who} ${times}×`)
    .join(", ");
}
const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const holds = (host: Namespace) => addressesOf(host).includes(`${VIP}/24`);
const rows = (host = first) => lab.table(host).filter((line) => line.startsWith("-a"));

say(
  `client 192.0.2.2 · directors 192.0.2.3 and .4, which share ${VIP} · real servers 198.51.100.11, .12 · sorry server .13`,
);
await lab.serve(0, 1, 2);
const config = readFileSync("conf/lab.conf", "utf8");
using master = new Daemon("lbd", first, config).start();
using backup = new Daemon("lbd", spare, config).start("--config-id", "spare");
say("directors: lbd --config conf/lab.conf, and the same with --config-id spare");
await until("both tables are programmed", () => rows().length === 4 && rows(spare).length === 4, LIMIT_MS);
await until("the first one is master", () => holds(first) && !holds(spare), LIMIT_MS);
say(`192.0.2.3 is master and has ${VIP}`);
for (const line of lab.table()) say(`  kernel: ${line}`);
say(`ten requests to ${VIP}:80 over TCP: ${await heard("tcp", HTTP_PORT)}`);
say(`ten requests to ${VIP}:5300 over UDP: ${await heard("udp", UDP_PORT)}`);

say("killing the service on 198.51.100.11 …");
const killedAt = performance.now();
await lab.kill(0);
await until("it is out of the table", () => rows().length === 2, LIMIT_MS);
say(`out of the table after ${seconds(killedAt)}; ten requests: ${await heard("tcp", HTTP_PORT)}`);
say("killing the other one too …");
await lab.kill(1);
await until("the sorry server stands in", () => lab.table().some((line) => line.includes("198.51.100.13")), LIMIT_MS);
say(`the sorry server stands in; ten requests: ${await heard("tcp", HTTP_PORT)}`);
say("starting both again …");
await lab.serve(0, 1);
await until("both are back", () => rows().length === 4 && rows(spare).length === 4, LIMIT_MS);
say(`both are back; ten requests: ${await heard("tcp", HTTP_PORT)}`);

const open = staying();
await until("its connection is known to the other director", () => connections(spare).includes(open.port()), LIMIT_MS);
say("a client keeps a connection open; pulling the plug of 192.0.2.3 …");
const pulledAt = performance.now();
lab.plug(first, false);
await until("the other one takes over", () => holds(spare), LIMIT_MS);
say(
  `192.0.2.4 is master after ${seconds(pulledAt)} (its Master_Down_Interval is 1.8 s); ten requests: ${await heard("tcp", HTTP_PORT)}`,
);
const answers = open.answers();
await until("the connection goes on", () => open.answers() > answers, LIMIT_MS);
say("the open connection goes on");
lab.plug(first, true);
await until("the first one is master again", () => holds(first) && !holds(spare), LIMIT_MS);
say(`the plug is back, 192.0.2.3 is master again; ten requests: ${await heard("tcp", HTTP_PORT)}`);

let leave = () => {};
const stays = new Promise<void>((resolve) => {
  leave = resolve;
});
// The API listens on a unix socket in the director's namespace; the machine's own network leads to it from outside.
createServer((outside) => {
  const inside = connect(`${master.dir}/run/api.sock`);
  outside.pipe(inside).pipe(outside);
  outside.on("error", () => inside.destroy());
  inside.on("error", () => outside.destroy());
}).listen(API_PORT, "0.0.0.0", () => void serveCommands());
await stays;
await Promise.all([master.stop(), backup.stop()]);
process.exit(0);

/** Lines of words from outside, one a connection, one after the other. */
function serveCommands(): void {
  const world = {
    lab,
    directors: [
      { host: first, daemon: master },
      { host: second, daemon: backup },
    ],
    quit: () => void setTimeout(leave, 200),
  };
  let turn: Promise<void> = Promise.resolve();
  createServer((socket) => {
    socket.on("error", () => {});
    createInterface({ input: socket }).once("line", (line) => {
      turn = turn.then(async () => void socket.end(`${await runLabCommand(line, world)}\n`));
    });
  }).listen(COMMAND_PORT, "0.0.0.0", () => {
    say("ready");
    setTimeout(leave, staySeconds * 1000);
  });
}

/** A client that asks on one connection again and again. */
function staying() {
  let text = "";
  const script = join(import.meta.dir, "guest/stay.ts");
  lab.client.spawn(process.execPath, [script, VIP, String(HTTP_PORT), "100"]).stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    /** As ipvsadm shows it. */
    port: () => `192.0.2.2:${/^port (\d+)$/m.exec(text)?.[1]} `,
    answers() {
      if (/closed|error/.test(text)) throw new Error(`the open connection ended: ${text}`);
      return text.match(/^real\d$/gm)?.length ?? 0;
    },
  };
}

function connections(host: Namespace): string {
  return host.run("ipvsadm", "-Lnc").stdout;
}
