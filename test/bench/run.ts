// `make bench [ONLY=name]`: runs the benchmarks one after the other and prints their figures beside keepalived's. Nothing here is a
// test: machines differ, ratios of one run are what can be compared. `.cache/bench.json` keeps the figures.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type Figure, readFigure } from "./figure.ts";

const BUN = process.execPath;
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  parse: [BUN, "test/bench/parse.ts"],
  program: [BUN, "test/vm/run.ts", "exec bun test/bench/vm/program.ts"],
  // In a namespace: where the host has IPVS, its table is not ours to fill.
  checks: ["unshare", "-n", "sh", "-c", `ip link set lo up; LBD_BINARY=dist/lbd exec ${BUN} test/bench/checks.ts`],
  "checks-cpu": [BUN, "test/vm/run.ts", "exec bun test/bench/vm/checks-cpu.ts"],
  failover: [BUN, "test/bench/failover.ts"],
  scale: [BUN, "test/bench/scale.ts"],
  flood: [BUN, "test/bench/flood.ts"],
};

const only = process.env.ONLY?.split(",");
const figures: Figure[] = [];
let failed = 0;
for (const [name, command] of Object.entries(BENCHES)) {
  if (only && !only.includes(name)) continue;
  console.log(`── ${name}: ${command.slice(1).join(" ")}`);
  const { status, found } = await run(command);
  figures.push(...found);
  if (status !== 0) {
    console.error(`${name} ended with status ${status}`);
    failed++;
  }
}
mkdirSync(".cache", { recursive: true });
writeFileSync(".cache/bench.json", `${JSON.stringify(figures, undefined, 2)}\n`);
console.log(
  `\n${"figure".padEnd(56)}${"lbd".padStart(12)}${"keepalived".padStart(12)}${"ratio".padStart(8)}${"target".padStart(8)}`,
);
for (const figure of figures) console.log(row(figure));
process.exitCode = failed > 0 ? 1 : 0;

function row({ name, unit, lbd, keepalived, target }: Figure): string {
  const ratio = keepalived === undefined ? "" : (lbd / keepalived).toFixed(2);
  const peer = keepalived === undefined ? "" : show(keepalived);
  return `${`${name} (${unit})`.padEnd(56)}${show(lbd).padStart(12)}${peer.padStart(12)}${ratio.padStart(8)}${(target === undefined ? "" : `≤ ${target}`).padStart(8)}`;
}

function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}

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
