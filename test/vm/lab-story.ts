// In the guest, for `make run`: a client, a director and three servers; traffic, a death, a return. Lines that begin with `lab: ` are
// for the user. The argument says for how many seconds the lab then stays.

import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { Daemon } from "../support/daemon.ts";
import { until } from "../support/until.ts";
import { HTTP_PORT, Lab, UDP_PORT, VIP } from "./guest/lab.ts";

const staySeconds = Number(process.argv[2] ?? 60);
const say = (text: string) => console.log(`lab: ${text}`);

using lab = new Lab(3);
/** What a client of the virtual address hears in ten requests. */
async function heard(transport: "tcp" | "udp", port: number): Promise<string> {
  const answers = await lab.ask({ transport, host: VIP, port, count: 10 });
  return Object.entries(answers)
    .map(([who, times]) => `${who} ${times}×`)
    .join(", ");
}
say(
  "client 192.0.2.2 · director 192.0.2.1 with the virtual address 192.0.2.100 · real servers 198.51.100.11, .12 · sorry server .13",
);
await lab.serve(0, 1, 2);
using director = new Daemon("lbd", lab.director, readFileSync("conf/lab.conf", "utf8"));
director.start();
say("director: lbd --config conf/lab.conf");
const rows = () => lab.table().filter((line) => line.startsWith("-a"));
await until("the table is programmed", () => rows().length === 4, 60_000);
for (const line of lab.table()) say(`  kernel: ${line}`);
say(`ten requests to ${VIP}:80 over TCP: ${await heard("tcp", HTTP_PORT)}`);
say(`ten requests to ${VIP}:5300 over UDP: ${await heard("udp", UDP_PORT)}`);

say("killing the service on 198.51.100.11 …");
const killedAt = performance.now();
await lab.kill(0);
await until("it is out of the table", () => rows().length === 2, 30_000);
say(
  `out of the table after ${((performance.now() - killedAt) / 1000).toFixed(1)} s; ten requests: ${await heard("tcp", HTTP_PORT)}`,
);
say("killing the other one too …");
await lab.kill(1);
await until("the sorry server stands in", () => lab.table().some((line) => line.includes("198.51.100.13")), 30_000);
say(`the sorry server stands in; ten requests: ${await heard("tcp", HTTP_PORT)}`);
say("starting both again …");
await lab.serve(0, 1);
await until("both are back", () => rows().length === 4, 30_000);
say(`both are back; ten requests: ${await heard("tcp", HTTP_PORT)}`);

// The API listens on a unix socket in the director's namespace; the machine's own network leads to it from outside.
createServer((outside) => {
  const inside = connect(`${director.dir}/run/api.sock`);
  outside.pipe(inside).pipe(outside);
  outside.on("error", () => inside.destroy());
  inside.on("error", () => outside.destroy());
}).listen(8080, "10.0.2.15", () => say("ready"));
await new Promise((resolve) => setTimeout(resolve, staySeconds * 1000));
await director.stop();
process.exit(0);
