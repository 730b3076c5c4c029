// Reading 10,000 virtual servers × 4 real servers, some 300,000 lines: `lbd check` beside `keepalived -t`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bigConfig } from "./big-config.ts";
import { median, printOf } from "./figure.ts";
import { inTurns, programOf } from "./subjects.ts";

const ROUNDS = 3;
const dir = mkdtempSync(join(tmpdir(), "lbd-bench-"));
const path = join(dir, "big.conf");
const text = bigConfig({ virtualServers: 10_000, check: "    TCP_CHECK {\n      connect_timeout 3\n    }\n" });
writeFileSync(path, text);
console.log(`${text.split("\n").length} lines`);

const seconds = await inTurns(ROUNDS, (subject) =>
  time(programOf(subject), subject === "keepalived" ? ["-t", "-f", path] : ["check", path]),
);
printOf(seconds, "read 10,000 × 4 servers", "s", median, { ratioTarget: 1 });
rmSync(dir, { recursive: true });

function time(program: string, args: readonly string[]): number {
  const startedAt = performance.now();
  const done = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (done.status !== 0)
    throw new Error(
      `${program} ${args.join(" ")}: status ${done.status}\n${(done.stdout + done.stderr).slice(0, 2000)}`,
    );
  return (performance.now() - startedAt) / 1000;
}
