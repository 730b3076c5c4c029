// Test machine: `make run-appliance`. Boots two images as a pair, a client before and real servers behind them, waits until both answer and the
// virtual address serves, and leaves both APIs and the service on ports of this machine until Ctrl-C.
// LAB_SECONDS: how long it stays; without it as long as the user at a terminal likes, else three minutes. LAB_VERBOSE: the consoles too.
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { connect } from "node:tls";
import { tokenOf } from "../../src/appliance/access/permits.ts";
import { until } from "../support/until.ts";
import { DIRECTORS, type DirectorNumber, LBD, preparePair } from "./pair.ts";
import { choosePort } from "./port.ts";
import { endOnSignals } from "./qemu.ts";

const [, , images = "dist/test-appliance/image"] = process.argv;
/** Beside the images, for `lbd --host`: what this pair is known by. */
const HOME = resolve("dist/run-appliance");
/** Two starts under emulation, on a machine that does other things as well. */
const LIMIT_MS = 20 * 60_000;
const LOOK_LIMIT_MS = 5000;
const SHOWN_LINES = 20;

const interactive = process.stdin.isTTY === true;
const staySeconds = Number(process.env.LAB_SECONDS ?? (interactive ? 86_400 : 180));
endOnSignals((signal) => (signal === "SIGINT" ? 0 : 1));
const apis = { 1: (await choosePort(undefined, 18_443)).port, 2: (await choosePort(undefined, 18_444)).port };
const web = (await choosePort(undefined, 18_080)).port;
const token = tokenOf(randomBytes(32));
const lines: Record<DirectorNumber, string[]> = { 1: [], 2: [] };

say("writing two disks, each with a configuration of its own (lbd appliance flash) …");
await using pair = await preparePair({
  ...{ images: resolve(images), memoryMb: 512, token, ports: { apis, web } },
  limitMs: LIMIT_MS + staySeconds * 1000,
  line(director, text) {
    lines[director].push(text);
    if (process.env.LAB_VERBOSE) console.log(`  ${director} | ${text}`);
  },
});
mkdirSync(HOME, { recursive: true });
writeFileSync(join(HOME, "token"), `${token}\n`, { mode: 0o600 });
for (const director of DIRECTORS) pair.powerOn(director);
say("both are switched on; under software emulation a start takes half a minute and more");
const began = performance.now();
const fingerprints = await Promise.all(
  DIRECTORS.map(async (director) => {
    const fingerprint = await step(`director${director} answers`, () => fingerprintOf(apis[director]));
    return { director, fingerprint };
  }),
);
await step("the virtual address serves", served);
const tokenFile = relative(process.cwd(), join(HOME, "token"));
const host = (director: DirectorNumber) => `127.0.0.1:${apis[director]}`;
const words = `--token-file ${tokenFile}`;
const program = relative(process.cwd(), LBD);

console.log("\nThe certificates, as the consoles show them:");
for (const { director, fingerprint } of fingerprints)
  console.log(`  director${director}  ${host(director)}  ${fingerprint}`);
console.log("\nTry (the first time it asks whether the fingerprint is the one above):");
for (const [line, what] of [
  [`curl http://127.0.0.1:${web}/`, "a real server, by way of the virtual address 192.0.2.80"],
  [`${program} --host ${host(1)} ${words} status`, "the director"],
  [`${program} --host ${host(2)} ${words} vrrp`, "the other one stands by"],
  [`${program} --host ${host(1)} ${words} drain`, "it hands over; curl goes on; --undo"],
  [`${program} --host ${host(1)} ${words} logs -f`, "what it says"],
  [`${program} --host ${host(1)} ${words} reboot`, "the other one serves meanwhile"],
  [
    `${program} update ${relative(process.cwd(), resolve(images))}/lbd-*.update --host ${host(1)} --pair ${host(2)} ${words}`,
    "renews both, one after the other",
  ],
])
  console.log(`  ${line}    # ${what}`);
const length =
  process.env.LAB_SECONDS === undefined && interactive ? "until Ctrl-C" : `for ${staySeconds} s, or until Ctrl-C`;
console.log(`\nThe pair stays up ${length}.`);
await Promise.race([
  new Promise((done) => setTimeout(done, staySeconds * 1000)),
  ...DIRECTORS.map((director) => pair.ended(director)),
]);

/** Waits, and says how long it took since power-on. A console that ends with a failure is shown. */
async function step<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  try {
    const value = await until(what, probe, LIMIT_MS);
    say(`${what} (${((performance.now() - began) / 1000).toFixed(0)} s after power-on)`);
    return value as T;
  } catch (error) {
    for (const director of DIRECTORS)
      for (const line of lines[director].slice(-SHOWN_LINES)) console.error(`  ${director} | ${line}`);
    console.error(`run-appliance: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  }
}

/** What the machine shows, or undefined as long as it shows none. */
function fingerprintOf(port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      done(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.setTimeout(LOOK_LIMIT_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => done(undefined));
  });
}

async function served(): Promise<true | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${web}/`, { signal: AbortSignal.timeout(LOOK_LIMIT_MS) });
    return answer.ok ? true : undefined;
  } catch {
    return undefined;
  }
}

function say(text: string): void {
  console.log(`run-appliance: ${text}`);
}
