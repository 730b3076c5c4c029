import { test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backendCases } from "./backend.cases.ts";

test.each(backendCases.map((c) => [c.name, c] as const))("%s", (_name, c) => {
  const directory = mkdtempSync(join(tmpdir(), "lbd-ffi-"));
  try {
    c.run(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
