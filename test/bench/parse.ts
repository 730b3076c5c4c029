// Reading 10,000 virtual servers × 4 real servers, some 300,000 lines, and 1,000 × 4 that definitions make: `lbd check` beside
// `keepalived -t`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bigConfig, expandedConfig } from "./big-config.ts";
import { median, printOf, type Targets } from "./figure.ts";
import { inTurns, programOf } from "./subjects.ts";

interface Text {
  readonly name: string;
  readonly text: string;
  readonly rounds: number;
  readonly targets: Targets;
}

const CHECK = "    TCP_CHECK {\n      connect_timeout 3\n    }\n";
const TEXTS: readonly Text[] = [
  {
    name: "10,000 × 4 servers",
    text: bigConfig({ virtualServers: 10_000, check: CHECK }),
    rounds: 3,
    targets: { ratioTarget: 1 },
  },
  { name: "1,000 × 4 by macros", text: expandedConfig("macros"), rounds: 11, targets: { target: 70 } },
  { name: "1,000 × 4 by ~SEQ", text: expandedConfig("~SEQ"), rounds: 11, targets: { target: 60 } },
];

const dir = mkdtempSync(join(tmpdir(), "lbd-bench-"));
for (const { name, text, rounds, targets } of TEXTS) {
  const path = join(dir, "big.conf");
  writeFileSync(path, text);
  const ms = await inTurns(rounds, (subject) =>
    time(programOf(subject), subject === "keepalived" ? ["-t", "-f", path] : ["check", path]),
  );
  printOf(ms, `read ${name}`, "ms", median, targets);
}
rmSync(dir, { recursive: true });

function time(program: string, args: readonly string[]): number {
  const startedAt = performance.now();
  const done = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status !== 0)
    throw new Error(
      `${program} ${args.join(" ")}: status ${done.status}\n${(done.stdout + done.stderr).slice(0, 2000)}`,
    );
  return performance.now() - startedAt;
}
