// `make bench [ONLY=name,name] [BEFORE=program|revision] [PEER=program]`: runs the benchmarks one after the other and prints their figures
// beside those of a build before and of keepalived (Debian's, or PEER). Nothing here is a test: machines differ, ratios of one run are
// what can be compared. `.cache/bench.json` keeps the figures.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { resolve } from "node:path";
import { buildBefore } from "./before.ts";
import { type Figure, readFigure } from "./figure.ts";
import { BEFORE_VARIABLE, PEER_VARIABLE } from "./subjects.ts";
import { tableOf } from "./table.ts";

const BUN = process.execPath;
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  program: [BUN, "test/vm/run.ts", "exec bun test/bench/vm/program.ts"],
  // In a namespace: where the host has IPVS, its table is not ours to fill.
  checks: ["unshare", "-n", "sh", "-c", `ip link set lo up; LBD_BINARY=dist/lbd exec ${BUN} test/bench/checks.ts`],
  "checks-cpu": [BUN, "test/vm/run.ts", "exec bun test/bench/checks-cpu.ts"],
  "checks-native": [
    BUN,
    "test/bench/checks-cpu.ts",
    "--stand-in",
    "--rate",
    "100",
    "--warm-up",
    "3000",
    "--checks",
    "3000",
  ],
  failover: [BUN, "test/bench/failover.ts"],
  appliance: [BUN, "test/bench/appliance.ts"],
  takeover: [BUN, "test/bench/takeover.ts"],
  goodbye: [BUN, "test/bench/goodbye.ts"],
  jitter: [BUN, "test/bench/jitter.ts"],
  scale: [BUN, "test/bench/scale.ts"],
  flood: [BUN, "test/bench/flood.ts"],
  rest: [BUN, "test/bench/rest.ts"],
  reload: [BUN, "test/bench/reload.ts"],
  memory: [BUN, "test/bench/memory.ts"],
  // Before whatever else runs here: they are short, and waiting for a processor would be most of it.
  parse: ["chrt", "-r", "1", BUN, "test/bench/parse.ts"],
  start: ["unshare", "-n", "chrt", "-r", "1", BUN, "test/bench/start.ts"],
  refusal: ["chrt", "-r", "1", BUN, "test/bench/refusal.ts"],
  "program-native": ["chrt", "-r", "1", BUN, "test/bench/program-native.ts"],
};

/** Of each processor; above it others worked beside the bench. */
const QUIET_LOAD = 0.25;

const only = process.env.ONLY?.split(",");
const unknown = only?.find((name) => BENCHES[name] === undefined);
if (unknown !== undefined) {
  console.error(`ONLY=${unknown}: there is ${Object.keys(BENCHES).join(", ")}`);
  process.exit(1);
}
if (process.env.BEFORE) process.env[BEFORE_VARIABLE] = buildBefore(process.env.BEFORE);
if (process.env.PEER) process.env[PEER_VARIABLE] = resolve(process.env.PEER);
const figures: Figure[] = [];
let failed = 0;
let highestLoad = 0;
for (const [name, command] of Object.entries(BENCHES)) {
  if (only && !only.includes(name)) continue;
  const load = loadavg()[0] ?? 0;
  highestLoad = Math.max(highestLoad, load);
  console.log(`── ${name}: ${command.join(" ")} (load average ${load.toFixed(2)})`);
  const { status, found } = await run(command);
  figures.push(...found);
  if (status !== 0) {
    console.error(`${name} ended with status ${status}`);
    failed++;
  }
}
mkdirSync(".cache", { recursive: true });
writeFileSync(".cache/bench.json", `${JSON.stringify(figures, undefined, 2)}\n`);
console.log(`\n${tableOf(figures).join("\n")}`);
if (highestLoad > QUIET_LOAD * cpus().length)
  console.log(
    `\nThe load average was ${highestLoad.toFixed(1)} on ${cpus().length} processors before a bench began: memory and wake-ups hold, CPU ` +
      "time is too high for all, times are worth their ratios at best.",
  );
process.exitCode = failed > 0 ? 1 : 0;

function run(command: readonly string[]): Promise<{ status: number | null; found: Figure[] }> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const found: Figure[] = [];
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const figure = readFigure(line.trim());
      if (figure) found.push(figure);
      else console.log(`   ${line}`);
    }
  });
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, found })));
}
