// Runs the FFI cases and the unit tests of the core under Deno: the seam of docs/architecture.md, kept honest.
// Usage: deno run -A test/deno/run.ts [PATH…]; without paths every area of AREAS.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** The FFI backend, and what has no I/O at all. */
const AREAS = ["ffi", "base", "config", "vrrp", "bfd", "check", "lvs", "net", "status"];

const asked = process.argv.slice(2);
const files = (asked.length > 0 ? asked : AREAS.map((area) => join("test", "unit", area))).flatMap(testsBelow);
if (files.length === 0) {
  console.error("no test files found");
  process.exit(2);
}
const map = join(ROOT, "test", "deno", "import-map.json");
const args = ["test", "--allow-all", "--no-check", "--quiet", "--import-map", map, ...files];
const result = spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
process.exit(result.status ?? 1);

function testsBelow(path: string): string[] {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  if (statSync(full).isFile()) return [path];
  return readdirSync(full, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => join(path, name));
}
