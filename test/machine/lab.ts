// Test machine: `make run`. Boots the lab, shows what happens in it, leaves the status API on a port of this machine.
// PORT: that port (18080, or another one when that is taken). LAB_SECONDS: how long it stays up; without it as long as the user at a
// terminal likes, else three minutes. Then lines of its input are commands of the lab (`help` names them).

import { buildGuest } from "./guest.ts";
import { API_PORT, announce, COMMAND_PORT, labShell } from "./lab-shell.ts";
import { choosePort } from "./port.ts";
import { endOnSignals, startMachine } from "./qemu.ts";

/** The end of the console, for when the story fails. */
const SHOWN_LINES = 40;

const interactive = process.stdin.isTTY === true;
const staySeconds = Number(process.env.LAB_SECONDS ?? (interactive ? 86_400 : 180));
endOnSignals((signal) => (signal === "SIGINT" ? 0 : 1));
const { port, note } = await choosePort(process.env.PORT, 18_080).catch((error: Error) => fail(error.message));
if (note) console.log(`lab: ${note}`);
const { port: commandPort } = await choosePort(undefined, port + 1);
const base = `http://127.0.0.1:${port}`;

const LINES = [
  ["is it ready?", `curl -s ${base}/readyz`],
  ["every virtual server, and why it is up", `curl -s ${base}/v1/virtual-servers`],
  ["is it master, since when, and why", `curl -s ${base}/v1/vrrp/lab`],
  ["what is down", `curl -s '${base}/v1/real-servers?healthy=false'`],
  ["what happens, as it happens", `curl -sN ${base}/v1/events`],
  ["for Prometheus", `curl -s ${base}/metrics`],
  ["the configuration with file and line of each value", `curl -s ${base}/v1/config`],
] as const;

console.log("lab: packing the machine (kernel, Bun, dist/lbd) …");
using guest = buildGuest(`exec bun test/vm/lab-story.ts ${staySeconds + 60}`);
console.log("lab: booting under software emulation; the story starts in some ten seconds");
let told: (state: "ready" | "failed") => void = () => {};
const story = new Promise<"ready" | "failed">((resolve) => {
  told = resolve;
});
const shown: string[] = [];
const machine = startMachine({
  ...guest,
  memoryMb: 2048,
  cpus: 2,
  forward: [
    { host: port, guest: API_PORT },
    { host: commandPort, guest: COMMAND_PORT },
  ],
  limitMs: (staySeconds + 600) * 1000,
  line: (text) => {
    if (text.startsWith("lab: ")) console.log(text);
    else if (process.env.LAB_VERBOSE) console.log(`  | ${text}`);
    else shown.push(text);
    if (text === "lab: ready") told("ready");
  },
});
machine.finished.then(
  () => told("failed"),
  (error: Error) => fail(error.message),
);

if ((await story) === "failed") {
  for (const text of shown.slice(-SHOWN_LINES)) console.error(`  | ${text}`);
  fail("the machine ended before the story did; LAB_VERBOSE=1 make run shows all of its console");
}
console.log("\nThe director's status API answers here. Try:");
for (const [what, line] of LINES) console.log(`  ${line}    # ${what}`);
process.exitCode = (await look()) ? 0 : 1;
if (staySeconds > 0) {
  const length =
    process.env.LAB_SECONDS === undefined && interactive ? "until Ctrl-C" : `for ${staySeconds} s, or until Ctrl-C`;
  console.log(
    `\nThe lab stays up ${length}. Type commands here (help), or in another terminal: make lab CMD="status --down"\n` +
      "make run-appliance boots a pair of appliances from their images.",
  );
  const end = setTimeout(() => machine.stop(), staySeconds * 1000);
  const forget = announce(commandPort);
  process.once("exit", forget);
  void labShell(commandPort, process.stdin, (text) => void process.stdout.write(text));
  await machine.finished;
  process.stdin.destroy();
  clearTimeout(end);
  forget();
}
machine.stop();

function fail(problem: string): never {
  console.error(`lab: ${problem}`);
  process.exit(1);
}

/** Asks the API as a user would, and says what it answered. */
async function look(): Promise<boolean> {
  const ready = await fetch(`${base}/readyz`);
  const servers = await fetch(`${base}/v1/real-servers?healthy=true`);
  const vrrp = await fetch(`${base}/v1/vrrp/lab/active`);
  const metrics = await fetch(`${base}/metrics`);
  const listed: { readonly realServers?: readonly unknown[] } = JSON.parse(await servers.text());
  const count = listed.realServers?.length ?? 0;
  const series = (await metrics.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  const master = vrrp.ok ? "master" : "not master";
  console.log(`\nlab: readyz ${ready.status}, ${master}, ${count} healthy real servers, ${series} metric series`);
  return ready.ok && servers.ok && vrrp.ok && metrics.ok && count === 4;
}
